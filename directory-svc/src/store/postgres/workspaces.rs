//! Workspaces themselves.

use super::audit::{self, Act};
use super::connection::Connection;
use super::failure::fault;
use super::statement::{Row, all, one, params, run};
use super::writing::{Changed, Writing};
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::store::record::{Detail, image_of_workspace};
use crate::store::{Answer, ChangeKind, Suspension, Workspace, Write};

const COLUMNS: &str = "id, display_name, contact_email, created_at, email_join, suspended_at, \
                       suspended_by, suspend_reason, revision";

pub(super) async fn create(
    connection: &Connection,
    write: &Write,
    workspace: &Workspace,
) -> Answer<()> {
    let made = run(
        connection,
        "INSERT INTO workspace (id, display_name, contact_email, created_at, email_join, revision) \
         VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT (id) DO NOTHING",
        params![
            workspace.id,
            workspace.display_name,
            workspace.contact_email,
            workspace.created_at,
            workspace.email_join,
        ],
    )
    .await?;
    if made == 0 {
        return Ok(());
    }
    let (subject, after) = (workspace.id.to_string(), image_of_workspace(workspace));
    let act = Act { name: "workspace.made", subject: &subject, before: None, after: Some(after) };
    audit::add(connection, workspace.id, write, 0, &act).await
}

pub(super) async fn change(
    writing: &Writing<'_>,
    decide: &impl Fn(&Workspace) -> Result<Workspace, Refusal>,
) -> Answer<Workspace> {
    let subject = writing.workspace.to_string();
    let repeated = writing.repeated(&[ChangeKind::WorkspaceChanged], Some(&subject)).await?;
    let standing = card(writing.connection, writing.workspace)
        .await?
        .ok_or_else(|| fault("the workspace is gone within a transaction"))?;
    // The row says the last number only when the transaction ends.
    let revision = writing.group.revision().unwrap_or_default();
    let standing = Workspace { revision, ..standing };
    if repeated.is_some() {
        return Ok(standing);
    }
    let wanted = decide(&standing)?;
    if wanted == standing {
        return Ok(standing);
    }
    let revision = writing.next_revision();
    let suspension = wanted.suspension.as_ref();
    run(
        writing.connection,
        "UPDATE workspace SET display_name = $2, contact_email = $3, email_join = $4, \
         suspended_at = $5, suspended_by = $6, suspend_reason = $7 WHERE id = $1",
        params![
            writing.workspace,
            wanted.display_name,
            wanted.contact_email,
            wanted.email_join,
            suspension.map(|suspension| suspension.at),
            suspension.map(|suspension| &suspension.by),
            suspension.map(|suspension| &suspension.reason),
        ],
    )
    .await?;
    let verb = match (&standing.suspension, &wanted.suspension) {
        (None, Some(_)) => "suspended",
        (Some(_), None) => "resumed",
        _ => "changed",
    };
    let changed = Changed {
        kind: ChangeKind::WorkspaceChanged,
        subject: &subject,
        before: Some(image_of_workspace(&standing)),
        detail: Detail::of_state(verb),
    };
    let after = Some(image_of_workspace(&wanted));
    writing.record_act(revision, &format!("workspace.{verb}"), changed, after).await?;
    Ok(Workspace { id: standing.id, created_at: standing.created_at, revision, ..wanted })
}

pub(super) async fn card(connection: &Connection, id: WorkspaceId) -> Answer<Option<Workspace>> {
    let sql = format!("SELECT {COLUMNS} FROM workspace WHERE id = $1");
    one(connection, &sql, params![id], read).await
}

pub(super) async fn list(
    connection: &Connection,
    after: Option<WorkspaceId>,
    limit: u32,
) -> Answer<Vec<Workspace>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM workspace WHERE ($1 IS NULL OR id > $1) ORDER BY id LIMIT $2"
    );
    all(connection, &sql, params![after, limit], read).await
}

/// The suspension whose columns (since when, by whom, why) begin at `first`.
pub(super) fn suspension(row: &Row, first: usize) -> Answer<Option<Suspension>> {
    let Some(at) = row.get(first)? else { return Ok(None) };
    Ok(Some(Suspension { at, by: row.get(first + 1)?, reason: row.get(first + 2)? }))
}

fn read(row: &Row) -> Answer<Workspace> {
    Ok(Workspace {
        id: row.get(0)?,
        display_name: row.get(1)?,
        contact_email: row.get(2)?,
        created_at: row.get(3)?,
        email_join: row.get(4)?,
        suspension: suspension(row, 5)?,
        revision: row.get(8)?,
    })
}
