//! The product as a process, or as two: started, ended, killed and started again on its data
//! directory.
//!
//! `NESTR_TEST_SHAPE=split` starts gateway and directory apart, and every story is told again; so does
//! `NESTR_TEST_STORE=postgres`, on PostgreSQL instead of the embedded store.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::sys::signal::Signal;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::binary::{
    A_MOMENT, PATIENCE, Process, address, command, free_address, serving, spawn, wait,
};
use super::database::{Database, value};
use super::{Answer, Ask, Operator, Workspace};

/// The running product. Clones are handles of the one process, which is killed with the last.
#[derive(Clone)]
pub(crate) struct Nestr(Arc<House>);

struct House {
    home: TempDir,
    shape: Shape,
    settings: Vec<String>,
    /// `None`: everything is in the data directory.
    database: Option<Database>,
    /// Set for the process that owns the data directory.
    environment: Mutex<Vec<(String, PathBuf)>>,
    state: Mutex<State>,
}

/// How the product is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Gateway and directory in one process.
    Whole,
    /// Gateway and directory as two processes.
    Split,
}

impl Shape {
    /// The shape in which the stories are told that do not care.
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the product")]
    pub(crate) fn of_this_run() -> Self {
        match std::env::var("NESTR_TEST_SHAPE").as_deref() {
            Ok("split") => Self::Split,
            Ok(other) => panic!("NESTR_TEST_SHAPE is {other:?}; split is the only value"),
            Err(_) => Self::Whole,
        }
    }
}

/// The processes of the moment, and where they are reached; ports change with each start of all.
#[derive(Default)]
struct State {
    /// Everything, or the directory alone.
    directory: Option<Process>,
    /// The gateway, where it is apart.
    gateway: Option<Process>,
    at: Option<Addresses>,
    logs: usize,
}

/// Where the product is reached.
#[derive(Clone, Copy)]
struct Addresses {
    http: SocketAddr,
    grpc: SocketAddr,
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
    pub(crate) gateway_credential: Option<String>,
}

impl Demo {
    /// The demo workspace of a data directory.
    pub(crate) fn read(data_dir: &Path) -> Self {
        let text = fs::read_to_string(data_dir.join("demo.json")).expect("demo.json");
        serde_json::from_str(&text).expect("demo.json is as promised")
    }
}

impl Nestr {
    /// Starts with a demo workspace for which acme.com is verified.
    pub(crate) async fn start() -> Self {
        Self::start_with(&["--demo", "acme.com"]).await
    }

    /// Starts on a new data directory, with these settings beside directory and addresses.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        Self::start_as(Shape::of_this_run(), settings).await
    }

    /// Starts in this shape.
    pub(crate) async fn start_as(shape: Shape, settings: &[&str]) -> Self {
        Self::start_prepared(shape, settings, |_| Vec::new()).await
    }

    /// Starts on a data directory that was prepared, with the environment that comes of it for the
    /// process which owns it.
    pub(crate) async fn start_prepared(
        shape: Shape,
        settings: &[&str],
        prepare: impl FnOnce(&Path) -> Vec<(String, PathBuf)>,
    ) -> Self {
        let (home, data_dir) = new_home();
        let environment = prepare(&data_dir);
        let settings = owned(settings);
        let mut database = None;
        if Database::is_asked_for() {
            let (url, is_split) = (postgres_server::database().await, shape == Shape::Split);
            database = Some(Database::new(url, &data_dir, &settings, is_split).await);
        }
        Self::begin(home, shape, settings, database, environment).await
    }

    /// Starts on this empty database, on whatever the other stories of this run are.
    pub(crate) async fn start_on(url: &str, settings: &[&str]) -> Self {
        let ((home, data_dir), settings) = (new_home(), owned(settings));
        let database = Database::new(url.to_owned(), &data_dir, &settings, false).await;
        Self::begin(home, Shape::Whole, settings, Some(database), Vec::new()).await
    }

    /// Another one, with the same settings on the same database.
    pub(crate) async fn beside(&self) -> Self {
        let (home, data_dir) = new_home();
        let database = self.0.database.as_ref().expect("a database to share").beside(&data_dir);
        let settings = self.0.settings.clone();
        Self::begin(home, Shape::Whole, settings, Some(database), Vec::new()).await
    }

    async fn begin(
        home: TempDir,
        shape: Shape,
        settings: Vec<String>,
        database: Option<Database>,
        environment: Vec<(String, PathBuf)>,
    ) -> Self {
        let (environment, state) = (Mutex::new(environment), Mutex::default());
        let house = House { home, shape, settings, database, environment, state };
        let nestr = Self(Arc::new(house));
        nestr.start_again().await;
        nestr
    }

    /// Starts again on the same data directory, after an end of whatever kind.
    pub(crate) async fn start_again(&self) {
        {
            let mut state = self.state();
            (state.directory, state.gateway, state.at) = (None, None, None);
        }
        match self.0.shape {
            Shape::Whole => {
                let mut arguments = vec!["serve".to_owned()];
                arguments.extend(self.settings());
                arguments
                    .extend(["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"].map(Into::into));
                let (process, line) = self.spawn(&arguments).await;
                let at = Addresses { http: address(&line, "http"), grpc: address(&line, "grpc") };
                let mut state = self.state();
                (state.directory, state.at) = (Some(process), Some(at));
            }
            Shape::Split => {
                let at = Addresses { http: free_address(), grpc: free_address() };
                self.state().at = Some(at);
                self.start_directory_again().await;
                self.start_gateway_again().await;
            }
        }
        if let Some(database) = &self.0.database {
            let is_tls = self.has("--http-tls-cert");
            let scheme = if is_tls { "https" } else { "http" };
            let url = format!("{scheme}://{}", self.http());
            let url = value(&self.0.settings, "--public-url").unwrap_or(&url);
            database.tell_demo(url, &self.grpc().to_string());
        }
        if !self.has("--http-tls-cert") {
            self.wait_until_ready().await;
        }
    }

    /// Starts the directory of a split product again, where it was.
    pub(crate) async fn start_directory_again(&self) {
        assert_eq!(self.0.shape, Shape::Split);
        let Addresses { http, grpc } = self.addresses();
        let arguments = ["directory", "--grpc", &grpc.to_string()].map(Into::into).to_vec();
        let mut url = Vec::new();
        if !self.has("--public-url") {
            url = vec!["--public-url".to_owned(), format!("http://{http}")];
        }
        let (process, _) = self.spawn(&[arguments, url, self.settings_as_file()].concat()).await;
        self.state().directory = Some(process);
    }

    /// Starts the gateway of a split product again, where it was.
    pub(crate) async fn start_gateway_again(&self) {
        assert_eq!(self.0.shape, Shape::Split);
        let Addresses { http, grpc } = self.addresses();
        let mut arguments = ["gateway", "--http", &http.to_string()].map(Into::into).to_vec();
        if !self.has("--directory-cert") {
            let credential = self.data_dir().join("gateway.credential").display().to_string();
            arguments.extend(["--directory-credential-file".to_owned(), credential]);
        }
        let scheme = if self.has("--grpc-tls-cert") { "https" } else { "http" };
        let directory = ["--directory".to_owned(), format!("{scheme}://{grpc}")];
        let (process, _) =
            self.spawn(&[arguments, directory.into(), self.settings_as_file()].concat()).await;
        self.state().gateway = Some(process);
    }

    /// Whether it was started with this setting.
    fn has(&self, setting: &str) -> bool {
        self.0.settings.iter().any(|given| given == setting)
    }

    /// What it is started with, beside addresses and the place of what it keeps.
    fn settings(&self) -> Vec<String> {
        let settings = &self.0.settings;
        self.0.database.as_ref().map_or_else(|| settings.clone(), |d| d.settings(settings))
    }

    /// One file of settings serves both halves.
    fn settings_as_file(&self) -> Vec<String> {
        let mut text = String::new();
        let settings = self.settings();
        let mut settings = settings.iter().peekable();
        while let Some(flag) = settings.next() {
            let name = flag.strip_prefix("--").expect("a flag");
            let value = settings.next_if(|next| !next.starts_with("--"));
            let value = value.map_or_else(|| "true".to_owned(), |value| format!("{value:?}"));
            let _ = writeln!(text, "{name} = {value}");
        }
        let path = self.0.home.path().join("settings.toml");
        fs::write(&path, text).expect("a file of settings");
        vec!["--config".to_owned(), path.display().to_string()]
    }

    /// Starts the binary and waits for the line with which it says that it serves.
    async fn spawn(&self, arguments: &[String]) -> (Process, Value) {
        let log = {
            let mut state = self.state();
            state.logs += 1;
            state.logs
        };
        let (out, err) = (self.log_path("out", log), self.log_path("err", log));
        let mut command = command(arguments);
        if arguments[0] != "gateway" {
            match &self.0.database {
                Some(database) => command.envs(database.environment()),
                None => command.arg("--data-dir").arg(self.data_dir()),
            };
            let environment = self.0.environment.lock().unwrap_or_else(PoisonError::into_inner);
            command.envs(environment.iter().map(|(name, value)| (name, value)));
        }
        spawn(&mut command, &out, &err).await
    }

    /// Waits until the product says that it may take traffic.
    pub(crate) async fn wait_until_ready(&self) {
        let (deadline, at) = (Instant::now() + PATIENCE, self.ops().unwrap_or(self.http()));
        while Ask::new("GET", "/readyz").send(at).await.status != 200 {
            assert!(Instant::now() < deadline, "not ready after {PATIENCE:?}:\n{}", self.log());
            sleep(A_MOMENT).await;
        }
    }

    /// Ends as an operator ends it, and starts again.
    pub(crate) async fn restart(&self) {
        self.terminate().await;
        self.start_again().await;
    }

    /// The next start is without the environment that was prepared.
    pub(crate) fn leave_environment(&self) {
        self.0.environment.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// SIGKILL: the processes have no say in it.
    pub(crate) fn kill_dash_nine(&self) {
        let mut state = self.state();
        (state.gateway, state.directory) = (None, None);
    }

    /// SIGKILL for the directory of a split product.
    pub(crate) fn kill_directory(&self) {
        self.state().directory = None;
    }

    /// SIGKILL for the gateway of a split product.
    pub(crate) fn kill_gateway(&self) {
        self.state().gateway = None;
    }

    /// SIGTERM; the processes end by themselves and say that all is well.
    pub(crate) async fn terminate(&self) {
        self.ask_to_end();
        let status = self.ended().await;
        assert!(status.success(), "SIGTERM ends with 0, not {status}:\n{}", self.log());
    }

    /// SIGTERM, without waiting for the end. A gateway that is apart goes first: what it has under
    /// way needs its directory.
    pub(crate) fn ask_to_end(&self) {
        let state = self.state();
        let first = state.gateway.as_ref().or(state.directory.as_ref());
        first.expect("a running process").signal(Signal::SIGTERM);
    }

    /// SIGHUP for the directory: it reads credentials and certificates again.
    pub(crate) fn hang_up(&self) {
        if let Some(database) = &self.0.database {
            database.write_callers();
        }
        self.state().directory.as_ref().expect("a running process").signal(Signal::SIGHUP);
    }

    /// SIGHUP for the gateway of a split product.
    pub(crate) fn hang_up_gateway(&self) {
        self.state().gateway.as_ref().expect("a running process").signal(Signal::SIGHUP);
    }

    /// Waits for the processes to end by themselves, once they are asked to.
    pub(crate) async fn ended(&self) -> ExitStatus {
        let gateway = self.state().gateway.take();
        if let Some(mut gateway) = gateway {
            let status = wait(&mut gateway.child).await;
            if !status.success() {
                return status;
            }
            self.state().directory.as_ref().expect("a running process").signal(Signal::SIGTERM);
        }
        let mut process = self.state().directory.take().expect("a running process");
        wait(&mut process.child).await
    }

    /// Waits until the process that owns the data directory is gone, in whatever way.
    pub(crate) async fn has_died(&self) {
        let mut process = self.state().directory.take().expect("a running process");
        wait(&mut process.child).await;
    }

    /// The id of the process that owns the data directory.
    pub(crate) fn pid(&self) -> i32 {
        self.state().directory.as_ref().expect("a running process").pid()
    }

    /// The id of the process that serves REST.
    pub(crate) fn gateway_pid(&self) -> i32 {
        let state = self.state();
        state.gateway.as_ref().or(state.directory.as_ref()).expect("a running process").pid()
    }

    /// Where health and metrics are reached, when that is an address of their own.
    pub(crate) fn ops(&self) -> Option<SocketAddr> {
        serving(&self.log())?["ops"].as_str()?.parse().ok()
    }

    /// Where REST is reached.
    pub(crate) fn http(&self) -> SocketAddr {
        self.addresses().http
    }

    /// Where REST is reached, unless no process is there.
    pub(crate) fn http_if_running(&self) -> Option<SocketAddr> {
        let state = self.state();
        let first = state.gateway.as_ref().or(state.directory.as_ref());
        first.and(state.at).map(|at| at.http)
    }

    /// Where gRPC is reached.
    pub(crate) fn grpc(&self) -> SocketAddr {
        self.addresses().grpc
    }

    /// The engine that keeps everything, by the name that traces have for it.
    pub(crate) fn engine(&self) -> &'static str {
        if self.0.database.is_some() { "postgresql" } else { "sqlite" }
    }

    /// Where everything is kept.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.0.home.path().join("data")
    }

    /// Every log line of every start.
    pub(crate) fn log(&self) -> String {
        self.outputs("err")
    }

    /// Waits until the log holds these words.
    pub(crate) async fn until_logged(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE * 3;
        while !self.log().contains(words) {
            assert!(Instant::now() < deadline, "no {words:?} in:\n{}", self.log());
            sleep(A_MOMENT).await;
        }
    }

    /// What was printed for the user by every start.
    pub(crate) fn printed(&self) -> String {
        self.outputs("out")
    }

    /// The demo workspace as `demo.json` tells of it.
    pub(crate) fn demo(&self) -> Demo {
        Demo::read(&self.data_dir())
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
        self.state().at.expect("a product that was started")
    }

    fn outputs(&self, which: &str) -> String {
        let logs = self.state().logs;
        let texts = (1..=logs).map(|start| fs::read_to_string(self.log_path(which, start)));
        texts.collect::<Result<String, _>>().expect("the log")
    }

    fn log_path(&self, which: &str, start: usize) -> PathBuf {
        self.0.home.path().join(format!("{start}.{which}"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A directory of its own, and the data directory in it.
fn new_home() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let data_dir = home.path().join("data");
    fs::create_dir(&data_dir).expect("a data directory");
    (home, data_dir)
}

fn owned(settings: &[&str]) -> Vec<String> {
    settings.iter().map(|&setting| setting.to_owned()).collect()
}
