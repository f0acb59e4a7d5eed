//! Removing groups to tombstones, and bringing them back.

use rusqlite::{Connection, Row, params};

use super::find;
use super::members::{leave_all, rejoin};
use super::write::{Place, image, insert, standing};
use crate::clock::Micros;
use crate::ids::{GroupId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::edits::rejoin_list;
use crate::store::record::Detail;
use crate::store::sqlite::counts;
use crate::store::sqlite::failure::fault;
use crate::store::sqlite::statement::{all, one, run};
use crate::store::sqlite::writing::{Changed, Writing};
use crate::store::{Answer, ChangeKind, Group, GroupDraft, Kind, Member, Revision, Tombstone};

/// In the order of the living, then what a tombstone has besides.
const COLUMNS: &str = "d.id, d.document, d.integration_id, d.external_id, i.state = 'off', \
                       (SELECT count(*) FROM group_member m WHERE m.workspace_id = d.workspace_id \
                       AND m.group_id = d.id), d.revision, d.seq, d.created_at, d.modified_at, \
                       d.deleted_at, d.expires_at, d.member_of";
const TOMBSTONES: &str = "deleted_group d LEFT JOIN integration i ON \
                          i.workspace_id = d.workspace_id AND i.id = d.integration_id";

pub(in crate::store::sqlite) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Revision,
    limit: u32,
) -> Answer<Vec<Tombstone<Group>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TOMBSTONES} WHERE d.workspace_id = ?1 AND d.seq > ?2 \
         ORDER BY d.seq LIMIT ?3"
    );
    all(connection, &sql, params![workspace, after, limit], read)
}

pub(in crate::store::sqlite) fn remove(
    writing: &Writing<'_>,
    id: GroupId,
    expires_at: Micros,
    decide: impl Fn(Option<&Group>) -> Result<(), Refusal>,
) -> Answer<Revision> {
    let subject = id.to_string();
    if let Some(earlier) = writing.repeated(&[ChangeKind::GroupDeleted], Some(&subject))? {
        return Ok(earlier.revision);
    }
    let group = find(writing.connection, writing.workspace, id)?;
    decide(group.as_ref())?;
    let group = group.ok_or_else(|| fault("a group that is not here was to be removed"))?;
    let revision = writing.next_revision()?;
    let left = leave_all(writing, id.into(), revision)?;
    run(
        writing.connection,
        "INSERT INTO deleted_group (workspace_id, id, seq, revision, integration_id, external_id, \
         created_at, modified_at, deleted_at, expires_at, member_of, document) \
         SELECT workspace_id, id, seq, revision, integration_id, external_id, created_at, \
         modified_at, ?3, ?4, ?5, document FROM scim_group WHERE workspace_id = ?1 AND id = ?2",
        params![writing.workspace, id, writing.write.at, expires_at, rejoin_list(&left)],
    )?;
    run(
        writing.connection,
        "DELETE FROM scim_group WHERE workspace_id = ?1 AND id = ?2",
        params![writing.workspace, id],
    )?;
    counts::note(writing, Kind::Group, group.seq, -1)?;
    let changed = Changed {
        kind: ChangeKind::GroupDeleted,
        subject: &subject,
        before: Some(image(&group)?),
        detail: Detail::default().with_groups(&left),
    };
    let is_managed = group.binding.is_some() && !group.is_released;
    if is_managed && writing.write.author.integration().is_none() {
        writing.record_act(revision, "group.removed", changed, None)?;
    } else {
        writing.record(revision, changed)?;
    }
    Ok(revision)
}

pub(in crate::store::sqlite) fn restore(
    writing: &Writing<'_>,
    id: GroupId,
    decide: impl Fn(Option<&Tombstone<Group>>) -> Result<GroupDraft, Refusal>,
) -> Answer<Group> {
    let subject = id.to_string();
    if writing.repeated(&[ChangeKind::GroupRestored], Some(&subject))?.is_some() {
        return standing(writing, id);
    }
    let sql = format!("SELECT {COLUMNS} FROM {TOMBSTONES} WHERE d.workspace_id = ?1 AND d.id = ?2");
    let found = one(writing.connection, &sql, params![writing.workspace, id], |row| {
        Ok((read(row)?, row.get::<_, String>(12)?))
    })?;
    let draft = decide(found.as_ref().map(|(tombstone, _)| tombstone))?;
    let (tombstone, member_of) =
        found.ok_or_else(|| fault("a group without a tombstone was restored"))?;
    let was = tombstone.was;
    let revision = writing.next_revision()?;
    run(
        writing.connection,
        "DELETE FROM deleted_group WHERE workspace_id = ?1 AND id = ?2",
        params![writing.workspace, id],
    )?;
    let place = Place { id, seq: was.seq, created_at: was.created_at, revision };
    let group = insert(writing, place, &draft, was.member_count)?;
    let member = Member { id: id.into(), kind: Kind::Group };
    let joined = rejoin(writing, member, &member_of, revision)?;
    let changed = Changed {
        kind: ChangeKind::GroupRestored,
        subject: &subject,
        before: None,
        detail: Detail::default().with_groups(&joined),
    };
    writing.record_act(revision, "group.restored", changed, Some(image(&group)?))?;
    Ok(group)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Tombstone<Group>> {
    Ok(Tombstone { was: super::read(row)?, deleted_at: row.get(10)?, expires_at: row.get(11)? })
}
