//! What can be set, by flag or environment. A doc comment is the help text.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Args, Parser, Subcommand};
use http::Uri;
use tracing_subscriber::EnvFilter;

/// SCIM 2.0 provisioning for Nestr: identity providers come in over REST, Nestr's services and
/// operators over gRPC.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeConfig,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Gateway and directory in one process. This is also what happens without a command.
    Serve(ServeConfig),
}

impl Cli {
    /// The settings of `serve`, with or without the word.
    pub(crate) fn serve(self) -> ServeConfig {
        match self.command {
            Some(Command::Serve(config)) => config,
            None => self.serve,
        }
    }
}

/// Settings of `serve`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ServeConfig {
    /// Where everything is kept. Made when absent; readable by its owner only.
    #[arg(
        long,
        env = "NESTR_SCIM_DATA_DIR",
        value_name = "DIR",
        default_value = "nestr-scim-data"
    )]
    pub(crate) data_dir: PathBuf,

    /// Where identity providers reach SCIM, as IP:PORT. Port 0 takes a free one.
    #[arg(long, env = "NESTR_SCIM_HTTP", value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = address)]
    pub(crate) http: SocketAddr,

    /// Where services and operators reach gRPC, as IP:PORT, in plain text. Port 0 takes a free one.
    #[arg(long, env = "NESTR_SCIM_GRPC", value_name = "ADDR", default_value = "127.0.0.1:50051", value_parser = address)]
    pub(crate) grpc: SocketAddr,

    /// Scheme and host under which identity providers know this service, such as
    /// `https://scim.example.com`. Every link in an answer begins with it. Absent: the bound HTTP
    /// address, which serves on loopback only.
    #[arg(long, env = "NESTR_SCIM_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,

    /// Domains of the demo workspace that an empty data directory is given while both addresses
    /// are loopback. Absent: `example.com`.
    #[arg(long, env = "NESTR_SCIM_DEMO", value_name = "DOMAIN[,DOMAIN...]", value_delimiter = ',')]
    pub(crate) demo: Option<Vec<String>>,

    /// Make no demo workspace.
    #[arg(long, env = "NESTR_SCIM_NO_DEMO")]
    pub(crate) no_demo: bool,

    /// How many days a removed person can be restored and a change's earlier state is kept.
    #[arg(long, env = "NESTR_SCIM_TOMBSTONE_DAYS", value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) tombstone_days: u16,

    /// How much is logged: error, warn, info, debug or trace, or per module as `gateway=debug,info`.
    #[arg(long, env = "NESTR_SCIM_LOG", value_name = "LEVEL", default_value = "info", value_parser = log_level)]
    pub(crate) log: String,

    #[command(flatten)]
    pub(crate) gateway: gateway::GatewayConfig,
}

/// The domain of a demo workspace when none is named.
const DEMO_DOMAIN: &str = "example.com";

impl ServeConfig {
    /// Refuses settings that cannot be meant together, with the setting's name and a fix.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        match &self.public_url {
            Some(url) => check_public_url(url)?,
            None => ensure!(
                self.http.ip().is_loopback(),
                "--public-url (NESTR_SCIM_PUBLIC_URL) must be given when --http is beyond \
                 loopback ({}): links in answers begin with it. Set it to the URL under which \
                 identity providers reach this service",
                self.http
            ),
        }
        ensure!(
            self.is_loopback() || self.demo.is_none() || self.no_demo,
            "--demo (NESTR_SCIM_DEMO) makes a workspace whose key anybody on this machine may \
             see, so it is refused beyond loopback (--http {}, --grpc {}). Leave --demo out, or \
             bind both to 127.0.0.1",
            self.http,
            self.grpc
        );
        Ok(())
    }

    /// Whether both addresses are reached from this machine alone.
    pub(crate) fn is_loopback(&self) -> bool {
        self.http.ip().is_loopback() && self.grpc.ip().is_loopback()
    }

    /// The domains of a demo workspace.
    pub(crate) fn demo_domains(&self) -> Vec<String> {
        self.demo.clone().unwrap_or_else(|| vec![DEMO_DOMAIN.to_owned()])
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an IP address and a port are needed, like 127.0.0.1:8080".to_owned())
}

fn log_level(text: &str) -> Result<String, String> {
    let readable = EnvFilter::builder().parse(text).map(drop);
    readable
        .map_err(|error| format!("{error}; write a level, like info, or module=level,level"))?;
    Ok(text.to_owned())
}

fn check_public_url(url: &str) -> anyhow::Result<()> {
    let named = || format!("--public-url (NESTR_SCIM_PUBLIC_URL) is {url:?}");
    let uri: Uri = url.parse().with_context(named)?;
    let fix = "write scheme and host, like https://scim.example.com";
    match uri.scheme_str() {
        Some("http" | "https") => {}
        _ => bail!("{}: {fix}", named()),
    }
    ensure!(uri.query().is_none() && !url.contains('#'), "{}: {fix}, and no query", named());
    ensure!(uri.authority().is_some_and(|a| !a.as_str().contains('@')), "{}: {fix}", named());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str) -> Result<(), String> {
        let words = std::iter::once("nestr-scim").chain(arguments.split_whitespace());
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        cli.serve().check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_stand_with_and_without_the_word_serve() {
        assert_eq!(check(""), Ok(()));
        assert_eq!(check("serve"), Ok(()));
        assert_eq!(
            check("serve --http 127.0.0.1:0 --grpc [::1]:0 --demo a.example,b.example"),
            Ok(())
        );
    }

    #[test]
    fn a_wrong_setting_is_refused_by_its_name() {
        let refused = |arguments| check(arguments).unwrap_err();
        assert!(refused("--http localhost").contains("--http"));
        assert!(refused("--http 0.0.0.0:80").contains("--public-url"));
        assert!(refused("--log info,=").contains("--log"));
        assert!(refused("--tombstone-days 0").contains("--tombstone-days"));
        assert!(refused("--public-url scim.example.com").contains("--public-url"));
        assert!(refused("--public-url ftp://scim.example.com").contains("--public-url"));
        assert!(refused("--public-url https://scim.example.com/?a=b").contains("--public-url"));
    }

    #[test]
    fn a_demo_is_refused_beyond_loopback() {
        let beyond = "--http 0.0.0.0:80 --public-url https://scim.example.com";
        assert_eq!(check(beyond), Ok(()));
        for domain in ["acme.com", "example.com"] {
            let refused = check(&format!("{beyond} --demo {domain}")).unwrap_err();
            assert!(refused.contains("--demo"));
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
