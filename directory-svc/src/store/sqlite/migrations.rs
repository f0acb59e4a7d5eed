//! The schema's steps, each done once, whole, and never changed afterwards.

#[cfg(test)]
mod half;
mod leavers;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::OpenError;
use crate::clock::Clock;
use crate::store::Answer;
use crate::store::portable::CarryError;

/// Marks the file as a store of the directory: "NSCD" as its `application_id`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"NSCD");

#[derive(Clone, Copy)]
struct Migration {
    number: u32,
    name: &'static str,
    sql: &'static str,
    /// What is done behind it that SQL cannot say.
    then: Option<fn(&Connection) -> Answer<()>>,
}

impl Migration {
    const fn new(number: u32, name: &'static str, sql: &'static str) -> Self {
        Self { number, name, sql, then: None }
    }

    const fn then(self, then: fn(&Connection) -> Answer<()>) -> Self {
        Self { then: Some(then), ..self }
    }
}

/// In order of number, from 1 without a gap.
const MIGRATIONS: [Migration; 14] = [
    Migration::new(1, "directory", include_str!("migrations/0001_directory.sql")),
    Migration::new(2, "write_probe", include_str!("migrations/0002_write_probe.sql")),
    Migration::new(3, "groups", include_str!("migrations/0003_groups.sql")),
    Migration::new(4, "schemas", include_str!("migrations/0004_schemas.sql")),
    Migration::new(5, "counts", include_str!("migrations/0005_counts.sql")),
    Migration::new(6, "administration", include_str!("migrations/0006_administration.sql")),
    Migration::new(7, "notices", include_str!("migrations/0007_notices.sql")),
    Migration::new(8, "domain_checks", include_str!("migrations/0008_domain_checks.sql")),
    Migration::new(9, "integration_status", include_str!("migrations/0009_integration_status.sql")),
    Migration::new(10, "joining", include_str!("migrations/0010_joining.sql"))
        .then(leavers::keep_out),
    Migration::new(11, "expiry", include_str!("migrations/0011_expiry.sql")),
    Migration::new(12, "management", include_str!("migrations/0012_management.sql")),
    Migration::new(13, "feed", include_str!("migrations/0013_feed.sql")),
    Migration::new(14, "receipts", include_str!("migrations/0014_receipts.sql")),
];

/// Brings the store to the schema that this binary knows. A step that was cut short is undone by the
/// engine at the next opening, and done then.
///
/// # Errors
/// [`OpenError::Foreign`], [`OpenError::Newer`], [`OpenError::Changed`], or the engine's.
pub(super) fn run(connection: &mut Connection) -> Result<(), OpenError> {
    bring(connection, &MIGRATIONS)
}

fn bring(connection: &mut Connection, migrations: &[Migration]) -> Result<(), OpenError> {
    claim(connection)?;
    let newest = connection
        .query_row("SELECT max(number) FROM migration", [], |row| row.get::<_, Option<u32>>(0))?;
    let known = migrations.len().try_into().unwrap_or(u32::MAX);
    if let Some(found) = newest.filter(|&found| found > known) {
        return Err(OpenError::Newer { found, known });
    }
    migrations.iter().try_for_each(|migration| step(connection, migration))
}

/// Whether a store that is only read is at the migration that this binary knows.
///
/// # Errors
/// [`OpenError::Foreign`], [`CarryError::OtherVersion`], or the engine's.
pub(super) fn check(connection: &Connection) -> Result<(), CarryError> {
    if !is_ours(connection)? {
        return Err(OpenError::Foreign.into());
    }
    let newest = "SELECT ifnull(max(number), 0) FROM migration";
    let found = connection.query_row(newest, [], |row| row.get(0))?;
    let known = MIGRATIONS.len().try_into().unwrap_or(u32::MAX);
    if found == known { Ok(()) } else { Err(CarryError::OtherVersion { found, known }) }
}

/// Whether the file has the mark of a store of ours. One that was made a moment ago has none.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    let mark: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    Ok(mark == APPLICATION_ID)
}

/// Marks an empty file as ours, or finds the mark.
fn claim(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mark: i32 = transaction.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if mark == APPLICATION_ID {
        return Ok(());
    }
    let tables: u32 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if mark != 0 || tables != 0 {
        return Err(OpenError::Foreign);
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.execute_batch(
        "CREATE TABLE migration (
            number INTEGER NOT NULL PRIMARY KEY,
            name TEXT NOT NULL,
            sha256 BLOB NOT NULL,
            applied_at INTEGER NOT NULL
        ) STRICT",
    )?;
    Ok(transaction.commit()?)
}

fn step(connection: &mut Connection, migration: &Migration) -> Result<(), OpenError> {
    let Migration { number, name, sql, then } = *migration;
    let sha256 = Sha256::digest(sql).to_vec();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied: Option<Vec<u8>> = transaction
        .query_row("SELECT sha256 FROM migration WHERE number = ?1", [number], |row| row.get(0))
        .optional()?;
    match applied {
        Some(applied) if applied == sha256 => return Ok(()),
        Some(_) => return Err(OpenError::Changed { number, name }),
        None => {}
    }
    transaction.execute_batch(sql)?;
    if let Some(then) = then {
        then(&transaction).map_err(|error| OpenError::Engine(Box::new(error)))?;
    }
    // A note for people: nothing is decided by it.
    let applied_at = Clock::system().now();
    transaction.execute(
        "INSERT INTO migration (number, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)",
        params![number, name, sha256, applied_at],
    )?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_numbered_from_one_without_a_gap() {
        for (migration, number) in MIGRATIONS.iter().zip(1..) {
            assert_eq!(migration.number, number, "{}", migration.name);
        }
    }

    #[test]
    fn running_twice_is_running_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        run(&mut connection).unwrap();
        let steps: usize = connection
            .query_row("SELECT count(*) FROM migration", [], |r| r.get::<_, u32>(0))
            .unwrap() as usize;
        assert_eq!(steps, MIGRATIONS.len());
    }

    /// Seen to fail without the comparison of checksums.
    #[test]
    fn a_changed_migration_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        connection.execute("UPDATE migration SET sha256 = x'00' WHERE number = 1", []).unwrap();
        assert!(matches!(run(&mut connection), Err(OpenError::Changed { number: 1, .. })));
    }

    /// Whom an integration manages already, of them it has said what they have. Seen to fail without the update.
    #[test]
    fn people_who_are_managed_already_stay_the_identity_providers() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = MIGRATIONS.iter().position(|step| step.name == "management").unwrap();
        bring(&mut connection, &MIGRATIONS[..before]).unwrap();
        for (id, document) in [
            (
                1_u8,
                r#"{"userName":"ada","active":true,"urn:example:2.0:User":{"a":1},"schemas":[]}"#,
            ),
            (2, r#"{"userName":"bob","schemas":[]}"#),
        ] {
            let sql = "INSERT INTO user (workspace_id, id, seq, revision, user_name_key, created_at, \
                       modified_at, document, search) VALUES (x'01', ?1, ?2, ?2, ?2, 0, 0, ?3, '{}')";
            connection.execute(sql, params![[id], id, document]).unwrap();
        }
        let sql =
            "INSERT INTO binding (workspace_id, user_id, integration_id) VALUES (x'01', ?1, x'07')";
        connection.execute(sql, [[1_u8]]).unwrap();
        connection.execute(sql, [[9_u8]]).unwrap();
        run(&mut connection).unwrap();
        let provided = |id: u8| {
            let sql = "SELECT provided FROM binding WHERE user_id = ?1";
            connection.query_row(sql, [[id]], |row| row.get::<_, String>(0)).unwrap()
        };
        assert_eq!(provided(1), "active urn:example:2.0:User userName");
        assert_eq!(provided(9), "");
        let sql = "SELECT count(*) FROM user WHERE protected";
        let protected: u32 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(protected, 0);
    }

    #[test]
    fn a_database_of_something_else_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE bookmark (url TEXT)").unwrap();
        assert!(matches!(run(&mut connection), Err(OpenError::Foreign)));
    }
}
