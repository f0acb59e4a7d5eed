//! A step of a request, and where in a trace the code stands that runs now.

use std::sync::OnceLock;

use http::HeaderMap;
use opentelemetry::context::{Context, FutureExt};
use opentelemetry::global::{self, BoxedTracer};
use opentelemetry::trace::{
    SpanBuilder, SpanKind, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{KeyValue, trace};

use crate::RequestId;
use crate::traceparent;

/// The name under which a collector files our spans.
const SCOPE: &str = "nestr-scim";
/// The attribute of every span that belongs to a request with an id.
const REQUEST_ID: &str = "request_id";

static TRACER: OnceLock<BoxedTracer> = OnceLock::new();

/// From now on spans are made, and go where `provider` sends them. Once in a process.
pub fn begin<P, T, S>(provider: P)
where
    P: TracerProvider<Tracer = T> + Send + Sync + 'static,
    T: Tracer<Span = S> + Send + Sync + 'static,
    S: trace::Span + Send + Sync + 'static,
{
    global::set_tracer_provider(provider);
    let _ = TRACER.set(global::tracer(SCOPE));
}

/// A step of a request. It ends when it goes; one by default tells nothing.
#[derive(Debug, Default)]
pub struct Span(Option<Context>);

impl Span {
    /// A request that came in with these headers: of the trace which they name, or the first of a new
    /// one.
    #[must_use]
    pub fn received(name: &'static str, headers: &HeaderMap, id: Option<&RequestId>) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let mut from = Context::new();
        if let Some(id) = id {
            from = from.with_value(id.clone());
        }
        if let Some(parent) = traceparent::read(headers) {
            from = from.with_remote_span_context(parent);
        }
        Self(Some(started(tracer, name, SpanKind::Server, &from)))
    }

    /// A call that the running code makes; nothing outside a trace. [`Span::pass_on`] tells the callee
    /// of it.
    #[must_use]
    pub fn sent(name: &'static str) -> Self {
        let Some(tracer) = TRACER.get() else { return Self(None) };
        let from = Context::current();
        Self(from.has_active_span().then(|| started(tracer, name, SpanKind::Client, &from)))
    }

    /// Names the span in the headers of the call that it is of.
    pub fn pass_on(&self, headers: &mut HeaderMap) {
        if let Some(context) = &self.0 {
            traceparent::write(headers, context.span().span_context());
        }
    }

    /// The trace's id, as 32 hex digits; `None` when nothing is told of it.
    #[must_use]
    pub fn trace_id(&self) -> Option<String> {
        let context = self.0.as_ref()?;
        let span = context.span();
        let span = span.span_context();
        span.is_sampled().then(|| span.trace_id().to_string())
    }

    /// Says something of it in a word of the program.
    pub fn word(&self, key: &'static str, word: &'static str) {
        self.note(|| KeyValue::new(key, word));
    }

    /// Says something of it in a number.
    pub fn number(&self, key: &'static str, number: impl Into<i64>) {
        self.note(|| KeyValue::new(key, number.into()));
    }

    /// Gives it another name, of two words.
    pub fn rename(&self, first: &'static str, second: &'static str) {
        if let Some(context) = &self.0 {
            context.span().update_name(format!("{first} {second}"));
        }
    }

    /// Says that it went wrong.
    pub fn fail(&self) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(""));
        }
    }

    /// What `work` does is part of it.
    pub fn round<W: Future>(&self, work: W) -> impl Future<Output = W::Output> + use<W> {
        work.with_context(self.0.clone().unwrap_or_default())
    }

    fn note(&self, note: impl FnOnce() -> KeyValue) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(note());
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

/// A place in a trace, to which steps can be added from any thread.
#[derive(Clone, Debug, Default)]
pub struct Place(Option<Context>);

/// Where the running code stands: nowhere outside a trace, and in one that nothing is told of.
#[must_use]
pub fn here() -> Place {
    if TRACER.get().is_none() {
        return Place(None);
    }
    Place(Context::map_current(|context| {
        context.span().span_context().is_sampled().then(|| context.clone())
    }))
}

impl Place {
    /// A step that begins now.
    #[must_use]
    pub fn step(&self, name: &'static str) -> Span {
        let (Some(tracer), Some(from)) = (TRACER.get(), &self.0) else { return Span(None) };
        Span(Some(started(tracer, name, SpanKind::Internal, from)))
    }

    /// What `work` does belongs here, on whatever task that is done.
    pub fn round<W: Future>(&self, work: W) -> impl Future<Output = W::Output> + use<W> {
        work.with_context(self.0.clone().unwrap_or_default())
    }
}

fn started(tracer: &BoxedTracer, name: &'static str, kind: SpanKind, from: &Context) -> Context {
    let mut builder = SpanBuilder::from_name(name).with_kind(kind);
    if let Some(id) = from.get::<RequestId>() {
        builder = builder.with_attributes([KeyValue::new(REQUEST_ID, id.shared())]);
    }
    from.with_span(tracer.build_with_context(builder, from))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Poll, Waker};

    use http::HeaderValue;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    /// A request comes with `headers` and makes a call; answers the headers of that, and the trace.
    fn a_request(headers: &HeaderMap) -> (HeaderMap, Option<String>) {
        let request = Span::received("a request", headers, None);
        let mut sent = HeaderMap::new();
        let call = async {
            let call = Span::sent("a call");
            call.pass_on(&mut sent);
            assert_eq!(call.trace_id(), request.trace_id());
            assert_eq!(here().step("a step").trace_id(), request.trace_id());
        };
        let mut context = std::task::Context::from_waker(Waker::noop());
        assert_eq!(pin!(request.round(call)).poll(&mut context), Poll::Ready(()));
        let outside = Span::sent("a call of nobody's");
        assert!(outside.0.is_none() && here().0.is_none());
        (sent, request.trace_id())
    }

    /// In one test: whatever begins is begun for the whole process.
    #[test]
    fn what_is_not_begun_tells_nothing_and_what_is_goes_on_with_its_callers_trace() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        let given = format!("00-{TRACE}-b7ad6b7169203331");
        let from = |flags: &str| {
            let value = HeaderValue::try_from(format!("{given}-{flags}")).unwrap();
            HeaderMap::from_iter([(http::HeaderName::from_static("traceparent"), value)])
        };
        assert_eq!(a_request(&from("01")), (HeaderMap::new(), None));

        begin(SdkTracerProvider::builder().build());
        let (sent, trace) = a_request(&from("01"));
        let sent = sent["traceparent"].to_str().unwrap();
        assert_eq!(trace.as_deref(), Some(TRACE));
        assert!(
            sent.contains(TRACE) && sent.ends_with("-01") && !sent.starts_with(&given),
            "{sent}"
        );
        let (sent, trace) = a_request(&from("00"));
        let sent = sent["traceparent"].to_str().unwrap();
        assert_eq!(trace, None);
        assert!(sent.contains(TRACE) && sent.ends_with("-00"), "the callee is told so: {sent}");
        let (sent, trace) = a_request(&HeaderMap::new());
        assert!(sent["traceparent"].to_str().unwrap().contains(&trace.unwrap()), "a new trace");
    }
}
