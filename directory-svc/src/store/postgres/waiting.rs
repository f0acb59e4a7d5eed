//! Domains whose people may wait.

use uuid::Uuid;

use super::connection::Connection;
use super::group::Group as Transaction;
use super::statement::{all, one, params, run};
use super::workspace::PostgresWorkspace;
use super::writing::Writing;
use crate::clock::Micros;
use crate::ids::WorkspaceId;
use crate::store::{Answer, Revision, Waiting, WaitingStore};

/// Free at $1 for one who takes it until $2: not taken, or by a clock that was ahead.
const FREE: &str = "SELECT workspace_id, domain FROM waiting_people \
                    WHERE free_at <= $1 OR free_at > $2 + ($2 - $1) \
                    ORDER BY free_at, workspace_id, domain LIMIT $3";

impl WaitingStore for PostgresWorkspace {
    async fn begin_waiting(&self, domain: String, taker: Uuid, until: Micros) -> Answer<()> {
        let id = self.id;
        self.note(async move |group: &Transaction| {
            begin(group.connection()?, id, &domain, taker, until).await
        })
        .await
    }

    async fn note_waiting(
        &self,
        domain: String,
        taker: Uuid,
        after: Option<Revision>,
        until: Micros,
    ) -> Answer<bool> {
        let id = self.id;
        self.note(async move |group: &Transaction| {
            note(group.connection()?, id, &domain, taker, after, until).await
        })
        .await
    }
}

/// Marks a domain that a write has just verified.
pub(super) async fn mark(writing: &Writing<'_>, domain: &str) -> Answer<()> {
    run(
        writing.connection,
        "INSERT INTO waiting_people (workspace_id, domain, after_seq, free_at) VALUES ($1, $2, 0, $3) \
         ON CONFLICT (workspace_id, domain) DO UPDATE SET after_seq = 0, taker = NULL, \
         free_at = excluded.free_at",
        params![writing.workspace, domain, writing.write.at],
    )
    .await?;
    Ok(())
}

/// Of a domain that is not verified nobody is signed in.
pub(super) async fn unmark(writing: &Writing<'_>, domain: &str) -> Answer<()> {
    run(
        writing.connection,
        "DELETE FROM waiting_people WHERE workspace_id = $1 AND domain = $2",
        params![writing.workspace, domain],
    )
    .await?;
    Ok(())
}

async fn begin(
    connection: &Connection,
    workspace: WorkspaceId,
    domain: &str,
    taker: Uuid,
    until: Micros,
) -> Answer<()> {
    run(
        connection,
        "INSERT INTO waiting_people (workspace_id, domain, after_seq, taker, free_at) \
         SELECT workspace_id, name, 0, $3, $4 FROM domain \
         WHERE workspace_id = $1 AND name = $2 AND state = 'verified' \
         ON CONFLICT (workspace_id, domain) DO UPDATE SET after_seq = 0, taker = excluded.taker, \
         free_at = excluded.free_at",
        params![workspace, domain, taker, until],
    )
    .await?;
    Ok(())
}

/// Whether any is free.
pub(super) async fn is_any_free(
    connection: &Connection,
    now: Micros,
    until: Micros,
) -> Answer<bool> {
    let first = one(connection, FREE, params![now, until, 1], |_| Ok(())).await?;
    Ok(first.is_some())
}

pub(super) async fn take(
    connection: &Connection,
    taker: Uuid,
    now: Micros,
    until: Micros,
    limit: u32,
) -> Answer<Vec<Waiting>> {
    let sql = format!(
        "WITH free AS MATERIALIZED ({FREE} FOR UPDATE SKIP LOCKED) \
         UPDATE waiting_people w SET taker = $4, free_at = $2 FROM free \
         WHERE w.workspace_id = free.workspace_id AND w.domain = free.domain \
         RETURNING w.workspace_id, w.domain, w.after_seq"
    );
    all(connection, &sql, params![now, until, limit, taker], |row| {
        Ok(Waiting { workspace_id: row.get(0)?, domain: row.get(1)?, after: row.get(2)? })
    })
    .await
}

async fn note(
    connection: &Connection,
    workspace: WorkspaceId,
    domain: &str,
    taker: Uuid,
    after: Option<Revision>,
    until: Micros,
) -> Answer<bool> {
    let noted = if let Some(after) = after {
        let sql = "UPDATE waiting_people SET after_seq = $4, free_at = $5 \
                   WHERE workspace_id = $1 AND domain = $2 AND taker = $3";
        run(connection, sql, params![workspace, domain, taker, after, until]).await?
    } else {
        let sql =
            "DELETE FROM waiting_people WHERE workspace_id = $1 AND domain = $2 AND taker = $3";
        run(connection, sql, params![workspace, domain, taker]).await?
    };
    Ok(noted > 0)
}
