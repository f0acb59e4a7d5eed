//! A transaction that several writes share: of one workspace, whose row is locked first, or of none.
//!
//! Each write has its savepoint and fails alone. Statements that need not wait for each other are sent together,
//! so that a write costs a few ways to the server and back, however many statements it has. Where one has to come
//! first they are polled in that order (`biased`): each is sent when it is polled for the first time.

use std::cell::Cell;
use std::time::Duration;

use tokio::join;

use super::connection::{Connection, Connections};
use super::failure::fault;
use super::statement::{one, params, run};
use crate::failpoint::{self, Point};
use crate::ids::WorkspaceId;
use crate::store::{Answer, Revision};

/// How long a transaction waits for another directory that writes in the same workspace, and for a directory
/// that stopped in the middle.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// A transaction under way.
pub(super) struct Group {
    /// `None` once it is given back.
    connection: Option<Connection>,
    workspace: Option<WorkspaceId>,
    /// The last revision given out, counting those of this transaction; `None`: there is no such workspace.
    revision: Cell<Option<Revision>>,
    /// The one that the workspace's row says.
    kept: Option<Revision>,
    has_notices: Cell<bool>,
}

/// How the way on from one write of a group to the next is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Onwards {
    /// The first one comes.
    Begin,
    /// The last one stays.
    Keep,
    /// The last one goes without a trace.
    Undo,
}

impl Group {
    /// Begins a transaction on a connection that is free, and locks the workspace: writes of one workspace are
    /// serial, so that what each of them reads is as it stays.
    pub(super) async fn begin(
        connections: &Connections,
        workspace: Option<WorkspaceId>,
        statement_timeout: Duration,
    ) -> Answer<Self> {
        let connection = connections.get().await?;
        let mut group = Self {
            connection: Some(connection),
            workspace,
            revision: Cell::default(),
            kept: None,
            has_notices: Cell::default(),
        };
        let (limit, lock) = (statement_timeout.as_millis(), LOCK_TIMEOUT.as_millis());
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = {limit}; \
             SET LOCAL lock_timeout = {lock}; SET LOCAL idle_in_transaction_session_timeout = {lock}"
        );
        let lock = async {
            let Some(workspace) = workspace else { return Ok(None) };
            let sql = "SELECT revision FROM workspace WHERE id = $1 FOR NO KEY UPDATE";
            one(group.connection()?, sql, params![workspace], |row| row.get::<Revision>(0)).await
        };
        let (started, locked) = join!(biased; group.connection()?.command(&begin), lock);
        started?;
        group.kept = locked?;
        group.revision.set(group.kept);
        Ok(group)
    }

    pub(super) fn connection(&self) -> Answer<&Connection> {
        self.connection.as_ref().ok_or_else(|| fault("a transaction was used after its end"))
    }

    /// The last revision given out; `None`: there is no such workspace.
    pub(super) fn revision(&self) -> Option<Revision> {
        self.revision.get()
    }

    /// Takes revisions back that a write took and came to nothing.
    pub(super) fn set_revision(&self, revision: Option<Revision>) {
        self.revision.set(revision);
    }

    /// That a notice was kept, of which is told once it is committed.
    pub(super) fn note_notices(&self) {
        self.has_notices.set(true);
    }

    pub(super) fn has_notices(&self) -> bool {
        self.has_notices.get()
    }

    /// Goes on to the next write.
    pub(super) async fn go(&self, onwards: Onwards) -> Answer<()> {
        let sql = match onwards {
            Onwards::Begin => "SAVEPOINT job",
            Onwards::Keep => "RELEASE job; SAVEPOINT job",
            Onwards::Undo => "ROLLBACK TO job",
        };
        Ok(self.connection()?.command(sql).await?)
    }

    /// Undoes what the present write did so far.
    pub(super) async fn undo(&self) -> Answer<()> {
        self.go(Onwards::Undo).await
    }

    /// Ends the transaction: all of it is kept, or nothing.
    pub(super) async fn commit(mut self, onwards: Onwards) -> Answer<()> {
        let connection = self.connection()?;
        let last = async {
            match onwards {
                Onwards::Begin => Ok(()),
                // Fails where a statement has failed, as a commit does not: that would undo all, and say nothing.
                Onwards::Keep => connection.command("RELEASE job").await,
                Onwards::Undo => connection.command("ROLLBACK TO job; RELEASE job").await,
            }
        };
        let revision = async {
            let (Some(workspace), true) = (self.workspace, self.revision.get() != self.kept) else {
                return Ok(0);
            };
            let sql = "UPDATE workspace SET revision = $2 WHERE id = $1";
            run(connection, sql, params![workspace, self.revision.get()]).await
        };
        let (last, revision) = join!(biased; last, revision);
        last?;
        revision?;
        failpoint::pass(Point::BeforeCommit);
        connection.command("COMMIT").await?;
        failpoint::pass(Point::AfterCommit);
        drop(self.connection.take());
        Ok(())
    }
}

impl Drop for Group {
    /// One that is not committed ends with its connection.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }
}
