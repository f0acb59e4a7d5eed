//! A server for the tests of this process, as Debian packages it: started when the first of them needs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, mpsc};
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use super::{PostgresConfig, Statements};

/// Where Debian's packages of the server are, one directory a version.
const PACKAGES: &str = "/usr/lib/postgresql";
/// For how long the server may start: it makes a cluster the first time.
const START: Duration = Duration::from_mins(1);

/// The directory of the server's socket.
static SERVER: LazyLock<PathBuf> = LazyLock::new(start);

/// An empty database, and how it is asked.
pub(in crate::store) async fn database(statements: Statements) -> PostgresConfig {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("store_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let server = tokio::task::spawn_blocking(|| SERVER.clone()).await.unwrap();
    let client = connect(&server, "postgres").await;
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    PostgresConfig {
        url: url(&server, &name),
        statements,
        readers: 4,
        writers: 4,
        statement_timeout: Duration::from_secs(30),
    }
}

fn url(server: &Path, database: &str) -> String {
    format!("host={} user=postgres dbname={database} sslmode=disable", server.display())
}

/// A connection of the test's own to a database.
pub(in crate::store) async fn client(config: &PostgresConfig) -> Client {
    let (client, connection) = tokio_postgres::connect(&config.url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn connect(server: &Path, database: &str) -> Client {
    let url = url(server, database);
    let connecting = async {
        loop {
            match tokio_postgres::connect(&url, NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    break client;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    tokio::time::timeout(START, connecting).await.expect("the PostgreSQL server does not start")
}

/// Starts the server, from a thread that ends with the process: with it goes the script, and with that the
/// server, however the process ends.
fn start() -> PathBuf {
    let bin = newest_server();
    let version = bin.parent().and_then(Path::file_name).unwrap().to_owned();
    // The server refuses to run as root; Debian's package brings a user for it.
    let is_root = id(&["-u"]) == "0";
    let user = if is_root { id(&["-u", "postgres"]) } else { id(&["-u"]) };
    let base = format!("nestr-scim-postgres-{}-{user}", version.display());
    let base = std::env::temp_dir().join(base);
    let name = std::process::id().to_string();
    let home = base.join(&name);
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]);
    if is_root {
        command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.args(["sh", "-c", include_str!("testing.sh"), "testing.sh"]);
    command.arg(bin).arg(base).arg(name);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let (started, starting) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let server = command.spawn();
        started.send(server.is_ok()).unwrap();
        server.unwrap().wait()
    });
    assert!(starting.recv().unwrap(), "setpriv (Debian's util-linux) starts the PostgreSQL server");
    home
}

fn newest_server() -> PathBuf {
    let packages = std::fs::read_dir(PACKAGES).into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = packages.map(|package| package.path()).max_by_key(version);
    let newest = newest.expect("install PostgreSQL (Debian's package postgresql), or run ./test");
    newest.join("bin")
}

fn id(arguments: &[&str]) -> String {
    let output = Command::new("id").args(arguments).output().unwrap();
    assert!(output.status.success(), "id {arguments:?}: install Debian's package postgresql");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
