//! Where a directory keeps everything: in a data directory of its own, or on a server that several share. Then
//! nothing is beside the store, and what would lie there has to be said.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use directory_svc::store::Store;
use directory_svc::store::postgres::{PostgresConfig, PostgresServer, PostgresStore};
use directory_svc::store::sqlite::{SqliteConfig, SqliteStore};

use crate::cli::DirectoryConfig;
use crate::credentials::said;
use crate::data_dir::DataDir;

/// How long a statement may run before the engine stops it.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// The setting that leads to a server.
const POSTGRES: &str = "--postgres (NESTR_SCIM_POSTGRES)";

/// A store, and the data directory that it lies in, where there is one.
pub(crate) struct Home<S> {
    pub(crate) store: S,
    pub(crate) data_dir: Option<DataDir>,
}

impl Home<SqliteStore> {
    /// Opens the store of a data directory, which is made where there is none.
    ///
    /// # Errors
    /// When another process has it, or it cannot be read; each error names the setting and a fix.
    pub(crate) fn embedded(path: &Path) -> anyhow::Result<Self> {
        let data_dir = DataDir::open(path)?;
        let store = SqliteStore::open(SqliteConfig {
            dir: data_dir.path().to_owned(),
            statement_timeout: STATEMENT_TIMEOUT,
        })?;
        Ok(Self { store, data_dir: Some(data_dir) })
    }
}

impl Home<PostgresStore> {
    /// Opens the store on a server.
    ///
    /// # Errors
    /// When the server is not reached, or refuses; each error names the setting and a fix.
    pub(crate) async fn on(server: &PostgresServer) -> anyhow::Result<Self> {
        let store = PostgresStore::open(server).await.context(POSTGRES)?;
        Ok(Self { store, data_dir: None })
    }
}

impl<S: Store> Home<S> {
    pub(crate) fn path(&self) -> Option<&Path> {
        self.data_dir.as_ref().map(DataDir::path)
    }
}

impl DirectoryConfig {
    /// The server that keeps everything, where one is to.
    pub(crate) fn server(&self) -> anyhow::Result<Option<PostgresServer>> {
        let server = server(&self.postgres)?;
        ensure!(
            server.is_none() || self.credentials.is_some(),
            "--credentials (NESTR_SCIM_CREDENTIALS) is needed with --postgres: there is no data directory in \
             which credentials could lie. `nestr-scim credential NAME ROLE` makes them"
        );
        Ok(server)
    }
}

/// The PostgreSQL server that is meant, if any is.
///
/// # Errors
/// When a file that is named cannot be read.
pub(crate) fn server(config: &PostgresConfig) -> anyhow::Result<Option<PostgresServer>> {
    const PASSWORD: &str = "--postgres-password-file (NESTR_SCIM_POSTGRES_PASSWORD_FILE)";
    if config.postgres.is_none() {
        return Ok(None);
    }
    let password =
        said(config.postgres_password_file.as_deref(), PASSWORD, "NESTR_SCIM_POSTGRES_PASSWORD")?;
    let named =
        |path: &Path| format!("--postgres-ca (NESTR_SCIM_POSTGRES_CA) is {}", path.display());
    let read = |path: &Path| fs::read(path).with_context(|| named(path));
    let certificates = config.postgres_ca.as_deref().map(read).transpose()?;
    Ok(config.server(password, certificates, STATEMENT_TIMEOUT))
}

/// `migrate`: brings the schema of a database to this version.
///
/// # Errors
/// As [`Home::on`].
pub(crate) async fn migrate(config: PostgresConfig) -> anyhow::Result<()> {
    let server = server(&config)?.with_context(|| {
        format!(
            "{POSTGRES} is needed: a data directory is brought to a new version as it is opened"
        )
    })?;
    let done = directory_svc::store::postgres::migrate(&server).await.context(POSTGRES)?;
    tracing::info!(from = done.from, to = done.to, "migrated");
    Ok(())
}
