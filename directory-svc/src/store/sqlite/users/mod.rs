//! People: the living, as rows.

mod removed;
mod write;

use rusqlite::{Connection, Row, params};

pub(super) use removed::{list as list_removed, remove, restore};
pub(super) use write::{change, create};

use super::listing;
use super::statement::{all, one};
use super::writing::Writing;
use crate::ids::{UserId, WorkspaceId};
use crate::store::filter_sql::Source;
use crate::store::{Answer, Binding, Kind, LoginEmail, Page, Provided, Query, Revision, User};

/// The columns that [`read`] reads, of a person and their binding.
const COLUMNS: &str = "u.id, u.document, u.login_email, u.login_email_key, u.active, \
                       b.integration_id, b.external_id, u.revision, u.seq, u.created_at, \
                       u.modified_at, u.has_left, b.provided, u.protected";
const PEOPLE: &str =
    "user u LEFT JOIN binding b ON b.workspace_id = u.workspace_id AND b.user_id = u.id";

/// Where a listing takes people from.
pub(super) const SOURCE: Source =
    Source { kind: Kind::User, from: PEOPLE, columns: COLUMNS, table: "user u" };

pub(super) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &Query,
) -> Answer<Page<User>> {
    listing::page(connection, workspace, &SOURCE, query, read)
}

pub(super) fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    id: UserId,
) -> Answer<Option<User>> {
    one(connection, &by_id(), params![workspace, id], read)
}

pub(super) fn find_all(
    connection: &Connection,
    workspace: WorkspaceId,
    ids: &[UserId],
) -> Answer<Vec<User>> {
    ids.iter().filter_map(|&id| find(connection, workspace, id).transpose()).collect()
}

pub(super) fn without_login(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Revision,
    limit: u32,
) -> Answer<Vec<User>> {
    all(connection, &without_login_sql(), params![workspace, after, limit], read)
}

/// By its index, which is named because the planner takes those without a login e-mail for one person.
pub(super) fn without_login_sql() -> String {
    format!(
        "SELECT {COLUMNS} FROM user u INDEXED BY user_without_login LEFT JOIN binding b \
         ON b.workspace_id = u.workspace_id AND b.user_id = u.id WHERE u.workspace_id = ?1 \
         AND u.login_email_key IS NULL AND u.seq > ?2 ORDER BY u.seq LIMIT ?3"
    )
}

fn by_id() -> String {
    format!("SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = ?1 AND u.id = ?2")
}

fn by_user_name(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Answer<Option<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = ?1 AND u.user_name_key = ?2"
    );
    one(connection, &sql, params![workspace, key], read)
}

fn by_login_email(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Answer<Option<User>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {PEOPLE} WHERE u.workspace_id = ?1 AND u.login_email_key = ?2"
    );
    one(connection, &sql, params![workspace, key], read)
}

/// Who has the address as login e-mail.
pub(super) fn signed_in_by(writing: &Writing<'_>, key: &str) -> Answer<Option<UserId>> {
    one(
        writing.connection,
        "SELECT id FROM user WHERE workspace_id = ?1 AND login_email_key = ?2",
        params![writing.workspace, key],
        |row| row.get(0),
    )
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
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
        active: row.get::<_, Option<bool>>(4)?.unwrap_or(true),
        binding,
        provided: Provided::of(row.get::<_, Option<String>>(12)?.unwrap_or_default()),
        is_protected: row.get(13)?,
        revision: row.get(7)?,
        seq: row.get(8)?,
        created_at: row.get(9)?,
        modified_at: row.get(10)?,
        has_left: row.get(11)?,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;
    use uuid::Uuid;

    use super::*;
    use crate::store::sqlite::{connection, migrations};

    /// Seen to fail with the planner free to look at bound values: each look-up then costs the
    /// preparation of its statement.
    #[test]
    fn a_look_up_is_prepared_once_whatever_is_bound() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite3");
        connection::create(&path).unwrap();
        let mut connection = connection::writer(&path).unwrap();
        migrations::run(&mut connection).unwrap();
        for n in 1..=3 {
            let (workspace, id) =
                (WorkspaceId::new(Uuid::from_u128(n)), UserId::new(Uuid::from_u128(n + 10)));
            assert_eq!(find(&connection, workspace, id).unwrap(), None);
        }
        let statement = connection.prepare_cached(&by_id()).unwrap();
        assert_eq!(statement.get_status(StatementStatus::Run), 3);
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
