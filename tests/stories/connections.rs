//! Slow clients and many of them, against the limits that the product has.

use std::fs;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{Ask, Nestr, is_long};

/// Longer than any limit of a client.
const PATIENCE: Duration = Duration::from_secs(110);

/// What the server says until it ends the connection, and how long that took.
async fn until_the_end(mut stream: TcpStream) -> (String, Duration) {
    let (began, mut said) = (Instant::now(), Vec::new());
    // A connection that is cut may be reset.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("an end");
    (String::from_utf8_lossy(&said).into_owned(), began.elapsed())
}

/// The head of a request has 10 s, on REST and gRPC alike; others are served meanwhile.
#[tokio::test]
async fn a_head_has_ten_seconds() {
    let nestr = Nestr::start().await;
    let mut slow = JoinSet::new();
    for at in [nestr.http(), nestr.grpc()] {
        for begun in ["", "POST ", "PRI * HTTP/2.0\r\n\r\nSM", "GET / HTTP/1.1\r\nHost: x\r\n"] {
            let mut stream = TcpStream::connect(at).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            slow.spawn(async move { (begun, until_the_end(stream).await) });
        }
    }
    nestr.acme().create("ada@acme.com").await;
    while let Some(ended) = slow.join_next().await {
        let (begun, (said, took)) = ended.unwrap();
        assert!((10..50).contains(&took.as_secs()), "{begun:?} after {took:?}: {said}");
    }
}

/// A body that comes at less than 1 kB/s is answered 408 in SCIM's words, to whoever has the key.
#[tokio::test]
async fn a_body_in_drips_is_answered_408() {
    let acme = Nestr::start().await;
    let (http, acme) = (acme.http(), acme.acme());
    let ask = acme.ask("POST", "/Users").header("Content-Length", "50000").scim("{");
    let (mut read, mut write) = TcpStream::connect(http).await.unwrap().into_split();
    write.write_all(&ask.bytes(http)).await.unwrap();
    let dripping = tokio::spawn(async move {
        while write.write_all(b" ").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, read.read_to_end(&mut said)).await.expect("an end");
    dripping.abort();
    let said = String::from_utf8(said).unwrap();
    assert!(said.starts_with("HTTP/1.1 408 ") && said.contains("1 kB/s"), "{said}");
    assert!(said.contains("urn:ietf:params:scim:api:messages:2.0:Error"), "{said}");
}

/// An idle connection has 75 s.
#[tokio::test]
async fn an_idle_connection_goes_on_until_its_time() {
    let nestr = Nestr::start().await;
    let mut stream = TcpStream::connect(nestr.http()).await.unwrap();
    let ask = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for _ in 0..2 {
        stream.write_all(ask.as_bytes()).await.unwrap();
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).await.unwrap();
        assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
        // Beyond what a head may take.
        sleep(Duration::from_secs(11)).await;
    }
    if is_long() {
        let (said, took) = until_the_end(stream).await;
        assert!(said.is_empty() && (60..80).contains(&took.as_secs()), "after {took:?}");
    }
}

/// The resident memory of a process, in KiB, without that of the program itself: its pages are those of the file, and
/// many of them in a build for tests.
pub(crate) fn resident(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).expect("its memory");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Ten thousand clients that do nothing, each after one request, cost little and stop nobody. Seen to
/// fail with a buffer of 64 KiB made for each connection.
#[tokio::test]
async fn ten_thousand_idle_connections_stay_under_320_mib() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let settings = ["--demo", "acme.com", "--max-connections-per-address", "0"];
    let nestr = Nestr::start_with(&settings).await;
    let mut idle = Vec::new();
    for _ in 0..10_000 {
        let mut stream = TcpStream::connect(nestr.http()).await.expect("a connection");
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        idle.push(stream);
        if let Some(earlier) = idle.len().checked_sub(50) {
            let mut answer = [0; 512];
            assert!(idle[earlier].read(&mut answer).await.unwrap() > 0);
        }
    }
    let memory = resident(nestr.gateway_pid());
    println!("{} MiB", memory / 1024);
    assert!(memory < 320 * 1024, "{memory} KiB");
    nestr.acme().create("ada@acme.com").await;
    drop(idle);
}

/// One address has its cap, and is served again once it holds fewer.
#[tokio::test]
async fn an_address_has_a_cap_on_connections() {
    let settings = ["--demo", "acme.com", "--max-connections-per-address", "5"];
    let nestr = Nestr::start_with(&settings).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(TcpStream::connect(nestr.http()).await.unwrap());
    }
    let ask = || Ask::new("GET", "/healthz").try_send(nestr.http());
    let end = Instant::now() + PATIENCE;
    while ask().await.is_ok() {
        assert!(Instant::now() < end, "the cap holds");
    }
    drop(held);
    while ask().await.is_err() {
        assert!(Instant::now() < end, "places that are free again");
        sleep(Duration::from_millis(10)).await;
    }
}
