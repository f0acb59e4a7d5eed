//! PostgreSQL as Debian packages it, and the user as whom it runs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian's packages of the server are, one directory a version.
const PACKAGES: &str = "/usr/lib/postgresql";

/// The programs of the newest version, and where clusters for tests are.
pub(crate) struct Debian {
    pub(crate) bin: PathBuf,
    pub(crate) base: PathBuf,
    is_root: bool,
}

impl Debian {
    pub(crate) fn new() -> Self {
        let bin = newest_server();
        let version = bin.parent().and_then(Path::file_name).expect("a version").display();
        // The server refuses to run as root; Debian's package brings a user for it.
        let is_root = id(&["-u"]) == "0";
        let user = if is_root { id(&["-u", "postgres"]) } else { id(&["-u"]) };
        let base = std::env::temp_dir().join(format!("nestr-scim-postgres-{version}-{user}"));
        Self { bin, base, is_root }
    }

    /// A program, run as whoever may run the server. It ends with the thread that starts it where `is_bound`.
    pub(crate) fn command(&self, program: &str, is_bound: bool) -> Command {
        let mut command = Command::new("setpriv");
        if self.is_root {
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]);
        }
        if is_bound {
            command.args(["--pdeathsig", "KILL"]);
        }
        command.arg("--").arg(program).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The script round a server, with these arguments behind BIN and BASE.
    pub(crate) fn script(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("sh", false);
        command.args(["-c", include_str!("server.sh"), "server.sh"]);
        command.arg(&self.bin).arg(&self.base).args(arguments);
        command
    }
}

/// Runs it to its end, which is a good one.
pub(crate) fn done(mut command: Command) {
    let output = command.stderr(Stdio::piped()).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
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
