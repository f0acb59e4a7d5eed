//! A pooler that lends connections for a transaction, before the server of the run.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;

use crate::debian::{Debian, done};
use crate::{connect, new_database};

/// A `PgBouncer` on a port of this machine. It ends with this, and with the process.
pub struct Pooler {
    port: u16,
    database: String,
    settings: PathBuf,
    process: u32,
}

impl Pooler {
    /// Starts one before a new, empty database. It has a few connections to the server for all who come.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start() -> Self {
        let (server, database) = new_database().await;
        let debian = Debian::new();
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let settings = format!(
            "[databases]\n* = host={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\n\
             default_pool_size = 4\nmax_client_conn = 200\n",
            server.display()
        );
        let path = std::env::temp_dir().join(format!("nestr-scim-pooler-{}", std::process::id()));
        fs::write(&path, settings).expect("its settings");
        let mut command = debian.command("/usr/sbin/pgbouncer", true);
        command.arg(&path);
        let (started, starting) = mpsc::sync_channel(1);
        std::thread::spawn(move || {
            let mut pooler = command.spawn().expect("setpriv, of Debian's util-linux");
            started.send(pooler.id()).expect("somebody waits");
            pooler.wait()
        });
        let process = starting.recv().expect("a pooler");
        let pooler = Self { port, database, settings: path, process };
        drop(connect(&pooler.url()).await);
        pooler
    }

    /// The database, through it.
    #[must_use]
    pub fn url(&self) -> String {
        let Self { port, database, .. } = self;
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let mut kill = Command::new("kill");
        kill.arg("-KILL").arg(self.process.to_string());
        done(kill);
        let _ = fs::remove_file(&self.settings);
    }
}
