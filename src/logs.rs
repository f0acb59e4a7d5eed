//! Logs: for a person on a terminal, JSON otherwise.

use std::backtrace::Backtrace;
use std::io::{IsTerminal, stderr};
use std::panic;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error at `level`, the directives of [`EnvFilter`]. A panic is an event
/// like any other: it says where, and not with which value, which may be somebody's.
pub(crate) fn start(level: &str) {
    let filter = EnvFilter::builder().parse_lossy(level);
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    if stderr().is_terminal() {
        logs.finish().init();
    } else {
        logs.json().flatten_event(true).finish().init();
    }
    panic::set_hook(Box::new(|panicked| {
        let place = panicked.location().map(ToString::to_string);
        let backtrace = Backtrace::capture();
        tracing::error!(place, %backtrace, "panicked");
    }));
}
