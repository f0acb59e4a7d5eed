//! Extension schemas that a workspace registered.

use super::connection::Connection;
use super::statement::{Row, all, params, run};
use super::writing::{Changed, Writing};
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::store::record::Detail;
use crate::store::{Answer, ChangeKind, RegisteredSchema};

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Answer<Vec<RegisteredSchema>> {
    all(
        connection,
        "SELECT urn, kind, document FROM registered_schema WHERE workspace_id = $1 ORDER BY seq",
        params![workspace],
        read,
    )
    .await
}

pub(super) async fn register(
    writing: &Writing<'_>,
    decide: &impl Fn(&[RegisteredSchema]) -> Result<RegisteredSchema, Refusal>,
) -> Answer<RegisteredSchema> {
    let standing = list(writing.connection, writing.workspace).await?;
    let schema = decide(&standing)?;
    let repeated = writing.repeated(&[ChangeKind::SchemaRegistered], Some(&schema.urn)).await?;
    if repeated.is_some() || standing.contains(&schema) {
        return Ok(schema);
    }
    let revision = writing.next_revision();
    run(
        writing.connection,
        "INSERT INTO registered_schema (workspace_id, urn, seq, kind, document) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (workspace_id, urn) DO UPDATE SET document = excluded.document",
        params![writing.workspace, schema.urn, revision, schema.kind, schema.document],
    )
    .await?;
    let before = standing.iter().find(|standing| standing.urn == schema.urn);
    let changed = Changed {
        kind: ChangeKind::SchemaRegistered,
        subject: &schema.urn,
        before: before.map(|standing| standing.document.clone().into()),
        detail: Detail::default(),
    };
    let after = Some(schema.document.clone().into());
    writing.record_act(revision, "schema.registered", changed, after).await?;
    Ok(schema)
}

fn read(row: &Row) -> Answer<RegisteredSchema> {
    Ok(RegisteredSchema { urn: row.get(0)?, kind: row.get(1)?, document: row.get(2)? })
}
