//! Rows of a file, into a store that no directory has: all of them in one transaction, or none.

use std::path::Path;

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};

use super::failure::is_conflict;
use super::statement::one;
use super::{Opened, changes, counts, keys};
use crate::failpoint::{self, Point};
use crate::ids::WorkspaceId;
use crate::store::portable::{
    Becomes, Carried, CarryError, Header, Import, Input, Keys, Reader, Row, Step, Table, Tell,
    Value,
};

/// Every so many rows it is told how far the file was read.
const TELL_EVERY: u64 = 1_024;
/// Page cache of the one transaction, in KiB: what has no room in it is written to the log each time that it
/// has to go.
const CACHE_KIB: i32 = 256 * 1024;
/// By whom keys are revoked, as their records tell.
const BY: &str = "import";

/// Brings an export into the store of a directory, which is made where there is none, and which no process
/// may have. Blocks for as long as that takes. A process that dies in it leaves nothing of it.
///
/// # Errors
/// When the file is none, is cut or was changed, when one of its workspaces is here, or when the store
/// fails: nothing was imported then.
pub fn import(
    dir: &Path,
    input: Input<'_>,
    plan: Import,
    tell: Tell<'_>,
) -> Result<Carried, CarryError> {
    let (header, reader) = Reader::begin(input)?;
    // Its check-pointer empties the log at the end.
    let opened = Opened::on(rusqlite::version_number(), dir)?;
    let connection = &opened.connection;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    // Not committed, it is undone with its connection.
    changes::begin_anew(connection, plan.now)?;
    let importing = Importing { connection, header, plan, reader, at: None, place: 0 };
    let carried = importing.all(tell)?;
    failpoint::pass(Point::BeforeCommit);
    connection.execute_batch("COMMIT")?;
    Ok(carried)
}

struct Importing<'a> {
    connection: &'a Connection,
    header: Header,
    plan: Import,
    reader: Reader<Input<'a>>,
    /// The workspace whose rows are read.
    at: Option<WorkspaceId>,
    /// The last place in the feed that was given out.
    place: u64,
}

impl Importing<'_> {
    fn all(mut self, tell: Tell<'_>) -> Result<Carried, CarryError> {
        let mut carried = Carried::default();
        while let Some((table, row)) = self.reader.next()? {
            if table.name == "workspace" {
                carried.revoked += self.close()?;
                self.open(&row)?;
                carried.workspaces += 1;
            }
            self.row(table, &row)?;
            carried.rows += 1;
            if carried.rows.is_multiple_of(TELL_EVERY) {
                tell(Step { done: self.reader.bytes(), of: None });
            }
        }
        carried.revoked += self.close()?;
        match self.header.workspace {
            Some(named) if self.at != Some(named) => Err(self.reader.wrong("no workspace came")),
            _ => Ok(carried),
        }
    }

    /// Begins a workspace, whose own row it is.
    fn open(&mut self, row: &Row) -> Result<(), CarryError> {
        let Some(Value::Id(id)) = row.first() else {
            return Err(self.reader.wrong("a workspace without an id"));
        };
        let id = WorkspaceId::new(*id);
        if self.header.workspace.is_some_and(|named| named != id) {
            return Err(self.reader.wrong("another workspace than the first line tells"));
        }
        let is_here = "SELECT 1 FROM workspace WHERE id = ?1";
        if one(self.connection, is_here, [id], |_| Ok(()))?.is_some() {
            return Err(CarryError::WorkspaceIsHere(id));
        }
        self.at = Some(id);
        self.place = changes::last_position(self.connection)?;
        Ok(())
    }

    /// Adds a row of the workspace that was begun.
    fn row(&mut self, table: &Table, row: &Row) -> Result<(), CarryError> {
        let Some(at) = self.at.filter(|at| row.first() == Some(&Value::Id(at.uuid()))) else {
            return Err(self.reader.wrong("a row of another workspace than those round it"));
        };
        let mut statement = self.connection.prepare_cached(&insert(table))?;
        let stays = table.stays.iter().map(|column| match &column.becomes {
            Becomes::Value(value) => value.clone(),
            Becomes::Place => {
                self.place += 1;
                Value::Integer(self.place.cast_signed())
            }
        });
        let values = row.iter().cloned().chain(stays);
        match statement.execute(params_from_iter(values)) {
            Ok(_) => Ok(()),
            Err(error) if is_conflict(&error) => {
                let what = format!("the store does not take this {} of {at}: {error}", table.name);
                Err(self.reader.wrong(what))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does for the workspace whose rows are all here what follows from them; answers how many keys were
    /// revoked.
    fn close(&mut self) -> Result<u64, CarryError> {
        let Some(id) = self.at else { return Ok(0) };
        counts::count_anew(self.connection, id)?;
        if !self.plan.may_share_domains {
            self.shares_no_domain(id)?;
        }
        Ok(match self.plan.keys {
            Keys::Keep => 0,
            Keys::Revoke => keys::revoke_all(self.connection, id, BY, self.plan.now)?,
        })
    }

    /// A domain is in two hands on an operator's word alone.
    fn shares_no_domain(&self, workspace: WorkspaceId) -> Result<(), CarryError> {
        let shared = one(
            self.connection,
            "SELECT d.name, o.workspace_id FROM domain d JOIN domain o ON o.name = d.name \
             WHERE d.workspace_id = ?1 AND d.state = 'verified' AND o.state = 'verified' \
             AND o.workspace_id != d.workspace_id LIMIT 1",
            [workspace],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        match shared {
            None => Ok(()),
            Some((domain, holder)) => Err(CarryError::SharedDomain { domain, holder, workspace }),
        }
    }
}

fn insert(table: &Table) -> String {
    let carried = table.columns.iter().map(|column| column.name);
    let columns: Vec<_> = carried.chain(table.stays.iter().map(|column| column.name)).collect();
    let places = vec!["?"; columns.len()];
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, columns.join(", "), places.join(", "))
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Stored::Null),
            Self::Id(id) => ToSqlOutput::Borrowed(ValueRef::Blob(id.as_bytes())),
            Self::Integer(number) => ToSqlOutput::Owned(Stored::Integer(*number)),
            Self::Flag(is) => ToSqlOutput::Owned(Stored::Integer((*is).into())),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}
