//! What every process does: it binds, and ends or reads again on a signal.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use listener::{Tls, TlsFiles};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How often files are looked at that may change without a signal.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Runs `serving` until it ends.
///
/// # Errors
/// When it cannot start; each error names the setting and a fix.
pub(crate) fn run<T>(serving: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serving)
}

/// Binds a listener; answers it with the address it has, which differs where port 0 was asked for.
pub(crate) async fn bind(
    setting: &str,
    address: SocketAddr,
) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let fix = || format!("{setting} is {address}: free the port or name another");
    let listener = TcpListener::bind(address).await.with_context(fix)?;
    let bound = listener.local_addr().with_context(fix)?;
    Ok((listener, bound))
}

/// Cancelled once the process is asked to end, by SIGTERM or SIGINT.
pub(crate) fn asked_to_end() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let asked = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        asked.cancel();
    });
    Ok(stop)
}

/// What is read again while the process runs: at SIGHUP, and by itself now and then.
#[derive(Default)]
pub(crate) struct Reloads(Vec<Reload>);

/// One thing that is read again, and what it says of itself in the log.
struct Reload {
    what: &'static str,
    again: Box<dyn Fn() -> anyhow::Result<()> + Send>,
    /// The files whose change is noticed without a signal.
    watched: Vec<PathBuf>,
}

impl Reloads {
    /// Has `again` called at each SIGHUP, and within a minute of a change of the `watched` files. What
    /// cannot be read then is logged, and what was read before stays.
    pub(crate) fn add(
        &mut self,
        what: &'static str,
        watched: Vec<PathBuf>,
        again: impl Fn() -> anyhow::Result<()> + Send + 'static,
    ) {
        self.0.push(Reload { what, again: Box::new(again), watched });
    }

    /// TLS of these files, if there are any, read again with the rest.
    ///
    /// # Errors
    /// When the files, which `setting` names, are of no use.
    pub(crate) fn tls(
        &mut self,
        setting: &'static str,
        files: Option<TlsFiles>,
    ) -> anyhow::Result<Option<Arc<Tls>>> {
        let Some(files) = files else { return Ok(None) };
        let TlsFiles { certificate, key, client_ca } = files.clone();
        let watched = [Some(certificate), Some(key), client_ca].into_iter().flatten().collect();
        let tls = Arc::new(Tls::load(files).context(setting)?);
        let again = Arc::clone(&tls);
        self.add(setting, watched, move || Ok(again.reload()?));
        Ok(Some(tls))
    }

    /// Begins to listen for SIGHUP and to look at files, for as long as the process runs.
    pub(crate) fn begin(self) -> anyhow::Result<()> {
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut looking = tokio::time::interval(LOOK_EVERY);
        let Self(reloads) = self;
        let mut seen: Vec<_> = reloads.iter().map(Reload::looks).collect();
        tokio::spawn(async move {
            loop {
                let is_asked = tokio::select! {
                    _ = hang_up.recv() => true,
                    _ = looking.tick() => false,
                };
                for (reload, seen) in reloads.iter().zip(&mut seen) {
                    let now = reload.looks();
                    if is_asked || *seen != now {
                        *seen = now;
                        reload.run();
                    }
                }
            }
        });
        Ok(())
    }
}

impl Reload {
    fn run(&self) {
        let what = self.what;
        match (self.again)() {
            Ok(()) => tracing::info!(what, "read again"),
            Err(error) => tracing::error!(what, "not read again: {error:#}"),
        }
    }

    /// Length and time of each watched file: a change of it shows here.
    fn looks(&self) -> Vec<Option<(u64, SystemTime)>> {
        let look = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        };
        self.watched.iter().map(look).collect()
    }
}

/// Lets the process have as many open files as it may at all: each connection is one.
pub(crate) fn raise_open_files(connections: usize) {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let files = if raised { hard } else { soft };
    // Two listeners, and a few files beside.
    if files < 2 * connections as u64 {
        tracing::warn!(
            files,
            connections,
            "the limit of open files (ulimit -n) is below what --max-connections allows on REST and \
             gRPC together: beyond it, connections wait to be taken"
        );
    }
}
