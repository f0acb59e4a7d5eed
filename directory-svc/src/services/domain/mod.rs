//! `DomainService`: claims of e-mail domains and the operators' word on them.

pub(crate) mod check;
mod decide;
mod guests;
mod pending;
pub(crate) mod refused;
pub(crate) mod waiting;

use directory_api::v1;
use directory_api::v1::domain_service_server::DomainService;
use tonic::{Request, Response, Status};

use super::fault::{no, store_error};
use super::workspace::contact_email;
use super::{Services, page, read};
use crate::door::Authenticated;
use crate::render;
use crate::rules::claims::{self, CLAIMS_AT_ONCE, CLAIMS_IN_ALL, Claim};
use crate::rules::domains;
use crate::store::{DecidedHow, Domain, DomainCheckStore, Store, WorkspaceStore};

#[tonic::async_trait]
impl<S: Store> DomainService for Services<S> {
    async fn claim_domains(
        &self,
        request: Request<v1::ClaimDomainsRequest>,
    ) -> Result<Response<v1::ClaimDomainsResponse>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        let contact = if ask.contact_email.is_empty() {
            workspace.card().await.map_err(store_error)?.map(|card| card.contact_email)
        } else {
            contact_email(&ask.contact_email)?;
            Some(ask.contact_email)
        };
        let contact = contact.unwrap_or_default();
        let mut claims = claims::read_claims(&ask.domains);
        if claims.is_empty() && !ask.refused || claims.len() > CLAIMS_AT_ONCE {
            let cause = format!("name 1 to {CLAIMS_AT_ONCE} domains");
            return Err(no(read::invalid("domains", cause)));
        }
        let standing = workspace.domains().await.map_err(store_error)?;
        if ask.refused {
            let room = CLAIMS_IN_ALL.saturating_sub(standing.len() + claims.len());
            let refused = self.refused_names(&workspace, &standing, room).await?.join(",");
            claims = claims::read_claims(&format!("{},{refused}", ask.domains));
        }
        let is_new = |claim: &&Claim| matches!(claim, Claim::Domain(name) if standing.iter().all(|domain| domain.name != *name));
        if standing.len() + claims.iter().filter(is_new).count() > CLAIMS_IN_ALL {
            return Err(no(decide::too_many_claims()));
        }
        // Together, so that they share commits.
        let outcomes =
            claims.into_iter().map(|claim| self.claim(&workspace, &author, &contact, claim));
        let outcomes = futures_util::future::try_join_all(outcomes).await?;
        Ok(Response::new(v1::ClaimDomainsResponse { outcomes }))
    }

    async fn list_refused_domains(
        &self,
        request: Request<v1::ListRefusedDomainsRequest>,
    ) -> Result<Response<v1::ListRefusedDomainsResponse>, Status> {
        Ok(Response::new(self.refused_listed(self.door.open(request).await?).await?))
    }

    async fn allow_address(
        &self,
        request: Request<v1::AllowAddressRequest>,
    ) -> Result<Response<v1::AllowedAddress>, Status> {
        Ok(Response::new(self.address_allowed(self.door.open(request).await?).await?))
    }

    async fn list_allowed_addresses(
        &self,
        request: Request<v1::ListAllowedAddressesRequest>,
    ) -> Result<Response<v1::ListAllowedAddressesResponse>, Status> {
        Ok(Response::new(self.allowed_listed(self.door.open(request).await?).await?))
    }

    async fn disallow_address(
        &self,
        request: Request<v1::DisallowAddressRequest>,
    ) -> Result<Response<v1::DisallowAddressResponse>, Status> {
        Ok(Response::new(self.address_disallowed(self.door.open(request).await?).await?))
    }

    async fn list_domains(
        &self,
        request: Request<v1::ListDomainsRequest>,
    ) -> Result<Response<v1::ListDomainsResponse>, Status> {
        let Authenticated { workspace, workspace_id, .. } = self.door.open(request).await?;
        let found = workspace.domains().await.map_err(store_error)?;
        let known = workspace.domain_checks().await.map_err(store_error)?;
        let render = |domain: &Domain| match known.get(&domain.name) {
            Some(check) => render::checked(workspace_id, domain, check),
            None => render::domain(workspace_id, domain),
        };
        let domains = found.iter().map(render).collect();
        Ok(Response::new(v1::ListDomainsResponse { domains }))
    }

    async fn list_pending_domains(
        &self,
        request: Request<v1::ListPendingDomainsRequest>,
    ) -> Result<Response<v1::ListPendingDomainsResponse>, Status> {
        let (_, ask) = self.door.across(request)?;
        let limit = page::size(ask.page_size, page::MAX_PAGE);
        let after = pending::after(&ask.page_token)?;
        let mut found = self.store.pending_domains(after, limit + 1).await.map_err(store_error)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let next_page_token = pending::next_page(found.last().filter(|_| more));
        let now = self.clock.now();
        let domains = found.iter().map(|pending| render::pending_domain(pending, now)).collect();
        Ok(Response::new(v1::ListPendingDomainsResponse { domains, next_page_token }))
    }

    async fn verify_domain(
        &self,
        request: Request<v1::VerifyDomainRequest>,
    ) -> Result<Response<v1::Domain>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let allow_shared = ask.allow_shared;
        let domain = self
            .decide(
                &workspace,
                &author,
                &ask.domain,
                ask.note,
                move |standing, shared, decision| {
                    domains::verify(standing, shared, allow_shared, decision)
                },
            )
            .await?;
        self.sign_in_the_waiting(&workspace, &author, &domain.name).await;
        Ok(Response::new(render::domain(workspace_id, &domain)))
    }

    async fn reject_domain(
        &self,
        request: Request<v1::RejectDomainRequest>,
    ) -> Result<Response<v1::Domain>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let reason = decide::reason(ask.reason)?;
        let domain = self
            .decide(&workspace, &author, &ask.domain, reason, |standing, _, decision| {
                domains::reject(standing, decision)
            })
            .await?;
        Ok(Response::new(render::domain(workspace_id, &domain)))
    }

    async fn revoke_domain(
        &self,
        request: Request<v1::RevokeDomainRequest>,
    ) -> Result<Response<v1::Domain>, Status> {
        let opened = self.door.open(request).await?;
        let (name, reason) =
            (opened.ask.domain.clone(), decide::reason(opened.ask.reason.clone())?);
        let how = DecidedHow::Operator;
        let validate_only = opened.ask.validate_only;
        self.take_back(&opened, &name, (how, reason), validate_only, domains::revoke).await
    }

    async fn withdraw_domain(
        &self,
        request: Request<v1::WithdrawDomainRequest>,
    ) -> Result<Response<v1::Domain>, Status> {
        let opened = self.door.open(request).await?;
        let (name, how) = (opened.ask.domain.clone(), DecidedHow::Claimant);
        let validate_only = opened.ask.validate_only;
        self.take_back(&opened, &name, (how, String::new()), validate_only, domains::withdraw).await
    }

    async fn check_domain(
        &self,
        request: Request<v1::CheckDomainRequest>,
    ) -> Result<Response<v1::Domain>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let name = decide::named(&ask.domain)?;
        Ok(Response::new(self.check(&workspace, workspace_id, name).await?))
    }
}
