//! `/healthz` (alive) and `/readyz` (may take traffic), for whoever runs the service: no key.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::directory::{Directory, Gateway};
use crate::error::ScimError;

/// How long the directory may take to say that it serves; probes ask again soon.
const PATIENCE: Duration = Duration::from_secs(2);

/// 200 for as long as the process answers at all.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// 200 when the directory says that it serves, else 503.
pub(crate) async fn ready<D: Directory>(
    State(gateway): State<Gateway<D>>,
) -> Result<&'static str, ScimError> {
    if is_serving(gateway.health()).await { Ok("ready\n") } else { Err(ScimError::unavailable()) }
}

/// `/healthz` and `/readyz` alone, for an address of their own before the same directory.
pub fn health<D: Directory>(directory: D) -> Router {
    let ready = async move || {
        let is_serving = is_serving(HealthClient::new(directory.clone())).await;
        if is_serving {
            Ok("ready\n")
        } else {
            Err((StatusCode::SERVICE_UNAVAILABLE, "not ready\n"))
        }
    };
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

async fn is_serving<D: Directory>(mut health: HealthClient<D>) -> bool {
    let mut ask = tonic::Request::new(HealthCheckRequest::default());
    ask.set_timeout(PATIENCE);
    let answer = tokio::time::timeout(PATIENCE, health.check(ask)).await;
    matches!(answer, Ok(Ok(health)) if health.get_ref().status() == ServingStatus::Serving)
}
