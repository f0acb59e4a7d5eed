//! Every row of a store, or of one workspace, to a file of any engine: beside directories that go on writing, as
//! it all stood at one moment.

use std::io::Write;

use super::connection::Connection;
use super::migrations::MIGRATIONS;
use super::statement::{Row, all, asked, one, params};
use super::{PostgresServer, Server, migrations};
use crate::ids::WorkspaceId;
use crate::store::Answer;
use crate::store::portable::{
    Carried, CarryError, Header, Kind, Step, TABLES, Table, Tell, Value, Wanted, Writer,
};

/// How many rows are fetched at a time.
const FETCHED: u32 = 500;

/// Writes what is wanted of a database. `out` is waited for on the thread that asks.
///
/// # Errors
/// When there is no store or no workspace to read, or `out` fails.
pub async fn export<W: Write>(
    server: &PostgresServer,
    wanted: Wanted,
    out: W,
    tell: Tell<'_>,
) -> Result<Carried, CarryError> {
    let connection = Server::of(server).map_err(open)?.pool(1).map_err(open)?.get().await?;
    // It takes as long as whoever reads takes.
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0; \
                 SET LOCAL idle_in_transaction_session_timeout = 0";
    connection.command(begin).await?;
    let exported = Exporting::begin(&connection, wanted, out, tell).await;
    // The transaction has nothing to keep, and may have failed.
    connection.close();
    exported
}

struct Exporting<'a, W> {
    connection: &'a Connection,
    writer: Writer<W>,
    tell: Tell<'a>,
}

impl<'a, W: Write> Exporting<'a, W> {
    async fn begin(
        connection: &'a Connection,
        wanted: Wanted,
        out: W,
        tell: Tell<'a>,
    ) -> Result<Carried, CarryError> {
        is_of_this_version(connection).await?;
        let of_one = "SELECT revision FROM workspace WHERE id = $1";
        let mut revision = None;
        if let Some(id) = wanted.workspace {
            let found = one(connection, of_one, params![id], |row| row.get(0)).await?;
            revision = Some(found.ok_or(CarryError::NoWorkspace(id))?);
        }
        let time = jiff::Timestamp::from_microsecond(wanted.at)
            .map_err(|error| CarryError::Row(error.to_string()))?;
        let header = Header::new(time.to_string(), wanted.workspace, revision);
        let mut exporting = Self { connection, writer: Writer::begin(out, &header)?, tell };
        let ids = if let Some(id) = wanted.workspace {
            vec![id]
        } else {
            let ids = "SELECT id FROM workspace ORDER BY id";
            all(connection, ids, &[], |row| row.get(0)).await?
        };
        for id in ids {
            for table in TABLES {
                exporting.rows(table, id).await?;
            }
        }
        exporting.writer.end()
    }

    async fn rows(&mut self, table: &'static Table, id: WorkspaceId) -> Result<(), CarryError> {
        self.connection.command(&declare(table, id)).await?;
        let fetch = format!("FETCH {FETCHED} FROM rows");
        loop {
            let rows = asked(self.connection, &fetch, &[], |row| values(table, row)).await?;
            for row in &rows {
                self.writer.row(table, row)?;
            }
            (self.tell)(Step { done: self.writer.rows(), of: None });
            if rows.len() < FETCHED as usize {
                return Ok(self.connection.command("CLOSE rows").await?);
            }
        }
    }
}

/// Asserts that the schema is that of this program.
///
/// # Errors
/// [`CarryError::OtherVersion`].
pub(super) async fn is_of_this_version(connection: &Connection) -> Result<(), CarryError> {
    let known = MIGRATIONS.len().try_into().unwrap_or(u32::MAX);
    let found = migrations::newest(connection).await?.unwrap_or_default();
    if found == known { Ok(()) } else { Err(CarryError::OtherVersion { found, known }) }
}

pub(super) fn open(error: super::OpenError) -> CarryError {
    CarryError::Open(Box::new(error))
}

/// The name of a table here: `user` is a word of SQL.
pub(super) fn name(table: &Table) -> &'static str {
    if table.name == "user" { "scim_user" } else { table.name }
}

fn declare(table: &Table, id: WorkspaceId) -> String {
    let column = |column: &crate::store::portable::Column| match column.kind {
        // Some of it is kept as JSON.
        Kind::Text => format!("{}::text", column.name),
        _ => column.name.to_owned(),
    };
    let columns: Vec<_> = table.columns.iter().map(column).collect();
    format!(
        "DECLARE rows NO SCROLL CURSOR FOR SELECT {} FROM {} WHERE {} = '{id}' ORDER BY {}",
        columns.join(", "),
        name(table),
        table.workspace(),
        table.key.join(", ")
    )
}

fn values(table: &Table, row: &Row) -> Answer<Vec<Value>> {
    let value = |(at, column): (usize, &crate::store::portable::Column)| {
        let value = match column.kind {
            Kind::Id => row.get::<Option<uuid::Uuid>>(at)?.map(Value::Id),
            Kind::Integer => row.get::<Option<i64>>(at)?.map(Value::Integer),
            Kind::Flag => row.get::<Option<bool>>(at)?.map(Value::Flag),
            Kind::Text => row.get::<Option<String>>(at)?.map(Value::Text),
            Kind::Bytes => row.get::<Option<Vec<u8>>>(at)?.map(Value::Bytes),
        };
        Ok(value.unwrap_or(Value::Null))
    };
    table.columns.iter().enumerate().map(value).collect()
}
