//! People and groups at once.

use super::connection::Connection;
use super::failure::fault;
use super::{groups, listing, users};
use crate::ids::{GroupId, UserId, WorkspaceId};
use crate::store::{Answer, AnyQuery, Found, Kind, Page};

/// A page of people and groups.
pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &AnyQuery,
) -> Answer<Page<Found>> {
    let page =
        listing::page_of_any(connection, workspace, [&users::SOURCE, &groups::SOURCE], query)
            .await?;
    let mut rows = Vec::with_capacity(page.rows.len());
    for (kind, id) in page.rows {
        let gone = || fault("a row of a list is gone within its transaction");
        rows.push(match kind {
            Kind::User => {
                let id = UserId::new(id.uuid());
                Found::User(users::find(connection, workspace, id).await?.ok_or_else(gone)?)
            }
            Kind::Group => {
                let id = GroupId::new(id.uuid());
                Found::Group(groups::find(connection, workspace, id).await?.ok_or_else(gone)?)
            }
        });
    }
    Ok(Page { rows, marks: page.marks, total: page.total, more: page.more })
}
