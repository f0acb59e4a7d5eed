//! Acknowledgements of the feed, by position.

use rusqlite::{Connection, Row, params};

use super::changes;
use super::statement::{all, one, run};
use super::workspaces;
use crate::clock::Micros;
use crate::ids::{UserId, WorkspaceId};
use crate::store::{Acknowledged, Answer, Consumer, Done, Ending, Standing};

/// The key of a consumer; of one who follows all workspaces the first part is empty.
fn key(consumer: &Consumer) -> (Vec<u8>, &str, &str) {
    let workspace = consumer.workspace.map(|id| id.uuid().into_bytes().to_vec());
    (workspace.unwrap_or_default(), &consumer.caller, &consumer.name)
}

pub(super) fn acknowledge(
    connection: &Connection,
    consumer: &Consumer,
    done: &Done,
    at: Micros,
    most: u32,
) -> Answer<Acknowledged> {
    let Some(position) = position(connection, consumer.workspace, done)? else {
        return Ok(Acknowledged::Unknown);
    };
    let (workspace, caller, name) = key(consumer);
    let before = one(
        connection,
        "SELECT position FROM consumer WHERE workspace_id = ?1 AND caller = ?2 AND name = ?3",
        params![workspace, caller, name],
        |row| row.get::<_, u64>(0),
    )?;
    if before.is_none() {
        let sql = "SELECT count(*) FROM consumer WHERE caller = ?1";
        let others = one(connection, sql, [caller], |row| row.get::<_, u32>(0))?;
        if others.unwrap_or_default() >= most {
            return Ok(Acknowledged::TooMany);
        }
    }
    run(
        connection,
        "INSERT INTO consumer (workspace_id, caller, name, position, seen_at) \
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (workspace_id, caller, name) DO UPDATE SET \
         position = max(position, excluded.position), seen_at = max(seen_at, excluded.seen_at)",
        params![workspace, caller, name, position, at],
    )?;
    let is_news = match before {
        None => true,
        Some(before) => has_ended(connection, consumer.workspace, before, position)?,
    };
    if is_news {
        run(
            connection,
            "INSERT OR IGNORE INTO receipt (workspace_id, caller, name, position, at) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![workspace, caller, name, position, at],
        )?;
    }
    Ok(Acknowledged::Kept)
}

/// The position of what a consumer has done; `None`: it is behind all there is.
fn position(
    connection: &Connection,
    workspace: Option<WorkspaceId>,
    done: &Done,
) -> Answer<Option<u64>> {
    match (workspace, done) {
        (None, Done::All(mark)) => changes::position(connection, mark),
        (Some(workspace), Done::One(revision)) => {
            let card = workspaces::card(connection, workspace)?;
            if card.is_none_or(|card| card.revision < *revision) {
                return Ok(None);
            }
            // A change that is cleared lies before all that is kept.
            let sql = "SELECT coalesce((SELECT position FROM change \
                       WHERE workspace_id = ?1 AND revision = ?2), cleared) FROM feed WHERE id = 1";
            one(connection, sql, params![workspace, revision], |row| row.get(0))
        }
        _ => Ok(None),
    }
}

/// Whether somebody's access has ended behind the one position and up to the other.
fn has_ended(
    connection: &Connection,
    workspace: Option<WorkspaceId>,
    after: u64,
    until: u64,
) -> Answer<bool> {
    let found = match workspace {
        Some(workspace) => one(
            connection,
            "SELECT 1 FROM change INDEXED BY change_ended WHERE ended IS NOT NULL AND workspace_id = ?1 AND position > ?2 \
             AND position <= ?3 LIMIT 1",
            params![workspace, after, until],
            |_| Ok(()),
        ),
        None => one(
            connection,
            "SELECT 1 FROM change INDEXED BY change_ended_all WHERE ended IS NOT NULL \
             AND position > ?1 AND position <= ?2 LIMIT 1",
            params![after, until],
            |_| Ok(()),
        ),
    };
    Ok(found?.is_some())
}

pub(super) fn forget(connection: &Connection, consumer: &Consumer) -> Answer<bool> {
    let (workspace, caller, name) = key(consumer);
    run(
        connection,
        "DELETE FROM receipt WHERE workspace_id = ?1 AND caller = ?2 AND name = ?3",
        params![workspace, caller, name],
    )?;
    let sql = "DELETE FROM consumer WHERE workspace_id = ?1 AND caller = ?2 AND name = ?3";
    Ok(run(connection, sql, params![workspace, caller, name])? > 0)
}

pub(super) fn consumers(connection: &Connection) -> Answer<Vec<Standing>> {
    all(
        connection,
        "SELECT workspace_id, caller, name, seen_at, CASE workspace_id WHEN x'' THEN \
         (SELECT e.at FROM change e INDEXED BY change_ended_all WHERE e.ended IS NOT NULL \
         AND e.position > c.position \
         ORDER BY e.position LIMIT 1) ELSE \
         (SELECT e.at FROM change e INDEXED BY change_ended WHERE e.ended IS NOT NULL \
         AND e.workspace_id = c.workspace_id \
         AND e.position > c.position ORDER BY e.position LIMIT 1) END \
         FROM consumer c ORDER BY workspace_id, caller, name",
        [],
        |row| {
            Ok(Standing { consumer: read(row)?, seen_at: row.get(3)?, waiting_since: row.get(4)? })
        },
    )
}

pub(super) fn ending(
    connection: &Connection,
    workspace: WorkspaceId,
    of: UserId,
) -> Answer<Option<Ending>> {
    let last = one(
        connection,
        "SELECT revision, at, position FROM change \
         WHERE workspace_id = ?1 AND ended = ?2 ORDER BY position DESC LIMIT 1",
        params![workspace, of],
        |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, u64>(2)?)),
    )?;
    let Some((revision, at, position)) = last else { return Ok(None) };
    let receipts = all(
        connection,
        "SELECT workspace_id, caller, name, (SELECT r.at FROM receipt r \
         WHERE r.workspace_id = c.workspace_id AND r.caller = c.caller AND r.name = c.name \
         AND r.position >= ?2 ORDER BY r.position LIMIT 1) \
         FROM consumer c WHERE workspace_id IN (x'', ?1) ORDER BY workspace_id, caller, name",
        params![workspace, position],
        |row| Ok((read(row)?, row.get(3)?)),
    )?;
    Ok(Some(Ending { revision, at, receipts }))
}

pub(super) fn clear(connection: &Connection, before: Micros) -> Answer<u64> {
    let consumers = run(connection, "DELETE FROM consumer WHERE seen_at < ?1", [before])?;
    let receipts = run(
        connection,
        "DELETE FROM receipt WHERE at < ?1 AND (position < (SELECT cleared FROM feed WHERE id = 1) \
         OR NOT EXISTS (SELECT 1 FROM consumer c WHERE c.workspace_id = receipt.workspace_id \
         AND c.caller = receipt.caller AND c.name = receipt.name))",
        [before],
    )?;
    Ok((consumers + receipts) as u64)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Consumer> {
    let workspace = match row.get_ref(0)?.as_blob()? {
        [] => None,
        _ => Some(row.get(0)?),
    };
    Ok(Consumer { workspace, caller: row.get(1)?, name: row.get(2)? })
}
