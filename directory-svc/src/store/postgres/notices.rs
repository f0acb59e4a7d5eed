//! The outbox: letters that are owed, and who has taken them to send.

use super::connection::Connection;
use super::group::Group;
use super::statement::{Row, all, one, params, run};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::store::{Answer, EndingKey, Notice, Occasion, Outbox, Settled, StoreError, TakenNotice};

/// In the order of the index, so that the first are found without the rest. Those that another directory takes
/// at the moment are left to it.
const TAKE: &str = "WITH due AS MATERIALIZED (SELECT workspace_id, key FROM notice WHERE due_at <= $1 \
                    AND coalesce(leased_until, 0) <= $1 ORDER BY due_at LIMIT $3 \
                    FOR UPDATE SKIP LOCKED) \
                    UPDATE notice n SET attempts = n.attempts + 1, leased_until = $2 FROM due \
                    WHERE n.workspace_id = due.workspace_id AND n.key = due.key \
                    RETURNING n.workspace_id, n.key, n.recipient, n.facts, n.created_at, n.attempts";

/// Keeps notices; one whose key is there already changes nothing. Whoever sends is told once the transaction is
/// committed: taking is another one.
pub(super) async fn keep<'n>(
    group: &Group,
    workspace: WorkspaceId,
    notices: impl IntoIterator<Item = &'n Notice>,
) -> Answer<()> {
    for notice in notices {
        run(
            group.connection()?,
            "INSERT INTO notice (workspace_id, key, recipient, facts, created_at, attempts, due_at) \
             VALUES ($1, $2, $3, $4, $5, 0, $5) ON CONFLICT (workspace_id, key) DO NOTHING",
            params![
                workspace,
                notice.key,
                notice.recipient,
                serde_json::to_string(&notice.occasion).map_err(unreadable)?,
                notice.created_at,
            ],
        )
        .await?;
        group.note_notices();
    }
    Ok(())
}

pub(super) async fn take(
    connection: &Connection,
    now: Micros,
    until: Micros,
    limit: u32,
) -> Answer<Outbox> {
    let rows = all(connection, TAKE, params![now, until, limit], read).await?;
    let taken = rows.into_iter().map(taken).collect::<Answer<_>>()?;
    let waiting = one(
        connection,
        "SELECT count(*), min(greatest(due_at, leased_until)) FROM notice \
         WHERE due_at IS NOT NULL",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
    .await?;
    let (waiting, next_at) = waiting.unwrap_or_default();
    Ok(Outbox { taken, waiting, next_at })
}

pub(super) async fn settle(
    connection: &Connection,
    of: WorkspaceId,
    key: &str,
    attempts: u32,
    settled: &Settled,
) -> Answer<()> {
    let row = settled.settlement();
    run(
        connection,
        "UPDATE notice SET due_at = $4, leased_until = NULL, ended_at = $5, outcome = $6, \
         last_error = $7 \
         WHERE workspace_id = $1 AND key = $2 AND attempts = $3 AND due_at IS NOT NULL",
        params![of, key, attempts, row.due_at, row.ended_at, row.outcome, row.error],
    )
    .await?;
    Ok(())
}

/// Clears what is remembered of letters, of whatever workspaces, by time.
pub(super) async fn clear(connection: &Connection, before: Micros, limit: u32) -> Answer<u64> {
    let cleared = run(
        connection,
        "DELETE FROM notice WHERE (workspace_id, key) IN ( \
         SELECT workspace_id, key FROM notice WHERE ended_at < $1 LIMIT $2)",
        params![before, limit],
    )
    .await?;
    Ok(cleared)
}

/// Every workspace is asked by its own index, so that no index runs across them.
pub(super) async fn ending_keys(
    connection: &Connection,
    now: Micros,
    until: Micros,
    after: Option<(WorkspaceId, Micros, ApiKeyId)>,
    limit: u32,
) -> Answer<Vec<EndingKey>> {
    let (workspace, end, id) = match after {
        Some((workspace, end, id)) => (Some(workspace), Some(end), Some(id)),
        None => (None, None, None),
    };
    let sql = format!(
        "SELECT {}, w.id, w.contact_email, coalesce(i.display_name, '') \
         FROM workspace w JOIN api_key k ON k.workspace_id = w.id AND k.revoked_at IS NULL \
         AND k.expires_at > $1 AND k.expires_at <= $2 \
         LEFT JOIN integration i ON i.workspace_id = k.workspace_id AND i.id = k.integration_id \
         WHERE ($3 IS NULL OR w.id >= $3) \
         AND ($3 IS NULL OR (w.id, k.expires_at, k.id) > ($3, $4, $5)) \
         ORDER BY w.id, k.expires_at, k.id LIMIT $6",
        super::keys::COLUMNS
    );
    all(connection, &sql, params![now, until, workspace, end, id, limit], |row| {
        let key = super::keys::read(row)?;
        let at = super::keys::COLUMN_COUNT;
        Ok(EndingKey {
            workspace_id: row.get(at)?,
            contact_email: row.get(at + 1)?,
            integration: row.get(at + 2)?,
            expires_at: key.expires_at.unwrap_or(Micros::MAX),
            key,
        })
    })
    .await
}

/// A row of [`take`]; its facts are not read yet.
type Taken = (WorkspaceId, String, String, String, Micros, u32);

fn read(row: &Row) -> Answer<Taken> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

fn taken(
    (workspace_id, key, recipient, facts, created_at, attempts): Taken,
) -> Answer<TakenNotice> {
    let occasion: Occasion = serde_json::from_str(&facts).map_err(unreadable)?;
    let notice = Notice { key, recipient, occasion, created_at };
    Ok(TakenNotice { workspace_id, notice, attempts })
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Fault(Box::new(error))
}
