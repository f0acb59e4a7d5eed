//! What the DNS says: the TXT records of a name, asked now. What they prove is for
//! [`crate::rules::dns_proof`] to say.

mod config;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Resolver, TokioResolver};

pub use config::DnsConfig;

/// How long a question may take in all, with its repetitions and every CNAME on the way.
pub(crate) const QUESTION: Duration = Duration::from_secs(5);
/// How long one server may take to answer before it, or another, is asked again.
const SERVER: Duration = Duration::from_secs(2);
/// How often a question that got no answer is asked again, within [`QUESTION`].
const AGAIN: usize = 1;
/// How many records of a name are looked at. One with more of them is no place for a proof.
const RECORDS: usize = 100;

/// What is known after a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The values of the TXT records, the strings of each joined. At least one.
    Values(Vec<String>),
    /// The DNS says clearly that there is no such record.
    NoRecord,
    /// Nothing: the question got no answer, or one that says neither. The cause is for the log.
    NotAsked(String),
}

type Ask = dyn Fn(String) -> BoxFuture<'static, Found> + Send + Sync;

/// Where TXT records are asked for. Nothing is kept from one question to the next.
#[derive(Clone)]
pub struct TxtResolver(Arc<Ask>);

impl TxtResolver {
    /// One that asks the servers of `config`, or those of the system. A system without any is no
    /// reason not to start: every question then ends as [`Found::NotAsked`].
    #[must_use]
    pub fn open(config: &DnsConfig) -> Self {
        match resolver(&config.servers) {
            Ok(resolver) => Self::from_fn(move |name| ask(resolver.clone(), name).boxed()),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    "no DNS server is known: name one with --dns-server, else no domain is verified \
                     by DNS"
                );
                Self::from_fn(|_| async { Found::NotAsked("no DNS server".to_owned()) }.boxed())
            }
        }
    }

    /// One that answers what `ask` says of a name.
    pub fn from_fn(
        ask: impl Fn(String) -> BoxFuture<'static, Found> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    /// The TXT records of a name, an absolute one, within [`QUESTION`].
    pub(crate) async fn txt(&self, name: &str) -> Found {
        let answer = tokio::time::timeout(QUESTION, (self.0)(name.to_owned())).await;
        answer.unwrap_or_else(|_| Found::NotAsked(format!("no answer within {QUESTION:?}")))
    }
}

impl fmt::Debug for TxtResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TxtResolver")
    }
}

fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, NetError> {
    let config = if servers.is_empty() {
        // Neither the system's search list, since names are absolute, nor its options.
        let (_, _, servers) = read_system_conf()?.0.into_parts();
        ResolverConfig::from_name_servers(servers)
    } else {
        ResolverConfig::from_name_servers(servers.iter().copied().map(server).collect())
    };
    let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options();
    builder.build()
}

fn server(at: SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = at.port();
        connection
    });
    NameServerConfig::new(at.ip(), true, connections.into())
}

fn options() -> ResolverOpts {
    let mut options = ResolverOpts::default();
    options.timeout = SERVER;
    options.attempts = AGAIN;
    // "Check now" is to see what is there now.
    options.cache_size = 0;
    options.use_hosts_file = ResolveHosts::Never;
    // A forged answer has to repeat the case of the question, too; one that does not is asked for
    // again over TCP.
    options.case_randomization = true;
    options
}

async fn ask(resolver: TokioResolver, name: String) -> Found {
    let name = match Name::from_ascii(&name) {
        Ok(mut name) => {
            name.set_fqdn(true);
            name
        }
        Err(error) => return Found::NotAsked(error.to_string()),
    };
    let answer = match resolver.txt_lookup(name).await {
        Ok(answer) => answer,
        Err(error) => return without_records(&error),
    };
    let texts = answer.answers().iter().filter_map(|record| match &record.data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    });
    match texts.take(RECORDS).collect::<Vec<_>>() {
        texts if texts.is_empty() => Found::NotAsked("an answer without its record".to_owned()),
        texts => Found::Values(texts),
    }
}

/// Only the word of a server that knows the name is clear: a referral to other servers is not.
fn without_records(error: &NetError) -> Found {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none))
            if none.ns.is_none() || none.soa.is_some() =>
        {
            Found::NoRecord
        }
        NetError::Dns(DnsError::NoRecordsFound(_)) => Found::NotAsked("a referral".to_owned()),
        error => Found::NotAsked(error.to_string()),
    }
}
