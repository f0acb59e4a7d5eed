//! Whether a creation makes a person, or finds one who is there already.

use directory_api::v1::Reason;
use scim::Resource;

use super::admission::{self, Standing};
use super::binding::bound_elsewhere;
use super::leavers::{self, After, Before};
use super::management;
use super::people::{login_email_taken, replacement, user_name_taken};
use super::protection;
use crate::ids::UserId;
use crate::refusal::{Refusal, Thing};
use crate::store::{Admission, Author, Binding, Draft, Met, Policy, User};

/// Decides on a creation.
///
/// An unbound person met by userName or login e-mail is adopted by the integration that writes; its
/// login e-mail is never changed by that alone. Services adopt nobody.
///
/// # Errors
/// `IDENTITY_CONFLICT` when userName and login e-mail meet two people; `ALREADY_PROVISIONED`,
/// `BOUND_ELSEWHERE`, `USER_NAME_TAKEN` or `LOGIN_EMAIL_TAKEN` when the person met is not to be had;
/// `USER_PROTECTED` when they would lose access by it;
/// the errors of [`admission::login_email`].
pub(crate) fn create(
    policy: &Policy,
    author: &Author,
    wanted: &Resource,
    external_id: Option<&str>,
    met: &Met,
    read: impl Fn(&User) -> Result<Resource, Refusal>,
) -> Result<Admission, Refusal> {
    let names_active = wanted.attribute("active").is_some();
    let binding = author.integration().map(|integration_id| Binding {
        integration_id,
        external_id: external_id.map(str::to_owned),
    });
    let Some(person) = one_person(met)? else {
        let login_email = admission::login_email(policy, wanted, None)?;
        let after = After { resource: wanted, names_active, login_email: login_email.as_ref() };
        return Ok(Admission::Create(Draft {
            resource: wanted.clone(),
            binding,
            provided: management::provided(author, None, &wanted.attributes()),
            is_protected: false,
            predecessor: met.resembling,
            is_guest: admission::is_guest(policy, login_email.as_ref()),
            passage: leavers::passage(author, None, after)?,
            login_email,
        }));
    };
    let Some(integration) = author.integration() else {
        return Err(taken(person, met));
    };
    match &person.binding {
        Some(living) if living.integration_id == integration => Err(already_provisioned(person.id)),
        Some(_) => Err(bound_elsewhere(person)),
        None => {
            let current = read(person)?;
            let standing =
                Standing { resource: &current, login_email: person.login_email.as_ref() };
            let admitted = admission::login_email(policy, wanted, Some(standing))?;
            let login_email = person.login_email.clone().or(admitted);
            let resource = replacement(wanted.clone(), &current);
            protection::check(person, &current, &resource, login_email.as_ref())?;
            let before = Before { person, resource: &current };
            let after =
                After { resource: &resource, names_active, login_email: login_email.as_ref() };
            Ok(Admission::Adopt(
                person.id,
                Draft {
                    is_guest: admission::is_guest(policy, login_email.as_ref()),
                    passage: leavers::passage(author, Some(before), after)?,
                    resource,
                    login_email,
                    binding,
                    provided: management::provided(author, None, &wanted.attributes()),
                    is_protected: person.is_protected,
                    predecessor: None,
                },
            ))
        }
    }
}

fn one_person(met: &Met) -> Result<Option<&User>, Refusal> {
    match (&met.by_user_name, &met.by_login_email) {
        (Some(named), Some(mailed)) if named.id != mailed.id => Err(Refusal::new(
            Reason::IdentityConflict,
            format!(
                "The userName belongs to one person of this workspace ({}) and the e-mail address \
                 that signs in to another ({}). Correct one of the two, or remove the person who \
                 is no longer needed.",
                named.id, mailed.id
            ),
        )
        .about(Thing::User, mailed.id)),
        (named, mailed) => Ok(named.as_ref().or(mailed.as_ref())),
    }
}

fn taken(person: &User, met: &Met) -> Refusal {
    if met.by_user_name.is_some() {
        user_name_taken(person.id.into())
    } else {
        login_email_taken(person.id.into())
    }
}

fn already_provisioned(id: UserId) -> Refusal {
    Refusal::new(
        Reason::AlreadyProvisioned,
        format!(
            "This integration has provisioned that person already, as {id}. Change the existing \
             user instead of creating another; userName is compared without regard to case."
        ),
    )
    .about(Thing::User, id)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::rules::examples::{ENTRA, OKTA, integration, person, resource};

    fn read(user: &User) -> Result<Resource, Refusal> {
        let restored = scim::Schemas::standard().user().restore(&user.document);
        restored.map_err(|error| Refusal::new(Reason::Unspecified, error.detail))
    }

    fn post(author: &Author, user_name: &str, met: &Met) -> Result<Admission, Reason> {
        let policy =
            Policy { verified_domains: ["acme.com".to_owned()].into(), ..Policy::default() };
        create(&policy, author, &resource(user_name), Some("x1"), met, read).map_err(|no| no.reason)
    }

    fn entra() -> Author {
        Author::Integration(integration(ENTRA))
    }

    #[test]
    fn who_is_not_there_is_made_and_bound() {
        let Ok(Admission::Create(draft)) = post(&entra(), "ada@acme.com", &Met::default()) else {
            panic!("a creation was expected");
        };
        let binding = draft.binding.unwrap();
        assert_eq!(binding.integration_id, integration(ENTRA));
        assert_eq!(binding.external_id.as_deref(), Some("x1"));
        assert_eq!(draft.login_email.unwrap().key, "ada@acme.com");
    }

    #[test]
    fn an_unbound_person_is_adopted_and_signs_in_as_before() {
        let here = person(7, "ada@acme.com", None);
        let met = Met { by_user_name: Some(here.clone()), ..Met::default() };
        let Ok(Admission::Adopt(id, draft)) = post(&entra(), "lovelace@acme.com", &met) else {
            panic!("an adoption was expected");
        };
        assert_eq!((id, draft.login_email), (here.id, here.login_email));
    }

    #[test]
    fn adoption_lets_no_leaver_back_in_who_is_not_said_to_be_active() {
        let document = r#"{"userName":"ada@acme.com","active":false}"#.to_owned();
        let gone = User { document, active: false, ..person(7, "ada@acme.com", None) };
        let met = Met { by_user_name: Some(gone), ..Met::default() };
        let Ok(Admission::Adopt(_, draft)) = post(&entra(), "ada@acme.com", &met) else {
            panic!("an adoption was expected");
        };
        assert!(!draft.resource.is_active());
    }

    #[test]
    fn an_adopted_person_without_a_login_email_gains_one() {
        let here = User { login_email: None, ..person(7, "4711", None) };
        let met = Met { by_user_name: Some(here), ..Met::default() };
        let Ok(Admission::Adopt(_, draft)) = post(&entra(), "ada@acme.com", &met) else {
            panic!("an adoption was expected");
        };
        assert_eq!(draft.login_email.unwrap().key, "ada@acme.com");
    }

    #[test]
    fn who_is_bound_is_not_made_again() {
        let own =
            Met { by_user_name: Some(person(7, "a@acme.com", Some(ENTRA))), ..Met::default() };
        assert_eq!(post(&entra(), "a@acme.com", &own), Err(Reason::AlreadyProvisioned));
        let other =
            Met { by_login_email: Some(person(7, "a@acme.com", Some(OKTA))), ..Met::default() };
        assert_eq!(post(&entra(), "a@acme.com", &other), Err(Reason::BoundElsewhere));
    }

    #[test]
    fn names_of_two_people_are_a_conflict() {
        let met = Met {
            by_user_name: Some(person(7, "4711", None)),
            by_login_email: Some(person(8, "ada@acme.com", None)),
            resembling: None,
        };
        assert_eq!(post(&entra(), "ada@acme.com", &met), Err(Reason::IdentityConflict));
    }

    #[test]
    fn a_service_adopts_nobody() {
        let service = Author::Service("billing".into());
        let named = Met { by_user_name: Some(person(7, "a@acme.com", None)), ..Met::default() };
        assert_eq!(post(&service, "a@acme.com", &named), Err(Reason::UserNameTaken));
        let mailed = Met { by_login_email: Some(person(7, "a@acme.com", None)), ..Met::default() };
        assert_eq!(post(&service, "b@acme.com", &mailed), Err(Reason::LoginEmailTaken));
    }

    #[test]
    fn a_removed_person_is_a_predecessor_and_no_more() {
        let gone = UserId::new(Uuid::from_u128(9));
        let met = Met { resembling: Some(gone), ..Met::default() };
        let Ok(Admission::Create(draft)) = post(&entra(), "ada@acme.com", &met) else {
            panic!("a creation was expected");
        };
        assert_eq!(draft.predecessor, Some(gone));
    }
}
