//! Domains whose people may wait.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::statement::{all, one, run};
use super::workspace::SqliteWorkspace;
use super::writing::Writing;
use crate::clock::Micros;
use crate::ids::WorkspaceId;
use crate::store::{Answer, Revision, Waiting, WaitingStore};

/// Free at ?1 for one who takes it until ?2: not taken, or by a clock that was ahead.
const FREE: &str = "free_at <= ?1 OR free_at > ?2 + (?2 - ?1)";

impl WaitingStore for SqliteWorkspace {
    async fn begin_waiting(&self, domain: String, taker: Uuid, until: Micros) -> Answer<()> {
        let id = self.id;
        let begin = move |c: &Connection| begin(c, id, &domain, taker, until);
        self.shared.writer.run(begin).await
    }

    async fn note_waiting(
        &self,
        domain: String,
        taker: Uuid,
        after: Option<Revision>,
        until: Micros,
    ) -> Answer<bool> {
        let id = self.id;
        let note = move |c: &Connection| note(c, id, &domain, taker, after, until);
        self.shared.writer.run(note).await
    }
}

/// Marks a domain that a write has just verified.
pub(super) fn mark(writing: &Writing<'_>, domain: &str) -> Answer<()> {
    run(
        writing.connection,
        "INSERT INTO waiting_people (workspace_id, domain, after_seq, free_at) VALUES (?1, ?2, 0, ?3) \
         ON CONFLICT (workspace_id, domain) DO UPDATE SET after_seq = 0, taker = NULL, \
         free_at = excluded.free_at",
        params![writing.workspace, domain, writing.write.at],
    )?;
    Ok(())
}

/// Of a domain that is not verified nobody is signed in.
pub(super) fn unmark(writing: &Writing<'_>, domain: &str) -> Answer<()> {
    run(
        writing.connection,
        "DELETE FROM waiting_people WHERE workspace_id = ?1 AND domain = ?2",
        params![writing.workspace, domain],
    )?;
    Ok(())
}

fn begin(
    connection: &Connection,
    workspace: WorkspaceId,
    domain: &str,
    taker: Uuid,
    until: Micros,
) -> Answer<()> {
    run(
        connection,
        "INSERT INTO waiting_people (workspace_id, domain, after_seq, taker, free_at) \
         SELECT workspace_id, name, 0, ?3, ?4 FROM domain \
         WHERE workspace_id = ?1 AND name = ?2 AND state = 'verified' \
         ON CONFLICT (workspace_id, domain) DO UPDATE SET after_seq = 0, taker = excluded.taker, \
         free_at = excluded.free_at",
        params![workspace, domain, taker.as_bytes(), until],
    )?;
    Ok(())
}

/// Whether any is free.
pub(super) fn is_any_free(connection: &Connection, now: Micros, until: Micros) -> Answer<bool> {
    let sql = format!("SELECT 1 FROM waiting_people WHERE {FREE} LIMIT 1");
    let first = one(connection, &sql, params![now, until], |_| Ok(()))?;
    Ok(first.is_some())
}

pub(super) fn take(
    connection: &Connection,
    taker: Uuid,
    now: Micros,
    until: Micros,
    limit: u32,
) -> Answer<Vec<Waiting>> {
    let sql = format!(
        "UPDATE waiting_people SET taker = ?3, free_at = ?2 WHERE (workspace_id, domain) IN ( \
         SELECT workspace_id, domain FROM waiting_people WHERE {FREE} \
         ORDER BY free_at, workspace_id, domain LIMIT ?4) \
         RETURNING workspace_id, domain, after_seq"
    );
    all(connection, &sql, params![now, until, taker.as_bytes(), limit], |row| {
        Ok(Waiting { workspace_id: row.get(0)?, domain: row.get(1)?, after: row.get(2)? })
    })
}

fn note(
    connection: &Connection,
    workspace: WorkspaceId,
    domain: &str,
    taker: Uuid,
    after: Option<Revision>,
    until: Micros,
) -> Answer<bool> {
    let taker = taker.as_bytes();
    let noted = match after {
        Some(after) => run(
            connection,
            "UPDATE waiting_people SET after_seq = ?4, free_at = ?5 \
             WHERE workspace_id = ?1 AND domain = ?2 AND taker = ?3",
            params![workspace, domain, taker, after, until],
        )?,
        None => run(
            connection,
            "DELETE FROM waiting_people WHERE workspace_id = ?1 AND domain = ?2 AND taker = ?3",
            params![workspace, domain, taker],
        )?,
    };
    Ok(noted > 0)
}
