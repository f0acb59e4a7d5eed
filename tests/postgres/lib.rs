//! A PostgreSQL server for tests, as Debian packages it: one for a run of all of them, started by the first that
//! needs it, and a database for each. It goes with the run, however that ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_postgres::{Client, NoTls};

/// Where Debian's packages of the server are, one directory a version.
const PACKAGES: &str = "/usr/lib/postgresql";
/// For how long the server may start: it makes a cluster the first time.
const START: Duration = Duration::from_mins(1);

/// The directory of the server's socket.
static SERVER: LazyLock<PathBuf> = LazyLock::new(start);

/// A new, empty database; its URL.
///
/// # Panics
/// When there is no server, and none can be started.
pub async fn database() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let server = tokio::task::spawn_blocking(|| SERVER.clone()).await.expect("a server");
    let client = connect(&server).await;
    clear(&client).await;
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
    format!("postgres://postgres@{}/{name}?sslmode=disable", escaped(&server))
}

/// Drops the databases of tests that are over: each is some megabytes.
async fn clear(client: &Client) {
    let names = "SELECT datname FROM pg_database WHERE datname ~ '^t[0-9]+_[0-9]+$'";
    for row in client.query(names, &[]).await.expect("the names of databases") {
        let name: &str = row.get(0);
        let process = name[1..].split('_').next().expect("a process");
        if !Path::new("/proc").join(process).exists() {
            // Another test may be doing the same.
            let _ = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

async fn connect(server: &Path) -> Client {
    let url = format!("postgres://postgres@{}/postgres?sslmode=disable", escaped(server));
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
    tokio::time::timeout(START, connecting).await.expect("the PostgreSQL server starts")
}

/// A path as the host of a URL.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('/', "%2F")
}

/// Has the server of this run started, unless it was.
fn start() -> PathBuf {
    let bin = newest_server();
    let version = bin.parent().and_then(Path::file_name).expect("a version").to_owned();
    // The server refuses to run as root; Debian's package brings a user for it.
    let is_root = id(&["-u"]) == "0";
    let user = if is_root { id(&["-u", "postgres"]) } else { id(&["-u"]) };
    let base = format!("nestr-scim-postgres-{}-{user}", version.display());
    let base = std::env::temp_dir().join(base);
    let owner = owner();
    let home = base.join(&owner);
    // In a session of its own, so that what ends this test leaves it to the others.
    let mut command = Command::new("setsid");
    command.arg("--fork");
    if is_root {
        command.args(["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
    }
    command.args(["sh", "-c", include_str!("server.sh"), "server.sh"]);
    command.arg(bin).arg(base).arg(owner);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = command.current_dir("/").status().expect("setsid, of Debian's util-linux");
    assert!(started.success(), "setsid and setpriv start the PostgreSQL server");
    home
}

/// The process that runs the tests: nextest, which has a process for each of them, or this one.
#[expect(clippy::disallowed_methods, reason = "who runs the tests is no setting of the product")]
fn owner() -> String {
    let runs_each_by_itself = std::env::var_os("NEXTEST").is_some();
    let id =
        if runs_each_by_itself { std::os::unix::process::parent_id() } else { std::process::id() };
    id.to_string()
}

/// Where the programs of the newest server are.
fn newest_server() -> PathBuf {
    let packages = std::fs::read_dir(PACKAGES).into_iter().flatten().flatten();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = packages.map(|package| package.path()).max_by_key(version);
    let newest = newest.expect("install PostgreSQL (Debian's package postgresql), or run ./test");
    newest.join("bin")
}

fn id(arguments: &[&str]) -> String {
    let output = Command::new("id").args(arguments).output().expect("id, of Debian's coreutils");
    assert!(output.status.success(), "id {arguments:?}: install Debian's package postgresql");
    String::from_utf8(output.stdout).expect("a number").trim().to_owned()
}
