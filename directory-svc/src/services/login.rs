//! `LoginService`: whom a verified e-mail address and an identity sign in, and who may join.

use std::str::FromStr;

use directory_api::v1;
use directory_api::v1::account::InactiveReason;
use directory_api::v1::login_service_server::LoginService;
use tonic::{Request, Response, Status};

use super::fault::{no, store_error};
use super::{Services, read};
use crate::door::Authenticated;
use crate::ids::UserId;
use crate::render;
use crate::rules::login_email::address;
use crate::rules::people;
use crate::rules::sign_in::{self, Inactive};
use crate::store::{
    Author, Doorstep, Footing, Identity, JoiningStore, LoginEmail, Readmitted, Store, StoreError,
};

/// The longest issuer, and the longest subject, in bytes: twice what `OpenID` allows a subject.
const IDENTITY_BYTES: usize = 512;

#[tonic::async_trait]
impl<S: Store> LoginService for Services<S> {
    async fn resolve_login(
        &self,
        request: Request<v1::ResolveLoginRequest>,
    ) -> Result<Response<v1::ResolveLoginResponse>, Status> {
        let may_link = self.door.may::<v1::UnlinkIdentityRequest>(&request);
        let (author, ask) = self.door.across(request)?;
        let email = email(&ask.email)?;
        let identity = identity(ask.issuer, ask.subject)?;
        let look = || self.store.doorsteps(email.clone(), identity.clone());
        let mut met = look().await.map_err(store_error)?;
        if let Some(identity) = identity.as_ref().filter(|_| may_link)
            && self.link(&author, &email, identity, &met).await?
        {
            met = look().await.map_err(store_error)?;
        }
        let account = |met: &Doorstep| {
            sign_in::account(met, identity.as_ref()).map(|account| render_account(met, &account))
        };
        let joinable = met.iter().filter(|met| sign_in::may_join(met));
        let joinable = joinable
            .map(|met| v1::Joinable { workspace_id: met.workspace_id.to_string() })
            .collect();
        let accounts = met.iter().filter_map(account).collect();
        Ok(Response::new(v1::ResolveLoginResponse { accounts, joinable }))
    }

    async fn list_identities(
        &self,
        request: Request<v1::ListIdentitiesRequest>,
    ) -> Result<Response<v1::ListIdentitiesResponse>, Status> {
        let Authenticated { workspace, ask, .. } = self.door.open(request).await?;
        let found = workspace.identities(user_id(&ask.user_id)?).await.map_err(store_error)?;
        let identities = found.into_iter().map(render::identity).collect();
        Ok(Response::new(v1::ListIdentitiesResponse { identities }))
    }

    async fn unlink_identity(
        &self,
        request: Request<v1::UnlinkIdentityRequest>,
    ) -> Result<Response<v1::UnlinkIdentityResponse>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        if ask.issuer.is_empty() {
            return Err(no(read::invalid("issuer", "the issuer of the identity is needed")));
        }
        let (id, write) = (user_id(&ask.user_id)?, self.write(author));
        let unlinked = workspace.unlink_identity(write, id, ask.issuer).await;
        let was_linked = unlinked.map_err(store_error)?;
        Ok(Response::new(v1::UnlinkIdentityResponse { was_linked }))
    }

    async fn readmit_address(
        &self,
        request: Request<v1::ReadmitAddressRequest>,
    ) -> Result<Response<v1::ReadmitAddressResponse>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        let whom = match (ask.email.as_str(), ask.user_id.as_str()) {
            (address, "") => Readmitted::Address(email(address)?.key),
            ("", id) => Readmitted::Person(user_id(id)?),
            _ => return Err(no(read::invalid("user_id", "name an address or a person, not both"))),
        };
        let readmitted = workspace.readmit(self.write(author), whom).await;
        let was_barred = readmitted.map_err(store_error)?;
        Ok(Response::new(v1::ReadmitAddressResponse { was_barred }))
    }
}

impl<S: Store> Services<S> {
    /// Links an identity to whom the address meets, where it is not linked yet; answers whether that was tried
    /// anywhere, and so what is met may be another: somebody else may have been faster. A store that keeps no
    /// write now stands in nobody's way whom the address signs in by itself.
    async fn link(
        &self,
        author: &Author,
        email: &LoginEmail,
        identity: &Identity,
        met: &[Doorstep],
    ) -> Result<bool, Status> {
        let mut is_tried = false;
        for met in met.iter().filter(|met| sign_in::links(met, identity).is_some()) {
            let workspace = self.store.workspace(met.workspace_id);
            let (write, own) = (self.write(author.clone()), identity.clone());
            let decide = move |met: &Doorstep| sign_in::links(met, &own);
            match workspace.link_identity(write, email.clone(), identity.clone(), decide).await {
                Ok(_) => is_tried = true,
                Err(error @ StoreError::Unavailable(_)) if !is_guest(met) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "identity not linked");
                }
                Err(error) => return Err(store_error(error)),
            }
        }
        Ok(is_tried)
    }
}

fn is_guest(met: &Doorstep) -> bool {
    met.by_email.as_ref().is_some_and(|holder| holder.footing == Footing::Guest)
}

/// The address of a request.
pub(super) fn email(text: &str) -> Result<LoginEmail, Status> {
    let email = address(text.trim());
    email.ok_or_else(|| no(read::invalid("email", "an e-mail address is needed")))
}

/// The identity of a request; `None` when it has none.
fn identity(issuer: String, subject: String) -> Result<Option<Identity>, Status> {
    if issuer.is_empty() && subject.is_empty() {
        return Ok(None);
    }
    for (field, text) in [("issuer", &issuer), ("subject", &subject)] {
        if text.is_empty() || text.len() > IDENTITY_BYTES {
            let cause =
                format!("1 to {IDENTITY_BYTES} bytes are needed (IDENTITY_BYTES), or neither");
            return Err(no(read::invalid(field, cause)));
        }
    }
    Ok(Some(Identity { issuer, subject }))
}

fn user_id(text: &str) -> Result<UserId, Status> {
    UserId::from_str(text).map_err(|_| no(people::not_found(text)))
}

fn render_account(met: &Doorstep, account: &sign_in::Account) -> v1::Account {
    v1::Account {
        workspace_id: met.workspace_id.to_string(),
        user_id: account.user_id.to_string(),
        active: account.inactive.is_none(),
        reason: match account.inactive {
            None => InactiveReason::Unspecified,
            Some(Inactive::User) => InactiveReason::UserInactive,
            Some(Inactive::Suspended) => InactiveReason::WorkspaceSuspended,
            Some(Inactive::IdentityMismatch) => InactiveReason::IdentityMismatch,
            Some(Inactive::IdentityRequired) => InactiveReason::IdentityRequired,
            Some(Inactive::NotVerified) => InactiveReason::DomainNotVerified,
        }
        .into(),
        guest: account.is_guest,
    }
}
