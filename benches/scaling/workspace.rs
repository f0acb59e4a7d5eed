//! Workspaces that identity providers come to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::domain_service_client::DomainServiceClient;
use directory_api::v1::integration_service_client::IntegrationServiceClient;
use directory_api::v1::workspace_service_client::WorkspaceServiceClient;
use idp_simulator::Client;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::fleet::{Fleet, OPERATOR};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A workspace with a verified domain and a key.
pub(crate) struct Workspace {
    id: String,
    key: String,
    domain: String,
    people: AtomicUsize,
}

impl Workspace {
    /// Makes so many.
    pub(crate) async fn some(fleet: &Fleet<'_>, count: usize) -> Vec<Self> {
        let directory = channel(fleet, 0).await;
        let mut made = Vec::with_capacity(count);
        for n in 0..count {
            made.push(Self::make(directory.clone(), n).await);
        }
        made
    }

    async fn make(directory: Channel, n: usize) -> Self {
        let domain = format!("company{n}.example");
        let ask = v1::CreateWorkspaceRequest {
            display_name: format!("Company {n}"),
            contact_email: "it@example.com".to_owned(),
        };
        let mut workspaces = WorkspaceServiceClient::new(directory.clone());
        let made = workspaces.create_workspace(by_operator(ask)).await;
        let id = made.expect("a workspace").into_inner().id;

        let mut domains = DomainServiceClient::new(directory.clone());
        let ask = v1::ClaimDomainsRequest {
            workspace_id: id.clone(),
            domains: domain.clone(),
            contact_email: "it@example.com".to_owned(),
            ..v1::ClaimDomainsRequest::default()
        };
        domains.claim_domains(by_operator(ask)).await.expect("a claim");
        let ask = v1::VerifyDomainRequest {
            workspace_id: id.clone(),
            domain: domain.clone(),
            ..v1::VerifyDomainRequest::default()
        };
        domains.verify_domain(by_operator(ask)).await.expect("a verified domain");

        let mut integrations = IntegrationServiceClient::new(directory);
        let ask = v1::EnableIntegrationRequest {
            workspace_id: id.clone(),
            kind: v1::IdpKind::Entra.into(),
            ..v1::EnableIntegrationRequest::default()
        };
        integrations.enable_integration(by_operator(ask)).await.expect("an integration");
        let ask = v1::CreateApiKeyRequest {
            workspace_id: id.clone(),
            display_name: "bench".to_owned(),
            ..v1::CreateApiKeyRequest::default()
        };
        let key = integrations.create_api_key(by_operator(ask)).await.expect("a key");
        Self { id, key: key.into_inner().key, domain, people: AtomicUsize::new(0) }
    }

    /// A way to it by this gateway.
    pub(crate) fn client(&self, gateway: SocketAddr) -> Client {
        let url = format!("http://{gateway}/scim/v2/{}", self.id);
        let key = self.key.parse().unwrap_or_else(|never| match never {});
        Client::new(&url, key, PATIENCE).expect("a URL")
    }

    /// The address of somebody who is new, and is counted as there.
    pub(crate) fn newcomer(&self) -> String {
        self.address(self.people.fetch_add(1, Ordering::Relaxed))
    }

    /// The address of somebody who is there, since all but the last newcomers are.
    pub(crate) fn somebody(&self, n: usize, late: usize) -> String {
        let there = self.people.load(Ordering::Relaxed).saturating_sub(late).max(1);
        self.address(n % there)
    }

    fn address(&self, n: usize) -> String {
        format!("first.last{n}@{}", self.domain)
    }
}

/// A person as Entra ID describes one.
pub(crate) fn person(address: &str) -> String {
    format!(
        r#"{{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"{address}","active":true,
            "displayName":"First Last","externalId":"{address}","title":"Engineer",
            "name":{{"givenName":"First","familyName":"Last","formatted":"First Last"}},
            "emails":[{{"type":"work","value":"{address}","primary":true}}]}}"#
    )
}

/// A way to one of the directories.
pub(crate) async fn channel(fleet: &Fleet<'_>, n: usize) -> Channel {
    let at = fleet.directories[n % fleet.directories.len()].at();
    let endpoint = Endpoint::from_shared(format!("http://{at}")).expect("an address");
    endpoint.connect().await.expect("a directory")
}

/// An ask with the operator's credential.
pub(crate) fn by_operator<T>(message: T) -> Request<T> {
    let mut ask = Request::new(message);
    let bearer = format!("Bearer {OPERATOR}").parse().expect("a header");
    ask.metadata_mut().insert("authorization", bearer);
    ask
}
