//! Nestr's operator, over gRPC with the clients that the contract generates.

use std::net::SocketAddr;
use std::sync::Arc;

use directory_api::v1;
use directory_api::v1::domain_service_client::DomainServiceClient;
use directory_api::v1::group_service_client::GroupServiceClient;
use directory_api::v1::integration_service_client::IntegrationServiceClient;
use directory_api::v1::login_service_client::LoginServiceClient;
use directory_api::v1::resource_service_client::ResourceServiceClient;
use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::watch_service_client::WatchServiceClient;
use directory_api::v1::workspace_service_client::WorkspaceServiceClient;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;

use super::Nestr;

/// A channel that presents the operator's credential with each call.
pub(crate) type Presented = InterceptedService<Channel, Credential>;

/// `authorization: Bearer <credential>`.
#[derive(Clone)]
pub(crate) struct Credential(AsciiMetadataValue);

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// An operator, or a service of Nestr: whoever holds a credential.
#[derive(Clone)]
pub(crate) struct Operator {
    /// Where the directory is at the moment.
    at: Arc<dyn Fn() -> SocketAddr + Send + Sync>,
    credential: Credential,
}

impl Operator {
    pub(crate) fn new(nestr: &Nestr, credential: &str) -> Self {
        let nestr = nestr.clone();
        Self::of(Arc::new(move || nestr.grpc()), credential)
    }

    /// Of a directory that stays at this address.
    pub(crate) fn at(address: SocketAddr, credential: &str) -> Self {
        Self::of(Arc::new(move || address), credential)
    }

    fn of(at: Arc<dyn Fn() -> SocketAddr + Send + Sync>, credential: &str) -> Self {
        let bearer = format!("Bearer {credential}").parse().expect("a credential is ASCII");
        Self { at, credential: Credential(bearer) }
    }

    pub(crate) fn workspaces(&self) -> WorkspaceServiceClient<Presented> {
        WorkspaceServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    pub(crate) fn domains(&self) -> DomainServiceClient<Presented> {
        DomainServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    pub(crate) fn integrations(&self) -> IntegrationServiceClient<Presented> {
        IntegrationServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    pub(crate) fn users(&self) -> UserServiceClient<Presented> {
        UserServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    pub(crate) fn groups(&self) -> GroupServiceClient<Presented> {
        GroupServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    pub(crate) fn resources(&self) -> ResourceServiceClient<Presented> {
        ResourceServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    pub(crate) fn logins(&self) -> LoginServiceClient<Presented> {
        LoginServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    pub(crate) fn watches(&self) -> WatchServiceClient<Presented> {
        WatchServiceClient::with_interceptor(self.channel(), self.credential.clone())
    }

    /// Follows the feed of changes.
    pub(crate) async fn watch(
        &self,
        ask: v1::WatchRequest,
    ) -> Result<Streaming<v1::WatchResponse>, Status> {
        Ok(self.watches().watch(ask).await?.into_inner())
    }

    /// Who serves and who does not.
    pub(crate) fn health(&self) -> HealthClient<Presented> {
        HealthClient::with_interceptor(self.channel(), self.credential.clone())
    }

    /// Makes a workspace; answers its id.
    pub(crate) async fn create_workspace(&self, display_name: &str) -> String {
        let ask = v1::CreateWorkspaceRequest {
            display_name: display_name.to_owned(),
            contact_email: "admin@nestr.example".to_owned(),
        };
        self.workspaces().create_workspace(ask).await.expect("a workspace").into_inner().id
    }

    /// Claims domains, as the admin typed them; answers what became of each.
    pub(crate) async fn claim(&self, workspace_id: &str, domains: &str) -> Vec<v1::ClaimOutcome> {
        self.try_claim(workspace_id, domains).await.expect("a claim")
    }

    /// Claims domains at a server that may go away meanwhile.
    pub(crate) async fn try_claim(
        &self,
        workspace_id: &str,
        domains: &str,
    ) -> Result<Vec<v1::ClaimOutcome>, Status> {
        let ask = v1::ClaimDomainsRequest {
            workspace_id: workspace_id.to_owned(),
            domains: domains.to_owned(),
            contact_email: "admin@nestr.example".to_owned(),
            ..v1::ClaimDomainsRequest::default()
        };
        Ok(self.domains().claim_domains(ask).await?.into_inner().outcomes)
    }

    /// Verifies a claimed domain.
    pub(crate) async fn verify(&self, workspace_id: &str, domain: &str) {
        self.try_verify(workspace_id, domain).await.expect("a verified domain");
    }

    /// Verifies a claimed domain on a server that may go away meanwhile.
    pub(crate) async fn try_verify(&self, workspace_id: &str, domain: &str) -> Result<(), Status> {
        let ask = v1::VerifyDomainRequest {
            workspace_id: workspace_id.to_owned(),
            domain: domain.to_owned(),
            ..v1::VerifyDomainRequest::default()
        };
        self.domains().verify_domain(ask).await.map(drop)
    }

    /// All claims of a workspace.
    pub(crate) async fn list_domains(&self, workspace_id: &str) -> Vec<v1::Domain> {
        let ask = v1::ListDomainsRequest { workspace_id: workspace_id.to_owned() };
        self.domains().list_domains(ask).await.expect("the claims").into_inner().domains
    }

    /// Has the DNS asked about a claim.
    pub(crate) async fn check_domain(
        &self,
        workspace_id: &str,
        domain: &str,
    ) -> Result<v1::Domain, Status> {
        let (workspace_id, domain) = (workspace_id.to_owned(), domain.to_owned());
        let ask = v1::CheckDomainRequest { workspace_id, domain };
        Ok(self.domains().check_domain(ask).await?.into_inner())
    }

    /// Enables SCIM; answers the integration.
    pub(crate) async fn enable_scim(&self, workspace_id: &str) -> v1::Integration {
        self.try_enable_scim(workspace_id).await.expect("an integration")
    }

    /// Enables SCIM on a server that may go away meanwhile.
    pub(crate) async fn try_enable_scim(
        &self,
        workspace_id: &str,
    ) -> Result<v1::Integration, Status> {
        let ask = v1::EnableIntegrationRequest {
            workspace_id: workspace_id.to_owned(),
            kind: v1::IdpKind::Entra.into(),
            ..v1::EnableIntegrationRequest::default()
        };
        Ok(self.integrations().enable_integration(ask).await?.into_inner())
    }

    /// Switches SCIM off: nobody is managed any more.
    pub(crate) async fn disable_scim(&self, workspace_id: &str) {
        let workspace_id = workspace_id.to_owned();
        let ask = v1::DisableIntegrationRequest {
            workspace_id,
            ..v1::DisableIntegrationRequest::default()
        };
        self.integrations().disable_integration(ask).await.expect("an end");
    }

    /// Makes a key; answers it and its id.
    pub(crate) async fn create_key(&self, workspace_id: &str) -> (String, String) {
        self.create_key_for(workspace_id, v1::CreateApiKeyRequest::default()).await
    }

    /// Makes a key on these terms; answers it and its id.
    pub(crate) async fn create_key_for(
        &self,
        workspace_id: &str,
        terms: v1::CreateApiKeyRequest,
    ) -> (String, String) {
        let ask = v1::CreateApiKeyRequest {
            workspace_id: workspace_id.to_owned(),
            display_name: "Entra ID".to_owned(),
            ..terms
        };
        let made = self.integrations().create_api_key(ask).await.expect("a key").into_inner();
        (made.key, made.api_key.expect("what is known of the key").id)
    }

    /// Lets a new key take the place of one that ends after `overlap` seconds (`None`: as is usual).
    pub(crate) async fn rotate_key(
        &self,
        workspace_id: &str,
        api_key_id: &str,
        overlap: Option<i64>,
    ) -> v1::RotateApiKeyResponse {
        let ask = v1::RotateApiKeyRequest {
            workspace_id: workspace_id.to_owned(),
            api_key_id: api_key_id.to_owned(),
            overlap: overlap.map(|seconds| pbjson_types::Duration { seconds, nanos: 0 }),
            ..v1::RotateApiKeyRequest::default()
        };
        self.integrations().rotate_api_key(ask).await.expect("a new key").into_inner()
    }

    /// An integration as its admin sees it; without an id the first one.
    pub(crate) async fn integration(&self, workspace_id: &str, id: &str) -> v1::Integration {
        let (workspace_id, integration_id) = (workspace_id.to_owned(), id.to_owned());
        let ask = v1::GetIntegrationRequest { workspace_id, integration_id };
        self.integrations().get_integration(ask).await.expect("an integration").into_inner()
    }

    /// Revokes a key.
    pub(crate) async fn revoke_key(&self, workspace_id: &str, api_key_id: &str) {
        let (workspace_id, api_key_id) = (workspace_id.to_owned(), api_key_id.to_owned());
        let ask = v1::RevokeApiKeyRequest { workspace_id, api_key_id };
        self.integrations().revoke_api_key(ask).await.expect("a revoked key");
    }

    /// Makes a person whom no identity provider sent; answers their id.
    pub(crate) async fn create_user(&self, workspace_id: &str, scim_json: &str) -> String {
        let ask = v1::CreateUserRequest {
            workspace_id: workspace_id.to_owned(),
            resource: Some(v1::create_user_request::Resource::ScimJson(scim_json.to_owned())),
            ..v1::CreateUserRequest::default()
        };
        self.users().create_user(ask).await.expect("a person").into_inner().id
    }

    /// A person as Nestr's services see them.
    pub(crate) async fn get_user(&self, workspace_id: &str, id: &str) -> Result<v1::User, Status> {
        let (workspace_id, id) = (workspace_id.to_owned(), id.to_owned());
        let ask = v1::GetUserRequest { workspace_id, id, ..v1::GetUserRequest::default() };
        Ok(self.users().get_user(ask).await?.into_inner())
    }

    /// Brings a removed person back.
    pub(crate) async fn restore(&self, workspace_id: &str, id: &str) -> Result<v1::User, Status> {
        let (workspace_id, id) = (workspace_id.to_owned(), id.to_owned());
        let ask = v1::RestoreUserRequest { workspace_id, id, ..v1::RestoreUserRequest::default() };
        Ok(self.users().restore_user(ask).await?.into_inner())
    }

    /// The accounts that an address signs in to, of all workspaces.
    pub(crate) async fn resolve_login(&self, email: &str) -> Vec<v1::Account> {
        self.resolve(email, None).await.accounts
    }

    /// What a sign-in with this address, and as this subject of an issuer, comes to.
    pub(crate) async fn resolve(
        &self,
        email: &str,
        identity: Option<(&str, &str)>,
    ) -> v1::ResolveLoginResponse {
        let (issuer, subject) = identity.unwrap_or_default();
        let (email, issuer, subject) = (email.to_owned(), issuer.to_owned(), subject.to_owned());
        let ask = v1::ResolveLoginRequest { email, issuer, subject };
        self.logins().resolve_login(ask).await.expect("a look-up").into_inner()
    }

    /// Lets people of the workspace's domains join by themselves, or not.
    pub(crate) async fn set_email_join(&self, workspace_id: &str, wanted: v1::EmailJoin) {
        let ask = v1::UpdateWorkspaceRequest {
            workspace_id: workspace_id.to_owned(),
            email_join: Some(wanted.into()),
            ..v1::UpdateWorkspaceRequest::default()
        };
        self.workspaces().update_workspace(ask).await.expect("a workspace");
    }

    fn channel(&self) -> Channel {
        let address = format!("http://{}", (self.at)());
        Endpoint::from_shared(address).expect("an address").connect_lazy()
    }
}
