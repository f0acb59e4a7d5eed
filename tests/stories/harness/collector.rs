//! A collector of traces: it takes them by OTLP over gRPC, and keeps what it was sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

use super::binary::{A_MOMENT, PATIENCE};

/// The collector; it goes with this.
pub(crate) struct Collector {
    at: SocketAddr,
    taken: Taken,
    serving: JoinHandle<()>,
}

/// A span as the collector was told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    /// Ids in hex; the parent is empty where there is none.
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) has_failed: bool,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The attributes of the process.
    pub(crate) of: BTreeMap<String, String>,
}

#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Taken {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    pub(crate) async fn start() -> Self {
        Self::start_as(Server::builder()).await
    }

    /// One that speaks TLS.
    pub(crate) async fn start_with_tls(certificate: &str, key: &str) -> Self {
        let tls = ServerTlsConfig::new().identity(Identity::from_pem(certificate, key));
        Self::start_as(Server::builder().tls_config(tls).expect("a certificate")).await
    }

    async fn start_as(mut server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (at, taken) = (listener.local_addr().expect("an address"), Taken::default());
        let server = server.add_service(TraceServiceServer::new(taken.clone()));
        let serving = tokio::spawn(async move {
            server.serve_with_incoming(TcpIncoming::from(listener)).await.expect("it serves");
        });
        Self { at, taken, serving }
    }

    /// Where it is, for `--otlp-endpoint`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Where it is, when it speaks TLS.
    pub(crate) fn tls_url(&self) -> String {
        format!("https://{}", self.at)
    }

    /// All that it was told.
    pub(crate) fn told(&self) -> Vec<Told> {
        let taken = self.taken.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        for of in taken.iter().flat_map(|request| &request.resource_spans) {
            let process = of.resource.as_ref().map(|of| texts(&of.attributes)).unwrap_or_default();
            let spans = of.scope_spans.iter().flat_map(|scope| &scope.spans);
            told.extend(spans.map(|span| Told::new(span, &process)));
        }
        told
    }

    /// What it was told of one trace.
    pub(crate) fn told_of(&self, trace: &str) -> Vec<Told> {
        self.told().into_iter().filter(|span| span.trace == trace).collect()
    }

    /// All that it was sent, as a text in which anything that was told is found.
    pub(crate) fn everything(&self) -> String {
        format!("{:?}", self.taken.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until it was told of this trace.
    pub(crate) async fn wait_for(&self, trace: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.told_of(trace).is_empty() {
            assert!(Instant::now() < deadline, "nothing of {trace} after {PATIENCE:?}");
            sleep(A_MOMENT).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Told {
    fn new(span: &Span, process: &BTreeMap<String, String>) -> Self {
        let has_failed = span.status.as_ref().is_some_and(|status| status.code == 2);
        assert!(span.trace_state.is_empty() && span.events.is_empty() && span.links.is_empty());
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano, "{span:?}");
        Self {
            name: span.name.clone(),
            kind: span.kind(),
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            has_failed,
            attributes: texts(&span.attributes),
            of: process.clone(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &AnyValue| match value.value.as_ref() {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("neither a text nor a number: {other:?}"),
    };
    let pair =
        |pair: &KeyValue| (pair.key.clone(), pair.value.as_ref().map(text).unwrap_or_default());
    attributes.iter().map(pair).collect()
}
