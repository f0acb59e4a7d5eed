//! PostgreSQL for tests, as Debian packages it: a server for a run of all of them with a database for each, servers
//! of a test's own that follow one another, a pooler, and a way on which some statements are slow. They go with the
//! tests, however those end.

mod debian;
mod own;
mod pooler;
mod slow;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub use own::Server;
pub use pooler::Pooler;
pub use slow::Slow;
use tokio_postgres::{Client, NoTls};

use debian::Debian;

/// For how long the server may start: it makes a cluster the first time.
const START: Duration = Duration::from_mins(1);

/// The directory of the server's socket.
static SERVER: LazyLock<PathBuf> = LazyLock::new(start);

/// A new, empty database; its URL.
///
/// # Panics
/// When there is no server, and none can be started.
pub async fn database() -> String {
    let (server, name) = new_database().await;
    format!("postgres://postgres@{}/{name}?sslmode=disable", escaped(&server))
}

/// A connection to a database.
///
/// # Panics
/// When its server does not come up.
pub async fn client(url: &str) -> Client {
    connect(url).await
}

/// A new, empty database: the directory of the server's socket, and its name.
async fn new_database() -> (PathBuf, String) {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
    let server = tokio::task::spawn_blocking(|| SERVER.clone()).await.expect("a server");
    let url = format!("postgres://postgres@{}/postgres?sslmode=disable", escaped(&server));
    let client = connect(&url).await;
    clear(&client).await;
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
    (server, name)
}

/// Drops the databases of tests that are over: each is some megabytes.
async fn clear(client: &Client) {
    let names = "SELECT datname::text FROM pg_database WHERE datname ~ '^t[0-9]+_[0-9]+$'";
    for row in client.query(names, &[]).await.expect("the names of databases") {
        let name: &str = row.get(0);
        let process = name[1..].split('_').next().expect("a process");
        if !Path::new("/proc").join(process).exists() {
            // Another test may be doing the same.
            let _ = client.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

/// A connection, once the server takes any.
async fn connect(url: &str) -> Client {
    let connecting = async {
        loop {
            match tokio_postgres::connect(url, NoTls).await {
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
    let (debian, owner) = (Debian::new(), owner());
    let home = debian.base.join(&owner);
    let script = debian.script(&[&owner]);
    // In a session of its own, so that what ends this test leaves it to the others.
    let mut command = std::process::Command::new("setsid");
    command.arg("--fork").arg(script.get_program()).args(script.get_args()).current_dir("/");
    let null = std::process::Stdio::null;
    command.stdin(null()).stdout(null()).stderr(null());
    let started = command.status().expect("setsid, of Debian's util-linux");
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
