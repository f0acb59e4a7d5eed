//! People: the living, as rows.

mod removed;
mod write;

pub(super) use removed::{list as list_removed, remove, restore};
pub(super) use write::{change, create};

use super::connection::Connection;
use super::listing;
use super::statement::{Row, all, one, params};
use super::writing::Writing;
use crate::ids::{UserId, WorkspaceId};
use crate::store::filter_sql::Source;
use crate::store::{Answer, Binding, Kind, LoginEmail, Page, Provided, Query, Revision, User};

/// The columns that [`read`] reads, of a person and their binding.
const COLUMNS: &str = "u.id, u.document, u.login_email, u.login_email_key, u.active, \
                       b.integration_id, b.external_id, u.revision, u.seq, u.created_at, \
                       u.modified_at, u.has_left, b.provided, u.protected";
const PEOPLE: &str =
    "scim_user u LEFT JOIN binding b ON b.workspace_id = u.workspace_id AND b.user_id = u.id";

/// Where a listing takes people from.
pub(super) const SOURCE: Source =
    Source { kind: Kind::User, from: PEOPLE, columns: COLUMNS, table: "scim_user u" };

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &Query,
) -> Answer<Page<User>> {
    listing::page(connection, workspace, &SOURCE, query, read).await
}

pub(super) async fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    id: UserId,
) -> Answer<Option<User>> {
    one(connection, &by_id(), params![workspace, id], read).await
}

pub(super) async fn find_all(
    connection: &Connection,
    workspace: WorkspaceId,
    ids: &[UserId],
) -> Answer<Vec<User>> {
    let sql =
        format!("SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = $1 AND u.id = ANY($2)");
    all(connection, &sql, params![workspace, *ids], read).await
}

pub(super) async fn without_login(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Revision,
    limit: u32,
) -> Answer<Vec<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = $1 AND u.login_email_key IS NULL \
         AND u.seq > $2 ORDER BY u.seq LIMIT $3"
    );
    all(connection, &sql, params![workspace, after, limit], read).await
}

fn by_id() -> String {
    format!("SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = $1 AND u.id = $2")
}

async fn by_user_name(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Answer<Option<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = $1 AND u.user_name_key = $2"
    );
    one(connection, &sql, params![workspace, key], read).await
}

async fn by_login_email(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Answer<Option<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = $1 AND u.login_email_key = $2"
    );
    one(connection, &sql, params![workspace, key], read).await
}

/// Who has the address as login e-mail.
pub(super) async fn signed_in_by(writing: &Writing<'_>, key: &str) -> Answer<Option<UserId>> {
    one(
        writing.connection,
        "SELECT id FROM scim_user WHERE workspace_id = $1 AND login_email_key = $2",
        params![writing.workspace, key],
        |row| row.get(0),
    )
    .await
}

fn read(row: &Row) -> Answer<User> {
    let address: Option<String> = row.get(2)?;
    let login_email = match address {
        Some(address) => Some(LoginEmail { address, key: row.get(3)? }),
        None => None,
    };
    let binding = match row.get(5)? {
        Some(integration_id) => Some(Binding { integration_id, external_id: row.get(6)? }),
        None => None,
    };
    Ok(User {
        id: row.get(0)?,
        document: row.get(1)?,
        login_email,
        active: row.get::<Option<bool>>(4)?.unwrap_or(true),
        has_left: row.get(11)?,
        binding,
        provided: Provided::of(row.get::<Option<String>>(12)?.unwrap_or_default()),
        is_protected: row.get(13)?,
        revision: row.get(7)?,
        seq: row.get(8)?,
        created_at: row.get(9)?,
        modified_at: row.get(10)?,
    })
}
