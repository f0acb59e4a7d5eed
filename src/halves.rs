//! The two halves, in one process or apart: the same code, put together.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::extract::Request;
use axum::middleware::map_request;
use directory_svc::clock::Clock;
use directory_svc::store::Store;
use directory_svc::{
    Certified, Directory, InProcess, Mailer, ServiceCallers, Settings, TxtResolver,
};
use gateway::{Names, Random, Remote};
use listener::{Listener, ListenerConfig, Peer};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;

use crate::cli::{
    DirectoryCommand, DirectoryConfig, GatewayCommand, RemoteConfig, RestConfig, ServeConfig,
};
use crate::data_dir::{self, DataDir};
use crate::endpoint::Shown;
use crate::home::Home;
use crate::ops::Ops;
use crate::otlp::Traces;
use crate::process::{Reloads, asked_to_end, bind};
use crate::{credentials, demo, endpoint};

/// How long letters that are on their way have at the end. One that takes longer is sent again at the next
/// start.
const LAST_LETTERS: Duration = Duration::from_secs(5);
/// How long what was seen of integrations may take to be written at the end.
const LAST_STATUS: Duration = Duration::from_secs(2);

/// Where a gateway listens whose address is not said: where a directory's links lead when nobody
/// says where they do.
const GATEWAY: &str = "http://127.0.0.1:8080";

/// `serve`: gateway and directory in one process.
pub(crate) async fn serve(config: ServeConfig) -> anyhow::Result<()> {
    let stop = asked_to_end()?;
    match config.directory.server()? {
        None => serve_from(Home::embedded(config.directory.data_dir())?, config, stop).await,
        Some(server) => serve_from(Home::on(&server).await?, config, stop).await,
    }
}

async fn serve_from<S: Store>(
    home: Home<S>,
    config: ServeConfig,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let mut reloads = Reloads::default();
    let rest = Rest::open(&config.rest, config.process.listener, &mut reloads).await?;
    let grpc = config.process.listener;
    let directory = config.directory;
    let half = Half::open(directory, home, rest.url(), rest.at, grpc, &mut reloads).await?;
    reloads.begin()?;
    let directory = InProcess::new(half.router.clone());
    let ops = Ops::open(&config.process, directory.clone()).await?;
    let traces = Traces::begin(&config.process.traces, "serve", &stop)?;
    let router = ops.beside(gateway::router(directory, config.rest.gateway, Random::system()));
    tracing::info!(http = %rest.at, grpc = %half.at, ops = ops.at(), "serving");
    tokio::join!(
        rest.listener.serve(router, stop.clone()),
        ops.serve(stop.clone()),
        half.serve(stop)
    );
    traces.end().await;
    tracing::info!("ended");
    Ok(())
}

/// `directory`: the directory alone.
pub(crate) async fn directory(config: DirectoryCommand) -> anyhow::Result<()> {
    let stop = asked_to_end()?;
    match config.directory.server()? {
        None => {
            let home = Home::embedded(config.directory.data_dir())?;
            directory_from(home, config, stop).await
        }
        Some(server) => directory_from(Home::on(&server).await?, config, stop).await,
    }
}

async fn directory_from<S: Store>(
    home: Home<S>,
    config: DirectoryCommand,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    if let Some(data_dir) = &home.data_dir {
        data_dir.credential(data_dir::GATEWAY)?;
    }
    let mut reloads = Reloads::default();
    let (reached, grpc) = (config.directory.grpc, config.process.listener);
    let (directory, url) = (config.directory, GATEWAY.to_owned());
    let half = Half::open(directory, home, url, reached, grpc, &mut reloads).await?;
    reloads.begin()?;
    let ops = Ops::open(&config.process, InProcess::new(half.router.clone())).await?;
    let traces = Traces::begin(&config.process.traces, "directory", &stop)?;
    tracing::info!(grpc = %half.at, ops = ops.at(), "serving");
    tokio::join!(ops.serve(stop.clone()), half.serve(stop));
    traces.end().await;
    tracing::info!("ended");
    Ok(())
}

/// `gateway`: a gateway before a directory in another process. It serves from the start, and says on
/// `/readyz` whether the directory is there.
pub(crate) async fn gateway(config: GatewayCommand) -> anyhow::Result<()> {
    let stop = asked_to_end()?;
    let mut reloads = Reloads::default();
    let remote = remote(&config.remote, &mut reloads)?;
    let rest = Rest::open(&config.rest, config.process.listener, &mut reloads).await?;
    reloads.begin()?;
    let ops = Ops::open(&config.process, remote.clone()).await?;
    let traces = Traces::begin(&config.process.traces, "gateway", &stop)?;
    let router = ops.beside(gateway::router(remote, config.rest.gateway, Random::system()));
    let directory = config.remote.directory.join(",");
    tracing::info!(http = %rest.at, directory, ops = ops.at(), "serving");
    tokio::join!(rest.listener.serve(router, stop.clone()), ops.serve(stop));
    traces.end().await;
    tracing::info!("ended");
    Ok(())
}

fn remote(config: &RemoteConfig, reloads: &mut Reloads) -> anyhow::Result<Remote> {
    let (file, shown) = (config.directory_credential_file.as_deref(), config.shown());
    let credential = credentials::of_gateway(file, shown.is_some())?;
    let remote = Remote::new(ways(config)?, Names::system(), credential.as_deref());
    let remote = remote.context(credentials::OF_GATEWAY)?;
    if let Some(Shown { setting, certificate, key }) = shown {
        let watched = vec![certificate.to_owned(), key.to_owned()];
        let (again, config) = (remote.clone(), config.clone());
        reloads.add(setting, watched, move || {
            again.go_by(ways(&config)?);
            Ok(())
        });
    }
    Ok(remote)
}

/// The ways from a gateway to its directories.
fn ways(config: &RemoteConfig) -> anyhow::Result<Vec<Endpoint>> {
    let (ca, shown) = (config.directory_ca.as_deref(), config.shown());
    let way = |url: &String| endpoint::to_directory(url, ca, shown);
    let ways: anyhow::Result<_> = config.directory.iter().map(way).collect();
    ways.context("the way to the directory (--directory)")
}

/// Tells the directory by whose certificate a call comes.
async fn certified(mut request: Request) -> Request {
    if let Some(Peer { names, .. }) = request.extensions().get().cloned() {
        request.extensions_mut().insert(Certified(names));
    }
    request
}

/// REST, bound.
struct Rest {
    listener: Listener,
    at: SocketAddr,
    is_tls: bool,
}

impl Rest {
    async fn open(
        config: &RestConfig,
        listener: ListenerConfig,
        reloads: &mut Reloads,
    ) -> anyhow::Result<Self> {
        let tls = reloads.tls("--http-tls-cert, --http-tls-key", config.tls())?;
        let (socket, at) = bind("--http (NESTR_SCIM_HTTP)", config.http).await?;
        let is_tls = tls.is_some();
        Ok(Self { listener: Listener::new("http", socket, listener).with_tls(tls), at, is_tls })
    }

    /// Where it is reached when nobody says otherwise.
    fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.at)
    }
}

/// The directory, its gRPC bound.
struct Half<S> {
    directory: Directory<S>,
    mailer: Mailer,
    router: axum::Router,
    listener: Listener,
    at: SocketAddr,
}

impl<S: Store> Half<S> {
    /// Opens everything, and makes the demo workspace where one is wanted. `public_url` is where links
    /// lead when that is not set; `reached` is where else the process is reached.
    async fn open(
        config: DirectoryConfig,
        home: Home<S>,
        public_url: String,
        reached: SocketAddr,
        listener: ListenerConfig,
        reloads: &mut Reloads,
    ) -> anyhow::Result<Self> {
        let password = credentials::smtp_password(config.mail.smtp_password_file.as_deref())?;
        let mailer = Mailer::open(&config.mail, password, home.path())?;
        let Home { store, data_dir } = home;
        let asks_for_certificates = config.grpc_tls_client_ca.is_some();
        let tls = reloads.tls("--grpc-tls-cert, --grpc-tls-key", config.tls())?;
        let (socket, at) = bind("--grpc (NESTR_SCIM_GRPC)", config.grpc).await?;
        if !at.ip().is_loopback() && tls.is_none() {
            tracing::warn!(grpc = %at, "gRPC is plain text beyond loopback: credentials can be read on the way");
        }
        let settings = Settings {
            public_url: config.public_url.clone().unwrap_or(public_url),
            tombstone_days: config.tombstone_days,
            txt: TxtResolver::open(&config.dns),
            first_domain_check: config.dns.first_check,
            limits: config.limits,
            cluster_secret: credentials::cluster_secret(
                data_dir.as_ref(),
                config.cluster_secret_file.as_deref(),
            )?,
            redis: credentials::redis(&config.redis)?,
        };
        let file = config.credentials.clone();
        let known = move |data_dir: Option<&DataDir>| {
            credentials::all(data_dir, file.as_deref(), asks_for_certificates)
        };
        let callers = ServiceCallers::new(known(data_dir.as_ref())?);
        let directory = Directory::new(store, Clock::system(), settings, callers.clone())
            .context("the key of cursors")?;
        let router = directory.router().await.context("reflection")?;
        let is_for_one = config.is_loopback_with(reached) && !config.no_demo;
        if let Some(data_dir) = data_dir.as_ref().filter(|_| is_for_one) {
            let domains = config.demo_domains();
            let demo = demo::open(&directory, data_dir, &domains, at.to_string()).await?;
            if let Some(demo) = &demo {
                let welcome = demo::Welcome { demo, data_dir }.to_string();
                // Nobody may be reading; that is no reason not to serve.
                let _ = std::io::stdout().write_all(welcome.as_bytes());
            }
        }
        reloads.add("--credentials", Vec::new(), move || {
            callers.replace(known(data_dir.as_ref())?);
            Ok(())
        });
        let listener = Listener::new("grpc", socket, listener).with_tls(tls);
        Ok(Self { directory, mailer, router, listener, at })
    }

    /// Serves until it is asked to end.
    async fn serve(self, stop: CancellationToken) {
        let (directory, mailer) = (self.directory.clone(), self.mailer);
        let stopped = stop.clone().cancelled_owned();
        let mut mail = tokio::spawn(async move {
            directory.deliver_notices(&mailer, stopped).await;
        });
        let (directory, last) = (self.directory.clone(), self.directory);
        let by_itself = tokio::spawn(async move {
            tokio::join!(
                directory.clear_expired(),
                directory.keep_status(),
                directory.check_domains(),
                directory.sign_in_the_waiting(),
                directory.follow_health(),
                directory.follow_others(),
                directory.follow_receipts(),
                directory.remind_of_keys()
            );
        });
        // Watches would keep their connections open until these are cut.
        let (watched, stopped) = (last.clone(), stop.clone());
        let ending = tokio::spawn(async move {
            stopped.cancelled().await;
            watched.end_watches();
        });
        self.listener.serve(self.router.layer(map_request(certified)), stop).await;
        ending.abort();
        by_itself.abort();
        // A store that takes nothing now does not hold up the end.
        let _ = tokio::time::timeout(LAST_STATUS, last.write_status()).await;
        // Letters that are on their way are given the time to be known as sent.
        if tokio::time::timeout(LAST_LETTERS, &mut mail).await.is_err() {
            mail.abort();
        }
    }
}
