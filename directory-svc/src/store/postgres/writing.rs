//! What every write in a workspace does: find its own earlier doing, take the next revision, keep
//! the record of the change.

use directory_api::v1::Reason;

use super::audit::{self, Act};
use super::connection::Connection;
use super::group::Group;
use super::statement::{one, params, run};
use super::workspaces;
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::refusal::{Refusal, Thing};
use crate::store::record::Detail;
use crate::store::{
    Answer, Author, ChangeKind, IntegrationState, Revision, StoreError, Write, ended,
};

/// A write under way, inside its transaction.
pub(super) struct Writing<'g> {
    pub(super) connection: &'g Connection,
    pub(super) workspace: WorkspaceId,
    pub(super) write: Write,
    pub(super) group: &'g Group,
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

impl<'g> Writing<'g> {
    /// Begins a write in a workspace.
    ///
    /// # Errors
    /// `WORKSPACE_NOT_FOUND`.
    pub(super) fn begin(group: &'g Group, workspace: WorkspaceId, write: Write) -> Answer<Self> {
        if group.revision().is_none() {
            let detail = format!("There is no workspace {workspace}.");
            return Err(Refusal::new(Reason::WorkspaceNotFound, detail)
                .about(Thing::Workspace, workspace)
                .into());
        }
        Ok(Self { connection: group.connection()?, workspace, write, group })
    }

    /// Whether the author may still write, through the key where there is one.
    ///
    /// # Errors
    /// [`StoreError::Shut`].
    pub(super) async fn admit(&self, through: Option<ApiKeyId>) -> Answer<()> {
        let author = self.write.author.integration();
        if author.is_none() && through.is_none() {
            return Ok(());
        }
        let sql = "SELECT w.suspended_at, w.suspended_by, w.suspend_reason, i.state, k.revoked_at, \
                   k.expires_at FROM workspace w \
                   LEFT JOIN integration i ON i.workspace_id = w.id AND i.id = $2 \
                   LEFT JOIN api_key k ON k.workspace_id = w.id AND k.id = $3 WHERE w.id = $1";
        let found = one(self.connection, sql, params![self.workspace, author, through], |row| {
            let key_ended = ended(row.get(4)?, row.get(5)?, self.write.at);
            let state = row.get::<Option<IntegrationState>>(3)?;
            Ok((workspaces::suspension(row, 0)?, state, key_ended))
        })
        .await?;
        let Some((suspension, state, key_ended)) = found else { return Ok(()) };
        let is_shut = || state.and_then(|state| state.shuts_out(suspension.is_some()));
        match key_ended.or_else(is_shut) {
            Some(cause) => Err(StoreError::Shut { cause, suspension }),
            None => Ok(()),
        }
    }

    /// What was written under this name before; `None`: nothing was.
    ///
    /// # Errors
    /// [`StoreError::OperationReused`] when that write was of none of these kinds, or on another
    /// subject.
    pub(super) async fn repeated(
        &self,
        kinds: &[ChangeKind],
        subject: Option<&str>,
    ) -> Answer<Option<Earlier>> {
        let earlier = one(
            self.connection,
            "SELECT kind, subject, revision FROM change WHERE workspace_id = $1 AND operation_id = $2",
            params![self.workspace, self.write.operation.0],
            |row| Ok((row.get(0)?, Earlier { subject: row.get(1)?, revision: row.get(2)? })),
        )
        .await?;
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

    /// Takes the next revision. The row is locked since the transaction began, and says the last one at its
    /// end; a write that comes to nothing takes none.
    pub(super) fn next_revision(&self) -> Revision {
        let next = self.group.revision().unwrap_or_default() + 1;
        self.group.set_revision(Some(next));
        next
    }

    /// Keeps the record of an administrative act: of the change that took `revision`, and of who did it for
    /// those who look later. `after`: the subject as it is now; `None`: it is gone.
    pub(super) async fn record_act(
        &self,
        revision: Revision,
        name: &str,
        changed: Changed<'_>,
        after: Option<serde_json::Value>,
    ) -> Answer<()> {
        let act = Act { name, subject: changed.subject, before: changed.before.as_ref(), after };
        audit::add(self.connection, self.workspace, &self.write, revision, &act).await?;
        self.record(revision, changed).await
    }

    /// Keeps the record of the change that took `revision`.
    pub(super) async fn record(&self, revision: Revision, changed: Changed<'_>) -> Answer<()> {
        let (integration, service) = match &self.write.author {
            Author::Integration(id) => (Some(*id), None),
            Author::Service(name) => (None, Some(name)),
        };
        run(
            self.connection,
            "INSERT INTO change (workspace_id, revision, operation_id, author_integration, \
             author_service, at, kind, subject, detail, before, ended) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
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
        )
        .await?;
        Ok(())
    }
}
