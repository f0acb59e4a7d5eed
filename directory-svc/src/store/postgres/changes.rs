//! The changes of a workspace, and the end of what is kept for a time.

use super::connection::Connection;
use super::statement::{Row, all, one, params, run};
use crate::clock::Micros;
use crate::ids::{IntegrationId, WorkspaceId};
use crate::store::feed::CHANGES_BYTES;
use crate::store::{Answer, Author, Change, OperationId, Revision};

/// What a record holds, in the order in which it is read.
pub(super) const COLUMNS: &str = "revision, operation_id, author_integration, author_service, at, kind, \
                                  subject, before, detail";

/// How long the records of a page are that come before one of them, in order of `by`.
pub(super) fn room(by: &str) -> String {
    format!(
        "coalesce(sum(octet_length(detail) + coalesce(octet_length(before), 0)) OVER ( \
         ORDER BY {by} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS taken"
    )
}

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Revision,
    limit: u32,
) -> Answer<Vec<Change>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM (SELECT {COLUMNS}, {} FROM change \
         WHERE workspace_id = $1 AND revision > $2 ORDER BY revision LIMIT $3) page \
         WHERE taken < $4 ORDER BY revision",
        room("revision")
    );
    all(connection, &sql, params![workspace, after, limit, CHANGES_BYTES], read).await
}

pub(super) async fn earliest(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Answer<Option<Revision>> {
    let sql = "SELECT revision FROM change WHERE workspace_id = $1 ORDER BY revision LIMIT 1";
    one(connection, sql, params![workspace], |row| row.get(0)).await
}

/// Clears at most `limit` tombstones of each kind and `limit` before-images, of whatever workspaces: by time,
/// from indexes that begin with it. A removed group's members go first, as many at a time.
pub(super) async fn clear_expired(
    connection: &Connection,
    now: Micros,
    images_before: Micros,
    limit: u32,
) -> Answer<u64> {
    let tombstones = run(
        connection,
        "DELETE FROM deleted_user WHERE (workspace_id, id) IN ( \
         SELECT workspace_id, id FROM deleted_user WHERE expires_at <= $1 LIMIT $2)",
        params![now, limit],
    )
    .await?;
    let members = run(
        connection,
        "DELETE FROM group_member WHERE (workspace_id, group_id, member_id) IN ( \
         SELECT m.workspace_id, m.group_id, m.member_id FROM deleted_group d \
         JOIN group_member m ON m.workspace_id = d.workspace_id AND m.group_id = d.id \
         WHERE d.expires_at <= $1 LIMIT $2)",
        params![now, limit],
    )
    .await?;
    let groups = run(
        connection,
        "DELETE FROM deleted_group WHERE (workspace_id, id) IN ( \
         SELECT d.workspace_id, d.id FROM deleted_group d WHERE d.expires_at <= $1 \
         AND NOT EXISTS (SELECT 1 FROM group_member m WHERE m.workspace_id = d.workspace_id \
         AND m.group_id = d.id) LIMIT $2)",
        params![now, limit],
    )
    .await?;
    let images = run(
        connection,
        "UPDATE change SET before = NULL WHERE (workspace_id, revision) IN ( \
         SELECT workspace_id, revision FROM change WHERE at < $1 AND before IS NOT NULL LIMIT $2)",
        params![images_before, limit],
    )
    .await?;
    Ok([tombstones, members, groups, images].into_iter().sum())
}

pub(super) fn read(row: &Row) -> Answer<Change> {
    let author = match row.get::<Option<IntegrationId>>(2)? {
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
