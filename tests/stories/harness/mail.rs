//! A mail server, and the letters that it was given.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::binary::{A_MOMENT, PATIENCE, Process};

/// aiosmtpd as `./test` installs it.
const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/mail/bin/python");
const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stories/harness/mail_server.py");

/// A mail server on this machine; it goes with this.
pub(crate) struct MailServer {
    folder: TempDir,
    at: SocketAddr,
    _process: Process,
}

/// A letter as another program understood it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Received {
    /// The sender and the recipients of the envelope.
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) headers: BTreeMap<String, String>,
    /// The types of its parts.
    pub(crate) parts: Vec<String>,
    pub(crate) text: String,
    pub(crate) html: String,
    pub(crate) is_encrypted: bool,
    pub(crate) user: Option<String>,
}

impl MailServer {
    /// One that takes everything in plain text, unless the options say otherwise.
    pub(crate) async fn start(options: &[&str]) -> Self {
        assert!(
            Path::new(PYTHON).is_file(),
            "there is no mail server at {PYTHON}: ./test installs it"
        );
        let folder = tempfile::tempdir().expect("a temporary directory");
        let told = folder.path().join("port");
        let child = Command::new(PYTHON)
            .arg(SERVER)
            .arg(folder.path())
            .args(options)
            .stdin(Stdio::null())
            .stdout(File::create(&told).expect("a file"))
            .spawn()
            .expect("Python runs");
        let process = Process { child };
        let deadline = Instant::now() + PATIENCE * 2;
        loop {
            let told = fs::read_to_string(&told).expect("what it says");
            if let Ok(port) = told.trim().parse::<u16>() {
                return Self { folder, at: ([127, 0, 0, 1], port).into(), _process: process };
            }
            assert!(Instant::now() < deadline, "no mail server after {PATIENCE:?} twice");
            sleep(A_MOMENT).await;
        }
    }

    /// Where it is, as `127.0.0.1:port`.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    /// The letters that it took, the first first.
    pub(crate) fn received(&self) -> Vec<Received> {
        let read = |number: u32| {
            fs::read_to_string(self.folder.path().join(format!("{number}.json"))).ok()
        };
        let texts = (1..).map_while(read);
        texts.map(|text| serde_json::from_str(&text).expect("a letter")).collect()
    }

    /// Waits until it took so many letters.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let deadline = Instant::now() + PATIENCE * 3;
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(Instant::now() < deadline, "{received:?} after {PATIENCE:?} three times");
            sleep(A_MOMENT).await;
        }
    }
}
