//! How many clients are borne, and how long.

use std::time::Duration;

/// How many connections a listener bears.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct ListenerConfig {
    /// How many connections REST and gRPC each take at a time. Over it: closed at once.
    #[arg(
        long,
        env = "NESTR_SCIM_MAX_CONNECTIONS",
        value_name = "COUNT",
        default_value_t = 16_384,
        value_parser = count
    )]
    pub max_connections: usize,

    /// How many of them one address may have, an IPv6 network of 64 bits counting as one. Over it:
    /// closed at once. 0: as many as there are. Behind a proxy all clients have its address.
    #[arg(
        long,
        env = "NESTR_SCIM_MAX_CONNECTIONS_PER_ADDRESS",
        value_name = "COUNT",
        default_value_t = 1_024
    )]
    pub max_connections_per_address: usize,
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least one connection has to be taken".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(error.to_string()),
    }
}

/// How long a client may take. The defaults are what the product promises; tests shorten them.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the connection to the whole head of its first request, the TLS handshake among it; and
    /// from the first byte of a later head to its last.
    pub head: Duration,
    /// From the first byte of a request's body to its last.
    pub body: Duration,
    /// How long a body may be slower than [`Patience::body_rate`] at its beginning.
    pub body_grace: Duration,
    /// Bytes a second that a body has at least, on the average.
    pub body_rate: u32,
    /// Without a request under way.
    pub idle: Duration,
    /// Without taking a byte of an answer that is there.
    pub stalled: Duration,
    /// Between two looks at the certificate that the client of an open connection has shown: it may have
    /// expired, or who vouched for it may be gone.
    pub certificate: Duration,
    /// From the connection on, of HTTP/2: then the client is asked to make another, so that calls spread over
    /// replicas that have come since. HTTP/1 has no word for it by which no request is lost.
    pub age: Duration,
    /// How long what is under way then may go on.
    pub age_grace: Duration,
    /// From being asked to end to cutting what is still under way.
    pub drain: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            body_grace: Duration::from_secs(5),
            body_rate: 1_000,
            idle: Duration::from_secs(75),
            stalled: Duration::from_secs(30),
            certificate: Duration::from_mins(1),
            age: Duration::from_mins(10),
            age_grace: Duration::from_secs(90),
            drain: Duration::from_secs(5),
        }
    }
}
