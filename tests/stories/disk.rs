//! A disk that fails: writes are refused in words, reads go on, and it heals by itself.

use std::path::Path;
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rstest::rstest;
use tokio::time::{Instant, sleep};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{Ask, Disk, Fault, Nestr, Shape, seed};

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// What gRPC health says of a service; the empty name is the whole.
async fn health(nestr: &Nestr, service: &str) -> ServingStatus {
    let service = service.to_owned();
    let mut health = nestr.operator().health();
    health.check(HealthCheckRequest { service }).await.expect("health").into_inner().status()
}

/// Waits until the services that write say so, and asserts that the others serve throughout.
async fn health_becomes(nestr: &Nestr, status: ServingStatus) {
    let end = Instant::now() + PATIENCE;
    for service in ["WorkspaceService", "DomainService", "IntegrationService", "UserService"] {
        while health(nestr, &format!("nestr.directory.v1.{service}")).await != status {
            assert!(Instant::now() < end, "{service}:\n{}", nestr.log());
            sleep(Duration::from_millis(10)).await;
        }
    }
    for service in ["", "nestr.directory.v1.LoginService", "nestr.directory.v1.DiscoveryService"] {
        assert_eq!(health(nestr, service).await, ServingStatus::Serving, "{service}");
    }
    nestr.send(Ask::new("GET", "/readyz")).await.is(200);
}

/// Seen to fail with health that follows nothing, and without the write that is tried meanwhile.
#[rstest]
#[tokio::test]
async fn a_failing_disk_stops_writes_alone_and_heals(
    #[values(Fault::Full, Fault::IoError, Fault::SyncError, Fault::ReadOnly)] fault: Fault,
) {
    let disk = Disk::new();
    let (shape, settings) = (Shape::of_this_run(), ["--demo", "acme.com"]);
    let nestr = Nestr::start_prepared(shape, &settings, |dir| disk.environment(dir)).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    health_becomes(&nestr, ServingStatus::Serving).await;

    disk.has(fault);
    for number in 0..3 {
        let body = format!(r#"{{"userName":"lost-{number}"}}"#);
        let answer = acme.post("/Users", body).await;
        assert!(answer.header("retry-after").is_some(), "{answer}");
        answer.refused(503, "");
    }
    let delete = v1::DeleteUserRequest {
        workspace_id: acme.id.clone(),
        id: ada.clone(),
        ..v1::DeleteUserRequest::default()
    };
    let refused = nestr.operator().users().delete_user(delete).await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::Unavailable), "{refused:?}");
    health_becomes(&nestr, ServingStatus::NotServing).await;
    acme.get(&format!("/Users/{ada}")).await.is(200);
    assert_eq!(acme.get("/Users").await.rows().len(), 1);
    assert_eq!(nestr.operator().resolve_login("ada@acme.com").await.len(), 1);

    disk.has(Fault::None);
    // Nobody writes, and it is found out all the same.
    health_becomes(&nestr, ServingStatus::Serving).await;
    acme.create("bob@acme.com").await;
    acme.delete(&format!("/Users/{ada}")).await.is(204);
    nestr.kill_dash_nine();

    // Whatever the failed syncs lost, a power cut takes nothing that was acknowledged.
    let journal = disk.journal();
    for _ in 0..6 {
        let mut rng = StdRng::seed_from_u64(seed());
        let image = |dir: &Path| {
            journal.image(journal.length(), dir, &mut rng);
            Vec::new()
        };
        let after = Nestr::start_prepared(Shape::Whole, &settings, image).await;
        let names: Vec<_> = after.acme().get("/Users").await.rows();
        let names: Vec<_> = names.iter().map(|row| row["userName"].as_str().unwrap()).collect();
        assert_eq!(names, ["bob@acme.com"]);
    }
}
