//! What every write in a workspace does: find its own earlier doing, take the next revision, keep
//! the record of the change.

use rusqlite::{Connection, params};

use super::audit::{self, Act};
use super::failure::fault;
use super::statement::{one, run};
use super::workspaces;
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::refusal::{Refusal, Thing};
use crate::store::record::Detail;
use crate::store::{
    Answer, Author, ChangeKind, IntegrationState, Revision, StoreError, Write, ended,
};
use directory_api::v1::Reason;

/// A write under way, inside its transaction.
pub(super) struct Writing<'c> {
    pub(super) connection: &'c Connection,
    pub(super) workspace: WorkspaceId,
    pub(super) write: Write,
}

/// What was changed.
pub(super) struct Changed<'a> {
    pub(super) kind: ChangeKind,
    pub(super) subject: &'a str,
    /// The subject as it was.
    pub(super) before: Option<serde_json::Value>,
    pub(super) detail: Detail,
}

/// An earlier write of the same name.
pub(super) struct Earlier {
    /// What it was about.
    pub(super) subject: String,
    /// The revision that it took.
    pub(super) revision: Revision,
}

impl<'c> Writing<'c> {
    /// Begins a write in a workspace, through a key where there is one.
    ///
    /// # Errors
    /// `WORKSPACE_NOT_FOUND`; [`StoreError::Shut`] when the author may write no more.
    pub(super) fn begin(
        connection: &'c Connection,
        workspace: WorkspaceId,
        through: Option<ApiKeyId>,
        write: Write,
    ) -> Answer<Self> {
        let sql = "SELECT w.suspended_at, w.suspended_by, w.suspend_reason, i.state, k.revoked_at, \
                   k.expires_at FROM workspace w \
                   LEFT JOIN integration i ON i.workspace_id = w.id AND i.id = ?2 \
                   LEFT JOIN api_key k ON k.workspace_id = w.id AND k.id = ?3 WHERE w.id = ?1";
        let author = write.author.integration();
        let found = one(connection, sql, params![workspace, author, through], |row| {
            let key_ended = ended(row.get(4)?, row.get(5)?, write.at);
            Ok((
                workspaces::suspension(row, 0)?,
                row.get::<_, Option<IntegrationState>>(3)?,
                key_ended,
            ))
        })?;
        let (suspension, state, key_ended) = found.ok_or_else(|| {
            let detail = format!("There is no workspace {workspace}.");
            Refusal::new(Reason::WorkspaceNotFound, detail).about(Thing::Workspace, workspace)
        })?;
        let is_shut = || state.and_then(|state| state.shuts_out(suspension.is_some()));
        match key_ended.or_else(is_shut) {
            Some(cause) => Err(StoreError::Shut { cause, suspension }),
            None => Ok(Self { connection, workspace, write }),
        }
    }

    /// What was written under this name before; `None`: nothing was.
    ///
    /// # Errors
    /// [`StoreError::OperationReused`] when that write was of none of these kinds, or on another
    /// subject.
    pub(super) fn repeated(
        &self,
        kinds: &[ChangeKind],
        subject: Option<&str>,
    ) -> Answer<Option<Earlier>> {
        let earlier = one(
            self.connection,
            "SELECT kind, subject, revision FROM change WHERE workspace_id = ?1 AND operation_id = ?2",
            params![self.workspace, self.write.operation.0],
            |row| Ok((row.get(0)?, Earlier { subject: row.get(1)?, revision: row.get(2)? })),
        )?;
        match earlier {
            None => Ok(None),
            Some((kind, found))
                if kinds.contains(&kind)
                    && subject.is_none_or(|subject| subject == found.subject) =>
            {
                Ok(Some(found))
            }
            Some(_) => Err(StoreError::OperationReused),
        }
    }

    /// Takes the next revision. There is one writer, so the first statement that writes is early
    /// enough, and a write that comes to nothing takes none.
    pub(super) fn next_revision(&self) -> Answer<Revision> {
        one(
            self.connection,
            "UPDATE workspace SET revision = revision + 1 WHERE id = ?1 RETURNING revision",
            [self.workspace],
            |row| row.get(0),
        )?
        .ok_or_else(|| fault("the workspace is gone within a transaction"))
    }

    /// Keeps the record of an administrative act: of the change that took `revision`, and of who did it for
    /// those who look later. `after`: the subject as it is now; `None`: it is gone.
    pub(super) fn record_act(
        &self,
        revision: Revision,
        name: &str,
        changed: Changed<'_>,
        after: Option<serde_json::Value>,
    ) -> Answer<()> {
        let act = Act { name, subject: changed.subject, before: changed.before.as_ref(), after };
        audit::add(self.connection, self.workspace, &self.write, revision, &act)?;
        self.record(revision, changed)
    }

    /// Keeps the record of the change that took `revision`.
    pub(super) fn record(&self, revision: Revision, changed: Changed<'_>) -> Answer<()> {
        let (integration, service) = match &self.write.author {
            Author::Integration(id) => (Some(*id), None),
            Author::Service(name) => (None, Some(name)),
        };
        run(
            self.connection,
            "INSERT INTO change (workspace_id, revision, operation_id, author_integration, \
             author_service, at, kind, subject, detail, before, ended, position) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
             1 + max(cleared, coalesce((SELECT max(position) FROM change), 0)) FROM feed WHERE id = 1",
            params![
                self.workspace,
                revision,
                self.write.operation.0,
                integration,
                service,
                self.write.at,
                changed.kind,
                changed.subject,
                changed.detail.to_json(),
                changed.before.map(|image| image.to_string()),
                changed.detail.ended(changed.subject),
            ],
        )?;
        Ok(())
    }
}
