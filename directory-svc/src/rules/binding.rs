//! Which integration manages a person.

use directory_api::v1::Reason;

use crate::refusal::{Refusal, Thing};
use crate::store::{Author, Binding, User};

/// Refuses a write of `author` to a person whom another integration manages; answers the binding
/// that the person has after the write.
///
/// # Errors
/// `BOUND_ELSEWHERE`, naming the integration.
pub(crate) fn binding_after(
    author: &Author,
    person: &User,
    external_id: Option<String>,
) -> Result<Option<Binding>, Refusal> {
    match (author.integration(), &person.binding) {
        (None, standing) => Ok(standing.clone()),
        (Some(integration), Some(living)) if living.integration_id != integration => {
            Err(bound_elsewhere(person))
        }
        (Some(integration_id), _) => Ok(Some(Binding { integration_id, external_id })),
    }
}

/// Another integration manages the person.
#[must_use]
pub(crate) fn bound_elsewhere(person: &User) -> Refusal {
    let integration = person.binding.as_ref().map(|binding| binding.integration_id);
    Refusal::new(
        Reason::BoundElsewhere,
        format!(
            "The person {} is managed by another integration of this workspace ({}). Change them \
             there, or disable that integration first; the people stay.",
            person.id,
            integration.map(|id| id.to_string()).unwrap_or_default()
        ),
    )
    .about(Thing::User, person.id)
    .owned_by(integration)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::IntegrationId;
    use crate::rules::examples::{ENTRA, OKTA, integration, person};

    fn bound_to(number: Option<u128>) -> User {
        person(7, "ada@acme.com", number)
    }

    fn after(author: &Author, person: &User) -> Result<Option<IntegrationId>, Reason> {
        let binding = binding_after(author, person, Some("x".into())).map_err(|no| no.reason)?;
        Ok(binding.map(|binding| binding.integration_id))
    }

    #[test]
    fn the_first_write_of_an_integration_binds() {
        let entra = Author::Integration(integration(ENTRA));
        assert_eq!(after(&entra, &bound_to(None)), Ok(Some(integration(ENTRA))));
        assert_eq!(after(&entra, &bound_to(Some(ENTRA))), Ok(Some(integration(ENTRA))));
    }

    #[test]
    fn a_write_of_another_integration_is_refused() {
        let entra = Author::Integration(integration(ENTRA));
        assert_eq!(after(&entra, &bound_to(Some(OKTA))), Err(Reason::BoundElsewhere));
    }

    #[test]
    fn a_service_binds_nobody_and_lets_go_of_nobody() {
        let service = Author::Service("billing".into());
        assert_eq!(after(&service, &bound_to(None)), Ok(None));
        assert_eq!(after(&service, &bound_to(Some(OKTA))), Ok(Some(integration(OKTA))));
    }
}
