//! Who follows the first server, and who does not.

use std::time::Duration;

use postgres_server::Server as Own;

use super::super::testing::{client, database_of};
use super::*;

/// Connections to a server of the test's own.
fn to(server: &Own) -> Connections {
    Server::of(&database_of(server)).unwrap().pool(2).unwrap()
}

async fn do_on(server: &Own, sql: &str) {
    client(&database_of(server)).await.batch_execute(sql).await.unwrap();
}

/// Waits until this is true of a server.
async fn until(server: &Own, sql: &str) {
    let client = client(&database_of(server)).await;
    while !client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
        sleep(Duration::from_millis(10)).await;
    }
}

/// Who takes writes, has another history, or has not come to the place of the first, does not follow it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_who_follows_the_first_is_asked() {
    let (first, stranger) = (Own::first().await, Own::first().await);
    let (second, strange) = (first.standby().await, stranger.standby().await);
    follow(&to(&first), &to(&second)).await.unwrap();
    assert!(matches!(follow(&to(&first), &to(&first)).await, Err(Astray::TakesWrites)));

    // Further on in a log of its own. Its cluster is a copy of the same one, as is its number: what differs
    // is the database.
    do_on(&stranger, "CREATE TABLE much AS SELECT generate_series(1, 100000) n").await;
    do_on(&stranger, "CREATE DATABASE other").await;
    let mut other = database_of(&strange);
    let url = other.url.expose().replace("/postgres?", "/other?");
    other.url = url.parse().unwrap();
    stranger.is_followed().await;
    let other = Server::of(&other).unwrap().pool(2).unwrap();
    assert!(matches!(follow(&to(&first), &other).await, Err(Astray::Elsewhere)));

    do_on(&second, "SELECT pg_wal_replay_pause()").await;
    do_on(&first, "CREATE TABLE late ()").await;
    assert!(matches!(follow(&to(&first), &to(&second)).await, Err(Astray::Behind)));
    do_on(&second, "SELECT pg_wal_replay_resume()").await;
    follow(&to(&first), &to(&second)).await.unwrap();

    first.hang();
    assert!(matches!(follow(&to(&first), &to(&second)).await, Err(Astray::Unled)));
    first.go_on();
}

/// A standby that had received what a failover lost is further than the new first, and would show what there is
/// not. The place in the log alone would let it pass, as is asserted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_what_a_failover_lost_is_not_asked() {
    let first = Own::first().await;
    let (second, third) = (first.standby().await, first.standby().await);
    first.is_followed().await;
    second.pause_receiver().await;
    do_on(&first, "CREATE TABLE lost AS SELECT generate_series(1, 100000) n").await;
    until(&third, "SELECT to_regclass('lost') IS NOT NULL").await;
    follow(&to(&first), &to(&third)).await.unwrap();

    first.kill();
    second.end_receiver().await;
    second.promote().await;
    let new = to(&second);
    let (_, at) = place(&new).await.unwrap();
    let (is_standby, _, has_come) = whereabouts(&to(&third), &at).await.unwrap();
    assert!(is_standby && has_come, "by the place alone it follows");
    assert!(matches!(follow(&new, &to(&third)).await, Err(Astray::Elsewhere)));
}

/// Who follows the new first is asked again, and what they may read goes by the time line, at once where the receiver
/// may be seen, else from the next restart point on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_the_new_first_is_asked_again() {
    let first = Own::first().await;
    let (second, third) = (first.standby().await, first.standby().await);
    first.is_followed().await;
    first.kill();
    second.promote().await;
    let settings = format!(
        "ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port={} user=postgres'",
        second.port()
    );
    do_on(&third, &settings).await;
    do_on(&third, "SELECT pg_reload_conf()").await;
    until(&third, "SELECT coalesce(bool_or(received_tli = 2), false) FROM pg_stat_wal_receiver")
        .await;
    follow(&to(&second), &to(&third)).await.unwrap();
}

#[test]
fn what_a_request_has_read_is_never_followed_by_what_is_older() {
    assert!(Allowed::at(Freshness::Newest).is_none());
    for (freshness, least) in [(Freshness::Any, 0), (Freshness::AtLeast(7), 7)] {
        let allowed = Allowed::at(freshness).unwrap();
        assert!(allowed.is_any() && allowed.takes(least));
        assert!(least == 0 || !allowed.takes(least - 1));
        assert!(allowed.takes(9) && allowed.takes(9) && !allowed.takes(8));
        allowed.clone().end();
        assert!(!allowed.is_any() && !allowed.takes(10));
    }
    assert!(!Allowed::at(Freshness::AtLeast(u64::MAX)).unwrap().is_any());
}
