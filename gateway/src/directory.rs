//! The channel to the directory, and what every handler shares.

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use directory_api::ANSWER_BYTES;
use directory_api::v1;
use directory_api::v1::discovery_service_client::DiscoveryServiceClient;
use directory_api::v1::group_service_client::GroupServiceClient;
use directory_api::v1::resource_service_client::ResourceServiceClient;
use directory_api::v1::user_service_client::UserServiceClient;
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::StdError;
use tonic_health::pb::health_client::HealthClient;

use crate::call::Call;
use crate::error::ScimError;
use crate::told::Told;
use crate::{GatewayConfig, Random};

/// A channel to the directory: over a socket (`tonic::transport::Channel`), or to the directory in
/// this process. It vouches for the gateway; the identity provider's key travels with each call.
pub trait Directory:
    GrpcService<
        Body,
        Error: Into<StdError>,
        Future: Send,
        ResponseBody: axum::body::HttpBody<Data = Bytes, Error: Into<StdError> + Send>
                          + Send
                          + 'static,
    > + Clone
    + Send
    + Sync
    + 'static
{
}

impl<D> Directory for D where
    D: GrpcService<
            Body,
            Error: Into<StdError>,
            Future: Send,
            ResponseBody: axum::body::HttpBody<Data = Bytes, Error: Into<StdError> + Send>
                              + Send
                              + 'static,
        > + Clone
        + Send
        + Sync
        + 'static
{
}

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct Gateway<D> {
    directory: Told<D>,
    pub(crate) config: GatewayConfig,
    random: Random,
}

impl<D: Directory> Gateway<D> {
    pub(crate) fn new(directory: D, config: GatewayConfig, random: Random) -> Self {
        Self { directory: Told(directory), config, random }
    }

    /// Names one write, so that the directory knows it again when it is sent twice.
    pub(crate) fn operation_id(&self) -> String {
        self.random.new_id().to_string()
    }

    /// The people of a workspace.
    pub(crate) fn users(&self) -> UserServiceClient<Told<D>> {
        UserServiceClient::new(self.directory.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    /// The groups of a workspace.
    pub(crate) fn groups(&self) -> GroupServiceClient<Told<D>> {
        GroupServiceClient::new(self.directory.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    /// People and groups at once.
    pub(crate) fn resources(&self) -> ResourceServiceClient<Told<D>> {
        ResourceServiceClient::new(self.directory.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    /// What the service can do, and its schemas.
    pub(crate) fn discovery(&self) -> DiscoveryServiceClient<Told<D>> {
        DiscoveryServiceClient::new(self.directory.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    /// Whether the directory serves.
    pub(crate) fn health(&self) -> HealthClient<Told<D>> {
        HealthClient::new(self.directory.clone())
    }

    /// What to answer to a request that the gateway itself finds fault with: first that its key
    /// opens nothing, if so, and only then the complaint. Who has no right learns nothing else. It
    /// costs one cheap call, and only on a bad request.
    pub(crate) async fn complain(&self, parts: &mut Parts, complaint: ScimError) -> ScimError {
        let call = match Call::from_request_parts(parts, &()).await {
            Ok(call) => call,
            Err(refused) => return refused,
        };
        let ask = v1::GetServiceProviderConfigRequest { workspace_id: call.workspace_id.clone() };
        let ask = call.carry_complaint(ask, complaint.status());
        match self.discovery().get_service_provider_config(ask).await {
            Ok(_) => complaint,
            Err(refused) => refused.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Directory;

    #[test]
    fn a_channel_over_a_socket_is_a_directory_too() {
        fn is_directory<D: Directory>() {}
        is_directory::<tonic::transport::Channel>();
    }
}
