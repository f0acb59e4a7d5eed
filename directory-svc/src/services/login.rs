//! `LoginService`: whom a verified e-mail address signs in.

use directory_api::v1;
use directory_api::v1::login_service_server::LoginService;
use tonic::{Request, Response, Status};

use super::fault::{no, store_error};
use super::{Services, read};
use crate::rules::login_email::address;
use crate::store::Store;

#[tonic::async_trait]
impl<S: Store> LoginService for Services<S> {
    async fn resolve_login(
        &self,
        request: Request<v1::ResolveLoginRequest>,
    ) -> Result<Response<v1::ResolveLoginResponse>, Status> {
        let (_, ask) = self.door.across(request)?;
        let email = address(ask.email.trim())
            .ok_or_else(|| no(read::invalid("email", "an e-mail address is needed")))?;
        let found = self.store.accounts(email).await.map_err(store_error)?;
        let accounts = found
            .into_iter()
            .map(|account| v1::Account {
                workspace_id: account.workspace_id.to_string(),
                user_id: account.user_id.to_string(),
                active: account.active,
                reason: if account.active {
                    v1::account::InactiveReason::Unspecified
                } else {
                    v1::account::InactiveReason::UserInactive
                }
                .into(),
            })
            .collect();
        Ok(Response::new(v1::ResolveLoginResponse { accounts }))
    }
}
