//! The engines that pass the suite.

use std::time::Duration;

use postgres_server::Server;
use tempfile::TempDir;

use crate::store::postgres::testing::{client, database, database_of, until_followed};
use crate::store::postgres::{PostgresServer, PostgresStore, PostgresWorkspace, Statements};
use crate::store::sqlite::{SqliteConfig, SqliteStore, SqliteWorkspace};
use crate::store::{Kind, Query, Store};

/// An engine with an empty store.
pub(super) trait Engine: Sized {
    /// Its store.
    type Store: Store;

    /// How many random walks of the state machine are taken in a short run: a server is asked over a socket.
    const WALKS: u32;

    /// Whether whoever has the store open has it alone.
    const IS_ALONE: bool;

    /// A new, empty store.
    async fn start() -> Self;

    /// Another new, empty store of the same kind.
    async fn another(&self) -> Self;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The same store, closed and opened again.
    async fn reopen(self) -> Self;

    /// Has the first workspace hold so many people and groups that the engine's plans are those of a large one.
    async fn fill(&self);

    /// The steps of the engine's plan for a query that walk through all people or groups of a workspace.
    async fn walks(
        workspace: &<Self::Store as Store>::Workspace,
        kind: Kind,
        query: &Query,
    ) -> Vec<String>;
}

/// The embedded engine, in a directory of its own.
pub(super) struct Sqlite {
    store: SqliteStore,
    dir: TempDir,
}

impl Sqlite {
    fn open(dir: TempDir) -> Self {
        let statement_timeout = Duration::from_secs(30);
        let config = SqliteConfig { dir: dir.path().to_owned(), statement_timeout };
        Self { store: SqliteStore::open(config).unwrap(), dir }
    }
}

impl Engine for Sqlite {
    type Store = SqliteStore;

    const WALKS: u32 = 24;

    const IS_ALONE: bool = true;

    async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    async fn another(&self) -> Self {
        Self::start().await
    }

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    async fn reopen(self) -> Self {
        let Self { store, dir } = self;
        drop(store);
        Self::open(dir)
    }

    /// Its plans go by statistics that the migrations bring.
    async fn fill(&self) {}

    async fn walks(workspace: &SqliteWorkspace, kind: Kind, query: &Query) -> Vec<String> {
        let by_workspace_alone = |step: &String| {
            (step.contains("SCAN") && !["SCAN up", "SCAN down"].contains(&step.as_str()))
                || step.contains("(workspace_id=?)")
                || step.contains("(workspace_id=? AND seq>?)")
        };
        workspace.explain(kind, query).unwrap().into_iter().filter(by_workspace_alone).collect()
    }
}

/// A server, in a database of its own.
pub(super) struct Postgres {
    store: PostgresStore,
    config: PostgresServer,
    /// Those of its own that it is on, if any.
    servers: Vec<Server>,
}

impl Postgres {
    /// As behind a pooler that knows nothing of prepared statements.
    pub(super) async fn pooled() -> Self {
        Self::open(database(Statements::Unnamed).await).await
    }

    /// With a standby, which is read where that is allowed.
    pub(super) async fn followed() -> Self {
        let first = Server::first().await;
        let standby = first.standby().await;
        let standbys = Some(database_of(&standby).url);
        let config = PostgresServer { standbys, ..database_of(&first) };
        let engine = Self { servers: vec![standby, first], ..Self::open(config).await };
        until_followed(&engine.store, 1).await;
        engine
    }

    async fn open(config: PostgresServer) -> Self {
        let store = PostgresStore::open(&config).await.unwrap();
        Self { store, config, servers: Vec::new() }
    }
}

impl Engine for Postgres {
    type Store = PostgresStore;

    const WALKS: u32 = 4;

    const IS_ALONE: bool = false;

    async fn start() -> Self {
        Self::open(database(Statements::Prepared).await).await
    }

    async fn another(&self) -> Self {
        Self::open(database(self.config.statements).await).await
    }

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    async fn reopen(self) -> Self {
        let Self { store, config, servers } = self;
        drop(store);
        Self { servers, ..Self::open(config).await }
    }

    async fn fill(&self) {
        let client = client(&self.config).await;
        client.batch_execute(include_str!("fill.sql")).await.unwrap();
        client.batch_execute("VACUUM ANALYZE").await.unwrap();
    }

    async fn walks(workspace: &PostgresWorkspace, kind: Kind, query: &Query) -> Vec<String> {
        let table = match kind {
            Kind::User => "scim_user",
            Kind::Group => "scim_group",
        };
        let steps = workspace.explain(kind, query).await.unwrap();
        let mut walks = Vec::new();
        let mut scan = String::new();
        for step in steps {
            if step.contains("Scan") {
                scan.clone_from(&step);
            }
            // A few integrations may be walked through; people and groups may not.
            let by_workspace = step.trim().strip_prefix("Index Cond: (workspace_id = ");
            let is_walk = step.contains("Seq Scan")
                || by_workspace.is_some_and(|condition| !condition.contains(" AND "));
            if is_walk && scan.contains(&format!(" on {table}")) {
                walks.push(format!("{scan} {step}"));
            }
        }
        walks
    }
}
