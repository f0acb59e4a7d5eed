//! Servers of a test's own: the first, and a standby that follows it.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio_postgres::Client;

use crate::connect;
use crate::debian::{Debian, done};

/// How long to wait before looking again.
const A_MOMENT: Duration = Duration::from_millis(10);

/// A server on a port of this machine. It ends with this, and with the process.
pub struct Server {
    home: PathBuf,
    port: u16,
    process: u32,
}

impl Server {
    /// Starts one of an empty cluster.
    ///
    /// # Panics
    /// When it cannot be started, as all of this module does.
    pub async fn first() -> Self {
        let debian = Debian::new();
        let home = empty_cluster(&debian);
        Self::start(&debian, home, &[]).await
    }

    /// Starts one of an empty cluster that speaks TLS with this certificate and key (PEM files). From the role `nestr`
    /// it takes a password, and nothing without TLS.
    ///
    /// # Panics
    /// As [`Self::first`].
    pub async fn first_with_tls(certificate: &Path, key: &Path) -> Self {
        let debian = Debian::new();
        let home = empty_cluster(&debian);
        let owner = fs::metadata(&home).expect("the cluster").uid();
        for (file, name) in [(certificate, "server.crt"), (key, "server.key")] {
            let place = home.join(name);
            fs::copy(file, &place).expect("a copy");
            fs::set_permissions(&place, Permissions::from_mode(0o600)).expect("a file of ours");
            chown(&place, Some(owner), None).expect("a file of ours");
        }
        let rules = home.join("pg_hba.conf");
        let usual = fs::read_to_string(&rules).expect("who may connect");
        let own = "hostssl all nestr all scram-sha-256\nhost all nestr all reject\n";
        fs::write(&rules, format!("{own}{usual}")).expect("who may connect");
        Self::start(&debian, home, &["ssl=on"]).await
    }

    /// Starts another that follows this one, known to it as `standby`, as all of them are.
    ///
    /// # Panics
    /// As [`Self::first`].
    pub async fn standby(&self) -> Self {
        let follow = "SELECT count(*) FROM pg_stat_replication \
                      WHERE state = 'streaming' AND application_name = 'standby'";
        let server = self.client("postgres").await;
        let before = server.query_one(follow, &[]).await.expect("a count").get::<_, i64>(0);
        let debian = Debian::new();
        let home = new_home(&debian);
        let mut copy =
            debian.command(&debian.bin.join("pg_basebackup").display().to_string(), false);
        copy.arg("--pgdata").arg(&home).args(["--host", "127.0.0.1", "--username", "postgres"]);
        copy.args(["--port", &self.port.to_string(), "--wal-method", "stream"]);
        copy.args(["--checkpoint", "fast", "--no-sync", "--write-recovery-conf"]);
        done(copy);
        let standby = Self::start(&debian, home, &[]).await;
        until(&server, follow, before + 1).await;
        standby
    }

    async fn start(debian: &Debian, home: PathBuf, settings: &[&str]) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let mut command = debian.command(&debian.bin.join("postgres").display().to_string(), true);
        command.arg("-D").arg(&home);
        let directory = home.display().to_string();
        let usual = [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            &format!("unix_socket_directories={directory}"),
            "cluster_name=standby",
            "synchronous_commit=on",
            // A standby that lost the first looks for it again before it hears that it is to be the first.
            "wal_retrieve_retry_interval=100ms",
            "autovacuum=off",
            "jit=off",
        ];
        for setting in usual.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        // It ends with the thread that started it, which ends with the process.
        let (started, starting) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut server = command.spawn().expect("setpriv, of Debian's util-linux");
            started.send(server.id()).expect("somebody waits");
            server.wait()
        });
        let process = starting.recv().expect("a server");
        let server = Self { home, port, process };
        drop(server.client("postgres").await);
        server
    }

    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection to a database of it.
    pub async fn client(&self, database: &str) -> Client {
        let port = self.port;
        connect(&format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable")).await
    }

    /// No commit is answered any more before the standby has it.
    ///
    /// # Panics
    /// When it does not come to that, as below.
    pub async fn wait_for_standby(&self) {
        let server = self.client("postgres").await;
        for sql in
            ["ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"]
        {
            server.batch_execute(sql).await.expect("a setting");
        }
        until(&server, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", 1)
            .await;
    }

    /// Waits until the standby has done all that was done here.
    pub async fn is_followed(&self) {
        let behind = "SELECT count(*) FROM pg_stat_replication \
                      WHERE replay_lsn IS DISTINCT FROM pg_current_wal_lsn()";
        until(&self.client("postgres").await, behind, 0).await;
    }

    /// Stops the process of a standby that receives: it stays connected and takes nothing.
    pub async fn pause_receiver(&self) {
        signal("STOP", &[self.receiver().await]);
    }

    /// Ends the process that was paused, so that it takes nothing of what was sent meanwhile either.
    pub async fn end_receiver(&self) {
        let receiver = self.receiver().await;
        signal("TERM", &[receiver]);
        signal("CONT", &[receiver]);
    }

    async fn receiver(&self) -> u32 {
        let sql = "SELECT pid FROM pg_stat_wal_receiver";
        let row = self.client("postgres").await.query_one(sql, &[]).await.expect("a receiver");
        row.get::<_, i32>(0).try_into().expect("a process")
    }

    /// Makes the standby the first.
    ///
    /// # Panics
    /// When it does not become it.
    pub async fn promote(&self) {
        let server = self.client("postgres").await;
        let is_first = server.query_one("SELECT pg_promote()", &[]).await.expect("an answer");
        assert!(is_first.get::<_, bool>(0), "it is the first");
    }

    /// Stops all its processes: it stays connected, and neither takes nor says anything.
    ///
    /// # Panics
    /// As [`Self::kill`].
    pub fn hang(&self) {
        signal("STOP", &self.processes());
    }

    /// Lets one go on that hung.
    ///
    /// # Panics
    /// As [`Self::kill`].
    pub fn go_on(&self) {
        signal("CONT", &self.processes());
    }

    /// Ends it with all its processes at once, which have no say in it.
    ///
    /// # Panics
    /// When the processes of this machine cannot be seen.
    pub fn kill(&self) {
        signal("KILL", &self.processes());
    }

    /// Those that it started, and itself behind them.
    ///
    /// # Panics
    /// As [`Self::kill`].
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        let parent = |process: u32| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            let (_, rest) = stat.rsplit_once(')')?;
            rest.split_whitespace().nth(1)?.parse::<u32>().ok()
        };
        let processes = fs::read_dir("/proc").expect("the processes").flatten();
        let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut all: Vec<u32> =
            processes.filter(|process| parent(*process) == Some(self.process)).collect();
        all.push(self.process);
        all
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// A cluster of this process in which nothing is.
fn empty_cluster(debian: &Debian) -> PathBuf {
    done(debian.script(&[]));
    let home = new_home(debian);
    let mut copy = debian.command("cp", false);
    copy.arg("-R").arg(debian.base.join("template")).arg(&home);
    done(copy);
    home
}

/// Where a cluster of this process may be.
fn new_home(debian: &Debian) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    debian.base.join(format!("{}-{number}", std::process::id()))
}

/// Sends a signal. Processes that are gone already are none to mind.
fn signal(name: &str, processes: &[u32]) {
    let processes = processes.iter().map(ToString::to_string);
    let _ = Command::new("kill").arg(format!("-{name}")).args(processes).output();
}

/// Waits until a count is this.
async fn until(server: &Client, count: &str, wanted: i64) {
    let waiting = async {
        while server.query_one(count, &[]).await.expect("a count").get::<_, i64>(0) != wanted {
            tokio::time::sleep(A_MOMENT).await;
        }
    };
    tokio::time::timeout(crate::START, waiting)
        .await
        .unwrap_or_else(|_| panic!("not {wanted}: {count}"));
}
