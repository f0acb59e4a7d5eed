//! `serve`: gateway and directory in one process.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use directory_svc::clock::Clock;
use directory_svc::store::sqlite::{SqliteConfig, SqliteStore};
use directory_svc::{Directory, InProcess, Role, ServiceCaller, ServiceCallers, Settings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::ServeConfig;
use crate::data_dir::DataDir;
use crate::{demo, listen};

/// How long a statement may run before the engine stops it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs until the process is asked to end.
///
/// # Errors
/// When it cannot start; each error names the setting and a fix.
pub(crate) fn run(config: ServeConfig) -> anyhow::Result<()> {
    config.check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    end_on_signals(&stop)?;
    let data_dir = DataDir::open(&config.data_dir)?;
    let store = SqliteStore::open(SqliteConfig {
        dir: data_dir.path().to_owned(),
        statement_timeout: STATEMENT_TIMEOUT,
    })?;
    let (rest, rest_at) = bind("--http (NESTR_SCIM_HTTP)", config.http).await?;
    let (grpc, grpc_at) = bind("--grpc (NESTR_SCIM_GRPC)", config.grpc).await?;
    if !grpc_at.ip().is_loopback() {
        tracing::warn!(grpc = %grpc_at, "gRPC is plain text beyond loopback: credentials can be read on the way");
    }

    let operator = ServiceCaller::new("operator", Role::Operator, &data_dir.operator_credential()?);
    let settings = Settings {
        public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{rest_at}")),
        tombstone_days: config.tombstone_days,
    };
    let callers = ServiceCallers::new(vec![operator]);
    let directory = Directory::new(store, Clock::system(), settings, callers);
    let router = directory.router().await.context("reflection")?;
    let gateway = gateway::router(InProcess::new(router.clone()), config.gateway.clone());

    if config.is_loopback() && !config.no_demo {
        let demo =
            demo::open(&directory, &data_dir, &config.demo_domains(), grpc_at.to_string()).await?;
        if let Some(demo) = &demo {
            let welcome = demo::Welcome { demo, data_dir: &data_dir }.to_string();
            // Nobody may be reading; that is no reason not to serve.
            let _ = std::io::stdout().write_all(welcome.as_bytes());
        }
    }
    tracing::info!(http = %rest_at, grpc = %grpc_at, "serving");
    let clearing = tokio::spawn(async move { directory.clear_expired().await });
    tokio::join!(
        listen::serve(rest, gateway, stop.clone()),
        listen::serve(grpc, router, stop.clone()),
    );
    clearing.abort();
    tracing::info!("ended");
    Ok(())
}

/// Binds a listener; answers it with the address it has, which differs where port 0 was asked for.
async fn bind(setting: &str, address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let fix = || format!("{setting} is {address}: free the port or name another");
    let listener = TcpListener::bind(address).await.with_context(fix)?;
    let bound = listener.local_addr().with_context(fix)?;
    Ok((listener, bound))
}

fn end_on_signals(stop: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}
