//! Gateways before directories on one PostgreSQL database beside one Redis, each a process of its own.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::binary::{Process, command, free_address, spawn};
use super::database::caller;
use super::replicas::{GATEWAY, PREFIX, SECRET};
use super::{Gateway, House, Key, Redis, Replica};

/// How many gateways there are.
const GATEWAYS: usize = 4;
/// How many directories, each of which every gateway knows.
const DIRECTORIES: usize = 2;

/// All of them; they go with this.
pub(crate) struct Site {
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) redis: Redis,
    directories: Vec<Place>,
    /// What the directories have the same: settings, files and the database.
    settings: Vec<String>,
    home: TempDir,
    url: String,
    /// A directory in the test's process, by which workspaces and keys are made. Nobody else asks it.
    founder: Replica,
}

/// Where a directory is, whenever it runs.
struct Place {
    at: SocketAddr,
    process: Mutex<Option<Process>>,
}

impl Place {
    fn put(&self, process: Option<Process>) {
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = process;
    }
}

impl Site {
    /// Starts them, the directories with these settings, once they hear each other by Redis.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        Self::start_on(postgres_server::database().await, settings).await
    }

    /// Starts them on this empty database.
    pub(crate) async fn start_on(url: String, settings: &[&str]) -> Self {
        let (home, redis) =
            (tempfile::tempdir().expect("a temporary directory"), Redis::start().await);
        let founder = House::on_postgres(&url).replica_alone().await;
        let beside = |name: &str| home.path().join(name).display().to_string();
        let (callers, mail) = (beside("callers.toml"), beside("mail"));
        fs::write(&callers, caller("gateway", GATEWAY)).expect("a file of callers");
        let of_all = [
            ["--public-url", "https://scim.example"],
            ["--credentials", &callers],
            ["--mail-dir", &mail],
            ["--redis", &redis.url()],
            ["--redis-prefix", PREFIX],
        ];
        let settings = [of_all.as_flattened(), settings].concat();
        let settings = settings.into_iter().map(str::to_owned).collect();
        let place = || Place { at: free_address(), process: Mutex::default() };
        let directories: Vec<_> = (0..DIRECTORIES).map(|_| place()).collect();
        let gateways = Vec::new();
        let mut site = Self { gateways, redis, directories, settings, home, url, founder };
        join_all((0..DIRECTORIES).map(|number| site.start_directory(number))).await;
        let places: Vec<_> = site.directories.iter().map(|place| place.at).collect();
        site.gateways = join_all((0..GATEWAYS).map(|_| Gateway::before(&places))).await;
        site.redis.is_heard_by(DIRECTORIES).await;
        site
    }

    /// Starts a directory where it was, once it serves.
    pub(crate) async fn start_directory(&self, number: usize) {
        let place = &self.directories[number];
        let arguments = ["directory", "--grpc", &place.at.to_string()].map(str::to_owned);
        let mut command = command(&[&arguments[..], &self.settings].concat());
        command.env("NESTR_SCIM_POSTGRES", &self.url).env("NESTR_SCIM_CLUSTER_SECRET", SECRET);
        let log = |kind: &str| self.home.path().join(format!("{number}.{kind}"));
        let (process, _) = spawn(&mut command, &log("out"), &log("err")).await;
        place.put(Some(process));
    }

    /// SIGKILL for a directory.
    pub(crate) fn kill_directory(&self, number: usize) {
        self.directories[number].put(None);
    }

    /// A key of a new workspace.
    pub(crate) async fn key(&self) -> Key {
        self.founder.key(&self.founder.workspace().await).await
    }

    /// Waits until the directories hear each other by Redis again.
    pub(crate) async fn is_in_touch(&self) {
        self.redis.is_heard_by(DIRECTORIES).await;
    }
}
