//! The feed of changes, and the end of what is kept for a time.

use rusqlite::{Connection, Params, Row, params};

use super::statement::{all, one, run};
use crate::clock::Micros;
use crate::ids::{IntegrationId, WorkspaceId};
use crate::store::feed::CHANGES_BYTES;
use crate::store::{Answer, Author, Change, Fed, FeedMark, OperationId, Revision};

/// What a record holds, in the order in which it is read.
const COLUMNS: &str = "revision, operation_id, author_integration, author_service, at, kind, subject, \
                       before, detail";

pub(super) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Revision,
    limit: u32,
) -> Answer<Vec<Change>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM change WHERE workspace_id = ?1 AND revision > ?2 \
         ORDER BY revision LIMIT ?3"
    );
    page(connection, &sql, params![workspace, after, limit], read, |change| change)
}

pub(super) fn earliest(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Answer<Option<Revision>> {
    one(
        connection,
        "SELECT revision FROM change WHERE workspace_id = ?1 AND revision > 0 \
         ORDER BY revision LIMIT 1",
        [workspace],
        |row| row.get(0),
    )
}

/// The position up to which everything is cleared.
pub(super) fn feed_begin(connection: &Connection) -> Answer<FeedMark> {
    let cleared = one(connection, "SELECT cleared FROM feed WHERE id = 1", [], |row| row.get(0))?;
    Ok(mark(cleared.unwrap_or_default()))
}

/// The last position given out.
pub(super) fn feed_end(connection: &Connection) -> Answer<FeedMark> {
    Ok(mark(last_position(connection)?))
}

pub(super) fn last_position(connection: &Connection) -> Answer<u64> {
    let sql = "SELECT max(cleared, coalesce((SELECT max(position) FROM change), 0)) FROM feed \
               WHERE id = 1";
    Ok(one(connection, sql, [], |row| row.get(0))?.unwrap_or_default())
}

/// The position of a mark; `None`: it is none that this store gave out.
pub(super) fn position(connection: &Connection, mark: &FeedMark) -> Answer<Option<u64>> {
    let position = <[u8; 8]>::try_from(mark.0.as_slice()).map(u64::from_be_bytes).ok();
    let last = last_position(connection)?;
    Ok(position.filter(|position| *position <= last))
}

/// Positions are given out in the order of commits, by the one writer.
pub(super) fn feed(
    connection: &Connection,
    after: &FeedMark,
    limit: u32,
) -> Answer<Option<Vec<Fed>>> {
    let feed_begin = feed_begin(connection)?;
    let position = position(connection, after)?;
    let Some(position) = position.filter(|_| feed_begin.0 <= after.0) else { return Ok(None) };
    let sql = format!(
        "SELECT {COLUMNS}, position, workspace_id FROM change WHERE position > ?1 \
         ORDER BY position LIMIT ?2"
    );
    let read = |row: &Row<'_>| {
        let (mark, workspace_id) = (mark(row.get(9)?), row.get(10)?);
        Ok(Fed { mark, workspace_id, change: read(row)? })
    };
    page(connection, &sql, params![position, limit], read, |fed| &fed.change).map(Some)
}

/// Clears from the beginning of the feed, so that each workspace keeps its changes without a gap.
pub(super) fn clear(connection: &Connection, before: Micros, limit: u32) -> Answer<u64> {
    let earliest = all(
        connection,
        "SELECT position, at FROM change ORDER BY position LIMIT ?1",
        [limit],
        |row| Ok((row.get::<_, u64>(0)?, row.get::<_, Micros>(1)?)),
    )?;
    let old = earliest.into_iter().take_while(|(_, at)| *at < before);
    let Some((position, _)) = old.last() else { return Ok(0) };
    run(connection, "UPDATE feed SET cleared = ?1 WHERE id = 1", [position])?;
    let sql = "DELETE FROM change WHERE position <= ?1";
    Ok(run(connection, sql, [position])? as u64)
}

/// Moves the feed, its changes and what was acknowledged of them, so that no mark stays good that any store
/// gave out before `now`: what comes in then may be older than what lies behind such a mark, and a mark of the
/// store that it comes from is none of this one. Positions begin at the time in microseconds, as no store gives
/// out a million in a second.
pub(super) fn begin_anew(connection: &Connection, now: Micros) -> Answer<()> {
    let cleared = one(connection, "SELECT cleared FROM feed WHERE id = 1", [], |row| row.get(0))?;
    let cleared: u64 = cleared.unwrap_or_default();
    let begin = u64::try_from(now).unwrap_or(0).max(last_position(connection)? + 1);
    let on = begin - cleared;
    // What is kept of the feed is shorter than that, so no change takes the place of another.
    run(connection, "UPDATE change SET position = position + ?1", [on])?;
    run(connection, "UPDATE consumer SET position = position + ?1", [on])?;
    // Acknowledgements lie further back; below zero there are none.
    run(connection, "UPDATE receipt SET position = -(position + ?1)", [on])?;
    run(connection, "UPDATE receipt SET position = -position", [])?;
    run(connection, "UPDATE feed SET cleared = ?1 WHERE id = 1", [begin])?;
    Ok(())
}

/// A mark of this engine: the position, comparable as bytes.
fn mark(position: u64) -> FeedMark {
    FeedMark(position.to_be_bytes().to_vec())
}

/// The rows of a page, as many as its room lets in.
fn page<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    change: impl Fn(&T) -> &Change,
) -> Answer<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let (mut page, mut bytes) = (Vec::new(), 0);
    while bytes < CHANGES_BYTES
        && let Some(row) = rows.next()?
    {
        let next = read(row)?;
        let Change { detail, before, .. } = change(&next);
        bytes += detail.len() + before.as_ref().map_or(0, String::len);
        page.push(next);
    }
    Ok(page)
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
