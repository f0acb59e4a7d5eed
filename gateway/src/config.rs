//! What the gateway goes by. Everything else is the directory's to configure.

use std::time::Duration;

use crate::client::ClientConfig;

/// How the gateway treats HTTP requests.
#[derive(clap::Args, Clone, Debug)]
pub struct GatewayConfig {
    /// How long a SCIM request may take, from its headers to its answer, such as `30s` or `1m`.
    /// Over it: 503 with Retry-After.
    #[arg(long, env = "NESTR_SCIM_REQUEST_TIMEOUT", default_value = "30s", value_parser = duration)]
    pub request_timeout: Duration,

    /// How many bytes the body of a SCIM request may have, 8 MiB at most. Over it: 413.
    #[arg(
        long,
        env = "NESTR_SCIM_BODY_LIMIT",
        value_name = "BYTES",
        default_value_t = 1024 * 1024,
        value_parser = body_limit
    )]
    pub body_limit: usize,

    /// Whose word is believed on an address, and what an address may do.
    #[command(flatten)]
    pub clients: ClientConfig,
}

/// The most that a body may be allowed, in bytes: what the directory takes in one message.
const LARGEST_BODY_LIMIT: usize = 8 * 1024 * 1024;

fn body_limit(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|error| format!("{error}"))?;
    if bytes <= LARGEST_BODY_LIMIT {
        Ok(bytes)
    } else {
        Err(format!("at most {LARGEST_BODY_LIMIT} bytes (8 MiB) are taken"))
    }
}

/// Reads a length of time that is longer than none.
fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    let duration = Duration::try_from(span).map_err(|error| format!("{error}"))?;
    if duration.is_zero() { Err("must be longer than 0s".to_owned()) } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        gateway: GatewayConfig,
    }

    #[test]
    fn the_defaults_run() {
        let config = Command::try_parse_from(["test"]).expect("defaults").gateway;
        assert_eq!(config.request_timeout, Duration::from_secs(30));
        assert_eq!(config.body_limit, 1_048_576);
    }

    #[test]
    fn a_timeout_is_a_length_of_time() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for no in ["", "30", "0s", "-5s", "soon"] {
            assert!(duration(no).is_err(), "{no}");
        }
    }
}
