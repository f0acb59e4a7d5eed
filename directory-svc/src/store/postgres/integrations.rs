//! Integrations, and the end of their bindings.

use super::connection::Connection;
use super::statement::{Row, all, params, run};
use super::writing::{Changed, Writing};
use super::{domains, workspaces};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::record::{Detail, image_of_integration};
use crate::store::words::Word;
use crate::store::{
    Answer, Binding, ChangeKind, Domain, EmailJoin, Integration, IntegrationState, OperationId,
    Revision, StoreError, Workspace, Write,
};

const COLUMNS: &str = "id, display_name, kind, state, created_at";

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Answer<Vec<Integration>> {
    let sql = format!("SELECT {COLUMNS} FROM integration WHERE workspace_id = $1 ORDER BY seq");
    all(connection, &sql, params![workspace], read).await
}

pub(super) async fn change(
    writing: &Writing<'_>,
    id: IntegrationId,
    decide: &impl Fn(&[Domain], &[Integration]) -> Result<Integration, Refusal>,
) -> Answer<Integration> {
    let subject = id.to_string();
    let repeated = writing.repeated(&[ChangeKind::IntegrationChanged], Some(&subject)).await?;
    let all = list(writing.connection, writing.workspace).await?;
    let standing = all.iter().find(|integration| integration.id == id);
    if repeated.is_some() {
        return standing.cloned().ok_or(StoreError::OperationReused);
    }
    let claims = domains::list(writing.connection, writing.workspace).await?;
    let integration = decide(&claims, &all)?;
    if standing == Some(&integration) {
        return Ok(integration);
    }
    if integration.state == IntegrationState::Off {
        run(
            writing.connection,
            "DELETE FROM binding WHERE workspace_id = $1 AND integration_id = $2",
            params![writing.workspace, id],
        )
        .await?;
    }
    let revision = writing.next_revision();
    put(writing, &integration, revision).await?;
    let changed = Changed {
        kind: ChangeKind::IntegrationChanged,
        subject: &subject,
        before: standing.map(image_of_integration),
        detail: Detail::of_state(integration.state.word()),
    };
    let act = format!("integration.{}", acted(standing, &integration));
    writing.record_act(revision, &act, changed, Some(image_of_integration(&integration))).await?;
    Ok(integration)
}

/// Notes that the author's integration has made or adopted a person, whom it is `bound` to. With its first one
/// the workspace is no longer open to those who join by themselves.
pub(super) async fn note_first(writing: &Writing<'_>, bound: Option<&Binding>) -> Answer<()> {
    let Some(integration) = writing.write.author.integration() else { return Ok(()) };
    if bound.is_none_or(|bound| bound.integration_id != integration) {
        return Ok(());
    }
    let is_first = run(
        writing.connection,
        "UPDATE integration SET provisioned_at = $3 \
         WHERE workspace_id = $1 AND id = $2 AND provisioned_at IS NULL",
        params![writing.workspace, integration, writing.write.at],
    )
    .await?;
    if is_first == 0 {
        return Ok(());
    }
    let operation = OperationId(format!("{}:closed", writing.write.operation.0));
    let closing = Writing {
        connection: writing.connection,
        group: writing.group,
        workspace: writing.workspace,
        write: Write { operation, ..writing.write.clone() },
    };
    workspaces::change(&closing, &|standing: &Workspace| {
        Ok(Workspace { email_join: EmailJoin::Off, ..standing.clone() })
    })
    .await?;
    Ok(())
}

/// What was done to the integration, as the audit names it.
fn acted(before: Option<&Integration>, after: &Integration) -> &'static str {
    match (before, after.state) {
        (Some(before), state) if before.state == state => "changed",
        (_, IntegrationState::On) => "enabled",
        (_, IntegrationState::Paused) => "paused",
        (None, IntegrationState::Off) => "made",
        (_, IntegrationState::Off) => "disabled",
    }
}

async fn put(writing: &Writing<'_>, integration: &Integration, revision: Revision) -> Answer<()> {
    run(
        writing.connection,
        "INSERT INTO integration (workspace_id, id, seq, display_name, kind, state, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) \
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
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Answer<Integration> {
    Ok(Integration {
        id: row.get(0)?,
        display_name: row.get(1)?,
        kind: row.get(2)?,
        state: row.get(3)?,
        created_at: row.get(4)?,
    })
}
