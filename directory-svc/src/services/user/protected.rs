//! Telling a workspace that its identity provider was about to end the access of a protected person.

use crate::door::Admitted;
use crate::ids::{UserId, WorkspaceId};
use crate::rules::notices;
use crate::services::{Services, read};
use crate::store::{Answer, Author, Occasion, Store, StoreError, WorkspaceStore};

impl<S: Store> Services<S> {
    /// Has the workspace's contact told, once a day, when an identity provider's write was refused because it
    /// would have ended the access of a protected person. The refused write itself leaves no trace.
    pub(super) async fn note_protected<T>(
        &self,
        workspace: &Admitted<S::Workspace>,
        workspace_id: WorkspaceId,
        author: &Author,
        written: &Answer<T>,
    ) {
        let Err(StoreError::Refused(refusal)) = written else { return };
        let (Some(person), Author::Integration(_)) = (refusal.protected, author) else { return };
        tracing::info!(%workspace_id, %person, "a protected person was kept from their identity provider");
        if let Err(error) = self.keep_protected(workspace, workspace_id, author, person).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the notice of a protected person was not kept"
            );
        }
    }

    async fn keep_protected(
        &self,
        workspace: &Admitted<S::Workspace>,
        workspace_id: WorkspaceId,
        author: &Author,
        person: UserId,
    ) -> Answer<()> {
        let (Some(card), Some(user)) = (workspace.card().await?, workspace.user(person).await?)
        else {
            return Ok(());
        };
        let current = read::stored_user(workspace.schemas(), &user)?;
        let integrations = workspace.integrations().await?;
        let integration = integrations.into_iter().find(|of| Some(of.id) == author.integration());
        let occasion = Occasion::UserProtected {
            user_name: current.user_name().unwrap_or_default().to_owned(),
            integration: integration.map(|of| of.display_name).unwrap_or_default(),
        };
        let now = self.clock.now();
        let notice = notices::of_protected(person, card.contact_email, occasion, now);
        self.store.keep_notices(vec![(workspace_id, notice)]).await
    }
}
