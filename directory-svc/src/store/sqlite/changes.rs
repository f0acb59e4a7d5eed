//! The feed of changes, and the end of what is kept for a time.

use rusqlite::{Connection, Row, params};

use super::statement::{all, run};
use crate::clock::Micros;
use crate::ids::{IntegrationId, WorkspaceId};
use crate::store::{Answer, Author, Change, OperationId, Revision};

pub(super) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Revision,
    limit: u32,
) -> Answer<Vec<Change>> {
    all(
        connection,
        "SELECT revision, operation_id, author_integration, author_service, at, kind, subject, \
         before, detail FROM change WHERE workspace_id = ?1 AND revision > ?2 \
         ORDER BY revision LIMIT ?3",
        params![workspace, after, limit],
        read,
    )
}

/// Clears at most `limit` tombstones of each kind and `limit` before-images, of whatever workspaces: by time,
/// from indexes that begin with it (docs/decisions/0001-two-indexes-begin-without-the-workspace.md). A
/// removed group's members go first, as many at a time.
pub(super) fn clear_expired(
    connection: &Connection,
    now: Micros,
    images_before: Micros,
    limit: u32,
) -> Answer<u64> {
    let tombstones = run(
        connection,
        "DELETE FROM deleted_user WHERE rowid IN ( \
         SELECT rowid FROM deleted_user WHERE expires_at <= ?1 LIMIT ?2)",
        params![now, limit],
    )?;
    let members = run(
        connection,
        "DELETE FROM group_member WHERE (workspace_id, group_id, member_id) IN ( \
         SELECT m.workspace_id, m.group_id, m.member_id FROM deleted_group d \
         CROSS JOIN group_member m ON m.workspace_id = d.workspace_id AND m.group_id = d.id \
         WHERE d.expires_at <= ?1 LIMIT ?2)",
        params![now, limit],
    )?;
    let groups = run(
        connection,
        "DELETE FROM deleted_group WHERE rowid IN ( \
         SELECT d.rowid FROM deleted_group d WHERE d.expires_at <= ?1 AND NOT EXISTS ( \
         SELECT 1 FROM group_member m WHERE m.workspace_id = d.workspace_id \
         AND m.group_id = d.id) LIMIT ?2)",
        params![now, limit],
    )?;
    let images = run(
        connection,
        "UPDATE change SET before = NULL WHERE rowid IN ( \
         SELECT rowid FROM change WHERE at < ?1 AND before IS NOT NULL LIMIT ?2)",
        params![images_before, limit],
    )?;
    Ok([tombstones, members, groups, images].into_iter().map(|rows| rows as u64).sum())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Change> {
    let author = match row.get::<_, Option<IntegrationId>>(2)? {
        Some(integration) => Author::Integration(integration),
        None => Author::Service(row.get(3)?),
    };
    Ok(Change {
        revision: row.get(0)?,
        operation: OperationId(row.get(1)?),
        author,
        at: row.get(4)?,
        kind: row.get(5)?,
        subject: row.get(6)?,
        before: row.get(7)?,
        detail: row.get(8)?,
    })
}
