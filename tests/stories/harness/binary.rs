//! The binary: how it is run, and what it says.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long a start or an end may take. Nothing is measured by it: over it the process hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before looking again.
pub(super) const A_MOMENT: Duration = Duration::from_millis(10);

/// A program: this one, or one that was released.
#[derive(Clone, Debug)]
pub(crate) struct Program(PathBuf);

impl Program {
    /// The one that the tests are about.
    pub(crate) fn this() -> Self {
        Self(env!("CARGO_BIN_EXE_nestr-scim").into())
    }

    /// The newest release before it, which `./test` builds and names in `NESTR_TEST_RELEASED`.
    #[expect(
        clippy::disallowed_methods,
        reason = "where a tool of the tests is, not configuration"
    )]
    pub(crate) fn released() -> Self {
        let path = std::env::var_os("NESTR_TEST_RELEASED");
        Self(path.expect("NESTR_TEST_RELEASED names the program that was released").into())
    }

    /// Starts it as one process on this data directory, which is made.
    pub(crate) async fn serves(&self, data_dir: &Path, settings: &[&str]) -> Serving {
        let home = tempfile::tempdir().expect("a temporary directory");
        let mut command = self.command(&["serve".to_owned()]);
        command.args(settings).args(["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
        command.arg("--data-dir").arg(data_dir);
        let (out, err) = (home.path().join("out"), home.path().join("err"));
        let (process, line) = spawn(&mut command, &out, &err).await;
        Serving { process, http: address(&line, "http"), _home: home }
    }

    pub(super) fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(&self.0);
        command.env_clear().args(arguments).stdin(Stdio::null());
        command
    }
}

/// A process that was started by itself.
pub(crate) struct Serving {
    process: Process,
    http: SocketAddr,
    _home: TempDir,
}

impl Serving {
    /// Where REST is reached.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// SIGTERM, and a good end.
    pub(crate) async fn ends(mut self) {
        self.process.signal(Signal::SIGTERM);
        assert!(wait(&mut self.process.child).await.success(), "it ends well");
    }
}

/// A process of it, which is killed when this goes.
pub(super) struct Process {
    pub(super) child: Child,
}

impl Process {
    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a process id")
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("the signal is sent");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line with which a process says that it serves.
pub(super) fn serving(log: &str) -> Option<Value> {
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.find(|line| line["message"] == "serving")
}

/// An address that such a line tells.
pub(super) fn address(line: &Value, name: &str) -> SocketAddr {
    line[name].as_str().and_then(|text| text.parse().ok()).expect("an address in the log")
}

/// An address that nobody listens on, below the ports that connections are given.
pub(crate) fn free_address() -> SocketAddr {
    loop {
        let port = rand::random_range(10_000..32_000);
        if let Ok(free) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            return free.local_addr().expect("an address");
        }
    }
}

pub(super) fn command(arguments: &[String]) -> Command {
    Program::this().command(arguments)
}

/// Runs a command to its end; how it ended, and what its log says.
pub(super) async fn run(mut command: Command, log: &Path) -> (ExitStatus, String) {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(File::create(log).expect("a log file"))
        .spawn()
        .expect("the binary starts");
    let status = wait(&mut child).await;
    (status, fs::read_to_string(log).expect("the log"))
}

/// Starts it, with what it says in files beside each other, and waits for the line with which it says that it
/// serves.
pub(super) async fn spawn(command: &mut Command, out: &Path, err: &Path) -> (Process, Value) {
    let child = command
        .stdout(File::create(out).expect("a log file"))
        .stderr(File::create(err).expect("a log file"))
        .spawn()
        .expect("the binary starts");
    let mut process = Process { child };
    let deadline = Instant::now() + PATIENCE * 3;
    loop {
        let log = fs::read_to_string(err).expect("the log");
        if let Some(line) = serving(&log) {
            return (process, line);
        }
        if let Ok(Some(status)) = process.child.try_wait() {
            panic!("ended at its start, {status}:\n{log}");
        }
        assert!(Instant::now() < deadline, "not serving:\n{log}");
        sleep(A_MOMENT).await;
    }
}

pub(super) async fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("the process's state") {
            return status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("still running after {PATIENCE:?}");
        }
        sleep(A_MOMENT).await;
    }
}

/// Runs the binary on `data_dir` until it ends by itself, and tells how, and what it said.
pub(crate) async fn run_to_end(data_dir: &Path, settings: &[&str]) -> (ExitStatus, String) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let said = home.path().join("said");
    let arguments: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
    let mut command = command(&[vec!["serve".to_owned()], arguments].concat());
    command.arg("--data-dir").arg(data_dir);
    run(command, &said).await
}

/// What the binary says when it refuses to start with these settings.
pub(crate) async fn refused_start(settings: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (status, said) = run_to_end(&home.path().join("data"), settings).await;
    assert!(!status.success(), "{settings:?} was accepted:\n{said}");
    said
}

/// What a command of the binary prints that ends by itself, and well.
pub(super) async fn printed_by(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary directory");
    let said = home.path().join("said");
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let mut child = command(&arguments)
        .stdout(File::create(&said).expect("a file"))
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the binary starts");
    assert!(wait(&mut child).await.success(), "{arguments:?} ends well");
    fs::read_to_string(said).expect("what it printed")
}

/// A credential of a caller, and its entry in the file, as `nestr-scim credential` prints them.
pub(crate) async fn new_credential(name: &str, role: &str) -> (String, String) {
    let printed = printed_by(&["credential", name, role]).await;
    let credential = printed.lines().nth(1).and_then(|line| line.strip_prefix("# "));
    (credential.expect("a credential").to_owned(), printed.clone())
}

/// The command `simulate` with these arguments and this environment: what it ends with, what it
/// reports, and what it complains of.
pub(crate) async fn simulate(
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> (i32, String, String) {
    let mut simulate = command(&["simulate".to_owned()]);
    simulate.args(arguments).envs(environment.iter().copied());
    let running = tokio::task::spawn_blocking(move || simulate.output().expect("the binary runs"));
    let Output { status, stdout, stderr } = running.await.expect("its end");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().expect("it ends by itself"), text(stdout), text(stderr))
}
