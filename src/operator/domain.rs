//! `operator domain`: claims of e-mail domains, and the word on them.

use clap::{Args, Subcommand};
use directory_api::v1;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, Listing, Page, span, time, word};

/// What is done with domains.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Claims domains for a workspace, as its admin does. Each has an outcome of its own.
    Claim(Claim),
    /// Lists the domains for which people were refused: what there is to claim.
    Refused(Listing),
    /// Lists the claims of a workspace, whatever their state.
    List(InWorkspace),
    /// Lists the claims of all workspaces that wait for a decision, the oldest first, and who else has the
    /// domain or waits for it.
    Pending(Page),
    /// Verifies a pending claim: addresses of the domain sign in.
    Verify(Verify),
    /// Asks the DNS now whether a claim is proven by its TXT record, and verifies one that is.
    Check(One),
    /// Rejects a pending claim. The workspace may claim the domain again.
    Reject(Reject),
    /// Takes a verified domain back: its addresses sign in no more until it is verified again. The people
    /// stay.
    Revoke(Revoke),
    /// Gives a claim up, on the workspace's own wish. A verified domain is lost by it.
    Withdraw(Withdraw),
}

/// Domains to be claimed.
#[derive(Args, Clone, Debug)]
pub(super) struct Claim {
    #[command(flatten)]
    within: InWorkspace,

    /// The domains, also as an admin pastes them: with commas or semicolons, a leading @, a URL.
    #[arg(value_name = "DOMAIN", required_unless_present = "refused")]
    domains: Vec<String>,

    /// Claim every domain too for which people were refused.
    #[arg(long)]
    refused: bool,

    /// The address of the person to write to about the claims. Absent: that of the workspace.
    #[arg(long, value_name = "EMAIL", default_value = "", hide_default_value = true)]
    contact: String,
}

/// The domain of a claim.
#[derive(Args, Clone, Debug)]
pub(super) struct One {
    #[command(flatten)]
    within: InWorkspace,

    /// The domain, in any letter case.
    #[arg(value_name = "DOMAIN")]
    domain: String,
}

/// A claim to be verified.
#[derive(Args, Clone, Debug)]
pub(super) struct Verify {
    #[command(flatten)]
    of: One,

    /// Verify it although another workspace has it verified: an address then may sign in to both.
    #[arg(long)]
    allow_shared: bool,

    /// Why, for those who look at it later.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

/// A claim to be rejected.
#[derive(Args, Clone, Debug)]
pub(super) struct Reject {
    #[command(flatten)]
    of: One,

    /// Why, in words for the person who claimed it.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// A domain to be taken back.
#[derive(Args, Clone, Debug)]
pub(super) struct Revoke {
    #[command(flatten)]
    of: One,

    /// Why, in words for the person who claimed it.
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    trial: Trial,
}

/// A claim to be given up.
#[derive(Args, Clone, Debug)]
pub(super) struct Withdraw {
    #[command(flatten)]
    of: One,

    #[command(flatten)]
    trial: Trial,
}

/// Whether it is done.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Trial {
    /// Change nothing: show what would become of it, and how many people depend on it.
    #[arg(long)]
    dry_run: bool,
}

impl Trial {
    /// What was done, or was not.
    fn done(self, word: &str, domain: &v1::Domain) -> String {
        let people = match domain.dependent_user_count() {
            1 => "1 person signs".to_owned(),
            count => format!("{count} people sign"),
        };
        if self.dry_run {
            format!("Nothing was changed. {people} in by an address at {}.", domain.domain)
        } else {
            format!("{word}: {people} in no more by an address at {}. They stay.", domain.domain)
        }
    }
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        let mut domains = session.domains();
        match self {
            Self::Claim(claim) => {
                let ask = v1::ClaimDomainsRequest {
                    workspace_id: claim.within.workspace_id,
                    domains: claim.domains.join(" "),
                    contact_email: claim.contact,
                    refused: claim.refused,
                };
                let claimed = domains.claim_domains(ask).await?.into_inner();
                Answer::many(&claimed, &claimed.outcomes)
            }
            Self::Refused(Listing { within: InWorkspace { workspace_id }, page }) => {
                let Page { page_size, page_token } = page;
                let ask = v1::ListRefusedDomainsRequest { workspace_id, page_size, page_token };
                let found = domains.list_refused_domains(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.domains)?.page(&found.next_page_token))
            }
            Self::List(InWorkspace { workspace_id }) => {
                let ask = v1::ListDomainsRequest { workspace_id };
                let found = domains.list_domains(ask).await?.into_inner();
                Answer::many(&found, &found.domains)
            }
            Self::Pending(Page { page_size, page_token }) => {
                let ask = v1::ListPendingDomainsRequest { page_size, page_token };
                let found = domains.list_pending_domains(ask).await?.into_inner();
                let waiting: Vec<_> = found.domains.iter().map(Waiting).collect();
                Ok(Answer::many(&found, &waiting)?.page(&found.next_page_token))
            }
            Self::Verify(Verify { of: One { within, domain }, allow_shared, note }) => {
                let workspace_id = within.workspace_id;
                let ask = v1::VerifyDomainRequest { workspace_id, domain, allow_shared, note };
                let verified = domains.verify_domain(ask).await?.into_inner();
                let done = format!("Verified: addresses at {} sign in.", verified.domain);
                Ok(Answer::one(&verified)?.done(done))
            }
            Self::Check(One { within: InWorkspace { workspace_id }, domain }) => {
                let ask = v1::CheckDomainRequest { workspace_id, domain };
                let checked = domains.check_domain(ask).await?.into_inner();
                let found = checked.dns.as_ref().map(|proof| proof.detail.clone());
                Ok(Answer::one(&checked)?.done(found.unwrap_or_default()))
            }
            Self::Reject(Reject { of: One { within, domain }, reason }) => {
                let workspace_id = within.workspace_id;
                let ask = v1::RejectDomainRequest { workspace_id, domain, reason };
                let rejected = domains.reject_domain(ask).await?.into_inner();
                Ok(Answer::one(&rejected)?.done("Rejected: the workspace may claim it again."))
            }
            Self::Revoke(Revoke { of: One { within, domain }, reason, trial }) => {
                let ask = v1::RevokeDomainRequest {
                    workspace_id: within.workspace_id,
                    domain,
                    reason,
                    validate_only: trial.dry_run,
                };
                let revoked = domains.revoke_domain(ask).await?.into_inner();
                Ok(Answer::one(&revoked)?.done(trial.done("Revoked", &revoked)))
            }
            Self::Withdraw(Withdraw { of: One { within, domain }, trial }) => {
                let ask = v1::WithdrawDomainRequest {
                    workspace_id: within.workspace_id,
                    domain,
                    validate_only: trial.dry_run,
                };
                let withdrawn = domains.withdraw_domain(ask).await?.into_inner();
                Ok(Answer::one(&withdrawn)?.done(trial.done("Withdrawn", &withdrawn)))
            }
        }
    }
}

/// The word of a claim's state.
fn state(state: v1::DomainState) -> String {
    word(state.as_str_name(), "DOMAIN_STATE_")
}

impl Show for v1::Domain {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let proof = self.dns.clone().unwrap_or_default();
        vec![
            ("domain", self.domain.clone()),
            ("state", state(self.state())),
            ("workspace", self.workspace_id.clone()),
            ("contact", self.contact_email.clone()),
            ("claimed", time(self.claim_time.as_ref())),
            ("claimed by", self.claimed_by.clone()),
            ("decided", time(self.decide_time.as_ref())),
            ("decided by", self.decided_by.clone()),
            ("how", word(self.decided_how().as_str_name(), "DECIDED_HOW_")),
            ("note", self.note.clone()),
            ("dns outcome", word(proof.outcome().as_str_name(), "PROOF_OUTCOME_")),
            ("dns asked", time(proof.last_check_time.as_ref())),
            ("dns missing since", time(proof.missing_time.as_ref())),
            ("txt record", proof.record_name),
            ("txt value", proof.record_value),
        ]
    }

    const COLUMNS: &'static [&'static str] =
        &["domain", "state", "contact", "claimed", "decided by"];
}

/// A claim that waits, with what an operator needs to decide.
struct Waiting<'a>(&'a v1::Domain);

impl Show for Waiting<'_> {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let Self(claim) = self;
        let context = claim.context.clone().unwrap_or_default();
        let proven = claim.dns.as_ref().and_then(|proof| proof.proven_time.as_ref());
        let other = |other: v1::OtherClaim| {
            format!("{} ({})", other.workspace_display_name, state(other.state()))
        };
        let others: Vec<_> = context.others.into_iter().map(other).collect();
        vec![
            ("domain", claim.domain.clone()),
            ("workspace", claim.workspace_id.clone()),
            ("name", context.workspace_display_name),
            ("contact", claim.contact_email.clone()),
            ("claimed by", claim.claimed_by.clone()),
            ("waits", span(context.age.as_ref())),
            ("proven", time(proven)),
            ("elsewhere", others.join(", ")),
            ("decided before", claim.note.clone()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &[
        "domain",
        "workspace",
        "name",
        "contact",
        "claimed by",
        "waits",
        "proven",
        "elsewhere",
        "decided before",
    ];
}

impl Show for v1::RefusedDomain {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("domain", self.domain.clone()),
            ("times", self.count.to_string()),
            ("addresses", self.sample_addresses.join(", ")),
            ("first", time(self.first_time.as_ref())),
            ("last", time(self.last_time.as_ref())),
            ("claim", state(self.claim_state())),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["domain", "times", "addresses", "last", "claim"];
}

impl Show for v1::ClaimOutcome {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let state = match state(self.state()) {
            none if none.is_empty() => "refused".to_owned(),
            state => state,
        };
        vec![("domain", self.domain.clone()), ("state", state), ("reason", self.reason.clone())]
    }

    const COLUMNS: &'static [&'static str] = &["domain", "state", "reason"];
}
