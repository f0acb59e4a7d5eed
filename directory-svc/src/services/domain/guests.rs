//! Guests: single outside addresses that an operator allows.

use directory_api::v1;
use tonic::Status;

use super::decide::bounded;
use super::refused::{behind, mark};
use crate::door::Authenticated;
use crate::render;
use crate::rules::guests;
use crate::services::Services;
use crate::services::fault::store_error;
use crate::services::login::email;
use crate::services::page::{self, Question};
use crate::store::{AllowedAddress, JoiningStore, Store, WorkspaceStore};

impl<S: Store> Services<S> {
    /// See `DomainService.AllowAddress`.
    pub(super) async fn address_allowed(
        &self,
        open: Authenticated<S::Workspace, v1::AllowAddressRequest>,
    ) -> Result<v1::AllowedAddress, Status> {
        let Authenticated { workspace, author, ask, .. } = open;
        let email = email(&ask.email)?;
        let note = bounded(ask.note)?;
        let policy = workspace.policy().await.map_err(store_error)?;
        let write = self.write(author.clone());
        let wanted = AllowedAddress {
            address: email.address.clone(),
            key: email.key.clone(),
            note,
            allowed_at: write.at,
            allowed_by: author.name(),
        };
        let meant = email.clone();
        let decide = move |standing: Option<&AllowedAddress>, count| {
            guests::allow(&policy, &meant, standing, count, &wanted).map(Some)
        };
        let written = workspace.change_allowed_address(write, email.key.clone(), decide).await;
        let written = written.map_err(store_error)?;
        self.sign_in_waiting_guests(&workspace, &author, &email).await?;
        let allowed = written.allowed.ok_or_else(|| Status::aborted("disallowed meanwhile"))?;
        Ok(render::allowed_address(allowed))
    }

    /// See `DomainService.ListAllowedAddresses`.
    pub(super) async fn allowed_listed(
        &self,
        open: Authenticated<S::Workspace, v1::ListAllowedAddressesRequest>,
    ) -> Result<v1::ListAllowedAddressesResponse, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = open;
        let question = Question::new(workspace_id, None, "allowed addresses", &[]);
        let after = behind(&self.mark(&question, &ask.page_token)?);
        let limit = page::size(ask.page_size, page::MAX_PAGE);
        let found = workspace.allowed_addresses(after, limit + 1).await;
        let mut found = found.map_err(store_error)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().map(|allowed| mark(&allowed.key));
        Ok(v1::ListAllowedAddressesResponse {
            addresses: found.into_iter().map(render::allowed_address).collect(),
            next_page_token: self.next_page(&question, last.as_ref(), more)?,
        })
    }

    /// See `DomainService.DisallowAddress`.
    pub(super) async fn address_disallowed(
        &self,
        open: Authenticated<S::Workspace, v1::DisallowAddressRequest>,
    ) -> Result<v1::DisallowAddressResponse, Status> {
        let Authenticated { workspace, author, ask, .. } = open;
        let key = email(&ask.email)?.key;
        let write = self.write(author);
        let written = workspace.change_allowed_address(write, key, |_, _| Ok(None)).await;
        let was_allowed = written.map_err(store_error)?.was_allowed;
        Ok(v1::DisallowAddressResponse { was_allowed })
    }
}
