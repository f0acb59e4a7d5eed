//! What settings cannot mean together.

use std::net::SocketAddr;

use anyhow::{Context, bail, ensure};
use http::Uri;

use super::{Command, DirectoryConfig, GatewayCommand, RestConfig, ServeConfig};

impl Command {
    /// Refuses settings that cannot be meant together, with the setting's name and a fix.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let endpoint = self.process().and_then(|process| process.traces.endpoint.as_ref());
        if let Some(endpoint) = endpoint {
            check_address("--otlp-endpoint (NESTR_SCIM_OTLP_ENDPOINT)", endpoint)?;
        }
        match self {
            Self::Serve(ServeConfig { rest: RestConfig { http, .. }, directory, .. }) => {
                directory.check("--http", *http)
            }
            Self::Directory(config) => config.directory.check("--grpc", config.directory.grpc),
            Self::Gateway(config) => config.check(),
            Self::Credential(_)
            | Self::Migrate(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Export(_)
            | Self::Import(_)
            | Self::Health(_)
            | Self::Operator(_)
            | Self::Simulate(_) => Ok(()),
        }
    }
}

/// The domain of a demo workspace when none is named.
const DEMO_DOMAIN: &str = "example.com";

impl DirectoryConfig {
    /// `reached` is where the links would lead, by the setting of this name, if they were not set.
    fn check(&self, setting: &str, reached: SocketAddr) -> anyhow::Result<()> {
        match &self.public_url {
            Some(url) => check_public_url(url)?,
            None => ensure!(
                reached.ip().is_loopback(),
                "--public-url (NESTR_SCIM_PUBLIC_URL) must be given when {setting} is beyond \
                 loopback ({reached}): links in answers begin with it. Set it to the URL under \
                 which identity providers reach this service"
            ),
        }
        ensure!(
            self.postgres.postgres.is_none() || self.data_dir.is_none(),
            "--postgres (NESTR_SCIM_POSTGRES) and --data-dir (NESTR_SCIM_DATA_DIR) are two places for the same \
             things: everything is kept in one of them. Leave the other out"
        );
        ensure!(
            self.postgres.postgres.is_none() || self.demo.is_none() || self.no_demo,
            "--demo (NESTR_SCIM_DEMO) makes a workspace whose key lies in the data directory, and with \
             --postgres (NESTR_SCIM_POSTGRES) there is none. Leave --demo out"
        );
        ensure!(
            self.is_loopback_with(reached) || self.demo.is_none() || self.no_demo,
            "--demo (NESTR_SCIM_DEMO) makes a workspace whose key anybody on this machine may \
             see, so it is refused beyond loopback ({setting} {reached}, --grpc {}). Leave --demo \
             out, or bind to 127.0.0.1",
            self.grpc
        );
        Ok(())
    }

    /// Whether gRPC, and what else is reached here, is reached from this machine alone.
    pub(crate) fn is_loopback_with(&self, other: SocketAddr) -> bool {
        self.grpc.ip().is_loopback() && other.ip().is_loopback()
    }

    /// The domains of a demo workspace.
    pub(crate) fn demo_domains(&self) -> Vec<String> {
        self.demo.clone().unwrap_or_else(|| vec![DEMO_DOMAIN.to_owned()])
    }
}

impl GatewayCommand {
    fn check(&self) -> anyhow::Result<()> {
        for directory in &self.remote.directory {
            check_address("--directory (NESTR_SCIM_DIRECTORY)", directory)?;
        }
        Ok(())
    }
}

/// Refuses what is no address that gRPC is spoken to; the error names the setting.
///
/// # Errors
/// When it is none, or goes on behind the port.
pub(crate) fn check_address(setting: &str, address: &str) -> anyhow::Result<()> {
    let named = || format!("{setting} is {address:?}");
    let uri: Uri = address.parse().with_context(named)?;
    ensure!(
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.path() == "/",
        "{}: write scheme, host and port, like http://10.0.0.7:50051",
        named()
    );
    Ok(())
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
