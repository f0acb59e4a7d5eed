//! `DomainService`: claims of e-mail domains and the operators' word on them.

use std::sync::Arc;

use directory_api::v1;
use directory_api::v1::domain_service_server::DomainService;
use tonic::{Request, Response, Status};

use super::fault::{no, store_error};
use super::workspace::contact_email;
use super::{Services, page, read};
use crate::door::{Admitted, Authenticated};
use crate::refusal::Refusal;
use crate::render;
use crate::rules::domains::{self, CLAIMS_AT_ONCE, Claim, Claimant};
use crate::rules::{admission, people};
use crate::store::{
    Author, DecidedHow, Decision, Domain, Kind, Mark, Query, Start, Store, StoreError, User,
    WorkspaceStore,
};

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
        let claims = domains::read_claims(&ask.domains);
        if claims.is_empty() || claims.len() > CLAIMS_AT_ONCE {
            let cause = format!("name 1 to {CLAIMS_AT_ONCE} domains");
            return Err(no(read::invalid("domains", cause)));
        }
        let mut outcomes = Vec::with_capacity(claims.len());
        for claim in claims {
            outcomes.push(self.claim(&workspace, &author, &contact, claim).await?);
        }
        Ok(Response::new(v1::ClaimDomainsResponse { outcomes }))
    }

    async fn list_domains(
        &self,
        request: Request<v1::ListDomainsRequest>,
    ) -> Result<Response<v1::ListDomainsResponse>, Status> {
        let Authenticated { workspace, workspace_id, .. } = self.door.open(request).await?;
        let found = workspace.domains().await.map_err(store_error)?;
        let domains = found.iter().map(|domain| render::domain(workspace_id, domain)).collect();
        Ok(Response::new(v1::ListDomainsResponse { domains }))
    }

    async fn list_pending_domains(
        &self,
        request: Request<v1::ListPendingDomainsRequest>,
    ) -> Result<Response<v1::ListPendingDomainsResponse>, Status> {
        let (_, ask) = self.door.across(request)?;
        let limit = page::size(ask.page_size, page::MAX_PAGE);
        let found = self.store.pending_domains(limit).await.map_err(store_error)?;
        let domains = found.iter().map(|(id, domain)| render::domain(*id, domain)).collect();
        Ok(Response::new(v1::ListPendingDomainsResponse { domains }))
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
        self.sign_in_the_waiting(&workspace, &author, &domain.name).await?;
        Ok(Response::new(render::domain(workspace_id, &domain)))
    }

    async fn reject_domain(
        &self,
        request: Request<v1::RejectDomainRequest>,
    ) -> Result<Response<v1::Domain>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        if ask.reason.trim().is_empty() {
            return Err(no(read::invalid("reason", "say why, the claimant is told")));
        }
        let domain = self
            .decide(&workspace, &author, &ask.domain, ask.reason, |standing, _, decision| {
                domains::reject(standing, decision)
            })
            .await?;
        Ok(Response::new(render::domain(workspace_id, &domain)))
    }
}

impl<S: Store> Services<S> {
    /// The token of a new claim: 128 random bits as lower-case hex digits.
    pub(crate) fn challenge(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.clock.random()))
    }

    /// What becomes of one claim.
    async fn claim(
        &self,
        workspace: &S::Workspace,
        author: &Author,
        contact: &str,
        claim: Claim,
    ) -> Result<v1::ClaimOutcome, Status> {
        let name = match claim {
            Claim::Domain(name) => name,
            Claim::Refused(text, why) => {
                let state = v1::DomainState::Unspecified.into();
                return Ok(v1::ClaimOutcome { domain: text, state, reason: why.to_owned() });
            }
        };
        let write = self.write(author.clone());
        let claimant = Claimant {
            at: write.at,
            by: author.name(),
            contact_email: contact.to_owned(),
            challenge: self.challenge(),
        };
        let wanted = name.clone();
        let domain = workspace
            .change_domain(write, name, move |standing, _| {
                Ok(domains::claim(standing, &wanted, &claimant))
            })
            .await
            .map_err(store_error)?;
        let state = render::domain_state(&domain).into();
        Ok(v1::ClaimOutcome { domain: domain.name, state, reason: String::new() })
    }

    /// An operator's decision on one claim.
    async fn decide<D>(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
        note: String,
        decide: D,
    ) -> Result<Domain, Status>
    where
        D: Fn(Option<&Domain>, bool, Decision) -> Result<Domain, Refusal> + Send + 'static,
    {
        let name = crate::rules::login_email::domain(domain.trim().trim_start_matches('@'))
            .ok_or_else(|| no(read::invalid("domain", "not a domain name")))?;
        let write = self.write(author.clone());
        let how = DecidedHow::Operator;
        let decision = Decision { at: write.at, by: author.name(), how, note };
        workspace
            .change_domain(write, name, move |standing, shared| {
                decide(standing, shared, decision.clone())
            })
            .await
            .map_err(store_error)
    }

    /// Gives a login e-mail to the people who were kept without one because `domain` was not
    /// verified. Whoever cannot have theirs, another person having it, is left as they are. A
    /// repeated call goes on where an interrupted one stopped.
    async fn sign_in_the_waiting(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
    ) -> Result<(), Status> {
        let filter =
            scim::filter::parse("emails pr").and_then(|f| f.bind(Kind::User.resource_type()));
        let filter = filter.map_err(super::fault::scim_error)?;
        let mut after = Mark::of(0);
        loop {
            let query = Query {
                filter: Some(filter.clone()),
                viewer: None,
                sort: None,
                start: Start::After(after),
                limit: page::MAX_PAGE,
            };
            let found = workspace.users(query).await.map_err(store_error)?;
            for user in found.rows.iter().filter(|user| user.login_email.is_none()) {
                self.sign_in_one(workspace, author, domain, user).await?;
            }
            match found.marks.last() {
                Some(last) if found.more => after = last.clone(),
                _ => return Ok(()),
            }
        }
    }

    async fn sign_in_one(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
        user: &User,
    ) -> Result<(), Status> {
        let schemas = Arc::clone(workspace.schemas());
        let current = read::stored_user(&schemas, user).map_err(no)?;
        if admission::waits_for(&current).as_deref() != Some(domain) {
            return Ok(());
        }
        let (by, id) = (author.clone(), user.id.to_string());
        let changed = workspace
            .change_user(self.write(author.clone()), user.id, move |policy, person| {
                let person = people::expect(person, &id, None)?;
                let current = read::stored_user(&schemas, person)?;
                people::change(policy, &by, person, &current, current.clone())
            })
            .await;
        match changed {
            Ok(_) | Err(StoreError::Taken { .. } | StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }
}
