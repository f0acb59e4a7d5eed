//! The PostgreSQL server dies under load and its standby takes over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres_server::Server;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::{Ask, Nestr, Workspace, is_long, unique};

/// Clients that write at the same time.
const CLIENTS: usize = 8;
/// How long it may take until a write is taken again; met at five times that.
const AGAIN: Duration = Duration::from_secs(5);
/// How long there is load before and after.
const LOAD: Duration = Duration::from_secs(2);

/// Whether a commit waits for the standby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standby {
    IsWaitedFor,
    /// And it takes nothing.
    IsPaused,
}

/// What became of a failover.
struct Outcome {
    acknowledged: usize,
    lost: usize,
    /// How long it took until the standby was the first.
    promoted: Duration,
    /// From the end of the first server to the answer of the first write that was begun after it and taken.
    away: Duration,
}

/// A write that was acknowledged: whom it made, and when it began and was answered.
type Acknowledged = (String, Instant, Instant);

/// People who are made without a pause.
async fn write(acme: Workspace, over: Arc<AtomicBool>) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let name = format!("{}@acme.com", unique());
        let body = json!({ "userName": name }).to_string();
        let began = Instant::now();
        let answer = acme.try_send(acme.ask("POST", "/Users").scim(body)).await;
        if answer.is_ok_and(|answer| answer.status == 201) {
            acknowledged.push((name, began, Instant::now()));
        }
    }
    acknowledged
}

/// Everybody who is there.
async fn names(acme: &Workspace) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let page = format!("/Users?attributes=userName&count=200&startIndex={}", names.len() + 1);
        let rows = acme.get(&page).await.rows();
        if rows.is_empty() {
            return names;
        }
        names.extend(rows.iter().map(|row| row["userName"].as_str().expect("a name").to_owned()));
    }
}

/// Waits until the metrics hold this line.
async fn until_counted(nestr: &Nestr, line: &str) {
    let deadline = Instant::now() + AGAIN * 5;
    while !nestr.send(Ask::new("GET", "/metrics")).await.body.lines().any(|found| found == line) {
        assert!(Instant::now() < deadline, "no {line:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn failover(standby: Standby) -> Outcome {
    let first = Server::first().await;
    first
        .client("postgres")
        .await
        .batch_execute("CREATE DATABASE nestr")
        .await
        .expect("a database");
    let second = first.standby().await;
    let url = format!(
        "postgres://postgres@127.0.0.1:{},127.0.0.1:{}/nestr?target_session_attrs=read-write&sslmode=disable",
        first.port(),
        second.port()
    );
    if standby == Standby::IsWaitedFor {
        first.wait_for_standby().await;
    }
    let nestr = Nestr::start_on(&url, &["--demo", "acme.com", "--rate", "0"]).await;
    let acme = nestr.acme();
    match standby {
        Standby::IsWaitedFor => {
            nestr.until_logged("answered once a standby has it").await;
            until_counted(&nestr, "nestr_scim_store_synchronous 1").await;
        }
        Standby::IsPaused => {
            nestr.until_logged("answered before any standby has it").await;
            until_counted(&nestr, "nestr_scim_store_synchronous 0").await;
            first.is_followed().await;
            second.pause_receiver().await;
        }
    }

    let (over, mut load) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for _ in 0..CLIENTS {
        load.spawn(write(acme.clone(), Arc::clone(&over)));
    }
    sleep(LOAD).await;
    first.kill();
    let killed = Instant::now();
    if standby == Standby::IsPaused {
        second.end_receiver().await;
    }
    second.promote().await;
    let promoted = killed.elapsed();
    sleep(LOAD).await;
    let deadline = killed + AGAIN * 5;
    while acme.post("/Users", json!({ "userName": unique() }).to_string()).await.status != 201 {
        assert!(Instant::now() < deadline, "no write is taken:\n{}", nestr.log());
    }
    over.store(true, Ordering::Relaxed);
    let acknowledged = load.join_all().await.concat();
    let after = acknowledged.iter().filter(|(_, began, _)| *began > killed);
    let again = after.map(|(_, _, answered)| *answered).min();
    let there = names(&acme).await;
    let lost = acknowledged.iter().filter(|(name, ..)| !there.contains(name)).count();
    let away = again.expect("a write that was taken") - killed;
    Outcome { acknowledged: acknowledged.len(), lost, promoted, away }
}

/// Nothing that was answered is lost, and writes are taken again by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_server_dies_under_load_and_nothing_acknowledged_is_lost() {
    for _ in 0..if is_long() { 20 } else { 1 } {
        let Outcome { acknowledged, lost, promoted, away } = failover(Standby::IsWaitedFor).await;
        println!(
            "{acknowledged} writes, {lost} lost; promoted after {promoted:?}, written after {away:?}"
        );
        assert!(acknowledged > 100, "there was load");
        assert_eq!(lost, 0);
        assert!(away < AGAIN * 5, "{away:?}");
    }
}

/// What shows that the test above would see a loss: a standby that is not waited for, and takes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_standby_that_is_waited_for_the_same_loses_writes() {
    let Outcome { acknowledged, lost, promoted, away } = failover(Standby::IsPaused).await;
    println!(
        "{acknowledged} writes, {lost} lost; promoted after {promoted:?}, written after {away:?}"
    );
    assert!(lost > 0, "the receiver was paused");
}
