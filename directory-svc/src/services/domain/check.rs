//! Whether the DNS proves a claim: asked when somebody wants to know, and by the directory itself.

use directory_api::v1;
use tonic::Status;

use crate::clock::{Micros, SECOND};
use crate::dns::Found;
use crate::door::Admitted;
use crate::ids::WorkspaceId;
use crate::render;
use crate::rules::dns_proof;
use crate::rules::domains::not_claimed;
use crate::services::Services;
use crate::services::fault::{no, store_error};
use crate::store::{
    Author, CheckOutcome, DecidedHow, Decision, Domain, DomainCheck, DomainCheckStore, Store,
    StoreError, WorkspaceStore,
};

/// For how long the check of a claim is taken: longer than a question may take, and no claim is asked about
/// more often, so that nobody makes the directory flood a name server.
pub(crate) const TAKEN: Micros = 10 * SECOND;

/// Under which name the directory decides by what the DNS says.
const AUTHOR: &str = "dns";

impl<S: Store> Services<S> {
    /// Asks about a claim now, unless that was done a moment ago.
    pub(super) async fn check(
        &self,
        workspace: &Admitted<S::Workspace>,
        id: WorkspaceId,
        name: String,
    ) -> Result<v1::Domain, Status> {
        let find = || workspace.domain_check(name.clone());
        let (claim, _) = find().await.map_err(store_error)?.ok_or_else(|| no(not_claimed()))?;
        if dns_proof::purpose(&claim).is_none() {
            return Err(no(dns_proof::nothing_to_prove()));
        }
        let now = self.clock.now();
        let take = workspace.take_domain_check(name.clone(), now, now + TAKEN);
        let is_taken = take.await.map_err(store_error)?;
        let known = if is_taken {
            self.check_taken(workspace, &name, true).await?
        } else {
            find().await.map_err(store_error)?
        };
        let (claim, check) = known.ok_or_else(|| no(not_claimed()))?;
        let mut answer = render::checked(id, &claim, &check);
        if let Some(proof) = answer.dns.as_mut().filter(|_| !is_taken) {
            proof.detail.insert_str(0, dns_proof::ASKED_A_MOMENT_AGO);
        }
        Ok(answer)
    }

    /// Asks about a claim whose check was taken, because somebody asked for it or because it was due.
    /// Answers the claim and what is known of its record then; `None`: it was never claimed.
    pub(crate) async fn check_taken(
        &self,
        workspace: &Admitted<S::Workspace>,
        name: &str,
        is_asked_for: bool,
    ) -> Result<Option<(Domain, DomainCheck)>, Status> {
        let found = workspace.domain_check(name.to_owned()).await.map_err(store_error)?;
        let Some((claim, check)) = found else { return Ok(None) };
        let pause = self.settings.first_domain_check;
        if !is_asked_for
            && let Some(next_at) = dns_proof::put_off(&claim, &check, pause, self.clock.now())
        {
            let put_off =
                move |_: &Domain, check: &DomainCheck| DomainCheck { next_at, ..check.clone() };
            return workspace.note_domain_check(claim.name, put_off).await.map_err(store_error);
        }
        let outcome = self.ask_dns(&claim).await;
        if outcome == CheckOutcome::Proven {
            self.follow_proof(workspace, &claim, &check).await?;
        }
        let (challenge, now) = (claim.challenge, self.clock.now());
        let note = move |claim: &Domain, check: &DomainCheck| {
            let begun =
                if is_asked_for { dns_proof::begun_again(check, now) } else { check.clone() };
            match claim.challenge == challenge {
                true => dns_proof::after(claim, &begun, outcome, now),
                // Another claim by now: the answer says nothing of it.
                false => check.clone(),
            }
        };
        let known = workspace.note_domain_check(claim.name, note).await.map_err(store_error)?;
        if known.as_ref().is_some_and(|(_, known)| known.warned_at == Some(now)) {
            metrics::counter!("nestr_scim_domain_proofs_missing_total").increment(1);
        }
        Ok(known)
    }

    async fn ask_dns(&self, claim: &Domain) -> CheckOutcome {
        let found = self.settings.txt.txt(&dns_proof::record_name(&claim.name)).await;
        if let Found::NotAsked(cause) = &found {
            tracing::warn!(cause, "the DNS could not be asked about a claim");
        }
        let outcome = dns_proof::outcome(claim, &found);
        let word = match outcome {
            CheckOutcome::Proven => "proven",
            CheckOutcome::NoRecord => "no_record",
            CheckOutcome::OtherValue => "other_value",
            CheckOutcome::NotAsked => "not_asked",
        };
        metrics::counter!("nestr_scim_domain_checks_total", "outcome" => word).increment(1);
        outcome
    }

    /// Verifies a claim that is proven, where the proof suffices, and lets sign in who waited for it. What
    /// was cut short is gone on with.
    async fn follow_proof(
        &self,
        workspace: &Admitted<S::Workspace>,
        claim: &Domain,
        check: &DomainCheck,
    ) -> Result<(), Status> {
        let author = Author::Service(AUTHOR.to_owned());
        if dns_proof::verifies(claim) {
            let write = self.write(author.clone());
            let decision = Decision {
                at: write.at,
                by: author.name(),
                how: DecidedHow::Dns,
                note: String::new(),
            };
            let challenge = claim.challenge.clone();
            let decide = move |standing: Option<&Domain>, held_elsewhere| {
                dns_proof::verify(standing, held_elsewhere, &challenge, decision.clone())
            };
            match workspace.change_domain(write, claim.name.clone(), decide).await {
                Ok(_) => {}
                // It stays as it is, and is noted as proven.
                Err(StoreError::Refused(_)) => return Ok(()),
                Err(error) => return Err(store_error(error)),
            }
        } else if !dns_proof::is_unfinished(claim, check) {
            return Ok(());
        }
        self.sign_in_the_waiting(workspace, &author, &claim.name).await
    }
}
