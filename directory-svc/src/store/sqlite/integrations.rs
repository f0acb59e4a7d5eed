//! Integrations, and the end of their bindings.

use rusqlite::{Connection, Row, params};

use super::domains;
use super::statement::{all, one, run};
use super::writing::{Changed, Writing};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::record::{Detail, image_of_integration};
use crate::store::words::Word;
use crate::store::{
    Answer, ChangeKind, Integration, IntegrationState, Policy, Revision, StoreError,
};

const COLUMNS: &str = "id, display_name, kind, state, created_at";

pub(super) fn list(connection: &Connection, workspace: WorkspaceId) -> Answer<Vec<Integration>> {
    let sql = format!("SELECT {COLUMNS} FROM integration WHERE workspace_id = ?1 ORDER BY seq");
    all(connection, &sql, [workspace], read)
}

pub(super) fn change(
    writing: &Writing<'_>,
    id: IntegrationId,
    decide: impl Fn(&Policy, Option<&Integration>) -> Result<Integration, Refusal>,
) -> Answer<Integration> {
    let subject = id.to_string();
    let repeated = writing.repeated(&[ChangeKind::IntegrationChanged], Some(&subject))?;
    let standing = find(writing, id)?;
    if repeated.is_some() {
        return standing.ok_or(StoreError::OperationReused);
    }
    let policy = domains::policy(writing.connection, writing.workspace)?;
    let integration = decide(&policy, standing.as_ref())?;
    if standing.as_ref() == Some(&integration) {
        return Ok(integration);
    }
    let revision = writing.next_revision()?;
    put(writing, &integration, revision)?;
    if integration.state == IntegrationState::Off {
        run(
            writing.connection,
            "DELETE FROM binding WHERE workspace_id = ?1 AND integration_id = ?2",
            params![writing.workspace, id],
        )?;
    }
    let changed = Changed {
        kind: ChangeKind::IntegrationChanged,
        subject: &subject,
        before: standing.as_ref().map(image_of_integration),
        detail: Detail::of_state(integration.state.word()),
    };
    let act = format!("integration.{}", acted(standing.as_ref(), &integration));
    writing.record_act(revision, &act, changed, Some(image_of_integration(&integration)))?;
    Ok(integration)
}

/// What was done to the integration, as the audit names it.
fn acted(before: Option<&Integration>, after: &Integration) -> &'static str {
    match (before, after.state) {
        (Some(before), state) if before.state == state => "changed",
        (_, IntegrationState::On) => "enabled",
        (_, IntegrationState::Paused) => "paused",
        (_, IntegrationState::Off) => "disabled",
    }
}

fn find(writing: &Writing<'_>, id: IntegrationId) -> Answer<Option<Integration>> {
    let sql = format!("SELECT {COLUMNS} FROM integration WHERE workspace_id = ?1 AND id = ?2");
    one(writing.connection, &sql, params![writing.workspace, id], read)
}

fn put(writing: &Writing<'_>, integration: &Integration, revision: Revision) -> Answer<()> {
    run(
        writing.connection,
        "INSERT INTO integration (workspace_id, id, seq, display_name, kind, state, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (workspace_id, id) DO UPDATE SET display_name = excluded.display_name, \
         kind = excluded.kind, state = excluded.state",
        params![
            writing.workspace,
            integration.id,
            revision,
            integration.display_name,
            integration.kind,
            integration.state,
            integration.created_at,
        ],
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Integration> {
    Ok(Integration {
        id: row.get(0)?,
        display_name: row.get(1)?,
        kind: row.get(2)?,
        state: row.get(3)?,
        created_at: row.get(4)?,
    })
}
