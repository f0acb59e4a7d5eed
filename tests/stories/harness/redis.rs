//! A Redis of a test's own: started on a free port, paused, emptied, filled, ended, and read whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use futures_util::StreamExt;
use nix::sys::signal::Signal;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisResult};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::binary::{A_MOMENT, PATIENCE, Process, free_address};

/// A Redis; it goes with this.
pub(crate) struct Redis {
    at: SocketAddr,
    /// Where it is reached by TLS, if it is.
    by_tls: Option<SocketAddr>,
    home: TempDir,
    /// How it is called.
    arguments: Vec<String>,
    process: Mutex<Option<Process>>,
}

/// What a Redis is told, by anybody.
pub(crate) struct Monitor(TcpStream);

/// Who listens to a channel.
pub(crate) struct Listener(PubSub);

/// Where the test reaches a server, which has no TLS, and where others do by TLS, if the settings have that.
fn addresses(there: SocketAddr, settings: &[&str]) -> (SocketAddr, Option<SocketAddr>) {
    if settings.contains(&"--tls-cert-file") {
        (free_address(), Some(there))
    } else {
        (there, None)
    }
}

/// redis-server as `./test` installs it, else as the machine has it.
fn server() -> PathBuf {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin/redis-server");
    if pinned.exists() { pinned } else { "redis-server".into() }
}

impl Redis {
    /// Starts one that keeps nothing on the disk.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with these settings of its own.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        Self::start_at(free_address(), settings).await
    }

    /// Starts one that takes its time to load what it held: some ten seconds for [`Self::restart_loading`].
    pub(crate) async fn start_slow_to_load() -> Self {
        // In microseconds for a key, and after how many bytes it looks who asks.
        let slow = ["--key-load-delay", "5000", "--loading-process-events-interval-bytes", "1024"];
        Self::start_with(&slow).await
    }

    /// Starts one that can be made a node of a cluster, with these settings of its own.
    pub(crate) async fn start_node(settings: &[&str]) -> Self {
        let has_room = |at: &SocketAddr| {
            // Nodes talk with each other on a port that much higher, which has to be below those that
            // connections are given.
            at.port() < 22_000 && TcpListener::bind((at.ip(), at.port() + 10_000)).is_ok()
        };
        let at = std::iter::repeat_with(free_address).find(has_room).expect("a free port");
        let cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        Self::start_at(at, &[&cluster[..], settings].concat()).await
    }

    /// Starts one that others reach there, by TLS if the settings have that.
    async fn start_at(there: SocketAddr, settings: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (at, by_tls) = addresses(there, settings);
        let port = at.port().to_string();
        let tls_port = by_tls.map_or(0, |by_tls| by_tls.port()).to_string();
        let ports = ["--bind", "127.0.0.1", "--port", &port, "--tls-port", &tls_port];
        let quiet = ["--save", "", "--appendonly", "no", "--daemonize", "no"];
        let arguments = [&ports[..], &quiet, settings].concat();
        Self::start_as(at, by_tls, home, &arguments).await
    }

    /// Starts a sentinel that watches a server under this name, and gives it up after two seconds, if as
    /// many as `quorum` agree. Of the settings, which are the server's, it has those of TLS.
    pub(crate) async fn start_sentinel(
        name: &str,
        server: &Self,
        quorum: usize,
        settings: &[&str],
    ) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory");
        let (at, by_tls) = addresses(free_address(), settings);
        let (port, host, of_server) = (at.port(), server.there().ip(), server.there().port());
        let tls_port = by_tls.map_or(0, |by_tls| by_tls.port());
        // It keeps what it learns in its file.
        let mut text = format!(
            "bind 127.0.0.1\nport {port}\ntls-port {tls_port}\n\
             sentinel monitor {name} {host} {of_server} {quorum}\n\
             sentinel down-after-milliseconds {name} 2000\n\
             sentinel failover-timeout {name} 2000\n"
        );
        for setting in settings.chunks(2) {
            if let [name, value] = setting
                && let Some(name) = name.strip_prefix("--").filter(|name| name.starts_with("tls"))
            {
                let _ = writeln!(text, "{name} {value}");
            }
        }
        fs::write(home.path().join("sentinel.conf"), text).expect("a file of settings");
        Self::start_as(at, by_tls, home, &["sentinel.conf", "--sentinel"]).await
    }

    async fn start_as(
        at: SocketAddr,
        by_tls: Option<SocketAddr>,
        home: TempDir,
        arguments: &[&str],
    ) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let redis = Self { at, by_tls, home, arguments, process: Mutex::new(None) };
        redis.start_again().await;
        redis
    }

    /// Starts it again where it was, with what it was told to save.
    pub(crate) async fn start_again(&self) {
        let log = File::create(self.home.path().join("log")).expect("a log file");
        let child = Command::new(server())
            .args(&self.arguments)
            .current_dir(self.home.path())
            .env_clear()
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .expect("there is a redis-server: ./test installs it");
        *self.process.lock().expect("nobody panicked") = Some(Process { child });
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(self.at).await.is_err() {
            let log = || fs::read_to_string(self.home.path().join("log")).expect("a log");
            assert!(Instant::now() < deadline, "no Redis after {PATIENCE:?}:\n{}", log());
            sleep(A_MOMENT).await;
        }
    }

    /// Ends it, and starts it again with all that it held, and much beside: until it has loaded that, it says so to
    /// whoever asks.
    pub(crate) async fn restart_loading(&self) {
        let fill =
            b"for i = 1, 2000 do redis.call('SET', 'filler' .. i, string.rep('x', 2000)) end";
        let _: Option<String> = self.tell(&[b"EVAL", fill, b"0"]).await;
        let _: () = self.say("CONFIG SET rdbcompression no").await;
        let _: () = self.say("SAVE").await;
        self.stop();
        self.start_again().await;
        let refused = self.try_to_tell::<String>(&[b"PING"]).await.expect_err("it is loading");
        assert_eq!(refused.code(), Some("LOADING"), "{refused}");
    }

    /// Ends it at once, with all that it held.
    pub(crate) fn stop(&self) {
        *self.process.lock().expect("nobody panicked") = None;
    }

    /// It does nothing any more, and its connections stay.
    pub(crate) fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// It goes on.
    pub(crate) fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// Where others reach it: by TLS, if it has that.
    pub(crate) fn there(&self) -> SocketAddr {
        self.by_tls.unwrap_or(self.at)
    }

    /// Where it is, for `--redis`.
    pub(crate) fn url(&self) -> String {
        self.urls("")
    }

    /// The beginning of a URL of this kind, which is `""`, `"-sentinel"` or `"-cluster"`, and this one as its first host.
    pub(super) fn urls(&self, kind: &str) -> String {
        let scheme = if self.by_tls.is_some() { "rediss" } else { "redis" };
        format!("{scheme}{kind}://{}", self.there())
    }

    /// What it answers to a command.
    pub(crate) async fn tell<T: FromRedisValue>(&self, words: &[&[u8]]) -> T {
        self.try_to_tell(words).await.unwrap_or_else(|refused| panic!("{refused}"))
    }

    /// The same, or why it refuses.
    pub(super) async fn try_to_tell<T: FromRedisValue>(&self, words: &[&[u8]]) -> RedisResult<T> {
        let (name, arguments) = words.split_first().expect("a command");
        let name = std::str::from_utf8(name).expect("its name");
        let mut connection = self.connection().await?;
        let command = arguments.iter().fold(redis::cmd(name), |mut c, word| {
            c.arg(word);
            c
        });
        command.query_async(&mut connection).await
    }

    /// The same, in plain words.
    pub(crate) async fn say<T: FromRedisValue>(&self, words: &str) -> T {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        self.tell(&words).await
    }

    /// All that it holds, by name.
    pub(crate) async fn holds(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut held = BTreeMap::new();
        for name in self.say::<Vec<Vec<u8>>>("KEYS *").await {
            if let Some(value) = self.tell::<Option<Vec<u8>>>(&[b"GET", &name]).await {
                held.insert(name, value);
            }
        }
        held
    }

    /// How often each command was called.
    pub(crate) async fn calls(&self) -> BTreeMap<String, u64> {
        let stats: String = self.say("INFO commandstats").await;
        let call = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        };
        stats.lines().filter_map(call).collect()
    }

    /// How often something that was asked for was there.
    pub(crate) async fn hits(&self) -> u64 {
        let stats: String = self.say("INFO stats").await;
        let hits = stats.lines().find_map(|line| line.strip_prefix("keyspace_hits:"));
        hits.and_then(|hits| hits.parse().ok()).expect("a number of hits")
    }

    /// Listens to all that it is told.
    pub(crate) async fn monitor(&self) -> Monitor {
        let mut stream = TcpStream::connect(self.at).await.expect("a connection");
        stream.write_all(b"MONITOR\r\n").await.expect("it listens");
        let mut said = [0; 5];
        stream.read_exact(&mut said).await.expect("an answer");
        assert_eq!(&said, b"+OK\r\n");
        Monitor(stream)
    }

    /// Listens to a channel, as anybody can.
    pub(crate) async fn listens_to(&self, channel: &str) -> Listener {
        let client = Client::open(format!("redis://{}", self.at)).expect("a URL");
        let mut listener = client.get_async_pubsub().await.expect("a connection");
        listener.subscribe(channel).await.expect("it listens");
        Listener(listener)
    }

    async fn connection(&self) -> RedisResult<MultiplexedConnection> {
        let client = Client::open(format!("redis://{}", self.at))?;
        // The library's own patience is half a second, and the machine may be busy.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.lock().expect("nobody panicked");
        process.as_ref().expect("a running Redis").signal(signal);
    }
}

impl Listener {
    /// The next that is told.
    pub(crate) async fn next(&mut self) -> Vec<u8> {
        self.0.on_message().next().await.expect("a connection").get_payload_bytes().to_vec()
    }
}

impl Monitor {
    /// What was told until it has been quiet for a moment.
    pub(crate) async fn heard(mut self) -> String {
        let mut heard = Vec::new();
        let quiet = Duration::from_millis(500);
        while let Ok(Ok(1..)) = timeout(quiet, self.0.read_buf(&mut heard)).await {}
        String::from_utf8(heard).expect("it escapes what is no text")
    }
}
