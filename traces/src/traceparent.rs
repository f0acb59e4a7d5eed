//! The header `traceparent` (W3C Trace Context), over REST as over gRPC. `tracestate` is not taken and
//! not passed on: it is text of somebody else's choice.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The span that a request came from; `None` when there is none, or not one that can be read.
pub(crate) fn read(headers: &HeaderMap) -> Option<SpanContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    parse(value.to_str().ok()?)
}

/// Names the span in the headers of a request that it makes.
pub(crate) fn write(headers: &mut HeaderMap, span: &SpanContext) {
    let (trace, parent) = (span.trace_id(), span.span_id());
    let flags = u8::from(span.is_sampled());
    if let Ok(value) = HeaderValue::try_from(format!("00-{trace}-{parent}-{flags:02x}")) {
        headers.insert(TRACEPARENT, value);
    }
}

/// Version, trace, parent and flags; a later version than ours may have more behind.
fn parse(text: &str) -> Option<SpanContext> {
    let mut fields = text.split('-');
    let version = hex(fields.next()?, 2)?;
    let trace = hex(fields.next()?, 32)?;
    let parent = u64::try_from(hex(fields.next()?, 16)?).ok()?;
    let flags = u8::try_from(hex(fields.next()?, 2)?).ok()?;
    if version == 0xff || version == 0 && fields.next().is_some() {
        return None;
    }
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    let (trace, parent) = (TraceId::from(trace), SpanId::from(parent));
    let span = SpanContext::new(trace, parent, flags, true, TraceState::NONE);
    span.is_valid().then_some(span)
}

/// A field of so many hex digits in lower case.
fn hex(field: &str, digits: usize) -> Option<u128> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_whole = field.len() == digits && field.bytes().all(is_hex);
    is_whole.then(|| u128::from_str_radix(field, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_parent_is_read_as_it_is_written() {
        let mut headers = HeaderMap::new();
        assert!(read(&headers).is_none());
        for given in [GIVEN, "00-00000000000000000000000000000001-0000000000000002-00"] {
            headers.insert(TRACEPARENT, HeaderValue::from_static(given));
            let span = read(&headers).unwrap();
            assert_eq!((span.is_remote(), span.is_sampled()), (true, given.ends_with('1')));
            let mut sent = HeaderMap::new();
            write(&mut sent, &span);
            assert_eq!(sent, headers);
        }
        headers.append(TRACEPARENT, HeaderValue::from_static(GIVEN));
        assert!(read(&headers).is_none(), "two parents are none");
    }

    #[test]
    fn what_is_no_parent_is_none() {
        assert!(parse(&GIVEN.replace("00-0", "cc-0")).is_some(), "a later version");
        assert!(parse(&format!("cc{}-more", &GIVEN[2..])).is_some(), "a later version with more");
        for bad in [
            "",
            "00",
            &GIVEN[..GIVEN.len() - 1],
            &format!("{GIVEN}-more"),
            &format!("{GIVEN}-"),
            &GIVEN.to_uppercase(),
            &GIVEN.replace("00-0", "ff-0"),
            &GIVEN.replace("-01", "-0x"),
            &GIVEN.replace("0af", "+af"),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
