//! Every row of a store, or of one workspace, to a file of any engine: beside a directory that goes on
//! writing, as it all stood at one moment.

use std::io::Write;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::beside;
use super::statement::one;
use crate::ids::WorkspaceId;
use crate::store::Revision;
use crate::store::portable::{
    Carried, CarryError, Header, Kind, Step, TABLES, Table, Tell, Value, Wanted, Writer,
};

/// Every so many rows it is told how many they are.
const TELL_EVERY: u64 = 1_024;

/// Writes what is wanted of the store of a directory. Blocks for as long as that takes; the log of a
/// directory that serves meanwhile grows, and is not begun anew.
///
/// # Errors
/// When there is no store or no workspace to read, or `out` fails.
pub fn export<W: Write>(
    dir: &Path,
    wanted: Wanted,
    out: W,
    tell: Tell<'_>,
) -> Result<Carried, CarryError> {
    let connection = beside(dir)?;
    let revision = wanted.workspace.map(|id| revision(&connection, id)).transpose()?;
    let time = jiff::Timestamp::from_microsecond(wanted.at)
        .map_err(|error| CarryError::Row(error.to_string()))?;
    let header = Header::new(time.to_string(), wanted.workspace, revision);
    let writer = Writer::begin(out, &header)?;
    let mut exporting = Exporting { connection: &connection, writer, tell };
    if let Some(id) = wanted.workspace {
        exporting.workspace(id)?;
    } else {
        let mut ids = connection.prepare("SELECT id FROM workspace ORDER BY id")?;
        let mut ids = ids.query([])?;
        while let Some(row) = ids.next()? {
            exporting.workspace(row.get(0)?)?;
        }
    }
    exporting.writer.end()
}

fn revision(connection: &Connection, id: WorkspaceId) -> Result<Revision, CarryError> {
    let sql = "SELECT revision FROM workspace WHERE id = ?1";
    one(connection, sql, [id], |row| row.get(0))?.ok_or(CarryError::NoWorkspace(id))
}

struct Exporting<'a, W> {
    connection: &'a Connection,
    writer: Writer<W>,
    tell: Tell<'a>,
}

impl<W: Write> Exporting<'_, W> {
    fn workspace(&mut self, id: WorkspaceId) -> Result<(), CarryError> {
        TABLES.iter().try_for_each(|table| self.rows(table, id))
    }

    fn rows(&mut self, table: &'static Table, id: WorkspaceId) -> Result<(), CarryError> {
        let mut statement = self.connection.prepare_cached(&select(table))?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            self.writer.row(table, &values(table, row)?)?;
            if self.writer.rows().is_multiple_of(TELL_EVERY) {
                (self.tell)(Step { done: self.writer.rows(), of: None });
            }
        }
        Ok(())
    }
}

fn select(table: &Table) -> String {
    let columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    format!(
        "SELECT {} FROM {} WHERE {} = ?1 ORDER BY {}",
        columns.join(", "),
        table.name,
        table.workspace(),
        table.key.join(", ")
    )
}

fn values(table: &Table, row: &Row<'_>) -> Result<Vec<Value>, CarryError> {
    let mut values = Vec::with_capacity(table.columns.len());
    for (at, column) in table.columns.iter().enumerate() {
        let value = value(column.kind, row.get_ref(at)?).ok_or_else(|| {
            CarryError::Row(format!("{}.{} does not hold what it should", table.name, column.name))
        })?;
        values.push(value);
    }
    Ok(values)
}

fn value(kind: Kind, value: ValueRef<'_>) -> Option<Value> {
    Some(match (kind, value) {
        (_, ValueRef::Null) => Value::Null,
        (Kind::Id, ValueRef::Blob(bytes)) => Value::Id(uuid::Uuid::from_slice(bytes).ok()?),
        (Kind::Integer, ValueRef::Integer(number)) => Value::Integer(number),
        (Kind::Flag, ValueRef::Integer(number @ (0 | 1))) => Value::Flag(number == 1),
        (Kind::Text, ValueRef::Text(text)) => Value::Text(std::str::from_utf8(text).ok()?.into()),
        (Kind::Bytes, ValueRef::Blob(bytes)) => Value::Bytes(bytes.to_vec()),
        _ => return None,
    })
}
