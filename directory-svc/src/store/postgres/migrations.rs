//! The schema's steps, each done once, whole, and never changed afterwards.
//!
//! A step only ever adds: the version before it goes on serving beside, from before the step until the last
//! process of it has gone. What it no longer needs goes a version later. A step that is killed in the middle is
//! undone by the server, and done at the next start.

use sha2::{Digest, Sha256};

use super::OpenError;
use super::connection::Connection;
use super::statement::{one, params, run};
use crate::clock::Clock;
use crate::store::Answer;

#[derive(Clone, Copy)]
pub(super) struct Migration {
    pub(super) number: u32,
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// In order of number, from 1 without a gap.
pub(super) const MIGRATIONS: [Migration; 1] = [Migration {
    number: 1,
    name: "directory",
    sql: include_str!("migrations/0001_directory.sql"),
}];

/// Held while a step is done: "NSCD", so that of several processes that start at once one does it, and the
/// others find it done.
const LOCK: i64 = i64::from_be_bytes(*b"\0\0\0\0NSCD");
/// How long a step waits for a table that is written to. Behind it writers would wait too, so it gives up soon,
/// and the start fails with a message.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '10s'";

/// What was done to a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The newest step that was done before; 0: none was.
    pub from: u32,
    /// The newest that is done now.
    pub to: u32,
}

/// Brings the store to the schema that this binary knows.
///
/// # Errors
/// [`OpenError::Foreign`], [`OpenError::Newer`], [`OpenError::Changed`], or the engine's.
pub(super) async fn bring(connection: &Connection) -> Result<Migrated, OpenError> {
    bring_to(connection, &MIGRATIONS).await
}

pub(super) async fn bring_to(
    connection: &Connection,
    migrations: &[Migration],
) -> Result<Migrated, OpenError> {
    begin(connection).await?;
    claim(connection).await?;
    let newest = newest(connection).await?;
    connection.command("COMMIT").await?;
    let known = migrations.len().try_into().unwrap_or(u32::MAX);
    if let Some(found) = newest.filter(|&found| found > known) {
        return Err(OpenError::Newer { found, known });
    }
    for migration in migrations {
        step(connection, migration).await?;
    }
    Ok(Migrated { from: newest.unwrap_or_default(), to: known })
}

/// Begins a transaction in which no other process migrates.
async fn begin(connection: &Connection) -> Result<(), OpenError> {
    connection.command("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    connection.command("SET LOCAL statement_timeout = 0").await?;
    one(connection, "SELECT pg_advisory_xact_lock($1)", params![LOCK], |_| Ok(())).await?;
    Ok(connection.command(LOCK_TIMEOUT).await?)
}

/// Marks an empty database as ours, or finds the mark: the list of the steps.
async fn claim(connection: &Connection) -> Result<(), OpenError> {
    if has(connection, "migration").await? {
        return Ok(());
    }
    let tables = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema()";
    let tables: Option<i64> = one(connection, tables, &[], |row| row.get(0)).await?;
    if tables != Some(0) {
        return Err(OpenError::Foreign);
    }
    connection
        .command(
            "CREATE TABLE migration (
                number     BIGINT NOT NULL PRIMARY KEY,
                name       TEXT   NOT NULL,
                sha256     BYTEA  NOT NULL,
                applied_at BIGINT NOT NULL
            )",
        )
        .await?;
    Ok(())
}

/// The newest step that was done; `None`: none was.
pub(super) async fn newest(connection: &Connection) -> Answer<Option<u32>> {
    if !has(connection, "migration").await? {
        return Ok(None);
    }
    let newest = "SELECT max(number) FROM migration";
    Ok(one(connection, newest, &[], |row| row.get(0)).await?.flatten())
}

async fn has(connection: &Connection, table: &str) -> Answer<bool> {
    let sql = "SELECT 1 FROM pg_catalog.pg_tables \
               WHERE schemaname = current_schema() AND tablename = $1";
    Ok(one(connection, sql, params![table], |_| Ok(())).await?.is_some())
}

async fn step(connection: &Connection, migration: &Migration) -> Result<(), OpenError> {
    let Migration { number, name, sql } = *migration;
    let sha256 = Sha256::digest(sql).to_vec();
    begin(connection).await?;
    let applied = "SELECT sha256 FROM migration WHERE number = $1";
    let applied = one(connection, applied, params![number], |row| row.get::<Vec<u8>>(0)).await?;
    match applied {
        Some(applied) if applied == sha256 => return Ok(connection.command("COMMIT").await?),
        Some(_) => return Err(OpenError::Changed { number, name }),
        None => {}
    }
    connection.command(sql).await?;
    // A note for people: nothing is decided by it.
    let applied_at = Clock::system().now();
    let note = "INSERT INTO migration (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4)";
    run(connection, note, params![number, name, sha256.as_slice(), applied_at]).await?;
    Ok(connection.command("COMMIT").await?)
}
