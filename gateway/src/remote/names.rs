//! Where the directories are: names that are looked up again and again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;
use tonic::codegen::BoxFuture;

/// How long a look-up may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks up what addresses a host has. Clones share it.
#[derive(Clone)]
pub struct Names(Arc<dyn Fn(String, u16) -> BoxFuture<Vec<SocketAddr>, io::Error> + Send + Sync>);

impl Names {
    /// As the system looks names up: by its files, then by the DNS. An address is itself.
    #[must_use]
    pub fn system() -> Self {
        Self::from_fn(|host, port| {
            Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
        })
    }

    /// As `look_up` does.
    #[must_use]
    pub fn from_fn(
        look_up: impl Fn(String, u16) -> BoxFuture<Vec<SocketAddr>, io::Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(look_up))
    }

    /// Every address of a host, each once and in one order, whatever the order of the answer.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let mut found = timeout(PATIENCE, (self.0)(host, port)).await??;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }
}
