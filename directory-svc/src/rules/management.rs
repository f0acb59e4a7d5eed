//! What of a person or a group is the identity provider's to say, and so nobody else's.
//!
//! An identity provider has the word on the attributes that it has sent of a person while its integration
//! manages them; the others are for services to write. Whoever repeats what stands changes nothing and is let
//! through. A group is its integration's as a whole. All of it ends with the binding.

use std::collections::BTreeSet;

use directory_api::v1::Reason;
use scim::Resource;

use crate::ids::{IntegrationId, MemberId};
use crate::refusal::{Refusal, Thing};
use crate::store::{Author, Group, Provided, User};

/// The names that a write says something of: attributes, and URNs of extensions.
pub(crate) type Named = BTreeSet<String>;

/// Refuses a write of a service to what the identity provider of a person has sent.
///
/// # Errors
/// `MANAGED_BY_IDP`, naming the integration and the attributes.
pub(crate) fn check(
    author: &Author,
    person: &User,
    current: &Resource,
    wanted: &Resource,
) -> Result<(), Refusal> {
    let (None, Some(binding)) = (author.integration(), &person.binding) else { return Ok(()) };
    let changed = wanted.changed_attributes(current);
    let theirs: Vec<_> = changed.into_iter().filter(|name| person.provided.has(name)).collect();
    if theirs.is_empty() {
        return Ok(());
    }
    let what = format!("changes {} of the person {}", theirs.join(", "), person.id);
    Err(managed(&what, Thing::User, person.id.into(), binding.integration_id))
}

/// Refuses the removal of a person whom an identity provider manages. An operator may, as the last resort.
///
/// # Errors
/// `MANAGED_BY_IDP`, naming the integration.
pub(crate) fn check_removal(
    author: &Author,
    is_operator: bool,
    person: &User,
) -> Result<(), Refusal> {
    match (author.integration(), &person.binding) {
        (None, Some(binding)) if !is_operator => {
            let what = format!("removes the person {}", person.id);
            Err(managed(&what, Thing::User, person.id.into(), binding.integration_id))
        }
        _ => Ok(()),
    }
}

/// Refuses a write of a service that `does` something to an integration's group.
///
/// # Errors
/// `MANAGED_BY_IDP`, naming the integration.
pub(crate) fn check_group(author: &Author, group: &Group, does: &str) -> Result<(), Refusal> {
    match (author.integration(), &group.binding) {
        (None, Some(binding)) if !group.is_released => {
            let what = format!("{does} the group {}", group.id);
            Err(managed(&what, Thing::Group, group.id.into(), binding.integration_id))
        }
        _ => Ok(()),
    }
}

/// What the integration of a person has said something of, once `author` has written these.
#[must_use]
pub(crate) fn provided(author: &Author, person: Option<&User>, named: &Named) -> Provided {
    let standing = person.map(|person| &person.provided);
    match author.integration() {
        Some(_) => standing.unwrap_or(&Provided::default()).and(named),
        None => standing.cloned().unwrap_or_default(),
    }
}

fn managed(what: &str, kind: Thing, id: MemberId, integration: IntegrationId) -> Refusal {
    Refusal::new(
        Reason::ManagedByIdp,
        format!(
            "This {what}, which is for the identity provider of the integration {integration} to say. Change \
             it there, leave it out, or disable that integration; the people and groups stay."
        ),
    )
    .about(kind, id)
    .owned_by(Some(integration))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::examples::{ENTRA, integration, person};

    fn read(json: &str) -> Resource {
        scim::Schemas::standard().user().read(json).unwrap()
    }

    fn named(names: &[&str]) -> Named {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn service() -> Author {
        Author::Service("billing".into())
    }

    fn entra() -> Author {
        Author::Integration(integration(ENTRA))
    }

    /// Ada, of whom Entra ID has sent these.
    fn ada(provided: &[&str]) -> User {
        let provided = Provided::default().and(&named(provided));
        User { provided, ..person(7, "ada@acme.com", Some(ENTRA)) }
    }

    const STANDING: &str =
        r#"{"userName":"ada@acme.com","displayName":"Ada","title":"Countess","active":true}"#;

    /// Seen to fail with the author or the names left out of the question.
    #[test]
    fn what_the_identity_provider_has_sent_is_its_own() {
        let ada = ada(&["userName", "displayName", "active", "nickName"]);
        let no = |author: &Author, person: &User, wanted: &str| {
            check(author, person, &read(STANDING), &read(wanted)).err()
        };
        let refused = |wanted| no(&service(), &ada, wanted).map(|no| no.reason);
        for (wanted, is_refused) in [
            (STANDING, false),
            (
                r#"{"userName":"ada@acme.com","displayName":"Ada","title":"Dr","active":true}"#,
                false,
            ),
            (r#"{"userName":"ada@acme.com","displayName":"Ada","active":true}"#, false),
            (
                r#"{"userName":"ada@acme.com","displayName":"A.","title":"Countess","active":true}"#,
                true,
            ),
            (r#"{"userName":"ada@acme.com","title":"Countess","active":true}"#, true),
            (r#"{"userName":"ada@acme.com","displayName":"Ada","active":false}"#, true),
            (
                r#"{"userName":"ada@acme.com","displayName":"Ada","nickName":"A","active":true}"#,
                true,
            ),
        ] {
            assert_eq!(refused(wanted), is_refused.then_some(Reason::ManagedByIdp), "{wanted}");
        }
        let other = r#"{"userName":"lovelace@acme.com"}"#;
        assert_eq!(no(&entra(), &ada, other), None);
        let detail = no(&service(), &ada, other).unwrap().detail;
        for told in ["active, displayName, userName", &integration(ENTRA).to_string()] {
            assert!(detail.contains(told), "{detail}");
        }
        assert!(!detail.contains("title"), "{detail}");
        let unbound = User { binding: None, ..ada.clone() };
        assert_eq!(no(&service(), &unbound, other), None);
    }

    #[test]
    fn what_has_been_sent_once_stays_so() {
        let ada = ada(&["userName"]);
        let sent = provided(&entra(), Some(&ada), &named(&["active"]));
        assert_eq!(sent.names().collect::<Vec<_>>(), ["active", "userName"]);
        assert_eq!(provided(&service(), Some(&ada), &named(&["active"])), ada.provided);
        assert_eq!(provided(&service(), None, &named(&["active"])), Provided::default());
        assert!(provided(&entra(), None, &named(&["active"])).has("active"));
    }

    #[test]
    fn the_identity_provider_removes_whom_it_manages_and_an_operator_as_the_last_resort() {
        let bound = ada(&[]);
        let refused = |author: &Author, is_operator, person: &User| {
            check_removal(author, is_operator, person).is_err()
        };
        assert!(refused(&service(), false, &bound));
        assert!(!refused(&service(), true, &bound));
        assert!(!refused(&entra(), false, &bound));
        assert!(!refused(&service(), false, &User { binding: None, ..bound }));
    }
}
