//! Where traces go: to a collector, by OTLP over gRPC, behind a queue that no request ever waits for.
//!
//! The exporter is a task of ours: what it may hold is bounded, what it loses is counted, and it reads no
//! environment variable beside our own settings.

use std::mem;
use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, Span, SpanData, SpanLimits, SpanProcessor,
};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::cli::TracesConfig;
use crate::endpoint;

/// How many spans may wait to be sent, some 8 MB. Over it they are dropped, and counted.
const QUEUE: usize = 8_192;
/// How many spans are sent at a time, and how long they are gathered for.
const BATCH: usize = 512;
const GATHER: Duration = Duration::from_secs(1);
/// How long making a connection and an answer of the collector may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long after the process was asked to end what is left may be sent: as long as connections drain.
const DRAIN: Duration = Duration::from_secs(5);

/// The way to the collector, if there is one.
pub(crate) struct Traces(Option<Sender>);

struct Sender {
    task: JoinHandle<()>,
    /// Nothing more comes.
    is_over: CancellationToken,
    /// When the process was asked to end.
    asked: JoinHandle<Instant>,
}

impl Traces {
    /// Begins to tell and to send, if there is an endpoint; `half` is what the process is. Once in a
    /// process, within a runtime.
    ///
    /// # Errors
    /// When the collector's certificates are of no use.
    pub(crate) fn begin(
        config: &TracesConfig,
        half: &'static str,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let Some(address) = &config.endpoint else { return Ok(Self(None)) };
        let ca = config.ca.as_deref();
        let endpoint = endpoint::to(address, "--otlp-ca (NESTR_SCIM_OTLP_CA)", ca)
            .context("--otlp-endpoint (NESTR_SCIM_OTLP_ENDPOINT)")?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT).timeout(SEND_TIMEOUT);
        let collector = Collector::new(endpoint.connect_lazy(), &resource(half));
        let (queue, spans) = mpsc::channel(QUEUE);
        let is_over = CancellationToken::new();
        let task = tokio::spawn(send(spans, collector, is_over.clone()));
        let stop = stop.clone();
        let asked = tokio::spawn(async move {
            stop.cancelled().await;
            Instant::now()
        });
        // What the builder would else take from the environment is all given.
        let provider = SdkTracerProvider::builder()
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(config.ratio))))
            .with_span_limits(SpanLimits::default())
            .with_resource(resource(half))
            .with_span_processor(Queue(queue))
            .build();
        traces::begin(provider);
        Ok(Self(Some(Sender { task, is_over, asked })))
    }

    /// Sends what is left, once everything is answered: within the time in which connections drain.
    pub(crate) async fn end(self) {
        let Self(Some(sender)) = self else { return };
        sender.is_over.cancel();
        let asked = sender.asked.await.unwrap_or_else(|_| Instant::now());
        if timeout_at(asked + DRAIN, sender.task).await.is_err() {
            tracing::warn!("the collector of traces is too slow: what was left is dropped");
        }
    }
}

/// What the spans are of.
fn resource(half: &'static str) -> Resource {
    let attributes = [
        KeyValue::new("service.name", env!("CARGO_PKG_NAME")),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("nestr_scim.half", half),
    ];
    Resource::builder_empty().with_attributes(attributes).build()
}

/// The queue's end, at which spans arrive on whatever thread they end on.
#[derive(Debug)]
struct Queue(mpsc::Sender<SpanData>);

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            count("dropped", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn count(outcome: &'static str, spans: usize) {
    let spans = u64::try_from(spans).unwrap_or(u64::MAX);
    metrics::counter!("nestr_scim_trace_spans_total", "outcome" => outcome).increment(spans);
}

/// Sends spans as they come until `is_over`, and then what is left of them.
async fn send(
    mut spans: mpsc::Receiver<SpanData>,
    mut collector: Collector,
    is_over: CancellationToken,
) {
    let mut batch = Vec::new();
    while is_over.run_until_cancelled(gather(&mut spans, &mut batch)).await.is_some() {
        collector.take(mem::take(&mut batch)).await;
    }
    spans.close();
    loop {
        let room = BATCH - batch.len();
        if room > 0 && spans.recv_many(&mut batch, room).await > 0 {
            continue;
        }
        if batch.is_empty() {
            return;
        }
        collector.take(mem::take(&mut batch)).await;
    }
}

/// Waits for a span, and gathers more for a while. Cut short, it loses none.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) {
    spans.recv_many(batch, BATCH).await;
    let until = Instant::now() + GATHER;
    while batch.len() < BATCH {
        let more = spans.recv_many(batch, BATCH - batch.len());
        if !matches!(timeout_at(until, more).await, Ok(1..)) {
            return;
        }
    }
}

/// Who takes the spans.
struct Collector {
    client: TraceServiceClient<Channel>,
    resource: ResourceAttributesWithSchema,
    /// Whether it took the last batch: a change is logged, not every loss.
    is_well: bool,
}

impl Collector {
    fn new(channel: Channel, resource: &Resource) -> Self {
        Self { client: TraceServiceClient::new(channel), resource: resource.into(), is_well: true }
    }

    /// Sends a batch, once: what is lost is counted.
    async fn take(&mut self, batch: Vec<SpanData>) {
        let spans = batch.len();
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let sending = self.client.export(ExportTraceServiceRequest { resource_spans });
        let answer = timeout(SEND_TIMEOUT, sending).await;
        let taken = match answer {
            Ok(Ok(answer)) => {
                let refused = answer.into_inner().partial_success.map_or(0, |p| p.rejected_spans);
                Ok(spans.saturating_sub(usize::try_from(refused).unwrap_or_default()))
            }
            Ok(Err(status)) => Err(format!("{:?}", status.code())),
            Err(_) => Err("no answer".to_owned()),
        };
        let kept = taken.as_ref().map_or(0, |kept| *kept);
        if kept > 0 {
            count("sent", kept);
        }
        if kept < spans {
            count("failed", spans - kept);
        }
        if mem::replace(&mut self.is_well, taken.is_ok()) != taken.is_ok() {
            match taken {
                Ok(_) => tracing::info!("the collector takes traces again"),
                Err(cause) => tracing::warn!(cause, "the collector takes no traces: they are lost"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use opentelemetry::trace::{Tracer, TracerProvider};

    use super::*;

    /// Seen to fail, by not ending, with a queue that waits for room.
    #[test]
    fn what_the_queue_has_no_room_for_is_dropped_and_counted() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let numbers = recorder.handle();
        let (queue, spans) = mpsc::channel(2);
        let provider = SdkTracerProvider::builder().with_span_processor(Queue(queue)).build();
        let tracer = provider.tracer("test");
        metrics::with_local_recorder(&recorder, || {
            for _ in 0..5 {
                drop(tracer.start("a step"));
            }
        });
        assert_eq!(spans.len(), 2);
        let dropped = r#"nestr_scim_trace_spans_total{outcome="dropped"} 3"#;
        assert!(numbers.render().contains(dropped), "{}", numbers.render());
    }
}
