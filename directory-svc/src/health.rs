//! What gRPC health says: of the whole that it serves, of a service that writes whether it can.

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
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::services::Services;
use crate::store::Store;

/// How often a store that could not keep a write is asked to try one.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// Everything serves.
pub(crate) async fn begin<S: Store>(reporter: &HealthReporter) {
    reporter.set_serving::<LoginServiceServer<Services<S>>>().await;
    reporter.set_serving::<DiscoveryServiceServer<Services<S>>>().await;
    reporter.set_serving::<AuditServiceServer<Services<S>>>().await;
    reporter.set_serving::<WatchServiceServer<Services<S>>>().await;
    set_writing::<S>(reporter, ServingStatus::Serving).await;
}

/// Keeps the services that write in step with the store: not serving while it keeps no write, and
/// serving again once a write of our own is kept, so that none of a caller's has to fail for it.
pub(crate) async fn follow<S: Store>(store: &S, reporter: &HealthReporter) {
    let mut is_writable = store.is_writable();
    loop {
        let told = *is_writable.borrow_and_update();
        metrics::gauge!("nestr_scim_store_writable").set(u32::from(told));
        if told {
            set_writing::<S>(reporter, ServingStatus::Serving).await;
            if is_writable.changed().await.is_err() {
                return;
            }
        } else {
            tracing::error!("the store keeps no write: writes are refused until it does");
            set_writing::<S>(reporter, ServingStatus::NotServing).await;
            while store.ready().await.is_err() {
                tokio::time::sleep(TRY_EVERY).await;
            }
            tracing::info!("the store keeps writes again");
        }
    }
}

async fn set_writing<S: Store>(reporter: &HealthReporter, status: ServingStatus) {
    use tonic::server::NamedService as Named;
    for name in [
        <WorkspaceServiceServer<Services<S>> as Named>::NAME,
        <DomainServiceServer<Services<S>> as Named>::NAME,
        <IntegrationServiceServer<Services<S>> as Named>::NAME,
        <UserServiceServer<Services<S>> as Named>::NAME,
        <GroupServiceServer<Services<S>> as Named>::NAME,
        <ResourceServiceServer<Services<S>> as Named>::NAME,
    ] {
        reporter.set_service_status(name, status).await;
    }
}
