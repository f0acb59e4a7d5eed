//! Protected people, such as the last admin of a workspace: nobody ends their access until Nestr lets go of them.

use directory_api::v1::Reason;
use scim::Resource;

use crate::ids::UserId;
use crate::refusal::{Refusal, Thing};
use crate::store::{Draft, LoginEmail, Passage, User};

/// Refuses a write by which a protected person, who stood as `current`, comes to be `wanted` and signed in by
/// `login`, if they lose access by it: `active`, or the address that signs them in, as in Entra ID's rename of whom
/// it soft-deletes. Whoever had none loses none.
///
/// # Errors
/// `USER_PROTECTED`.
pub(crate) fn check(
    person: &User,
    current: &Resource,
    wanted: &Resource,
    login: Option<&LoginEmail>,
) -> Result<(), Refusal> {
    let is_out = (current.is_active() && !wanted.is_active())
        || (person.login_email.is_some() && login.is_none());
    if person.is_protected && is_out { Err(protected(person.id)) } else { Ok(()) }
}

/// Refuses the removal of a protected person.
///
/// # Errors
/// `USER_PROTECTED`.
pub(crate) fn check_removal(person: &User) -> Result<(), Refusal> {
    if person.is_protected { Err(protected(person.id)) } else { Ok(()) }
}

/// The person as they stand, protected from now on or not.
#[must_use]
pub(crate) fn protect(person: &User, standing: Resource, is_protected: bool) -> Draft {
    Draft {
        resource: standing,
        login_email: person.login_email.clone(),
        binding: person.binding.clone(),
        provided: person.provided.clone(),
        is_protected,
        predecessor: None,
        is_guest: false,
        passage: Passage::default(),
    }
}

fn protected(id: UserId) -> Refusal {
    let detail = format!(
        "This person ({id}) is protected in Nestr, as the last admin of the workspace say, and keeps access. Make \
         somebody else admin in Nestr, which ends the protection (UserService.ProtectUser); then it can be done."
    );
    let refusal = Refusal::new(Reason::UserProtected, detail).about(Thing::User, id);
    Refusal { protected: Some(id), ..refusal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::examples::{ENTRA, person};
    use crate::rules::login_email::candidate;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    fn read(user_name: &str, active: bool) -> Resource {
        let json = format!(r#"{{"userName":"{user_name}","active":{active}}}"#);
        scim::Schemas::standard().user().read(&json).unwrap()
    }

    /// Seen to fail with either way out left out, and with the protection not asked for.
    #[test]
    fn a_protected_person_keeps_access() {
        let ada = User { is_protected: true, ..person(7, "ada@acme.com", Some(ENTRA)) };
        let here = read("ada@acme.com", true);
        let refused = |person: &User, current: &Resource, wanted: &Resource| {
            check(person, current, wanted, candidate(wanted).as_ref()).err().map(|no| no.reason)
        };
        for (user_name, active, is_out) in [
            ("ada@acme.com", true, false),
            ("lovelace@acme.com", true, false),
            ("ada@acme.com", false, true),
            (&format!("{HEX}ada@acme.com"), true, true),
            ("4711", true, true),
        ] {
            let wanted = read(user_name, active);
            let expected = is_out.then_some(Reason::UserProtected);
            assert_eq!(refused(&ada, &here, &wanted), expected, "{user_name} {active}");
            let other = User { is_protected: false, ..ada.clone() };
            assert_eq!(refused(&other, &here, &wanted), None);
        }
        let asleep = read("ada@acme.com", false);
        assert_eq!(refused(&ada, &asleep, &asleep), None, "who was out is not put out");
        assert!(check_removal(&ada).is_err());
        assert!(check_removal(&person(7, "ada@acme.com", Some(ENTRA))).is_ok());
    }
}
