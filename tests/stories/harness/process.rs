//! The product as a process: started, ended, killed and started again on its data directory.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{Answer, Ask, Operator, Workspace};

/// How long a start or an end may take. Nothing is measured by it: over it the process hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long to wait before looking again.
const A_MOMENT: Duration = Duration::from_millis(10);

/// The running product. Clones are handles of the one process, which is killed with the last.
#[derive(Clone)]
pub(crate) struct Nestr(Arc<House>);

struct House {
    home: TempDir,
    arguments: Vec<String>,
    state: Mutex<State>,
}

/// The process of the moment, and where it is reached; ports change with each start.
#[derive(Default)]
struct State {
    process: Option<Process>,
    starts: usize,
}

struct Process {
    child: Child,
    at: Addresses,
}

/// Where a process listens.
#[derive(Clone, Copy)]
struct Addresses {
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What `demo.json` holds.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Demo {
    pub(crate) workspace_id: String,
    pub(crate) scim_url: String,
    pub(crate) api_key: String,
    pub(crate) grpc: String,
    pub(crate) operator_credential: String,
}

impl Nestr {
    /// Starts with a demo workspace for which acme.com is verified.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--demo", "acme.com"]).await
    }

    /// Starts on a new data directory, with these settings beside directory and addresses.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let arguments = settings.iter().map(|&setting| setting.to_owned()).collect();
        let nestr = Self(Arc::new(House { home, arguments, state: Mutex::default() }));
        nestr.start_again().await;
        nestr
    }

    /// Starts again on the same data directory, after an end of whatever kind.
    pub(crate) async fn start_again(&self) {
        let starts = {
            let mut state = self.state();
            state.process = None;
            state.starts += 1;
            state.starts
        };
        let (out, err) = (self.log_path("out", starts), self.log_path("err", starts));
        let mut child = command(&self.0.arguments)
            .args(["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--data-dir"])
            .arg(self.data_dir())
            .stdout(File::create(out).expect("a log file"))
            .stderr(File::create(&err).expect("a log file"))
            .spawn()
            .expect("the binary starts");
        let deadline = Instant::now() + PATIENCE;
        let at = loop {
            let log = fs::read_to_string(&err).expect("the log");
            if let Some(at) = addresses(&log) {
                break at;
            }
            if let Ok(Some(status)) = child.try_wait() {
                panic!("ended at its start, {status}:\n{log}");
            }
            if Instant::now() > deadline {
                let _ = child.kill();
                panic!("not serving after {PATIENCE:?}:\n{log}");
            }
            sleep(A_MOMENT).await;
        };
        self.state().process = Some(Process { child, at });
        while Ask::new("GET", "/readyz").send(at.http).await.status != 200 {
            assert!(Instant::now() < deadline, "not ready after {PATIENCE:?}:\n{}", self.log());
            sleep(A_MOMENT).await;
        }
    }

    /// Ends as an operator ends it, and starts again.
    pub(crate) async fn restart(&self) {
        self.terminate().await;
        self.start_again().await;
    }

    /// SIGKILL: the process has no say in it.
    pub(crate) fn kill_dash_nine(&self) {
        self.state().process = None;
    }

    /// SIGTERM; the process ends by itself and says that all is well.
    pub(crate) async fn terminate(&self) {
        self.ask_to_end();
        let status = self.ended().await;
        assert!(status.success(), "SIGTERM ends with 0, not {status}:\n{}", self.log());
    }

    /// SIGTERM, without waiting for the end.
    pub(crate) fn ask_to_end(&self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).expect("SIGTERM is sent");
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn ended(&self) -> ExitStatus {
        let mut process = self.state().process.take().expect("a running process");
        wait(&mut process.child).await
    }

    /// The id of the process.
    pub(crate) fn pid(&self) -> i32 {
        let state = self.state();
        let process = state.process.as_ref().expect("a running process");
        i32::try_from(process.child.id()).expect("a process id")
    }

    /// Where REST is reached.
    pub(crate) fn http(&self) -> SocketAddr {
        self.addresses().http
    }

    /// Where REST is reached, unless the process is not there.
    pub(crate) fn http_if_running(&self) -> Option<SocketAddr> {
        self.state().process.as_ref().map(|process| process.at.http)
    }

    /// Where gRPC is reached.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.addresses().grpc
    }

    /// Where everything is kept.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.0.home.path().join("data")
    }

    /// Every log line of every start.
    pub(crate) fn log(&self) -> String {
        self.outputs("err")
    }

    /// What was printed for the user by every start.
    pub(crate) fn printed(&self) -> String {
        self.outputs("out")
    }

    /// The demo workspace as `demo.json` tells of it.
    pub(crate) fn demo(&self) -> Demo {
        let text = fs::read_to_string(self.data_dir().join("demo.json")).expect("demo.json");
        serde_json::from_str(&text).expect("demo.json is as promised")
    }

    /// The demo workspace, for which acme.com is verified.
    pub(crate) fn acme(&self) -> Workspace {
        let demo = self.demo();
        Workspace::new(self, demo.workspace_id, demo.api_key)
    }

    /// Nestr's operator.
    pub(crate) fn operator(&self) -> Operator {
        let path = self.data_dir().join("operator.credential");
        let credential = fs::read_to_string(path).expect("the operator's credential");
        Operator::new(self, credential.trim())
    }

    /// Another workspace, with this domain verified, SCIM enabled and a key.
    pub(crate) async fn workspace_with_verified_domain(&self, domain: &str) -> Workspace {
        let operator = self.operator();
        let id = operator.create_workspace(domain).await;
        operator.claim(&id, domain).await;
        operator.verify(&id, domain).await;
        operator.enable_scim(&id).await;
        let (key, _) = operator.create_key(&id).await;
        Workspace::new(self, id, key)
    }

    /// Sends a request to REST as it is.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        ask.send(self.http()).await
    }

    fn addresses(&self) -> Addresses {
        self.state().process.as_ref().expect("a running process").at
    }

    fn outputs(&self, which: &str) -> String {
        let starts = self.state().starts;
        let texts = (1..=starts).map(|start| fs::read_to_string(self.log_path(which, start)));
        texts.collect::<Result<String, _>>().expect("the log")
    }

    fn log_path(&self, which: &str, start: usize) -> PathBuf {
        self.0.home.path().join(format!("{start}.{which}"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The addresses of the line with which a process says that it serves.
fn addresses(log: &str) -> Option<Addresses> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == "serving").find_map(|line| {
        let address = |name: &str| line[name].as_str()?.parse().ok();
        Some(Addresses { http: address("http")?, grpc: address("grpc")? })
    })
}

fn command(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nestr-scim"));
    command.env_clear().arg("serve").args(arguments).stdin(Stdio::null());
    command
}

async fn wait(child: &mut Child) -> ExitStatus {
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
    let mut child = command(&arguments)
        .arg("--data-dir")
        .arg(data_dir)
        .stdout(Stdio::null())
        .stderr(File::create(&said).expect("a log file"))
        .spawn()
        .expect("the binary starts");
    let status = wait(&mut child).await;
    (status, fs::read_to_string(said).expect("the log"))
}

/// What the binary says when it refuses to start with these settings.
pub(crate) async fn refused_start(settings: &[&str]) -> String {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (status, said) = run_to_end(&home.path().join("data"), settings).await;
    assert!(!status.success(), "{settings:?} was accepted:\n{said}");
    said
}
