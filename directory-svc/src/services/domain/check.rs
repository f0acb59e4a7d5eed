//! Whether the DNS proves a claim: asked when somebody wants to know, and by the directory itself.

use directory_api::v1;
use tonic::Status;

use crate::clock::{Micros, SECOND};
use crate::dns::Found;
use crate::door::Admitted;
use crate::ids::WorkspaceId;
use crate::refusal::Thing;
use crate::render;
use crate::rules::dns_proof::{self, Due};
use crate::rules::domains::not_claimed;
use crate::rules::notices;
use crate::services::Services;
use crate::services::fault::{no, store_error};
use crate::store::{
    Author, CheckOutcome, DecidedHow, Decision, Domain, DomainCheck, DomainCheckStore, DomainState,
    Store, StoreError, WorkspaceStore,
};

/// For how long the check of a claim is taken: longer than a question may take, and no claim is asked about
/// more often, so that nobody makes the directory flood a name server.
pub(crate) const TAKEN: Micros = 10 * SECOND;

/// In whose name the directory decides by what the DNS says.
fn author() -> Author {
    Author::Service("dns".to_owned())
}

impl<S: Store> Services<S> {
    /// Asks about a claim now, unless that was done a moment ago.
    pub(super) async fn check(
        &self,
        workspace: &Admitted<S::Workspace>,
        id: WorkspaceId,
        name: String,
    ) -> Result<v1::Domain, Status> {
        let found = workspace.domain_check(name.clone()).await.map_err(store_error)?;
        let absent = |name: &str| no(not_claimed().about(Thing::Domain, name));
        let (claim, check) = found.ok_or_else(|| absent(&name))?;
        if dns_proof::purpose(&claim).is_none() {
            return Err(no(dns_proof::nothing_to_prove().about(Thing::Domain, name)));
        }
        let now = self.clock.now();
        let take = workspace.take_domain_check(name.clone(), now, now + TAKEN);
        if take.await.map_err(store_error)? {
            let was = claim.state;
            let known = self.ask_and_note(workspace, claim, true).await?;
            let (claim, check) = known.ok_or_else(|| absent(&name))?;
            if claim.state == DomainState::Verified && was != claim.state {
                self.sign_in_the_waiting(workspace, &author(), &claim.name).await;
            }
            return Ok(render::checked(id, &claim, &check));
        }
        let mut answer = render::checked(id, &claim, &check);
        if let Some(proof) = &mut answer.dns {
            proof.detail.insert_str(0, dns_proof::ASKED_A_MOMENT_AGO);
        }
        Ok(answer)
    }

    /// Asks about a claim whose check was taken because it was due, unless it is not to be asked now.
    pub(crate) async fn check_due(
        &self,
        workspace: &Admitted<S::Workspace>,
        name: String,
    ) -> Result<(), Status> {
        let found = workspace.domain_check(name.clone()).await.map_err(store_error)?;
        let Some((claim, check)) = found else { return Ok(()) };
        let (pause, now) = (self.settings.first_domain_check, self.clock.now());
        if dns_proof::due(&claim, &check, pause, now) == Due::Now {
            self.ask_and_note(workspace, claim, false).await?;
            return Ok(());
        }
        let put_off = move |claim: &Domain, check: &DomainCheck| {
            dns_proof::put_off(claim, check, pause, now).into()
        };
        workspace.note_domain_check(name, put_off).await.map_err(store_error)?;
        Ok(())
    }

    /// Asks about a claim, follows the answer and notes it, last. Answers the claim and what is known of its
    /// record then; `None`: there is none.
    async fn ask_and_note(
        &self,
        workspace: &Admitted<S::Workspace>,
        claim: Domain,
        is_asked_for: bool,
    ) -> Result<Option<(Domain, DomainCheck)>, Status> {
        let outcome = self.ask_dns(&claim).await;
        if outcome == CheckOutcome::Proven {
            self.follow_proof(workspace, &claim).await?;
        }
        let (challenge, now) = (claim.challenge, self.clock.now());
        let note = move |claim: &Domain, check: &DomainCheck| {
            let begun =
                if is_asked_for { dns_proof::begun_again(check, now) } else { check.clone() };
            if claim.challenge == challenge {
                notices::of_check(claim, check, dns_proof::after(claim, &begun, outcome, now))
            } else {
                // Another claim by now: the answer says nothing of it.
                check.clone().into()
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

    /// Verifies a claim that is proven, where the proof suffices.
    async fn follow_proof(
        &self,
        workspace: &Admitted<S::Workspace>,
        claim: &Domain,
    ) -> Result<(), Status> {
        if !dns_proof::verifies(claim) {
            return Ok(());
        }
        let write = self.write(author());
        let decision = Decision::by(&write, DecidedHow::Dns, String::new());
        let challenge = claim.challenge.clone();
        let decide = move |standing: Option<&Domain>, held_elsewhere| {
            let domain = dns_proof::verify(standing, held_elsewhere, &challenge, decision.clone())?;
            Ok(notices::of_domain(standing, domain))
        };
        match workspace.change_domain(write, claim.name.clone(), decide).await {
            // Refused, it stays as it is, and is noted as proven.
            Ok(_) | Err(StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }
}
