//! Two gateways before two directories, on one PostgreSQL database beside a Redis: each a process at an address that
//! it keeps, ended and begun anew by itself, by this program or by one that was released.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::binary::{self, A_MOMENT, PATIENCE, Process, Program, free_address, wait};
use super::database::Database;
use super::{Ask, Operator, Redis};

/// How many there are of each half.
pub(crate) const EACH: usize = 2;

/// For how long a process serves before the next is ended, as a roll-out waits (`minReadySeconds` in deploy/): gRPC's
/// libraries connect again to a directory that they lost after a second, and gateways after less.
const SETTLED: [Duration; 2] = [Duration::from_secs(3), Duration::from_millis(500)];

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Directory,
    Gateway,
}

/// The processes, and what they share; all goes with this.
pub(crate) struct Fleet {
    home: TempDir,
    url: String,
    database: Database,
    redis: Redis,
    directories: Vec<Member>,
    gateways: Vec<Member>,
}

/// One process of it.
struct Member {
    at: SocketAddr,
    /// Where a directory says that it is ready; a gateway says so where it serves.
    ops: Option<SocketAddr>,
    process: Option<Process>,
    /// The logs of its starts.
    logs: Vec<PathBuf>,
}

impl Member {
    fn new(half: Half) -> Self {
        let ops = (half == Half::Directory).then(free_address);
        Self { at: free_address(), ops, process: None, logs: Vec::new() }
    }
}

impl Fleet {
    /// Starts all of it on an empty database.
    pub(crate) async fn start(program: &Program) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let url = postgres_server::database().await;
        let settings = ["--no-demo".to_owned()];
        let database = Database::new(url.clone(), home.path(), &settings, true).await;
        let members = |half| (0..EACH).map(|_| Member::new(half)).collect();
        let (directories, gateways) = (members(Half::Directory), members(Half::Gateway));
        let redis = Redis::start().await;
        let mut fleet = Self { home, url, database, redis, directories, gateways };
        for half in [Half::Directory, Half::Gateway] {
            for n in 0..EACH {
                fleet.begin(half, n, program).await;
            }
        }
        fleet
    }

    /// Ends one process as a roll-out does, and begins another in its place.
    pub(crate) async fn replace(&mut self, half: Half, n: usize, program: &Program) {
        self.end(half, n).await;
        self.begin(half, n, program).await;
        sleep(SETTLED[half as usize]).await;
    }

    /// Replaces every process of a half, one after the other.
    pub(crate) async fn replace_each(&mut self, half: Half, program: &Program) {
        for n in 0..EACH {
            self.replace(half, n, program).await;
        }
    }

    /// SIGTERM, and the end; which is a good one.
    pub(crate) async fn end(&mut self, half: Half, n: usize) {
        let mut process = self.member(half, n).process.take().expect("a running process");
        process.signal(Signal::SIGTERM);
        let status = wait(&mut process.child).await;
        assert!(status.success(), "{half:?} {n} ended with {status}");
    }

    /// Begins a process, and waits until it is ready.
    async fn begin(&mut self, half: Half, n: usize, program: &Program) {
        let (mut command, log) = (self.command(half, n, program), self.log(half, n));
        let (process, _) = binary::spawn(&mut command, &log.with_extension("out"), &log).await;
        let member = self.member(half, n);
        member.process = Some(process);
        member.logs.push(log);
        let (at, deadline) = (member.ops.unwrap_or(member.at), Instant::now() + PATIENCE);
        loop {
            let ready = Ask::new("GET", "/readyz").try_send(at).await;
            if ready.is_ok_and(|answer| answer.status == 200) {
                break;
            }
            assert!(Instant::now() < deadline, "{half:?} {n} is not ready");
            sleep(A_MOMENT).await;
        }
    }

    /// Begins a process that does not come to serve; what it says of it.
    pub(crate) async fn refused(&mut self, half: Half, n: usize, program: &Program) -> String {
        let (command, log) = (self.command(half, n, program), self.log(half, n));
        let (status, said) = binary::run(command, &log).await;
        assert!(!status.success(), "{half:?} {n} was to be refused:\n{said}");
        said
    }

    /// `migrate`: from which step to which the schema was brought.
    pub(crate) async fn migrate(&self, program: &Program) -> (u64, u64) {
        let mut command = program.command(&["migrate".to_owned()]);
        command.env("NESTR_SCIM_POSTGRES", &self.url);
        let (status, said) = binary::run(command, &self.home.path().join("migrate")).await;
        assert!(status.success(), "{said}");
        let mut lines = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let done = lines.find(|line| line["message"] == "migrated").expect("what was done");
        let step = |name: &str| done[name].as_u64().expect("the number of a step");
        (step("from"), step("to"))
    }

    /// The URL of the database.
    pub(crate) fn database(&self) -> &str {
        &self.url
    }

    /// Where the processes of a half are.
    pub(crate) fn addresses(&self, half: Half) -> Vec<SocketAddr> {
        self.half(half).iter().map(|member| member.at).collect()
    }

    /// The operator's credential.
    pub(crate) fn credential(&self) -> String {
        let path = self.home.path().join("operator.credential");
        fs::read_to_string(path).expect("the operator's credential")
    }

    /// The operator at one of the directories.
    pub(crate) fn operator(&self, directory: usize) -> Operator {
        Operator::at(self.directories[directory].at, &self.credential())
    }

    fn command(&self, half: Half, n: usize, program: &Program) -> Command {
        let at = self.half(half)[n].at.to_string();
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        match half {
            Half::Directory => {
                let ops = self.directories[n].ops.expect("an address").to_string();
                let redis = self.redis.url();
                let mut arguments = words(&["directory", "--grpc", &at, "--ops", &ops]);
                let url = "https://scim.example";
                let settings = ["--no-demo", "--rate", "0", "--redis", &redis, "--public-url", url];
                arguments.extend(self.database.settings(&words(&settings)));
                let mut command = program.command(&arguments);
                command.envs(self.database.environment());
                command
            }
            Half::Gateway => {
                let mut arguments = words(&["gateway", "--http", &at]);
                for directory in &self.directories {
                    arguments
                        .extend(["--directory".to_owned(), format!("http://{}", directory.at)]);
                }
                let credential = self.home.path().join("gateway.credential").display().to_string();
                arguments.extend(["--directory-credential-file".to_owned(), credential]);
                program.command(&arguments)
            }
        }
    }

    /// The log of the next start.
    fn log(&self, half: Half, n: usize) -> PathBuf {
        let start = self.half(half)[n].logs.len();
        self.home.path().join(format!("{half:?}-{n}-{start}.log"))
    }

    fn half(&self, half: Half) -> &[Member] {
        match half {
            Half::Directory => &self.directories,
            Half::Gateway => &self.gateways,
        }
    }

    fn member(&mut self, half: Half, n: usize) -> &mut Member {
        match half {
            Half::Directory => &mut self.directories[n],
            Half::Gateway => &mut self.gateways[n],
        }
    }
}

impl Drop for Fleet {
    /// Whoever looks why a request failed needs what the processes have said, but of those that did not.
    #[expect(clippy::print_stdout, reason = "a test that fails shows what it has")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let logs = [&self.directories, &self.gateways].into_iter().flatten();
            for log in logs.flat_map(|member| &member.logs) {
                println!("{}:", log.display());
                let said = fs::read_to_string(log).unwrap_or_default();
                let is_told = |line: &&str| !line.contains(r#""message":"answered","status":2"#);
                said.lines().filter(is_told).for_each(|line| println!("{line}"));
            }
        }
    }
}
