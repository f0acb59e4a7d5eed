//! Who may write a group, and what becomes of it.

use directory_api::v1::Reason;
use scim::Resource;
use scim::patch::ListEdit;

use super::{management, version};
use crate::ids::MemberId;
use crate::refusal::{Refusal, Thing, echo};
use crate::store::{Author, Binding, Group, GroupDraft, Tombstone};

/// A group made by `author`, whose it is.
#[must_use]
pub(crate) fn created(author: &Author, mut wanted: Resource) -> GroupDraft {
    let external_id = wanted.take_external_id();
    let binding =
        author.integration().map(|integration_id| Binding { integration_id, external_id });
    GroupDraft { resource: wanted, binding }
}

/// The group, which must be here and, where the caller named a version, still be of it.
///
/// # Errors
/// `GROUP_NOT_FOUND`, `REVISION_MISMATCH`.
pub(crate) fn expect<'a>(
    group: Option<&'a Group>,
    id: &str,
    version: Option<&str>,
) -> Result<&'a Group, Refusal> {
    let group = group.ok_or_else(|| not_found(id))?;
    version::check(version, group.revision).map_err(|no| no.about(Thing::Group, group.id))?;
    Ok(group)
}

/// How `group` is to be, once `wanted` (with its externalId) takes the place of what stands.
///
/// # Errors
/// `BOUND_ELSEWHERE`; `MANAGED_BY_IDP` when a service changes it or its members.
pub(crate) fn change(
    author: &Author,
    group: &Group,
    current: &Resource,
    mut wanted: Resource,
    edits: &[ListEdit],
) -> Result<GroupDraft, Refusal> {
    let external_id = wanted.take_external_id();
    let binding = binding_after(author, group, external_id)?;
    if !edits.is_empty() || wanted != *current {
        management::check_group(author, group, "changes")?;
    }
    Ok(GroupDraft { resource: wanted, binding })
}

/// Whether `author` may remove the group.
///
/// # Errors
/// `BOUND_ELSEWHERE`; `MANAGED_BY_IDP`, but for an operator, as the last resort.
pub(crate) fn remove(author: &Author, is_operator: bool, group: &Group) -> Result<(), Refusal> {
    binding_after(author, group, None)?;
    if is_operator { Ok(()) } else { management::check_group(author, group, "removes") }
}

/// How a removed group comes back: as it was, of the integration that it belonged to.
///
/// # Errors
/// `GROUP_NOT_FOUND` when there is no tombstone.
pub(crate) fn restore(
    tombstone: Option<&Tombstone<Group>>,
    id: &str,
    read: impl Fn(&Group) -> Result<Resource, Refusal>,
) -> Result<GroupDraft, Refusal> {
    let was = &tombstone.ok_or_else(|| not_kept(id))?.was;
    Ok(GroupDraft { resource: read(was)?, binding: was.binding.clone() })
}

/// A group belongs to the integration that made it. One that a service made, or whose integration is
/// off, comes under the integration that writes it first.
fn binding_after(
    author: &Author,
    group: &Group,
    external_id: Option<String>,
) -> Result<Option<Binding>, Refusal> {
    let Some(integration_id) = author.integration() else { return Ok(group.binding.clone()) };
    match &group.binding {
        Some(living) if living.integration_id != integration_id && !group.is_released => {
            Err(Refusal::new(
                Reason::BoundElsewhere,
                format!(
                    "The group {} belongs to another integration of this workspace ({}). Change it \
                     there, or disable that integration first; the group stays.",
                    group.id, living.integration_id
                ),
            )
            .about(Thing::Group, group.id)
            .owned_by(Some(living.integration_id)))
        }
        _ => Ok(Some(Binding { integration_id, external_id })),
    }
}

/// No group of this id is here: never, no longer, or elsewhere; all look alike.
#[must_use]
pub(crate) fn not_found(id: &str) -> Refusal {
    let detail = format!("Group {} not found. Look the group up by displayName.", echo(id));
    Refusal::new(Reason::GroupNotFound, detail).about(Thing::Group, id)
}

fn not_kept(id: &str) -> Refusal {
    let detail = format!(
        "No removed group {} is kept in this workspace. GroupService.ListDeletedGroups names those \
         that are.",
        echo(id)
    );
    Refusal::new(Reason::GroupNotFound, detail).about(Thing::Group, id)
}

/// Another living group of the integration has displayName and externalId.
#[must_use]
pub(crate) fn name_taken(holder: MemberId) -> Refusal {
    Refusal::new(
        Reason::GroupNameTaken,
        format!(
            "Another group of this integration ({holder}) has this displayName, compared without \
             regard to case, and the same externalId or none either. Change that group, or send the \
             identity provider's own id of the group as externalId."
        ),
    )
    .about(Thing::Group, holder)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::GroupId;
    use crate::rules::examples::{ENTRA, OKTA, integration};

    fn staff(of: Option<u128>, is_released: bool) -> Group {
        let resource =
            scim::Schemas::standard().group().read(r#"{"displayName":"Staff"}"#).unwrap();
        Group {
            id: GroupId::new(Uuid::from_u128(7)),
            document: resource.to_json(),
            binding: of.map(|of| Binding { integration_id: integration(of), external_id: None }),
            is_released,
            member_count: 0,
            revision: 1,
            seq: 1,
            created_at: 0,
            modified_at: 0,
        }
    }

    fn after(author: &Author, group: &Group) -> Result<Option<u128>, Reason> {
        let binding = binding_after(author, group, Some("x".into())).map_err(|no| no.reason)?;
        Ok(binding.map(|binding| binding.integration_id.uuid().as_u128()))
    }

    /// Seen to fail with the state of the integration left out.
    #[test]
    fn a_group_belongs_to_its_integration_while_that_is_on() {
        let okta = Author::Integration(integration(OKTA));
        assert_eq!(after(&okta, &staff(Some(OKTA), false)), Ok(Some(OKTA)));
        assert_eq!(after(&okta, &staff(Some(ENTRA), false)), Err(Reason::BoundElsewhere));
        assert_eq!(after(&okta, &staff(Some(ENTRA), true)), Ok(Some(OKTA)));
        assert_eq!(after(&okta, &staff(None, false)), Ok(Some(OKTA)));
    }

    #[test]
    fn a_service_takes_no_group_from_anybody() {
        let service = Author::Service("billing".into());
        assert_eq!(after(&service, &staff(Some(ENTRA), false)), Ok(Some(ENTRA)));
        assert_eq!(after(&service, &staff(None, false)), Ok(None));
    }

    /// Seen to fail with the members left out of the question, and with the state of the integration.
    #[test]
    fn a_service_changes_and_removes_no_group_of_an_integration() {
        let read = |json: &str| scim::Schemas::standard().group().read(json).unwrap();
        let (service, entra) =
            (Author::Service("billing".into()), Author::Integration(integration(ENTRA)));
        let (here, renamed) = (r#"{"displayName":"Staff"}"#, r#"{"displayName":"All"}"#);
        let added = [ListEdit::Add(vec!["7".to_owned()])];
        let refused = |author: &Author, group: &Group, wanted: &str, edits: &[ListEdit]| {
            change(author, group, &read(here), read(wanted), edits).err().map(|no| no.reason)
        };
        for (author, group, is_managed) in [
            (&service, staff(Some(ENTRA), false), true),
            (&service, staff(Some(ENTRA), true), false),
            (&service, staff(None, false), false),
            (&entra, staff(Some(ENTRA), false), false),
        ] {
            let expected = is_managed.then_some(Reason::ManagedByIdp);
            assert_eq!(refused(author, &group, renamed, &[]), expected);
            assert_eq!(refused(author, &group, here, &added), expected);
            assert_eq!(refused(author, &group, here, &[]), None);
            assert_eq!(remove(author, false, &group).err().map(|no| no.reason), expected);
            assert_eq!(remove(author, true, &group), Ok(()), "an operator may");
        }
    }
}
