//! Claiming a domain, and deciding on a claim.

use directory_api::v1;
use directory_api::v1::Reason;
use tonic::{Response, Status};

use crate::door::{Admitted, Authenticated};
use crate::refusal::{Refusal, Thing};
use crate::render;
use crate::rules::claims::{CLAIMS_IN_ALL, Claim};
use crate::rules::domains::{self, Claimant};
use crate::rules::{login_email, notices};
use crate::services::fault::{no, store_error};
use crate::services::{Services, read};
use crate::store::{Author, DecidedHow, Decision, Domain, Store, WorkspaceStore};

/// The longest note or reason of a decision on a domain or an address, in bytes.
const NOTE_BYTES: usize = 1_000;

/// The reason of a decision that the claimant is told.
///
/// # Errors
/// `INVALID_ARGUMENT` when there is none.
pub(super) fn reason(text: String) -> Result<String, Status> {
    if text.trim().is_empty() {
        return Err(no(read::invalid("reason", "say why; the claimant is told")));
    }
    Ok(text)
}

/// The workspace has more claims than anybody looks through.
pub(super) fn too_many_claims() -> Refusal {
    Refusal::new(
        Reason::TooMany,
        format!(
            "A workspace may have {CLAIMS_IN_ALL} claims of domains, whatever became of them, and this \
             would be more. Claim fewer, or ask Nestr's operators."
        ),
    )
}

/// The domain that a decision is about, in the form in which domains are compared.
pub(super) fn named(text: &str) -> Result<String, Status> {
    login_email::domain(text.trim().trim_start_matches('@'))
        .ok_or_else(|| no(read::invalid("domain", "no domain name; name one like acme.com")))
}

/// A note or reason of a length that is kept.
///
/// # Errors
/// `INVALID_ARGUMENT` when it is longer.
pub(super) fn bounded(note: String) -> Result<String, Status> {
    if note.len() > NOTE_BYTES {
        let cause = format!("at most {NOTE_BYTES} bytes of note or reason are allowed");
        return Err(no(read::invalid("note", cause)));
    }
    Ok(note)
}

impl<S: Store> Services<S> {
    /// The token of a new claim: 128 random bits as lower-case hex digits.
    pub(crate) fn challenge(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.clock.random()))
    }

    /// What becomes of one claim.
    pub(super) async fn claim(
        &self,
        workspace: &S::Workspace,
        author: &Author,
        contact: &str,
        claim: Claim,
    ) -> Result<v1::ClaimOutcome, Status> {
        let name = match claim {
            Claim::Domain(name) => name,
            Claim::Refused(text, why) => {
                let state = v1::DomainState::Unspecified.into();
                return Ok(v1::ClaimOutcome { domain: text, state, reason: why.to_owned() });
            }
        };
        let write = self.write(author.clone());
        let claimant = Claimant {
            at: write.at,
            by: author.name(),
            contact_email: contact.to_owned(),
            challenge: self.challenge(),
        };
        let wanted = name.clone();
        let domain = workspace
            .change_domain(write, name, move |standing, _| {
                Ok(domains::claim(standing, &wanted, &claimant).into())
            })
            .await
            .map_err(store_error)?;
        let state = render::domain_state(domain.state).into();
        Ok(v1::ClaimOutcome { domain: domain.name, state, reason: String::new() })
    }

    /// An operator's decision on one claim.
    pub(super) async fn decide<D>(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
        note: String,
        decide: D,
    ) -> Result<Domain, Status>
    where
        D: Fn(Option<&Domain>, bool, Decision) -> Result<Domain, Refusal> + Send + 'static,
    {
        let (name, note) = (named(domain)?, bounded(note)?);
        let write = self.write(author.clone());
        let decision = Decision::by(&write, DecidedHow::Operator, note);
        let about = name.clone();
        workspace
            .change_domain(write, name, move |standing, shared| {
                let domain = decide(standing, shared, decision.clone());
                let domain = domain.map_err(|no| no.about(Thing::Domain, &about))?;
                Ok(notices::of_domain(standing, domain))
            })
            .await
            .map_err(store_error)
    }

    /// Has `rule` take a domain from a workspace, or with `validate_only` only tells what it would do;
    /// either way with how many people depend on the domain.
    pub(super) async fn take_back<T>(
        &self,
        opened: &Authenticated<S::Workspace, T>,
        domain: &str,
        (how, note): (DecidedHow, String),
        validate_only: bool,
        rule: fn(Option<&Domain>, Decision) -> Result<Domain, Refusal>,
    ) -> Result<Response<v1::Domain>, Status> {
        let Authenticated { workspace, workspace_id, author, .. } = opened;
        let (name, note) = (named(domain)?, bounded(note)?);
        let dependent = workspace.people_of_domain(name.clone()).await.map_err(store_error)?;
        let write = self.write(author.clone());
        let decision = Decision::by(&write, how, note);
        let about = name.clone();
        let rule = move |standing: Option<&Domain>| {
            rule(standing, decision.clone()).map_err(|no| no.about(Thing::Domain, &about))
        };
        let domain = if validate_only {
            let standing = workspace.domains().await.map_err(store_error)?;
            rule(standing.iter().find(|domain| domain.name == name)).map_err(no)?
        } else {
            let decide = move |standing: Option<&Domain>, _| {
                Ok(notices::of_domain(standing, rule(standing)?))
            };
            workspace.change_domain(write, name, decide).await.map_err(store_error)?
        };
        let domain = render::domain(*workspace_id, &domain);
        Ok(Response::new(v1::Domain { dependent_user_count: Some(dependent), ..domain }))
    }
}
