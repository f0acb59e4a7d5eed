//! The engines that pass the suite.

use std::time::Duration;

use tempfile::TempDir;

use crate::store::sqlite::{SqliteConfig, SqliteStore, SqliteWorkspace};
use crate::store::{Kind, Query, Store};

/// An engine with an empty store.
pub(super) trait Engine: Sized {
    /// Its store.
    type Store: Store;

    /// A new, empty store.
    fn start() -> Self;

    /// The store.
    fn store(&self) -> &Self::Store;

    /// The same store, closed and opened again.
    fn reopen(self) -> Self;

    /// The steps of the engine's plan for a query that walk through all people or groups of a workspace.
    fn walks(
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

    fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    fn reopen(self) -> Self {
        let Self { store, dir } = self;
        drop(store);
        Self::open(dir)
    }

    fn walks(workspace: &SqliteWorkspace, kind: Kind, query: &Query) -> Vec<String> {
        let by_workspace_alone = |step: &String| {
            (step.contains("SCAN") && !["SCAN up", "SCAN down"].contains(&step.as_str()))
                || step.contains("(workspace_id=?)")
                || step.contains("(workspace_id=? AND seq>?)")
        };
        workspace.explain(kind, query).unwrap().into_iter().filter(by_workspace_alone).collect()
    }
}
