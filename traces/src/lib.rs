//! Spans: what a trace tells of a request, and how it goes from one half to the other.
//!
//! A span holds words of the program, numbers and the request's id. Nothing else can be put into it, so
//! that no trace tells a key, an address, a body or a filter's value; it is no place for what a log line
//! says. Whether spans are made at all, and where they go, is said by [`begin`]; before it all of this
//! does nothing.

mod request_id;
mod span;
mod traceparent;

pub use request_id::RequestId;
pub use span::{Place, Span, begin, here};
