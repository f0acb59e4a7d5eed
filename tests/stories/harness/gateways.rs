//! Gateways as processes of their own, before directories wherever these are.

use std::fs;
use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::binary::{A_MOMENT, PATIENCE, Process, address, command, spawn};
use super::replicas::GATEWAY;
use super::{Answer, Ask, Key};

/// A gateway; it goes with this.
pub(crate) struct Gateway {
    at: SocketAddr,
    _process: Process,
    _home: TempDir,
}

impl Gateway {
    /// Starts one before these directories, once it serves.
    pub(crate) async fn before(directories: &[SocketAddr]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let credential = home.path().join("credential");
        fs::write(&credential, GATEWAY).expect("a file");
        let urls: Vec<_> = directories.iter().map(|at| format!("http://{at}")).collect();
        let (credential, urls) = (credential.display().to_string(), urls.join(","));
        let arguments = [
            "gateway",
            "--http",
            "127.0.0.1:0",
            "--directory",
            &urls,
            "--directory-credential-file",
            &credential,
            "--wrong-key-rate",
            "0",
            "--max-connections-per-address",
            "0",
        ];
        let mut command = command(&arguments.map(str::to_owned));
        let (out, err) = (home.path().join("out"), home.path().join("err"));
        let (process, line) = spawn(&mut command, &out, &err).await;
        let gateway = Self { at: address(&line, "http"), _process: process, _home: home };
        let deadline = Instant::now() + PATIENCE * 3;
        while Ask::new("GET", "/readyz").send(gateway.at).await.status != 200 {
            assert!(Instant::now() < deadline, "not ready");
            sleep(A_MOMENT).await;
        }
        gateway
    }

    /// Where it is reached.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    /// Sends a request with a key of the workspace that it belongs to.
    pub(crate) async fn send(&self, key: &Key, method: &str, endpoint: &str, body: &str) -> Answer {
        key.ask(method, endpoint, body).send(self.at).await
    }
}

impl Key {
    /// A request with it, to an endpoint of its workspace.
    pub(crate) fn ask(&self, method: &str, endpoint: &str, body: &str) -> Ask {
        let path = format!("/scim/v2/{}{endpoint}", self.workspace_id);
        let ask = Ask::new(method, path).bearer(&self.text);
        if body.is_empty() { ask } else { ask.scim(body) }
    }
}
