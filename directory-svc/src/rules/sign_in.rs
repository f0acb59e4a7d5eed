//! Whom a sign-in meets in a workspace, and who may join it by themselves.
//!
//! An identity that is linked decides whom it signs in, whatever the address is meanwhile; an address alone
//! signs in whoever has it, but for guests. That of somebody who was removed signs in nobody else, but whom an
//! identity provider manages under the address that was proved: the person is back under another one.

use crate::ids::UserId;
use crate::store::{Doorstep, EmailJoin, Footing, Holder, Identity};

/// Why an account must not be signed in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inactive {
    /// The person is not active.
    User,
    /// The workspace is suspended.
    Suspended,
    /// The person signs in by another identity.
    IdentityMismatch,
    /// A guest needs an identity that is linked.
    IdentityRequired,
    /// Their login e-mail signs nobody in any more.
    NotVerified,
}

/// The account that a sign-in meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// The person.
    pub user_id: UserId,
    /// Why it must not be signed in to; `None`: it may.
    pub inactive: Option<Inactive>,
    /// Whether the person is a guest.
    pub is_guest: bool,
}

/// The account that a sign-in meets, by the identity where it is linked, else by the address.
#[must_use]
pub(crate) fn account(met: &Doorstep, identity: Option<&Identity>) -> Option<Account> {
    let (holder, is_linked) = match (&met.by_identity, &met.by_email) {
        (Some(holder), _) => (holder, true),
        (None, holder) => (holder.as_ref()?, false),
    };
    let is_guest = holder.footing == Footing::Guest;
    let inactive = if !holder.active {
        Some(Inactive::User)
    } else if met.is_suspended {
        Some(Inactive::Suspended)
    } else if holder.footing == Footing::None {
        Some(Inactive::NotVerified)
    } else if is_linked {
        None
    } else if identity.is_some_and(|identity| is_anothers(met, holder, identity)) {
        Some(Inactive::IdentityMismatch)
    } else {
        is_guest.then_some(Inactive::IdentityRequired)
    };
    Some(Account { user_id: holder.user_id, inactive, is_guest })
}

/// To whom the identity is to be linked: the person whom the address meets, if they may sign in and neither
/// they nor the identity is another's.
#[must_use]
pub(crate) fn links(met: &Doorstep, identity: &Identity) -> Option<UserId> {
    let holder = met.by_email.as_ref().filter(|_| met.by_identity.is_none())?;
    let may = holder.active && !met.is_suspended && !is_anothers(met, holder, identity);
    may.then_some(holder.user_id)
}

/// Whether whoever proved the address may join the workspace by themselves: people of its domain may, and
/// nobody there is, was or has that address.
#[must_use]
pub(crate) fn may_join(met: &Doorstep) -> bool {
    met.is_verified
        && met.email_join == EmailJoin::Open
        && !met.is_suspended
        && met.by_email.is_none()
        && !met.is_linked
        && !met.is_known
}

/// Whether an identity that signs in nobody here is not that of the person whom the address meets: who signs in
/// by another one, of the same issuer or, a guest, of any; or it was somebody's who was removed.
fn is_anothers(met: &Doorstep, holder: &Holder, identity: &Identity) -> bool {
    let is_vouched_for = holder.is_bound && holder.footing == Footing::Verified;
    let was_anothers = met.is_linked && !is_vouched_for;
    was_anothers
        || holder.identities.iter().any(|linked| {
            linked != identity
                && (linked.issuer == identity.issuer || holder.footing == Footing::Guest)
        })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::WorkspaceId;

    fn identity(issuer: &str, subject: &str) -> Identity {
        Identity { issuer: issuer.to_owned(), subject: subject.to_owned() }
    }

    fn holder(n: u128, footing: Footing, identities: &[Identity]) -> Holder {
        let user_id = UserId::new(Uuid::from_u128(n));
        Holder { user_id, active: true, footing, is_bound: false, identities: identities.to_vec() }
    }

    fn doorstep(by_email: Option<Holder>, by_identity: Option<Holder>) -> Doorstep {
        Doorstep {
            workspace_id: WorkspaceId::new(Uuid::from_u128(1)),
            is_suspended: false,
            email_join: EmailJoin::Open,
            is_verified: true,
            is_linked: by_identity.is_some(),
            by_email,
            by_identity,
            is_known: false,
        }
    }

    /// Who is met, and why not.
    fn met(step: &Doorstep, identity: Option<&Identity>) -> Option<(u128, Option<Inactive>)> {
        account(step, identity).map(|account| (account.user_id.uuid().as_u128(), account.inactive))
    }

    #[test]
    fn an_address_signs_in_who_has_it_and_links_the_identity_that_comes_with_it() {
        let step = doorstep(Some(holder(1, Footing::Verified, &[])), None);
        let sub = identity("google", "1");
        assert_eq!(met(&step, None), Some((1, None)));
        assert_eq!(met(&step, Some(&sub)), Some((1, None)));
        assert_eq!(links(&step, &sub).unwrap().uuid().as_u128(), 1);
        let asleep = Holder { active: false, ..holder(1, Footing::Verified, &[]) };
        let step = doorstep(Some(asleep), None);
        assert_eq!(met(&step, Some(&sub)), Some((1, Some(Inactive::User))));
        assert_eq!(links(&step, &sub), None);
        let step = Doorstep { is_suspended: true, ..doorstep(step.by_email, None) };
        assert_eq!(links(&step, &sub), None);
    }

    #[test]
    fn a_linked_identity_meets_its_person_whoever_has_the_address() {
        let sub = identity("google", "1");
        let own = holder(1, Footing::Verified, std::slice::from_ref(&sub));
        let step = doorstep(Some(holder(2, Footing::Verified, &[])), Some(own.clone()));
        assert_eq!(met(&step, Some(&sub)), Some((1, None)));
        assert_eq!(links(&step, &sub), None, "the other person does not get it");
        assert_eq!(met(&doorstep(None, Some(own)), Some(&sub)), Some((1, None)));
        let gone = holder(1, Footing::None, std::slice::from_ref(&sub));
        assert_eq!(
            met(&doorstep(None, Some(gone)), Some(&sub)),
            Some((1, Some(Inactive::NotVerified)))
        );
    }

    #[test]
    fn who_is_linked_to_another_subject_is_not_signed_in_by_the_address() {
        let (own, other) = (identity("google", "1"), identity("google", "2"));
        let step = doorstep(Some(holder(1, Footing::Verified, &[own])), None);
        assert_eq!(met(&step, Some(&other)), Some((1, Some(Inactive::IdentityMismatch))));
        assert_eq!(links(&step, &other), None);
        let elsewhere = identity("microsoft", "1");
        assert_eq!(met(&step, Some(&elsewhere)), Some((1, None)));
        assert!(links(&step, &elsewhere).is_some(), "a person may sign in by several issuers");
        assert_eq!(met(&step, None), Some((1, None)), "the address itself was proved");
    }

    /// The identity of a leaver is nobody's key to the account of whoever has an address of theirs. Seen to fail
    /// without the look at the link, and with that at the identity provider's word left out.
    #[test]
    fn the_identity_of_somebody_removed_signs_in_whom_the_provider_vouches_for_alone() {
        let sub = identity("google", "1");
        let mismatch = Some((2, Some(Inactive::IdentityMismatch)));
        let step = |holder| Doorstep { is_linked: true, ..doorstep(Some(holder), None) };
        for footing in [Footing::Verified, Footing::Guest] {
            let joined = step(holder(2, footing, &[]));
            assert_eq!(met(&joined, Some(&sub)), mismatch);
            assert_eq!(links(&joined, &sub), None);
        }
        let assigned = Holder { is_bound: true, ..holder(2, Footing::Verified, &[]) };
        assert_eq!(met(&step(assigned.clone()), Some(&sub)), Some((2, None)));
        assert!(links(&step(assigned.clone()), &sub).is_some(), "she is back under a new address");
        let guest = step(Holder { footing: Footing::Guest, ..assigned.clone() });
        assert_eq!(met(&guest, Some(&sub)), mismatch);
        let own = Holder { identities: vec![identity("google", "2")], ..assigned };
        assert_eq!(met(&step(own), Some(&sub)), mismatch, "somebody else has signed in");
    }

    #[test]
    fn a_guest_signs_in_by_the_first_identity_alone() {
        let (own, other) = (identity("google", "1"), identity("microsoft", "1"));
        let step = doorstep(Some(holder(1, Footing::Guest, &[])), None);
        assert_eq!(met(&step, None), Some((1, Some(Inactive::IdentityRequired))));
        assert!(links(&step, &own).is_some());
        let linked = holder(1, Footing::Guest, std::slice::from_ref(&own));
        let step = doorstep(Some(linked.clone()), None);
        assert_eq!(met(&step, None), Some((1, Some(Inactive::IdentityRequired))));
        assert_eq!(met(&step, Some(&other)), Some((1, Some(Inactive::IdentityMismatch))));
        assert_eq!(links(&step, &other), None);
        assert_eq!(met(&doorstep(None, Some(linked)), Some(&own)), Some((1, None)));
    }

    #[test]
    fn nobody_signs_in_to_a_suspended_workspace() {
        let sub = identity("google", "1");
        let own = holder(1, Footing::Verified, std::slice::from_ref(&sub));
        let still = |step| Doorstep { is_suspended: true, ..step };
        let suspended = Some((1, Some(Inactive::Suspended)));
        assert_eq!(met(&still(doorstep(Some(own.clone()), None)), None), suspended);
        assert_eq!(met(&still(doorstep(None, Some(own))), Some(&sub)), suspended);
    }

    /// Seen to fail with each condition left out.
    #[test]
    fn nobody_joins_where_somebody_is_or_was() {
        let open = doorstep(None, None);
        assert!(may_join(&open));
        let somebody = Some(holder(1, Footing::Verified, &[]));
        for closed in [
            Doorstep { email_join: EmailJoin::Off, ..open.clone() },
            Doorstep { is_suspended: true, ..open.clone() },
            Doorstep { is_verified: false, ..open.clone() },
            Doorstep { is_known: true, ..open.clone() },
            Doorstep { is_linked: true, ..open.clone() },
            Doorstep { by_email: somebody, ..open.clone() },
        ] {
            assert!(!may_join(&closed), "{closed:?}");
        }
    }
}
