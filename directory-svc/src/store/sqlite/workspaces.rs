//! Workspaces themselves.

use rusqlite::{Connection, Row, params};

use super::statement::{all, one, run};
use crate::ids::WorkspaceId;
use crate::store::{Answer, Workspace};

pub(super) fn create(connection: &Connection, workspace: &Workspace) -> Answer<()> {
    run(
        connection,
        "INSERT INTO workspace (id, display_name, contact_email, created_at, revision) \
         VALUES (?1, ?2, ?3, ?4, 0) ON CONFLICT (id) DO NOTHING",
        params![
            workspace.id,
            workspace.display_name,
            workspace.contact_email,
            workspace.created_at
        ],
    )?;
    Ok(())
}

pub(super) fn card(connection: &Connection, id: WorkspaceId) -> Answer<Option<Workspace>> {
    one(
        connection,
        "SELECT id, display_name, contact_email, created_at, revision FROM workspace \
         WHERE id = ?1",
        [id],
        read,
    )
}

pub(super) fn list(
    connection: &Connection,
    after: Option<WorkspaceId>,
    limit: u32,
) -> Answer<Vec<Workspace>> {
    all(
        connection,
        "SELECT id, display_name, contact_email, created_at, revision FROM workspace \
         WHERE id > coalesce(?1, x'') ORDER BY id LIMIT ?2",
        params![after, limit],
        read,
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<Workspace> {
    Ok(Workspace {
        id: row.get(0)?,
        display_name: row.get(1)?,
        contact_email: row.get(2)?,
        created_at: row.get(3)?,
        revision: row.get(4)?,
    })
}
