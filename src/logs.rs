//! Logs: for a person on a terminal, JSON otherwise.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to standard error at `level`, the directives of [`EnvFilter`].
pub(crate) fn start(level: &str) {
    let filter = EnvFilter::builder().parse_lossy(level);
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    if stderr().is_terminal() {
        logs.finish().init();
    } else {
        logs.json().flatten_event(true).finish().init();
    }
}
