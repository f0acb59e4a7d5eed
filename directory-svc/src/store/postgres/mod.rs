//! The store on a PostgreSQL server, which many directories share.
//!
//! The rooms are those of the embedded store, and so is what each of them does; `group.rs` says how writes share
//! transactions here. It works behind a pooler that lends a server connection for a transaction
//! ([`Statements::Unnamed`]), and on an engine that spreads rows by workspace: nothing is locked, counted or
//! referred to across workspaces but for the name of a domain while it is decided on, and the feed while places in
//! it are given out (`feed.rs`).

mod allowed;
mod audit;
#[cfg(test)]
mod carried;
mod changes;
mod config;
mod connection;
mod counts;
mod dialect;
mod domain_checks;
mod domains;
mod doorsteps;
mod durability;
mod export;
mod failure;
mod feed;
mod group;
mod groups;
mod hosts;
mod identities;
mod import;
mod integrations;
mod joining;
mod keys;
mod listing;
mod migrations;
mod notices;
mod passage;
mod readers;
mod receipts;
mod refused;
mod resources;
#[cfg(test)]
mod schema_rules;
mod schemas;
mod standbys;
mod statement;
mod status;
#[cfg(test)]
pub(in crate::store) mod testing;
#[cfg(test)]
mod tests;
mod tls;
mod users;
mod waiting;
mod workspace;
mod workspaces;
mod writer;
mod writing;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

pub use config::{PostgresConfig, PostgresUrl, Statements};
pub use export::export;
pub use failure::OpenError;
pub use import::import;
pub use migrations::Migrated;
pub use workspace::PostgresWorkspace;

use self::connection::{Connection, Connections, Server};
use self::group::Group;
use self::readers::{Readers, point, state};
use self::standbys::Standbys;
use self::statement::{one, params, run};
use self::writer::Writer;
use super::{
    Answer, Doorstep, EndingKey, Identity, LoginEmail, Notice, NoticeStore, Outbox, PendingDomain,
    PendingMark, Settled, Store, Waiting, Workspace, Write,
};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, WorkspaceId};

/// The oldest server that is asked, as `server_version_num` numbers it: Debian 12's.
const OLDEST_SERVER: i64 = 150_000;

/// Which server, and how it is asked.
#[derive(Clone)]
pub struct PostgresServer {
    /// The database, which belongs to this store alone.
    pub url: PostgresUrl,
    /// The same database on servers that follow the one of `url`: what may be read there, is. `None`: nothing is.
    pub standbys: Option<PostgresUrl>,
    /// The password, where a URL holds none.
    pub password: Option<String>,
    /// Which certificates (PEM) vouch for the server's; `None`: those that this machine trusts.
    pub certificates: Option<Vec<u8>>,
    /// Whether the server may be asked to keep statements prepared.
    pub statements: Statements,
    /// How many connections reads share: to the server, and to each standby.
    pub readers: usize,
    /// How many transactions write at a time, each of another workspace.
    pub writers: usize,
    /// How long a statement may run before the server stops it. Behind a pooler this holds for listings and
    /// writes; for the rest, let the database's role have a `statement_timeout`.
    pub statement_timeout: Duration,
}

impl fmt::Debug for PostgresServer {
    /// Without what may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresServer")
            .field("statements", &self.statements)
            .field("readers", &self.readers)
            .field("writers", &self.writers)
            .field("statement_timeout", &self.statement_timeout)
            .finish_non_exhaustive()
    }
}

/// The store of one database. Clones share it; the last one to go waits until all queued writes are done.
#[derive(Clone)]
pub struct PostgresStore(Arc<Shared>);

struct Shared {
    writer: Writer,
    readers: Readers,
    standbys: Standbys,
    notices: watch::Sender<()>,
}

impl PostgresStore {
    /// Opens the store of a database, and brings its schema to that of this version.
    ///
    /// # Errors
    /// When the server cannot be reached or is too old, when a newer version wrote the database, or something
    /// else did; each says what to do.
    pub async fn open(server: &PostgresServer) -> Result<Self, OpenError> {
        let (hosts, standbys) = (Server::of(server)?, Server::standbys(server)?);
        let connections = hosts.pool(server.readers)?;
        bring(&connections).await?;
        let notices = watch::Sender::new(());
        let (groups, limit) = (server.writers, server.statement_timeout);
        let (writing, listening) = (hosts.pool(groups)?, hosts.pool(1)?);
        let standbys = Standbys::keep(standbys, &listening, server.readers, limit)?;
        let writer = Writer::start(writing, listening, groups, limit, notices.clone())
            .map_err(|error| OpenError::Server(Box::new(error)))?;
        let readers = Readers::new(connections, limit);
        Ok(Self(Arc::new(Shared { writer, readers, standbys, notices })))
    }
}

/// Brings the schema of a database to that of this version, as every opening does.
///
/// # Errors
/// As [`PostgresStore::open`].
pub async fn migrate(server: &PostgresServer) -> Result<Migrated, OpenError> {
    bring(&Server::of(server)?.pool(1)?).await
}

async fn bring(connections: &Connections) -> Result<Migrated, OpenError> {
    let connection = connections.get().await?;
    assert_server(&connection).await?;
    let brought = migrations::bring(&connection).await;
    if brought.is_err() {
        // It may be in the middle of a transaction.
        connection.close();
    }
    brought
}

/// Asserts that the server can do what it is asked.
async fn assert_server(connection: &Connection) -> Result<(), OpenError> {
    let sql = "SELECT current_setting('server_version_num')::int8, \
               current_setting('server_encoding')";
    let server = one(connection, sql, &[], |row| Ok((row.get(0)?, row.get::<String>(1)?))).await?;
    let (version, encoding) = server.unwrap_or_default();
    if version < OLDEST_SERVER {
        return Err(OpenError::OldServer(version));
    }
    if encoding != "UTF8" {
        return Err(OpenError::Encoding(encoding));
    }
    Ok(())
}

impl Store for PostgresStore {
    type Workspace = PostgresWorkspace;

    fn workspace(&self, id: WorkspaceId) -> PostgresWorkspace {
        PostgresWorkspace::new(Arc::clone(&self.0), id)
    }

    async fn create_workspace(&self, write: Write, workspace: Workspace) -> Answer<()> {
        let create = async move |group: &Group| {
            workspaces::create(group.connection()?, &write, &workspace).await
        };
        self.0.writer.run(None, create).await
    }

    async fn workspaces(&self, after: Option<WorkspaceId>, limit: u32) -> Answer<Vec<Workspace>> {
        point!(self.0, |connection| workspaces::list(connection, after, limit))
    }

    async fn pending_domains(
        &self,
        after: Option<PendingMark>,
        limit: u32,
    ) -> Answer<Vec<PendingDomain>> {
        state!(self.0, |connection| domains::pending(connection, after.as_ref(), limit))
    }

    async fn take_due_checks(
        &self,
        now: Micros,
        until: Micros,
        limit: u32,
    ) -> Answer<Vec<(WorkspaceId, String)>> {
        if !point!(self.0, |connection| domain_checks::is_any_due(connection, now, until))? {
            return Ok(Vec::new());
        }
        let take = async move |group: &Group| {
            domain_checks::take_due(group.connection()?, now, until, limit).await
        };
        self.0.writer.run(None, take).await
    }

    async fn take_waiting(
        &self,
        taker: Uuid,
        now: Micros,
        until: Micros,
        limit: u32,
    ) -> Answer<Vec<Waiting>> {
        if !point!(self.0, |connection| waiting::is_any_free(connection, now, until))? {
            return Ok(Vec::new());
        }
        let take = async move |group: &Group| {
            waiting::take(group.connection()?, taker, now, until, limit).await
        };
        self.0.writer.run(None, take).await
    }

    async fn doorsteps(
        &self,
        email: LoginEmail,
        identity: Option<Identity>,
    ) -> Answer<Vec<Doorstep>> {
        state!(self.0, |connection| doorsteps::list(connection, &email, identity.as_ref()))
    }

    async fn clear_expired(&self, now: Micros, images_before: Micros, limit: u32) -> Answer<u64> {
        let clear = async move |group: &Group| {
            changes::clear_expired(group.connection()?, now, images_before, limit).await
        };
        self.0.writer.run(None, clear).await
    }

    async fn ready(&self) -> Answer<()> {
        let read = "SELECT 1 FROM migration LIMIT 1";
        point!(self.0, |connection| one(connection, read, &[], |_| Ok(())))?;
        let probe = async |group: &Group| {
            let write = "UPDATE write_probe SET tries = tries + 1 WHERE id = $1";
            Ok(run(group.connection()?, write, params![1_i64]).await?)
        };
        self.0.writer.run(None, probe).await?;
        Ok(())
    }

    fn is_writable(&self) -> watch::Receiver<bool> {
        self.0.writer.is_writable()
    }
}

impl NoticeStore for PostgresStore {
    async fn keep_notices(&self, notices: Vec<(WorkspaceId, Notice)>) -> Answer<()> {
        let keep = async move |group: &Group| {
            for (workspace, notice) in &notices {
                notices::keep(group, *workspace, [notice]).await?;
            }
            Ok(())
        };
        self.0.writer.run(None, keep).await
    }

    async fn take_due_notices(&self, now: Micros, until: Micros, limit: u32) -> Answer<Outbox> {
        let take =
            async move |group: &Group| notices::take(group.connection()?, now, until, limit).await;
        self.0.writer.run(None, take).await
    }

    async fn settle_notice(
        &self,
        of: WorkspaceId,
        key: String,
        attempts: u32,
        settled: Settled,
    ) -> Answer<()> {
        let settle = async move |group: &Group| {
            notices::settle(group.connection()?, of, &key, attempts, &settled).await
        };
        self.0.writer.run(None, settle).await
    }

    async fn clear_notices(&self, before: Micros, limit: u32) -> Answer<u64> {
        let clear =
            async move |group: &Group| notices::clear(group.connection()?, before, limit).await;
        self.0.writer.run(None, clear).await
    }

    async fn ending_keys(
        &self,
        now: Micros,
        until: Micros,
        after: Option<(WorkspaceId, Micros, ApiKeyId)>,
        limit: u32,
    ) -> Answer<Vec<EndingKey>> {
        state!(self.0, |connection| notices::ending_keys(connection, now, until, after, limit))
    }

    fn notices_kept(&self) -> watch::Receiver<()> {
        self.0.notices.subscribe()
    }
}
