//! Groups, as rows, and who belongs to them, as rows of their own.

mod members;
mod removed;
mod write;

pub(super) use members::{belonging, leave_all, page as members, rejoin};
pub(super) use removed::{list as list_removed, remove, restore};
pub(super) use write::{change, create};

use super::connection::Connection;
use super::listing;
use super::statement::{Row, all, one, params};
use crate::ids::{GroupId, MemberId, WorkspaceId};
use crate::store::filter_sql::Source;
use crate::store::{Answer, Binding, Group, Kind, Membership, Page, Query};

/// The columns that [`read`] reads, of a group and its integration's state.
const COLUMNS: &str = "g.id, g.document, g.integration_id, g.external_id, i.state = 'off', \
                       g.member_count, g.revision, g.seq, g.created_at, g.modified_at";
const GROUPS: &str = "scim_group g LEFT JOIN integration i ON i.workspace_id = g.workspace_id AND \
                      i.id = g.integration_id";

/// Where a listing takes groups from.
pub(super) const SOURCE: Source =
    Source { kind: Kind::Group, from: GROUPS, columns: COLUMNS, table: "scim_group g" };

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &Query,
) -> Answer<Page<Group>> {
    listing::page(connection, workspace, &SOURCE, query, read).await
}

pub(super) async fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    id: GroupId,
) -> Answer<Option<Group>> {
    let sql = format!("SELECT {COLUMNS} FROM {GROUPS} WHERE g.workspace_id = $1 AND g.id = $2");
    one(connection, &sql, params![workspace, id], read).await
}

pub(super) async fn find_all(
    connection: &Connection,
    workspace: WorkspaceId,
    ids: &[GroupId],
) -> Answer<Vec<Group>> {
    let sql =
        format!("SELECT {COLUMNS} FROM {GROUPS} WHERE g.workspace_id = $1 AND g.id = ANY($2)");
    all(connection, &sql, params![workspace, *ids], read).await
}

/// UNION takes a group once, however many ways lead to it, so that a ring of groups ends. A removed
/// group is a member of none, so nothing is reached through one.
pub(super) async fn memberships(
    connection: &Connection,
    workspace: WorkspaceId,
    of: MemberId,
) -> Answer<Vec<Membership>> {
    let mut found = all(
        connection,
        "WITH RECURSIVE up(id) AS (SELECT m.group_id FROM group_member m \
         WHERE m.workspace_id = $1 AND m.member_id = $2 \
         UNION SELECT m.group_id FROM up JOIN group_member m \
         ON m.workspace_id = $1 AND m.member_id = up.id) \
         SELECT g.id, g.display_name, g.seq, EXISTS (SELECT 1 FROM group_member d \
         WHERE d.workspace_id = $1 AND d.group_id = g.id AND d.member_id = $2) \
         FROM up JOIN scim_group g ON g.workspace_id = $1 AND g.id = up.id",
        params![workspace, of],
        |row| {
            Ok(Membership {
                group_id: row.get(0)?,
                display_name: row.get(1)?,
                seq: row.get(2)?,
                is_direct: row.get(3)?,
            })
        },
    )
    .await?;
    found.sort_unstable_by_key(|membership| membership.seq);
    Ok(found)
}

fn read(row: &Row) -> Answer<Group> {
    let binding = match row.get(2)? {
        Some(integration_id) => Some(Binding { integration_id, external_id: row.get(3)? }),
        None => None,
    };
    Ok(Group {
        id: row.get(0)?,
        document: row.get(1)?,
        binding,
        is_released: row.get::<Option<bool>>(4)?.unwrap_or(false),
        member_count: row.get(5)?,
        revision: row.get(6)?,
        seq: row.get(7)?,
        created_at: row.get(8)?,
        modified_at: row.get(9)?,
    })
}
