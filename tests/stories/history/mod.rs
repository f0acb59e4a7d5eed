//! Sixteen clients at once, and a directory that is killed again and again: what they are told is as if each
//! call had been done at one moment, one after the other.

mod check;
mod client;
mod doctored;
mod feed;
mod record;

use std::time::Duration;

use directory_api::v1;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::harness::{Nestr, Shape, is_long, seed, unique};
use check::check;
use client::{World, revision};
use feed::Feed;
use record::{Call, History, Revision};

/// How many ask at once.
const CLIENTS: u64 = 16;
/// For how long. It is the kills that find what there is to find, and there are some sixty in it; the long
/// form has four hundred.
const LASTING: Duration = Duration::from_mins(1);
const LASTING_LONG: Duration = Duration::from_mins(10);

/// People and groups, made, looked at, changed, joined, left and removed. Seen to fail with clients that took
/// a group without members for an empty one; what else it finds, `doctored` shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_clients_are_told_is_one_history() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    // The directory comes back to where it was.
    let nestr = Nestr::start_as(Shape::Split, &["--demo", "acme.com"]).await;
    let acme = nestr.acme();
    // What is told lies between two writes of nobody's.
    let (first, last) = (unique(), unique());
    let before = write(&nestr, &acme.id, &first).await;
    let feed = Feed::open(&nestr, &acme.id).await.until(last.clone());
    let world = World::new(&nestr, &acme.id);
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(world.clone().client(StdRng::seed_from_u64(seed.wrapping_add(number))));
    }
    let (began, mut kills) = (Instant::now(), 0);
    while began.elapsed() < if is_long() { LASTING_LONG } else { LASTING } {
        sleep(Duration::from_millis(rng.random_range(200..1_200))).await;
        nestr.kill_directory();
        kills += 1;
        nestr.start_directory_again().await;
    }
    world.ends();
    let mut calls: Vec<Call> = clients.join_all().await.into_iter().flatten().collect();
    calls.extend(world.looks_at_all().await);
    write(&nestr, &acme.id, &last).await;
    let changes = feed.await.expect("what was told");
    let asked = calls.len();
    let counts =
        check(&History { before, calls, changes }).unwrap_or_else(|fault| panic!("{fault}"));
    println!("{asked} calls, {kills} kills, {counts:?}");
    assert!(counts.writes > 200 && counts.unheard > 5, "too little was seen: {counts:?}");
}

/// A write under this name, of somebody whom no client knows; answers its revision.
async fn write(nestr: &Nestr, workspace_id: &str, name: &str) -> Revision {
    let scim_json = json!({"userName": name}).to_string();
    let ask = v1::CreateUserRequest {
        workspace_id: workspace_id.to_owned(),
        resource: Some(v1::create_user_request::Resource::ScimJson(scim_json)),
        operation_id: name.to_owned(),
        ..v1::CreateUserRequest::default()
    };
    let user = nestr.operator().users().create_user(ask).await.expect("a person").into_inner();
    revision(user.meta)
}
