//! Making and changing groups.

use scim::patch::ListEdit;

use super::find;
use super::members::{edit, touch};
use crate::clock::Micros;
use crate::ids::{GroupId, MemberId};
use crate::refusal::Refusal;
use crate::store::edits::Delta;
use crate::store::places::GroupKeys;
use crate::store::postgres::counts;
use crate::store::postgres::failure::{fault, is_conflict};
use crate::store::postgres::statement::{one, params, run};
use crate::store::postgres::writing::{Changed, Writing};
use crate::store::record::{Detail, image_of_group};
use crate::store::{
    Answer, Binding, ChangeKind, Group, GroupDraft, GroupWritten, Kind, Revision, StoreError,
    Unique,
};

pub(in crate::store::postgres) async fn create(
    writing: &Writing<'_>,
    id: GroupId,
    draft: &GroupDraft,
    members: &[String],
) -> Answer<GroupWritten> {
    if let Some(made) = writing.repeated(&[ChangeKind::GroupCreated], None).await? {
        let made = made.subject.parse().map_err(|_| StoreError::OperationReused)?;
        return Ok(GroupWritten { group: standing(writing, made).await?, skipped: 0 });
    }
    let revision = writing.next_revision();
    let delta = edit(writing, id, &[ListEdit::Add(members.to_vec())]).await?;
    let place = Place { id, seq: revision, created_at: writing.write.at, revision };
    let group = insert(writing, place, draft, delta.added.len() as u64).await?;
    touch(writing, &delta, revision).await?;
    let changed = Changed {
        kind: ChangeKind::GroupCreated,
        subject: &id.to_string(),
        before: None,
        detail: detail_of(&delta),
    };
    writing.record(revision, changed).await?;
    Ok(GroupWritten { group, skipped: delta.skipped })
}

pub(in crate::store::postgres) async fn change(
    writing: &Writing<'_>,
    id: GroupId,
    decide: &impl Fn(Option<&Group>) -> Result<(GroupDraft, Vec<ListEdit>), Refusal>,
) -> Answer<GroupWritten> {
    let subject = id.to_string();
    if writing.repeated(&[ChangeKind::GroupUpdated], Some(&subject)).await?.is_some() {
        return Ok(GroupWritten { group: standing(writing, id).await?, skipped: 0 });
    }
    let before = find(writing.connection, writing.workspace, id).await?;
    let (draft, edits) = decide(before.as_ref())?;
    let before = before.ok_or_else(|| fault("a group that is not here was to be changed"))?;
    let delta = edit(writing, id, &edits).await?;
    let document = draft.resource.to_json();
    let is_same = before.document == document && before.binding == draft.binding;
    if is_same && delta.is_empty() {
        return Ok(GroupWritten { group: before, skipped: delta.skipped });
    }
    let revision = writing.next_revision();
    let group = Group {
        document,
        binding: draft.binding.clone(),
        is_released: before.is_released && before.binding == draft.binding,
        member_count: before.member_count + delta.added.len() as u64 - delta.removed.len() as u64,
        revision,
        modified_at: writing.write.at,
        ..before.clone()
    };
    put(
        writing,
        "UPDATE scim_group SET seq = $3, revision = $4, integration_id = $5, external_id = $6, \
         display_name = $7, display_name_key = $8, member_count = $9, created_at = $10, \
         modified_at = $11, document = $12, search = $13::jsonb WHERE workspace_id = $1 AND id = $2",
        &group,
        &GroupKeys::of(&draft.resource),
    ).await?;
    touch(writing, &delta, revision).await?;
    let mut detail = detail_of(&delta);
    if !is_same {
        let resource = Kind::Group.resource_type().restore(&before.document);
        let resource = resource.map_err(|error| StoreError::Fault(error.into()))?;
        detail.attributes = draft.resource.changed_attributes(&resource);
        if external_id(before.binding.as_ref()) != external_id(group.binding.as_ref()) {
            detail.attributes.push("externalId".to_owned());
        }
    }
    let changed = Changed {
        kind: ChangeKind::GroupUpdated,
        subject: &subject,
        before: Some(image(&before)?),
        detail,
    };
    writing.record(revision, changed).await?;
    Ok(GroupWritten { group, skipped: delta.skipped })
}

/// The group of an earlier write, as it stands now.
pub(super) async fn standing(writing: &Writing<'_>, id: GroupId) -> Answer<Group> {
    find(writing.connection, writing.workspace, id).await?.ok_or(StoreError::OperationReused)
}

/// The group for the record of a change.
pub(super) fn image(group: &Group) -> Answer<serde_json::Value> {
    image_of_group(group).map_err(|error| StoreError::Fault(error.into()))
}

fn detail_of(delta: &Delta) -> Detail {
    Detail::of_members(&delta.added, &delta.removed)
}

fn external_id(binding: Option<&Binding>) -> Option<&String> {
    binding.and_then(|binding| binding.external_id.as_ref())
}

/// What of a group outlives removal, and the revision of this write.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) id: GroupId,
    pub(super) seq: Revision,
    pub(super) created_at: Micros,
    pub(super) revision: Revision,
}

/// Brings a group in.
pub(super) async fn insert(
    writing: &Writing<'_>,
    place: Place,
    draft: &GroupDraft,
    member_count: u64,
) -> Answer<Group> {
    let group = Group {
        id: place.id,
        document: draft.resource.to_json(),
        binding: draft.binding.clone(),
        is_released: false,
        member_count,
        revision: place.revision,
        seq: place.seq,
        created_at: place.created_at,
        modified_at: writing.write.at,
    };
    put(
        writing,
        "INSERT INTO scim_group (workspace_id, id, seq, revision, integration_id, external_id, \
         display_name, display_name_key, member_count, created_at, modified_at, document, search) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb)",
        &group,
        &GroupKeys::of(&draft.resource),
    )
    .await?;
    counts::note(writing, Kind::Group, group.seq, 1).await?;
    Ok(group)
}

/// Writes the group's row. The unique key decides; who holds the name is asked afterwards.
async fn put(writing: &Writing<'_>, sql: &str, group: &Group, keys: &GroupKeys) -> Answer<()> {
    let binding = group.binding.as_ref();
    let written = run(
        writing.connection,
        sql,
        params![
            writing.workspace,
            group.id,
            group.seq,
            group.revision,
            binding.map(|binding| binding.integration_id),
            external_id(binding),
            keys.display_name,
            keys.display_name_key,
            group.member_count,
            group.created_at,
            group.modified_at,
            group.document,
            keys.search,
        ],
    )
    .await;
    match written {
        Ok(_) => Ok(()),
        Err(error) if is_conflict(&error) => {
            writing.group.undo().await?;
            Err(taken(writing, group, keys).await?.unwrap_or_else(|| error.into()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Who holds the name of `group`; `None` when nobody else does.
async fn taken(
    writing: &Writing<'_>,
    group: &Group,
    keys: &GroupKeys,
) -> Answer<Option<StoreError>> {
    let Some(binding) = &group.binding else { return Ok(None) };
    let holder = one(
        writing.connection,
        "SELECT id FROM scim_group WHERE workspace_id = $1 AND integration_id = $2 \
         AND display_name_key = $3 AND coalesce(external_id, '') = coalesce($4, '') AND id <> $5",
        params![
            writing.workspace,
            binding.integration_id,
            keys.display_name_key,
            binding.external_id,
            group.id
        ],
        |row| row.get::<MemberId>(0),
    )
    .await?;
    Ok(holder.map(|holder| StoreError::Taken { unique: Unique::GroupName, holder }))
}
