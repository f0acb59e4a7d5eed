//! The processes of a deployment: directories on one store, gateways before all of them.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use directory_svc::ServiceCaller;
use postgres_server::Server;
use tempfile::TempDir;

use crate::binary::{Process, address, command, spawn};
use crate::processor::{Held, hold};

/// Who may call the directories.
pub(crate) const OPERATOR: &str = "operators-secret";
const GATEWAY: &str = "gateways-secret";

/// Where everything is kept.
pub(crate) enum Servers {
    /// In a data directory.
    Embedded,
    /// On PostgreSQL; where there is a standby, each commit waits for it.
    Postgres(Server, Option<Server>),
}

impl Servers {
    pub(crate) fn embedded() -> Self {
        Self::Embedded
    }

    pub(crate) async fn postgres() -> Self {
        let server = Server::first().await;
        let make = "CREATE DATABASE nestr";
        server.client("postgres").await.batch_execute(make).await.expect("a database");
        Self::Postgres(server, None)
    }

    /// The same with a standby on this machine.
    pub(crate) async fn synchronous() -> Self {
        let Self::Postgres(first, None) = Self::postgres().await else { unreachable!() };
        let standby = first.standby().await;
        first.wait_for_standby().await;
        Self::Postgres(first, Some(standby))
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Postgres(_, None) => "PostgreSQL",
            Self::Postgres(_, Some(_)) => "PostgreSQL, a standby waited for",
        }
    }

    /// The processes of the servers.
    pub(crate) fn processes(&self) -> Vec<u32> {
        match self {
            Self::Embedded => Vec::new(),
            Self::Postgres(first, standby) => {
                let all = [Some(first), standby.as_ref()].into_iter().flatten();
                all.flat_map(Server::processes).collect()
            }
        }
    }

    /// The settings of a directory, or of a command, that say where everything is.
    pub(crate) fn settings(&self, data_dir: &Path) -> Vec<String> {
        match self {
            Self::Embedded => vec!["--data-dir".to_owned(), data_dir.display().to_string()],
            Self::Postgres(first, _) => {
                let port = first.port();
                let url = format!("postgres://postgres@127.0.0.1:{port}/nestr?sslmode=disable");
                vec!["--postgres".to_owned(), url]
            }
        }
    }
}

/// How many of each there are, and the share of a core, in percent, that one may take.
pub(crate) struct Plan {
    pub(crate) directories: usize,
    pub(crate) directory_share: Option<u32>,
    pub(crate) gateways: usize,
    pub(crate) gateway_share: Option<u32>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { directories: 1, directory_share: None, gateways: 1, gateway_share: None }
    }
}

/// A process of the deployment; it goes with this.
pub(crate) struct Member {
    process: Process,
    at: SocketAddr,
    _held: Option<Held>,
}

impl Member {
    /// Where it is reached.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.child.id()
    }

    async fn start(log: &Path, arguments: &[String], listens: &str, share: Option<u32>) -> Self {
        let mut command = command(arguments);
        command.env("NESTR_SCIM_CLUSTER_SECRET", "the secret of all who share a store");
        let (process, line) = spawn(&mut command, &log.with_extension("out"), log).await;
        let held = share.map(|share| hold(process.child.id(), share));
        Self { process, at: address(&line, listens), _held: held }
    }
}

/// A deployment.
pub(crate) struct Fleet<'a> {
    pub(crate) servers: &'a Servers,
    pub(crate) directories: Vec<Member>,
    pub(crate) gateways: Vec<Member>,
    home: TempDir,
}

impl<'a> Fleet<'a> {
    /// Starts it, without limits to what an integration may ask.
    pub(crate) async fn start(servers: &'a Servers, plan: &Plan) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let within = |name: &str| home.path().join(name);
        write_callers(&within("callers.toml"));
        fs::write(within("gateway.credential"), GATEWAY).expect("a file");

        let mut directories = Vec::new();
        for n in 0..plan.directories {
            let mut arguments = owned(&["directory", "--grpc", "127.0.0.1:0", "--rate", "0"]);
            arguments.extend(servers.settings(&within("data")));
            arguments.extend(owned(&["--public-url", "http://127.0.0.1:8080"]));
            for (flag, name) in [("--credentials", "callers.toml"), ("--mail-dir", "mail")] {
                arguments.extend([flag.to_owned(), within(name).display().to_string()]);
            }
            if matches!(servers, Servers::Embedded) {
                arguments.push("--no-demo".to_owned());
            }
            let log = within(&format!("directory{n}"));
            let started = Member::start(&log, &arguments, "grpc", plan.directory_share).await;
            directories.push(started);
        }

        let urls: Vec<_> = directories.iter().map(|d| format!("http://{}", d.at())).collect();
        let mut gateways = Vec::new();
        for n in 0..plan.gateways {
            let credential = within("gateway.credential").display().to_string();
            let mut arguments = owned(&["gateway", "--http", "127.0.0.1:0"]);
            arguments.extend(["--directory".to_owned(), urls.join(",")]);
            arguments.extend(["--directory-credential-file".to_owned(), credential]);
            let log = within(&format!("gateway{n}"));
            gateways.push(Member::start(&log, &arguments, "http", plan.gateway_share).await);
        }
        Self { servers, directories, gateways, home }
    }

    /// Ends the processes; answers what is left, with the data directory `data` in it.
    pub(crate) fn end(self) -> TempDir {
        self.home
    }
}

fn write_callers(path: &Path) {
    let mut text = String::new();
    for (role, credential) in [("operator", OPERATOR), ("gateway", GATEWAY)] {
        let _ = write!(text, "[[caller]]\nname = {role:?}\nrole = {role:?}\nsha256 = \"");
        for byte in ServiceCaller::sha256(credential) {
            let _ = write!(text, "{byte:02x}");
        }
        text += "\"\n";
    }
    fs::write(path, text).expect("a file of callers");
}

pub(crate) fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.to_owned()).collect()
}
