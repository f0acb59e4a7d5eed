//! The record of administrative acts: added with each, never changed.

use serde_json::Value;

use super::connection::Connection;
use super::statement::{Row, all, params, run};
use crate::ids::WorkspaceId;
use crate::store::{Answer, AuditQuery, AuditRecord, Revision, Write};

/// What an administrative act did.
pub(super) struct Act<'a> {
    /// Noun and verb, such as `domain.verified`.
    pub(super) name: &'a str,
    pub(super) subject: &'a str,
    pub(super) before: Option<&'a Value>,
    pub(super) after: Option<Value>,
}

/// Adds the record of an act, done by `write` at `revision`.
pub(super) async fn add(
    connection: &Connection,
    workspace: WorkspaceId,
    write: &Write,
    revision: Revision,
    act: &Act<'_>,
) -> Answer<()> {
    run(
        connection,
        "INSERT INTO audit_record (workspace_id, revision, at, actor, act, subject, before, after) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            workspace,
            revision,
            write.at,
            write.author.name(),
            act.name,
            act.subject,
            act.before.map(Value::to_string),
            act.after.as_ref().map(Value::to_string),
        ],
    )
    .await?;
    Ok(())
}

/// The newest first.
pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &AuditQuery,
) -> Answer<Vec<AuditRecord>> {
    all(
        connection,
        "SELECT revision, at, actor, act, subject, before, after FROM audit_record \
         WHERE workspace_id = $1 AND revision < coalesce($2, 9223372036854775807) \
         AND ($3 IS NULL OR actor = $3) \
         AND ($4 IS NULL OR act = $4 OR substr(act, 1, length($4) + 1) = $4 || '.') \
         AND ($5 IS NULL OR subject = $5) AND ($6 IS NULL OR at >= $6) AND ($7 IS NULL OR at < $7) \
         ORDER BY revision DESC LIMIT $8",
        params![
            workspace,
            query.below,
            query.actor,
            query.act,
            query.subject,
            query.from,
            query.to,
            query.limit
        ],
        read,
    )
    .await
}

fn read(row: &Row) -> Answer<AuditRecord> {
    Ok(AuditRecord {
        revision: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        act: row.get(3)?,
        subject: row.get(4)?,
        before: row.get(5)?,
        after: row.get(6)?,
    })
}
