//! Claims of e-mail domains: how far one has come, and what may be decided. How they are read: [`super::claims`].

use directory_api::v1::Reason;

use crate::clock::Micros;
use crate::refusal::Refusal;
use crate::store::{DecidedHow, Decision, Domain, DomainState};

/// Who claims, and when.
#[derive(Clone, Debug)]
pub(crate) struct Claimant {
    /// When.
    pub at: Micros,
    /// The name of the service caller.
    pub by: String,
    /// Whom to write to about it.
    pub contact_email: String,
    /// Random, for the claim alone.
    pub challenge: String,
}

/// How a claim is to be after it is made (again). A verified or pending one stays as it is; one that was
/// decided against, or given up, waits for a decision again, and what an operator had said of it stays in
/// sight until then.
#[must_use]
pub(crate) fn claim(standing: Option<&Domain>, name: &str, claimant: &Claimant) -> Domain {
    if let Some(domain) = standing
        && matches!(domain.state, DomainState::Pending | DomainState::Verified)
    {
        return domain.clone();
    }
    let earlier = standing.and_then(|domain| domain.decision.clone());
    Domain {
        name: name.to_owned(),
        state: DomainState::Pending,
        contact_email: claimant.contact_email.clone(),
        claimed_at: claimant.at,
        claimed_by: claimant.by.clone(),
        challenge: claimant.challenge.clone(),
        decision: earlier.filter(|earlier| earlier.how == DecidedHow::Operator),
    }
}

/// Whether an operator alone may verify a pending claim: one of them said no to an earlier one.
#[must_use]
pub(crate) fn is_for_operators_alone(domain: &Domain) -> bool {
    domain.decision.is_some()
}

/// How a claim is to be after it was verified. A verified one stays as it is; a revoked one comes back.
///
/// # Errors
/// `DOMAIN_NOT_FOUND` when it was never claimed; `DOMAIN_STATE` when it was rejected or given up since;
/// `DOMAIN_HELD_ELSEWHERE` when another workspace has it verified and that is not allowed.
pub(crate) fn verify(
    standing: Option<&Domain>,
    held_elsewhere: bool,
    allow_shared: bool,
    decision: Decision,
) -> Result<Domain, Refusal> {
    let domain = standing.ok_or_else(not_claimed)?;
    match domain.state {
        DomainState::Verified => Ok(domain.clone()),
        DomainState::Rejected | DomainState::Withdrawn => Err(Refusal::new(
            Reason::DomainState,
            "The claim was rejected or withdrawn. Let the workspace claim the domain again before \
             verifying it.",
        )),
        DomainState::Pending | DomainState::Revoked if held_elsewhere && !allow_shared => {
            Err(Refusal::new(
                Reason::DomainHeldElsewhere,
                "Another workspace has this domain verified. Set allow_shared if both may have it: \
                 the address of one person then signs in to both.",
            ))
        }
        DomainState::Pending | DomainState::Revoked => {
            Ok(decided(domain, DomainState::Verified, decision))
        }
    }
}

/// How a claim is to be after an operator rejected it. A rejected one stays as it is.
///
/// # Errors
/// `DOMAIN_NOT_FOUND` when it was never claimed; `DOMAIN_STATE` when it is not pending.
pub(crate) fn reject(standing: Option<&Domain>, decision: Decision) -> Result<Domain, Refusal> {
    let domain = standing.ok_or_else(not_claimed)?;
    match domain.state {
        DomainState::Rejected => Ok(domain.clone()),
        DomainState::Verified => Err(Refusal::new(
            Reason::DomainState,
            "The domain is verified; only a pending claim can be rejected. Revoke it instead \
             (DomainService.RevokeDomain).",
        )),
        DomainState::Revoked | DomainState::Withdrawn => Err(Refusal::new(
            Reason::DomainState,
            "The claim does not wait for a decision: it was revoked or withdrawn. There is nothing to \
             reject until the workspace claims the domain again.",
        )),
        DomainState::Pending => Ok(decided(domain, DomainState::Rejected, decision)),
    }
}

/// How a claim is to be after an operator took a verified domain back. A revoked one stays as it is.
///
/// # Errors
/// `DOMAIN_NOT_FOUND` when it was never claimed; `DOMAIN_STATE` when it is not verified.
pub(crate) fn revoke(standing: Option<&Domain>, decision: Decision) -> Result<Domain, Refusal> {
    let domain = standing.ok_or_else(not_claimed)?;
    match domain.state {
        DomainState::Revoked => Ok(domain.clone()),
        DomainState::Verified => Ok(decided(domain, DomainState::Revoked, decision)),
        DomainState::Pending | DomainState::Rejected | DomainState::Withdrawn => Err(Refusal::new(
            Reason::DomainState,
            "The domain is not verified, so there is nothing to revoke. A pending claim is rejected \
             instead (DomainService.RejectDomain).",
        )),
    }
}

/// How a claim is to be after the workspace gave it up. What an operator said against it stays: giving a
/// claim up does not undo that.
///
/// # Errors
/// `DOMAIN_NOT_FOUND` when it was never claimed.
pub(crate) fn withdraw(standing: Option<&Domain>, decision: Decision) -> Result<Domain, Refusal> {
    let domain = standing.ok_or_else(not_claimed)?;
    match domain.state {
        DomainState::Rejected | DomainState::Revoked | DomainState::Withdrawn => Ok(domain.clone()),
        DomainState::Pending if is_for_operators_alone(domain) => {
            Ok(Domain { state: DomainState::Withdrawn, ..domain.clone() })
        }
        DomainState::Pending | DomainState::Verified => {
            Ok(decided(domain, DomainState::Withdrawn, decision))
        }
    }
}

fn decided(domain: &Domain, state: DomainState, decision: Decision) -> Domain {
    Domain { state, decision: Some(decision), ..domain.clone() }
}

/// The workspace never claimed the domain.
#[must_use]
pub(crate) fn not_claimed() -> Refusal {
    Refusal::new(
        Reason::DomainNotFound,
        "The workspace has not claimed this domain. Claim it first (DomainService.ClaimDomains).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision() -> Decision {
        let how = DecidedHow::Operator;
        Decision { at: 2, by: "operator".into(), how, note: String::new() }
    }

    fn claimed(standing: Option<&Domain>, at: Micros) -> Domain {
        let (by, contact_email) = ("settings".to_owned(), "a@acme.com".to_owned());
        let claimant = Claimant { at, by, contact_email, challenge: format!("challenge {at}") };
        claim(standing, "acme.com", &claimant)
    }

    #[test]
    fn a_rejected_claim_can_be_made_again_and_a_verified_one_stays() {
        let pending = claimed(None, 1);
        let verified = verify(Some(&pending), false, false, decision()).unwrap();
        assert_eq!(claimed(Some(&verified), 3), verified);
        let rejected = reject(Some(&pending), decision()).unwrap();
        let again = claimed(Some(&rejected), 3);
        assert_eq!((again.state, again.claimed_at), (DomainState::Pending, 3));
        assert_eq!(again.challenge, "challenge 3");
    }

    #[test]
    fn a_decision_needs_a_pending_claim() {
        let pending = claimed(None, 1);
        let reason = |r: Result<Domain, Refusal>| r.unwrap_err().reason;
        assert_eq!(reason(verify(None, false, false, decision())), Reason::DomainNotFound);
        assert_eq!(reason(reject(None, decision())), Reason::DomainNotFound);
        let rejected = reject(Some(&pending), decision()).unwrap();
        assert_eq!(reason(verify(Some(&rejected), false, false, decision())), Reason::DomainState);
        let verified = verify(Some(&pending), false, false, decision()).unwrap();
        assert_eq!(reason(reject(Some(&verified), decision())), Reason::DomainState);
    }

    #[test]
    fn a_domain_held_elsewhere_is_shared_only_on_purpose() {
        let pending = claimed(None, 1);
        let no = verify(Some(&pending), true, false, decision()).unwrap_err();
        assert_eq!(no.reason, Reason::DomainHeldElsewhere);
        assert!(verify(Some(&pending), true, true, decision()).is_ok());
    }

    /// Else a claim that an operator rejected or revoked would be verified by its TXT record, after it was
    /// made again, or given up and made again.
    #[test]
    fn what_an_operator_said_no_to_is_for_operators_alone_whatever_the_workspace_does() {
        let pending = claimed(None, 1);
        assert!(!is_for_operators_alone(&pending));
        let given_up = || Decision { how: DecidedHow::Claimant, ..decision() };
        let withdrawn = withdraw(Some(&pending), given_up()).unwrap();
        assert_eq!(withdrawn.state, DomainState::Withdrawn);
        assert!(!is_for_operators_alone(&claimed(Some(&withdrawn), 3)));

        let verified = verify(Some(&pending), false, false, decision()).unwrap();
        let revoked = revoke(Some(&verified), decision()).unwrap();
        let rejected = reject(Some(&pending), decision()).unwrap();
        for refused in [revoked, rejected] {
            assert_eq!(withdraw(Some(&refused), given_up()).unwrap(), refused);
            let again = claimed(Some(&refused), 3);
            assert!(is_for_operators_alone(&again));
            let withdrawn = withdraw(Some(&again), given_up()).unwrap();
            assert_eq!(withdrawn.state, DomainState::Withdrawn);
            assert!(is_for_operators_alone(&claimed(Some(&withdrawn), 4)));
        }
    }

    #[test]
    fn only_a_verified_domain_is_revoked_and_an_operator_brings_it_back() {
        let pending = claimed(None, 1);
        let reason = |r: Result<Domain, Refusal>| r.unwrap_err().reason;
        assert_eq!(reason(revoke(Some(&pending), decision())), Reason::DomainState);
        assert_eq!(reason(revoke(None, decision())), Reason::DomainNotFound);
        let verified = verify(Some(&pending), false, false, decision()).unwrap();
        let revoked = revoke(Some(&verified), decision()).unwrap();
        assert_eq!(revoke(Some(&revoked), decision()).unwrap(), revoked);
        assert_eq!(
            reason(verify(Some(&revoked), true, false, decision())),
            Reason::DomainHeldElsewhere
        );
        let back = verify(Some(&revoked), false, false, decision()).unwrap();
        assert_eq!(back.state, DomainState::Verified);
        let withdrawn = withdraw(Some(&verified), decision()).unwrap();
        assert_eq!(reason(verify(Some(&withdrawn), false, true, decision())), Reason::DomainState);
    }
}
