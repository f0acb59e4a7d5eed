//! `/healthz` (alive) and `/readyz` (may take traffic), for whoever runs the service: no key.

use std::time::Duration;

use axum::extract::State;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

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
    let mut ask = tonic::Request::new(HealthCheckRequest::default());
    ask.set_timeout(PATIENCE);
    let answer = tokio::time::timeout(PATIENCE, gateway.health().check(ask)).await;
    match answer {
        Ok(Ok(health)) if health.get_ref().status() == ServingStatus::Serving => Ok("ready\n"),
        _ => Err(ScimError::unavailable()),
    }
}
