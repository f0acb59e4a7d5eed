//! `backup`, `restore`, `export` and `import`: a store as a copy of its own kind, and as a file of any.
//!
//! The store does the work; here it is told what to work on, and how far it has come is shown.

mod progress;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use directory_svc::clock::Clock;
use directory_svc::ids::WorkspaceId;
use directory_svc::store::portable::{Aside, Carried, Import, Input, Keys, Tell, Wanted};
use directory_svc::store::postgres::{self, PostgresConfig};
use directory_svc::store::sqlite;

use crate::cli::DATA_DIR;
use crate::data_dir::DataDir;
use crate::{home, process};
use progress::Progress;

/// How much is read or written at a time, in bytes.
const BUFFER: usize = 256 * 1024;

/// Which embedded store it is about.
#[derive(Args, Clone, Debug)]
struct EmbeddedConfig {
    /// The data directory of the directory.
    #[arg(
        long,
        env = "NESTR_SCIM_DATA_DIR",
        value_name = "DIR",
        default_value = DATA_DIR
    )]
    data_dir: PathBuf,
}

/// Which store it is about.
#[derive(Args, Clone, Debug)]
struct StoreConfig {
    /// The data directory of the directory. Absent: `nestr-scim-data`, unless `--postgres` says where everything is.
    #[arg(long, env = "NESTR_SCIM_DATA_DIR", value_name = "DIR", conflicts_with = "postgres")]
    data_dir: Option<PathBuf>,

    #[command(flatten)]
    postgres: PostgresConfig,
}

impl StoreConfig {
    fn data_dir(&self) -> &Path {
        self.data_dir.as_deref().unwrap_or(Path::new(DATA_DIR))
    }
}

/// Settings of `backup`.
#[derive(Args, Clone, Debug)]
pub(crate) struct BackupConfig {
    #[command(flatten)]
    store: EmbeddedConfig,

    /// Where the copy is put once it is whole. Nothing may be there.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Settings of `restore`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RestoreConfig {
    #[command(flatten)]
    store: EmbeddedConfig,

    /// The copy, as `backup` made it. It stays as it is.
    #[arg(long, value_name = "FILE")]
    from: PathBuf,

    #[command(flatten)]
    keys: RestoredKeys,
}

/// What becomes of the keys of a copy. There is no default: who does not know what was revoked since says
/// `--revoke-keys`.
#[derive(Args, Clone, Copy, Debug)]
#[group(required = true, multiple = false)]
struct RestoredKeys {
    /// Revoke every API key that the copy holds. Each identity provider needs a new one.
    #[arg(long)]
    revoke_keys: bool,

    /// Keep the API keys as they were: one that was revoked after the copy was made opens its workspace
    /// again.
    #[arg(long)]
    keep_keys: bool,
}

/// Settings of `export`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExportConfig {
    #[command(flatten)]
    store: StoreConfig,

    /// The workspace to export, by its id. Absent: all of them.
    #[arg(long, value_name = "ID")]
    workspace: Option<WorkspaceId>,

    /// Where the export is put once it is whole. Nothing may be there. Absent: standard output.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

/// Settings of `import`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ImportConfig {
    #[command(flatten)]
    store: StoreConfig,

    /// The export. Absent: standard input.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,

    /// Revoke every API key that comes. Absent: they go on opening what they opened, as in a move.
    #[arg(long)]
    revoke_keys: bool,

    /// Take a workspace also when it comes with a verified domain that another workspace has here.
    #[arg(long)]
    allow_shared_domains: bool,
}

/// Copies the store.
pub(crate) fn backup(config: &BackupConfig) -> anyhow::Result<()> {
    let mut progress = Progress::begin("copying", "pages", None);
    let BackupConfig { store, to } = config;
    sqlite::backup(&store.data_dir, to, Clock::system().now(), &mut |step| progress.tell(step))?;
    drop(progress);
    tracing::info!(to = %to.display(), "backed up");
    Ok(())
}

/// Makes a store of a copy.
pub(crate) fn restore(config: &RestoreConfig) -> anyhow::Result<()> {
    let data_dir = DataDir::open(&config.store.data_dir)?;
    let keys = if config.keys.revoke_keys { Keys::Revoke } else { Keys::Keep };
    let now = Clock::system().now();
    let mut progress = Progress::begin("copying", "bytes", None);
    let tell: Tell<'_> = &mut |step| progress.tell(step);
    let restoring = sqlite::restore(&config.from, data_dir.path(), keys, now, tell)?;
    drop(progress);
    // Cursors that were given out after the copy was made tell of what is no more.
    data_dir.forget_cluster_secret()?;
    let restored = restoring.put()?;
    let made_at = jiff::Timestamp::from_microsecond(restored.made_at)?;
    let (workspaces, revoked) = (restored.workspaces, restored.revoked);
    tracing::info!(%made_at, workspaces, revoked, "restored");
    tracing::warn!(
        %made_at,
        "what was done after the copy was made is undone: people who were removed since can sign in, \
         domains that were revoked since are verified. What to do about it: docs/backup.md"
    );
    Ok(())
}

/// Writes a store, or a workspace of it, as lines.
pub(crate) fn export(config: &ExportConfig) -> anyhow::Result<()> {
    let wanted = Wanted { workspace: config.workspace, at: Clock::system().now() };
    let mut progress = Progress::begin("exporting", "rows", None);
    let server = home::server(&config.store.postgres)?;
    let mut to = |out: &mut dyn Write| -> anyhow::Result<Carried> {
        let out = BufWriter::with_capacity(BUFFER, out);
        let tell: Tell<'_> = &mut |step| progress.tell(step);
        match &server {
            None => Ok(sqlite::export(config.store.data_dir(), wanted, out, tell)?),
            Some(server) => {
                process::run(async { Ok(postgres::export(server, wanted, out, tell).await?) })
            }
        }
    };
    let carried = match &config.to {
        None => to(&mut io::stdout().lock())?,
        Some(path) => {
            let aside = Aside::new(path, ".part")?;
            let carried = to(&mut aside.create()?)?;
            aside.put()?;
            carried
        }
    };
    drop(progress);
    tracing::info!(workspaces = carried.workspaces, rows = carried.rows, "exported");
    Ok(())
}

/// Brings an export into a store.
pub(crate) fn import(config: &ImportConfig) -> anyhow::Result<()> {
    let (input, length): (Input<'_>, _) = match &config.from {
        None => (Box::new(io::stdin().lock()), None),
        Some(path) => {
            let named = || format!("--from is {}", path.display());
            let file = File::open(path).with_context(named)?;
            let length = file.metadata().with_context(named)?.len();
            (Box::new(BufReader::with_capacity(BUFFER, file)), Some(length))
        }
    };
    let plan = Import {
        keys: if config.revoke_keys { Keys::Revoke } else { Keys::Keep },
        may_share_domains: config.allow_shared_domains,
        now: Clock::system().now(),
    };
    let mut progress = Progress::begin("importing", "bytes", length);
    let tell: Tell<'_> = &mut |step| progress.tell(step);
    let carried = match home::server(&config.store.postgres)? {
        None => {
            let data_dir = DataDir::open(config.store.data_dir())?;
            sqlite::import(data_dir.path(), input, plan, tell)?
        }
        Some(server) => {
            process::run(async { Ok(postgres::import(&server, input, plan, tell).await?) })?
        }
    };
    drop(progress);
    let Carried { workspaces, rows, revoked } = carried;
    tracing::info!(workspaces, rows, revoked, "imported");
    Ok(())
}
