//! Acknowledgements of the feed, by place. Before each, the changes that are committed have one.

use uuid::Uuid;

use super::PostgresStore;
use super::connection::Connection;
use super::feed;
use super::group::Group;
use super::readers::state;
use super::statement::{Row, all, one, params, run};
use super::workspaces;
use crate::clock::Micros;
use crate::ids::{UserId, WorkspaceId};
use crate::store::{Acknowledged, Answer, Consumer, Done, Ending, ReceiptStore, Standing};

/// In the place of the workspace of a consumer who follows all.
const ALL: WorkspaceId = WorkspaceId::new(Uuid::nil());

impl ReceiptStore for PostgresStore {
    async fn acknowledge(
        &self,
        consumer: Consumer,
        done: Done,
        at: Micros,
        most: u32,
    ) -> Answer<Acknowledged> {
        self.number().await?;
        let keep = async move |group: &Group| {
            acknowledge(group.connection()?, &consumer, &done, at, most).await
        };
        self.0.writer.run(None, keep).await
    }

    async fn forget_consumer(&self, consumer: Consumer) -> Answer<bool> {
        let forget = async move |group: &Group| forget(group.connection()?, &consumer).await;
        self.0.writer.run(None, forget).await
    }

    async fn consumers(&self) -> Answer<Vec<Standing>> {
        self.number().await?;
        state!(self.0, |connection| consumers(connection))
    }

    async fn ending(&self, workspace: WorkspaceId, of: UserId) -> Answer<Option<Ending>> {
        state!(self.0, |connection| ending(connection, workspace, of))
    }

    async fn clear_receipts(&self, before: Micros) -> Answer<u64> {
        let clear = async move |group: &Group| clear(group.connection()?, before).await;
        self.0.writer.run(None, clear).await
    }
}

async fn acknowledge(
    connection: &Connection,
    consumer: &Consumer,
    done: &Done,
    at: Micros,
    most: u32,
) -> Answer<Acknowledged> {
    let Some(position) = position(connection, consumer.workspace, done).await? else {
        return Ok(Acknowledged::Unknown);
    };
    let (workspace, Consumer { caller, name, .. }) = (consumer.workspace.unwrap_or(ALL), consumer);
    let before = one(
        connection,
        "SELECT position FROM consumer WHERE workspace_id = $1 AND caller = $2 AND name = $3",
        params![workspace, caller, name],
        |row| row.get::<u64>(0),
    )
    .await?;
    if before.is_none() {
        // Of several processes one counts at a time.
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))";
        one(connection, lock, params![caller], |_| Ok(())).await?;
        let others = "SELECT count(*) FROM consumer WHERE caller = $1";
        let others = one(connection, others, params![caller], |row| row.get::<u32>(0)).await?;
        if others.unwrap_or_default() >= most {
            return Ok(Acknowledged::TooMany);
        }
    }
    run(
        connection,
        "INSERT INTO consumer (workspace_id, caller, name, position, seen_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, caller, name) DO UPDATE SET \
         position = greatest(consumer.position, excluded.position), \
         seen_at = greatest(consumer.seen_at, excluded.seen_at)",
        params![workspace, caller, name, position, at],
    )
    .await?;
    let is_news = match before {
        None => true,
        Some(before) => has_ended(connection, consumer.workspace, before, position).await?,
    };
    if is_news {
        run(
            connection,
            "INSERT INTO receipt (workspace_id, caller, name, position, at) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            params![workspace, caller, name, position, at],
        )
        .await?;
    }
    Ok(Acknowledged::Kept)
}

/// The place of what a consumer has done; `None`: it is behind all there is.
async fn position(
    connection: &Connection,
    workspace: Option<WorkspaceId>,
    done: &Done,
) -> Answer<Option<u64>> {
    match (workspace, done) {
        (None, Done::All(mark)) => feed::position(connection, mark).await,
        (Some(workspace), Done::One(revision)) => {
            let card = workspaces::card(connection, workspace).await?;
            if card.is_none_or(|card| card.revision < *revision) {
                return Ok(None);
            }
            // A change that is cleared lies before all that is kept.
            let sql = "SELECT coalesce((SELECT position FROM change \
                       WHERE workspace_id = $1 AND revision = $2), cleared) FROM feed WHERE id = 1";
            one(connection, sql, params![workspace, revision], |row| row.get(0)).await
        }
        _ => Ok(None),
    }
}

/// Whether somebody's access has ended behind the one place and up to the other.
async fn has_ended(
    connection: &Connection,
    workspace: Option<WorkspaceId>,
    after: u64,
    until: u64,
) -> Answer<bool> {
    let found = if let Some(workspace) = workspace {
        let sql = "SELECT 1 FROM change WHERE ended IS NOT NULL AND workspace_id = $1 \
                   AND position > $2 AND position <= $3 LIMIT 1";
        one(connection, sql, params![workspace, after, until], |_| Ok(())).await
    } else {
        let sql = "SELECT 1 FROM change WHERE ended IS NOT NULL AND position > $1 \
                   AND position <= $2 LIMIT 1";
        one(connection, sql, params![after, until], |_| Ok(())).await
    };
    Ok(found?.is_some())
}

async fn forget(connection: &Connection, consumer: &Consumer) -> Answer<bool> {
    let (workspace, Consumer { caller, name, .. }) = (consumer.workspace.unwrap_or(ALL), consumer);
    run(
        connection,
        "DELETE FROM receipt WHERE workspace_id = $1 AND caller = $2 AND name = $3",
        params![workspace, caller, name],
    )
    .await?;
    let sql = "DELETE FROM consumer WHERE workspace_id = $1 AND caller = $2 AND name = $3";
    Ok(run(connection, sql, params![workspace, caller, name]).await? > 0)
}

async fn consumers(connection: &Connection) -> Answer<Vec<Standing>> {
    all(
        connection,
        "SELECT workspace_id, caller, name, seen_at, CASE workspace_id WHEN $1 THEN \
         (SELECT e.at FROM change e WHERE e.ended IS NOT NULL AND e.position > c.position \
         ORDER BY e.position LIMIT 1) ELSE \
         (SELECT e.at FROM change e WHERE e.ended IS NOT NULL AND e.workspace_id = c.workspace_id \
         AND e.position > c.position ORDER BY e.position LIMIT 1) END \
         FROM consumer c ORDER BY workspace_id, caller, name",
        params![ALL],
        |row| {
            Ok(Standing { consumer: read(row)?, seen_at: row.get(3)?, waiting_since: row.get(4)? })
        },
    )
    .await
}

/// One that has no place yet nobody has acknowledged.
async fn ending(
    connection: &Connection,
    workspace: WorkspaceId,
    of: UserId,
) -> Answer<Option<Ending>> {
    let last = one(
        connection,
        "SELECT revision, at, position FROM change \
         WHERE workspace_id = $1 AND ended = $2 ORDER BY revision DESC LIMIT 1",
        params![workspace, of],
        |row| Ok((row.get(0)?, row.get(1)?, row.get::<Option<u64>>(2)?)),
    )
    .await?;
    let Some((revision, at, position)) = last else { return Ok(None) };
    let receipts = all(
        connection,
        "SELECT workspace_id, caller, name, (SELECT r.at FROM receipt r \
         WHERE r.workspace_id = c.workspace_id AND r.caller = c.caller AND r.name = c.name \
         AND r.position >= $3 ORDER BY r.position LIMIT 1) \
         FROM consumer c WHERE workspace_id IN ($1, $2) ORDER BY workspace_id, caller, name",
        params![ALL, workspace, position],
        |row| Ok((read(row)?, row.get(3)?)),
    )
    .await?;
    Ok(Some(Ending { revision, at, receipts }))
}

async fn clear(connection: &Connection, before: Micros) -> Answer<u64> {
    let consumers =
        run(connection, "DELETE FROM consumer WHERE seen_at < $1", params![before]).await?;
    let receipts = run(
        connection,
        "DELETE FROM receipt WHERE at < $1 AND (position < (SELECT cleared FROM feed WHERE id = 1) \
         OR NOT EXISTS (SELECT 1 FROM consumer c WHERE c.workspace_id = receipt.workspace_id \
         AND c.caller = receipt.caller AND c.name = receipt.name))",
        params![before],
    )
    .await?;
    Ok(consumers + receipts)
}

fn read(row: &Row) -> Answer<Consumer> {
    let workspace = Some(row.get(0)?).filter(|&workspace| workspace != ALL);
    Ok(Consumer { workspace, caller: row.get(1)?, name: row.get(2)? })
}
