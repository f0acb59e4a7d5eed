//! Rows of a file, into a database: all of them in one transaction, or none. Directories may serve beside; what
//! comes is there for them from one moment on.

use futures_util::future::join_all;
use tokio_postgres::error::SqlState;

use super::connection::Connection;
use super::export::{is_of_this_version, name, open};
use super::failure::{in_our_words, is_conflict};
use super::group::{Group, Onwards};
use super::statement::{all, one, params, run};
use super::writing::Writing;
use super::{PostgresServer, Server, bring, counts, feed, keys};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::store::portable::{
    Becomes, Carried, CarryError, Header, Import, Input, Keys, Kind, Reader, Row, Step, Table,
    Tell, Value,
};
use crate::store::{Author, OperationId, Revision, Write};

/// Every so many rows it is told how far the file was read.
const TELL_EVERY: u64 = 1_024;
/// How many rows are on their way at a time: the way to the server and back is not gone for each.
const SENT: usize = 256;
/// By whom keys are revoked, as their records tell.
const BY: &str = "import";

/// Brings an export into a database, whose schema is made where there is none. `input` is waited for on the thread
/// that asks. A process that dies in it leaves nothing of it.
///
/// # Errors
/// When the file is none, is cut or was changed, when one of its workspaces is here, or when the store
/// fails: nothing was imported then.
pub async fn import(
    server: &PostgresServer,
    input: Input<'_>,
    plan: Import,
    tell: Tell<'_>,
) -> Result<Carried, CarryError> {
    let (header, reader) = Reader::begin(input)?;
    let connections = Server::of(server).map_err(open)?.pool(1).map_err(open)?;
    bring(&connections).await.map_err(open)?;
    // Not committed, it is undone with its connection.
    let group = Group::begin(&connections, None, server.statement_timeout).await?;
    let connection = group.connection()?;
    // It takes as long as the file does.
    let limits =
        "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
    connection.command(limits).await?;
    is_of_this_version(connection).await?;
    let importing =
        Importing { group: &group, connection, header, plan, reader, at: None, read: Vec::new() };
    let carried = importing.all(tell).await?;
    // Last, as nobody gives out places from then on.
    feed::begin_anew(connection, plan.now).await?;
    group.commit(Onwards::Begin).await?;
    Ok(carried)
}

struct Importing<'a> {
    group: &'a Group,
    connection: &'a Connection,
    header: Header,
    plan: Import,
    reader: Reader<Input<'a>>,
    /// The workspace whose rows are read.
    at: Option<WorkspaceId>,
    /// The rows that were read and not sent, with their lines.
    read: Vec<(u64, &'static Table, Row)>,
}

impl Importing<'_> {
    async fn all(mut self, tell: Tell<'_>) -> Result<Carried, CarryError> {
        let mut carried = Carried::default();
        while let Some((table, row)) = self.reader.next()? {
            if table.name == "workspace" {
                carried.revoked += self.close().await?;
                self.open(&row).await?;
                carried.workspaces += 1;
            }
            self.row(table, row).await?;
            carried.rows += 1;
            if carried.rows.is_multiple_of(TELL_EVERY) {
                tell(Step { done: self.reader.bytes(), of: None });
            }
        }
        carried.revoked += self.close().await?;
        match self.header.workspace {
            Some(named) if self.at != Some(named) => Err(self.reader.wrong("no workspace came")),
            _ => Ok(carried),
        }
    }

    /// Begins a workspace, whose own row it is.
    async fn open(&mut self, row: &Row) -> Result<(), CarryError> {
        let Some(Value::Id(id)) = row.first() else {
            return Err(self.reader.wrong("a workspace without an id"));
        };
        let id = WorkspaceId::new(*id);
        if self.header.workspace.is_some_and(|named| named != id) {
            return Err(self.reader.wrong("another workspace than the first line tells"));
        }
        let is_here = "SELECT 1 FROM workspace WHERE id = $1";
        if one(self.connection, is_here, params![id], |_| Ok(())).await?.is_some() {
            return Err(CarryError::WorkspaceIsHere(id));
        }
        self.at = Some(id);
        Ok(())
    }

    /// Adds a row of the workspace that was begun.
    async fn row(&mut self, table: &'static Table, row: Row) -> Result<(), CarryError> {
        if self.at.is_none_or(|at| row.first() != Some(&Value::Id(at.uuid()))) {
            return Err(self.reader.wrong("a row of another workspace than those round it"));
        }
        self.read.push((self.reader.line(), table, row));
        if self.read.len() < SENT { Ok(()) } else { self.send().await }
    }

    /// Sends what was read, in its order. The first row of a table goes alone, so that its statement is prepared
    /// once.
    async fn send(&mut self) -> Result<(), CarryError> {
        let read = std::mem::take(&mut self.read);
        for rows in read.chunk_by(|(_, one, _), (_, other, _)| one.name == other.name) {
            let Some((first, rest)) = rows.split_first() else { continue };
            self.insert(first).await?;
            // What comes behind a row that is refused is refused with it.
            for sent in join_all(rest.iter().map(|row| self.insert(row))).await {
                sent?;
            }
        }
        Ok(())
    }

    async fn insert(
        &self,
        (line, table, row): &(u64, &'static Table, Row),
    ) -> Result<(), CarryError> {
        let kinds = table.columns.iter().map(|column| column.kind);
        let values: Vec<_> =
            row.iter().zip(kinds).map(|(value, kind)| bound(value, kind)).collect();
        match run(self.connection, &insert(table), &values).await {
            Ok(_) => Ok(()),
            Err(error) if is_of_the_row(&error) => {
                let said = in_our_words(&error);
                let what = format!("the store does not take this {}: {said}", table.name);
                Err(CarryError::Line { line: *line, what })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Does for the workspace whose rows are all here what follows from them; answers how many keys were
    /// revoked.
    async fn close(&mut self) -> Result<u64, CarryError> {
        let Some(id) = self.at else { return Ok(0) };
        self.send().await?;
        counts::count_anew(self.connection, id).await?;
        if !self.plan.may_share_domains {
            self.shares_no_domain(id).await?;
        }
        Ok(match self.plan.keys {
            Keys::Keep => 0,
            Keys::Revoke => self.revoke_all(id).await?,
        })
    }

    async fn revoke_all(&self, id: WorkspaceId) -> Result<u64, CarryError> {
        let keys =
            "SELECT id FROM api_key WHERE workspace_id = $1 AND revoked_at IS NULL ORDER BY seq";
        let keys = all(self.connection, keys, params![id], |row| row.get::<ApiKeyId>(0)).await?;
        let revision = "SELECT revision FROM workspace WHERE id = $1";
        let revision =
            one(self.connection, revision, params![id], |row| row.get::<Revision>(0)).await?;
        self.group.set_revision(revision);
        let at = self.plan.now;
        for &key in &keys {
            let operation = OperationId(format!("{BY}/{at}/{key}"));
            let write = Write { operation, author: Author::Service(BY.to_owned()), at };
            keys::revoke(&Writing::begin(self.group, id, write)?, key).await?;
        }
        let reached = "UPDATE workspace SET revision = $2 WHERE id = $1";
        run(self.connection, reached, params![id, self.group.revision()]).await?;
        self.group.set_revision(None);
        Ok(keys.len() as u64)
    }

    /// A domain is in two hands on an operator's word alone.
    async fn shares_no_domain(&self, workspace: WorkspaceId) -> Result<(), CarryError> {
        let shared = one(
            self.connection,
            "SELECT d.name, o.workspace_id FROM domain d JOIN domain o ON o.name = d.name \
             WHERE d.workspace_id = $1 AND d.state = 'verified' AND o.state = 'verified' \
             AND o.workspace_id <> d.workspace_id LIMIT 1",
            params![workspace],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .await?;
        match shared {
            None => Ok(()),
            Some((domain, holder)) => Err(CarryError::SharedDomain { domain, holder, workspace }),
        }
    }
}

/// Whether it is the row's own: a key that is there, something missing or unfit, or a text that cannot be kept.
fn is_of_the_row(error: &tokio_postgres::Error) -> bool {
    let class = error.code().and_then(|code| code.code().get(..2));
    is_conflict(error)
        || class.is_some_and(|class| ["22", "23"].contains(&class))
        || error.code() == Some(&SqlState::CHARACTER_NOT_IN_REPERTOIRE)
}

fn insert(table: &Table) -> String {
    let mut columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    let mut places: Vec<_> = (1..=columns.len()).map(|number| format!("${number}")).collect();
    if let Some(at) = columns.iter().position(|column| *column == "search") {
        places[at] += "::jsonb";
    }
    for column in table.stays {
        match &column.becomes {
            Becomes::Value(Value::Integer(number)) => {
                columns.push(column.name);
                places.push(number.to_string());
            }
            // Nothing, until whoever follows the feed gives one out.
            Becomes::Value(_) | Becomes::Place => {}
        }
    }
    format!("INSERT INTO {} ({}) VALUES ({})", name(table), columns.join(", "), places.join(", "))
}

fn bound(value: &Value, kind: Kind) -> super::statement::Value<'_> {
    use super::statement::Value as Bound;
    match (value, kind) {
        (Value::Id(id), _) => Bound::Id(Some(*id)),
        (Value::Integer(number), _) => Bound::Whole(Some(*number)),
        (Value::Flag(is), _) => Bound::Truth(Some(*is)),
        (Value::Text(text), _) => Bound::Text(Some(text)),
        (Value::Bytes(bytes), _) => Bound::Bytes(Some(bytes)),
        (Value::Null, Kind::Id) => Bound::Id(None),
        (Value::Null, Kind::Integer) => Bound::Whole(None),
        (Value::Null, Kind::Flag) => Bound::Truth(None),
        (Value::Null, Kind::Text) => Bound::Text(None),
        (Value::Null, Kind::Bytes) => Bound::Bytes(None),
    }
}
