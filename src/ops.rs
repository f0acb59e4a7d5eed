//! What whoever runs the service asks of it: whether it is alive, whether it is ready, and its numbers.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::{any, get};
use listener::Listener;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::cli::ProcessConfig;
use crate::process::bind;

/// Bounds of the histograms of time, in seconds.
const SECONDS: [f64; 12] =
    [0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// Bounds of the histogram of how many writes share a commit.
const WRITES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// How often what histograms have gathered is put away.
const UPKEEP: Duration = Duration::from_secs(5);

/// The numbers of this process, and where they are asked for.
pub(crate) struct Ops {
    numbers: PrometheusHandle,
    /// The address of its own, and what is served there.
    apart: Option<(Listener, SocketAddr, Router)>,
}

impl Ops {
    /// Begins to count, and binds the address of its own where one is asked for. Once in a process.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub(crate) async fn open<D: gateway::Directory>(
        config: &ProcessConfig,
        directory: D,
    ) -> anyhow::Result<Self> {
        let numbers = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Suffix("_group_size".to_owned()), &WRITES)?
            .install_recorder()
            .context("metrics")?;
        let upkeep = numbers.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                upkeep.run_upkeep();
            }
        });
        let mut apart = None;
        if let Some(address) = config.ops {
            let (socket, at) = bind("--ops (NESTR_SCIM_OPS)", address).await?;
            let router = gateway::health(directory).merge(metrics(&numbers));
            apart = Some((Listener::new("ops", socket, config.listener), at, router));
        }
        Ok(Self { numbers, apart })
    }

    /// Its own address; empty when it has none.
    pub(crate) fn at(&self) -> String {
        self.apart.as_ref().map_or_else(String::new, |(_, at, _)| at.to_string())
    }

    /// What SCIM's address serves: `scim` and the numbers, or nothing of this room where that has an
    /// address of its own.
    pub(crate) fn beside(&self, scim: Router) -> Router {
        if self.apart.is_some() {
            let elsewhere = || any(async || StatusCode::NOT_FOUND);
            let closed = Router::new().route("/healthz", elsewhere()).route("/readyz", elsewhere());
            closed.fallback_service(scim)
        } else {
            metrics(&self.numbers).fallback_service(scim)
        }
    }

    /// Serves its own address, if it has one, until `stop`.
    pub(crate) async fn serve(self, stop: CancellationToken) {
        if let Some((listener, _, router)) = self.apart {
            listener.serve(router, stop).await;
        }
    }
}

/// `/metrics`, in the text format of Prometheus.
fn metrics(numbers: &PrometheusHandle) -> Router {
    const TEXT: [(HeaderName, &str); 1] = [(CONTENT_TYPE, "text/plain; version=0.0.4")];
    let numbers = numbers.clone();
    Router::new().route("/metrics", get(async move || (TEXT, numbers.render())))
}
