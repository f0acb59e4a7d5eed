//! Gateways as processes of their own, before directories in the test's process.

use std::fs::{self, File};
use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::binary::{A_MOMENT, PATIENCE, Process, address, command, serving};
use super::replicas::GATEWAY;
use super::{Answer, Ask, Key};

/// A gateway; it goes with this.
pub(crate) struct Gateway {
    at: SocketAddr,
    _process: Process,
    _home: TempDir,
}

impl Gateway {
    /// Starts one before a directory, once it serves.
    pub(crate) async fn before(directory: SocketAddr) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let credential = home.path().join("credential");
        fs::write(&credential, GATEWAY).expect("a file");
        let (credential, directory) =
            (credential.display().to_string(), format!("http://{directory}"));
        let arguments = [
            "gateway",
            "--http",
            "127.0.0.1:0",
            "--directory",
            &directory,
            "--directory-credential-file",
            &credential,
            "--wrong-key-rate",
            "0",
        ];
        let log = home.path().join("log");
        let mut child = command(&arguments.map(str::to_owned))
            .stdout(File::create(home.path().join("out")).expect("a file"))
            .stderr(File::create(&log).expect("a file"))
            .spawn()
            .expect("the binary starts");
        let deadline = Instant::now() + PATIENCE * 3;
        let at = loop {
            let said = fs::read_to_string(&log).expect("the log");
            if let Some(line) = serving(&said) {
                break address(&line, "http");
            }
            let has_ended = child.try_wait().expect("its state").is_some();
            assert!(!has_ended && Instant::now() < deadline, "not serving:\n{said}");
            sleep(A_MOMENT).await;
        };
        let gateway = Self { at, _process: Process { child }, _home: home };
        while Ask::new("GET", "/readyz").send(at).await.status != 200 {
            assert!(Instant::now() < deadline, "not ready");
            sleep(A_MOMENT).await;
        }
        gateway
    }

    /// Sends a request with a key of the workspace that it belongs to.
    pub(crate) async fn send(&self, key: &Key, method: &str, endpoint: &str, body: &str) -> Answer {
        let path = format!("/scim/v2/{}{endpoint}", key.workspace_id);
        let ask = Ask::new(method, path).bearer(&key.text);
        let ask = if body.is_empty() { ask } else { ask.scim(body) };
        ask.send(self.at).await
    }
}
