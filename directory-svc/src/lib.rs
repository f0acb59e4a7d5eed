//! The directory: the owner of all state and of every rule.
//!
//! The way of a request: `door` (who calls) -> `services` (one file a gRPC service) -> `rules` (pure)
//! inside a transaction of the `store` -> `render` (the answer).

mod breaker;
mod call;
pub mod clock;
mod dns;
mod door;
pub mod failpoint;
mod health;
pub mod ids;
mod in_process;
mod jobs;
mod mail;
mod refusal;
mod render;
mod rules;
mod secret;
mod services;
mod setup;
mod shared;
pub mod store;
#[cfg(test)]
mod tests;

use std::time::Duration;

use directory_api::v1::audit_service_server::AuditServiceServer;
use directory_api::v1::discovery_service_server::DiscoveryServiceServer;
use directory_api::v1::domain_service_server::DomainServiceServer;
use directory_api::v1::group_service_server::GroupServiceServer;
use directory_api::v1::integration_service_server::IntegrationServiceServer;
use directory_api::v1::login_service_server::LoginServiceServer;
use directory_api::v1::resource_service_server::ResourceServiceServer;
use directory_api::v1::user_service_server::UserServiceServer;
use directory_api::v1::watch_service_server::WatchServiceServer;
use directory_api::v1::workspace_service_server::WorkspaceServiceServer;
use directory_api::{ANSWER_BYTES, MESSAGE_BYTES};
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

pub use dns::{DnsConfig, Found, TxtResolver};
pub use door::{Certified, LimitsConfig, Role, ServiceCaller, ServiceCallers};
pub use in_process::InProcess;
pub use mail::{MailConfig, MailError, Mailer, SmtpPassword, SmtpUrl};
pub use refusal::Refusal;
pub use secret::ClusterSecret;
pub use setup::{Demo, SetupError};
pub use shared::{NoRedis, Redis, RedisConfig, RedisUrl};

use crate::clock::Clock;
use crate::door::Door;
use crate::render::Links;
use crate::services::Services;
use crate::services::cursor::Cursors;
use crate::services::domain::refused::Refused;
use crate::services::watch::Streams;
use crate::store::Store;

/// A service as it is served: no larger answer than its callers take, and compressed where a caller asks
/// for it. What comes out of a compressed request is bounded as the request is.
macro_rules! served {
    ($server:ident, $services:expr) => {
        $server::new($services)
            .max_encoding_message_size(ANSWER_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
    };
}

/// What the directory goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Scheme and host of every `scim_url`, `Location` and `$ref`, such as `https://scim.nestr.io`.
    pub public_url: String,
    /// How many days a removed person and a change's before-image are kept.
    pub tombstone_days: u16,
    /// Where the records are asked for by which domains are verified.
    pub txt: TxtResolver,
    /// How long after a claim its record is looked for the first time.
    pub first_domain_check: Duration,
    /// How much identity providers may ask.
    pub limits: LimitsConfig,
    /// What seals cursors, and what is shared. Every process on one store has the same.
    pub cluster_secret: ClusterSecret,
    /// Where directories share what they looked up. `None`: each remembers by itself.
    pub redis: Option<Redis>,
}

/// The directory over a store, ready to be served.
#[derive(Clone)]
pub struct Directory<S> {
    services: Services<S>,
    health: HealthReporter,
}

impl<S: Store> Directory<S> {
    /// The directory over `store`, known to `callers`.
    ///
    /// # Errors
    /// When no key can be made of the cluster secret.
    pub fn new(
        store: S,
        clock: Clock,
        settings: Settings,
        callers: ServiceCallers,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let links = Links::new(&settings.public_url);
        let door = Door::new(store.clone(), clock.clone(), callers, &settings)?;
        let cursors = Cursors::new(&settings.cluster_secret, clock.clone())?;
        let (refused, streams) = (Refused::default(), Streams::default());
        let services = Services { door, store, clock, links, settings, cursors, refused, streams };
        Ok(Self { services, health: HealthReporter::new() })
    }

    /// Every gRPC service behind the same layers, for the socket and for [`InProcess`]
    /// alike. Health and reflection answer without a credential.
    ///
    /// # Errors
    /// When the contract's descriptors cannot be served by reflection.
    pub async fn router(&self) -> Result<axum::Router, tonic_reflection::server::Error> {
        health::begin::<S>(&self.health).await;
        let health = HealthServer::new(HealthService::from_health_reporter(self.health.clone()));
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(directory_api::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_types::pb::FILE_DESCRIPTOR_SET)
        };
        let services = || self.services.clone();
        let routes = Routes::new(health)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?)
            .add_service(served!(WorkspaceServiceServer, services()))
            .add_service(served!(DomainServiceServer, services()))
            // Its answers hold new keys: the length of what is compressed together with a secret tells
            // of the secret.
            .add_service(
                IntegrationServiceServer::new(services())
                    .accept_compressed(CompressionEncoding::Gzip),
            )
            .add_service(
                served!(UserServiceServer, services()).max_decoding_message_size(MESSAGE_BYTES),
            )
            .add_service(
                served!(GroupServiceServer, services()).max_decoding_message_size(MESSAGE_BYTES),
            )
            .add_service(
                served!(ResourceServiceServer, services()).max_decoding_message_size(MESSAGE_BYTES),
            )
            .add_service(served!(LoginServiceServer, services()))
            .add_service(served!(DiscoveryServiceServer, services()))
            .add_service(served!(AuditServiceServer, services()))
            .add_service(served!(WatchServiceServer, services()));
        let routes = call::layered(routes.into_axum_router(), self.services.clock.clone());
        Ok(self.services.door.watching(routes))
    }

    /// Ends all watches, which would else run for as long as they are read. Nobody opens another.
    pub fn end_watches(&self) {
        self.services.streams.end();
    }

    /// Clears what has expired, once an hour, for as long as it is polled.
    pub async fn clear_expired(&self) {
        jobs::clear_expired(&self.services).await;
    }

    /// Sends letters that are owed, for as long as it is polled and until `stop`: then what is on its way is
    /// sent, and no more is begun.
    pub async fn deliver_notices(&self, mailer: &Mailer, stop: impl Future<Output = ()>) {
        jobs::deliver_notices(&self.services, mailer, stop).await;
    }

    /// Reminds admins of API keys that are about to end, once an hour, for as long as it is polled.
    pub async fn remind_of_keys(&self) {
        jobs::remind_of_keys(&self.services).await;
    }

    /// Writes what integrations were seen to do since it was last written, before the process ends.
    pub async fn write_status(&self) {
        self.services.door.write_visits().await;
    }

    /// Keeps what integrations are seen to do, once a minute, for as long as it is polled.
    pub async fn keep_status(&self) {
        jobs::keep_status(&self.services).await;
    }

    /// Measures how long the end of an access waits for services to acknowledge it, for as long as it is polled.
    pub async fn follow_receipts(&self) {
        jobs::follow_receipts(&self.services).await;
    }

    /// Asks the DNS about the claims of which it is time, for as long as it is polled.
    pub async fn check_domains(&self) {
        jobs::check_domains(&self.services).await;
    }

    /// Signs in who waited for a domain that is verified, for as long as it is polled.
    pub async fn sign_in_the_waiting(&self) {
        jobs::sign_in_the_waiting(&self.services).await;
    }

    /// Keeps the health of the services that write what it is, for as long as it is polled.
    pub async fn follow_health(&self) {
        health::follow(&self.services.store, &self.health).await;
    }

    /// Keeps in touch with the other directories on the store through Redis, for as long as it is
    /// polled. Until it is, and without Redis, each remembers by itself.
    pub async fn follow_others(&self) {
        self.services.door.follow_others().await;
    }

    /// What a demo workspace of an empty directory is to be opened with; `None` when the directory
    /// holds workspaces already.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn plan_demo(&self) -> Result<Option<Demo>, SetupError> {
        setup::plan(&self.services).await
    }

    /// Makes the demo workspace, with these domains verified and SCIM enabled, or finishes one whose
    /// making was cut short. One that was whole once is left as it is.
    ///
    /// # Errors
    /// When a domain is none, or the store fails.
    pub async fn make_demo(&self, demo: &Demo, domains: &[String]) -> Result<(), SetupError> {
        setup::make(&self.services, demo, domains).await
    }

    /// The SCIM API URL of a workspace.
    #[must_use]
    pub fn scim_url(&self, workspace: ids::WorkspaceId) -> String {
        self.services.links.scim(workspace)
    }
}
