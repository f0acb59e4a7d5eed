//! Gateway and directory apart: each may be away, each may be killed, and the other bears it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory_api::v1;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rstest::rstest;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Request};

use crate::harness::{Ask, Dialect, Nestr, Person, Shape, Workspace, is_long, seed, unique};

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Entra's whole life of a person, in both shapes, whatever shape the other stories run in.
#[rstest]
#[tokio::test]
async fn a_person_joins_changes_and_leaves(
    #[values(Shape::Whole, Shape::Split)] shape: Shape,
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let nestr = Nestr::start_as(shape, &["--demo", "acme.com"]).await;
    let acme = nestr.acme();
    let entra = acme.connect_entra(dialect);
    assert!(entra.test_connection().await.rows().is_empty());
    let ada = entra.assign("Ada@acme.com").await;
    entra.rename(&ada, "ada.lovelace@acme.com").await.is(200);
    assert_eq!(entra.match_by_user_name("ADA.lovelace@acme.com").await.unwrap()["id"], *ada);
    entra.create(&Person::of("ada.lovelace@acme.com")).await.refused(409, "uniqueness");
    entra.disable(&ada).await;
    entra.enable(&ada).await.is(200);
    entra.delete(&ada).await.is(204);
    entra.get(&ada).await.refused(404, "");
}

/// The gateway starts without its directory, says so, and finds it by itself, whenever it comes.
#[tokio::test]
async fn a_gateway_waits_for_its_directory() {
    let settings = ["--demo", "acme.com", "--request-timeout", "1s"];
    let nestr = Nestr::start_as(Shape::Split, &settings).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;

    nestr.kill_directory();
    nestr.send(Ask::new("GET", "/readyz")).await.is(503);
    nestr.send(Ask::new("GET", "/healthz")).await.is(200);
    for ask in [
        acme.ask("GET", &format!("/Users/{ada}")),
        acme.ask("POST", "/Users").scim(r#"{"userName":"bob@acme.com"}"#),
    ] {
        let answer = nestr.send(ask).await;
        assert!(answer.header("retry-after").is_some(), "{answer}");
        answer.refused(503, "");
    }
    nestr.kill_gateway();
    nestr.start_gateway_again().await;
    nestr.send(Ask::new("GET", "/readyz")).await.is(503);

    nestr.start_directory_again().await;
    nestr.wait_until_ready().await;
    acme.get(&format!("/Users/{ada}")).await.is(200);
    assert!(acme.find(r#"userName eq "bob@acme.com""#).await.rows().is_empty());
}

/// A request that comes while the directory is away for a moment is answered as if nothing had been.
/// Seen to fail with the channel's second try taken out.
#[tokio::test]
async fn a_short_absence_of_the_directory_costs_no_request() {
    let nestr = Nestr::start_as(Shape::Split, &["--demo", "acme.com"]).await;
    let acme = nestr.acme();
    nestr.kill_directory();
    let asking = {
        let acme = acme.clone();
        tokio::spawn(async move { acme.create("ada@acme.com").await })
    };
    sleep(Duration::from_millis(50)).await;
    nestr.start_directory_again().await;
    let ada = asking.await.unwrap();
    acme.get(&format!("/Users/{ada}")).await.is(200);
}

/// Clients write and read through a gateway while both halves are killed in turn. What was answered
/// 2xx is there, once; what was answered otherwise is a 503 or no answer at all, and nothing else.
/// Seen to fail with writes that carry no operation id: a person whose first answer was lost was then
/// refused as a duplicate.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_half_may_be_killed_under_load() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let rounds = if is_long() { 40 } else { 6 };
    let settings = ["--demo", "acme.com", "--request-timeout", "20s", "--rate", "0"];
    let nestr = Nestr::start_as(Shape::Split, &settings).await;
    let (acme, over) = (nestr.acme(), Arc::new(AtomicBool::new(false)));
    let mut clients = JoinSet::new();
    for _ in 0..4 {
        clients.spawn(provision(acme.clone(), Arc::clone(&over)));
    }
    for round in 0..rounds {
        sleep(Duration::from_millis(rng.random_range(50..300))).await;
        if round % 2 == 0 {
            nestr.kill_directory();
            nestr.start_directory_again().await;
        } else {
            nestr.kill_gateway();
            nestr.start_gateway_again().await;
        }
        nestr.wait_until_ready().await;
    }
    sleep(Duration::from_millis(200)).await;
    over.store(true, Ordering::Relaxed);
    let people: Vec<_> = clients.join_all().await.into_iter().flatten().collect();
    assert!(people.len() > 20, "only {} people", people.len());
    let mut groups = 0;
    for (name, title, group) in people {
        let rows = acme.find(&format!(r#"userName eq "{name}""#)).await.rows();
        assert_eq!(rows.len(), 1, "{name}");
        assert_eq!(rows[0]["title"], *title, "{name}");
        let Some(group) = group else { continue };
        groups += 1;
        let group = acme.get(&format!("/Groups/{group}")).await.is(200).json();
        assert_eq!(group["displayName"], *name);
        assert_eq!(group["members"].as_array().map(Vec::len), Some(1), "{group}");
        assert_eq!(group["members"][0]["value"], rows[0]["id"]);
        assert_eq!(rows[0]["groups"][0]["value"], group["id"], "{name}");
    }
    assert!(groups > 20, "only {groups} groups");
}

/// Makes people, changes each once and puts them into a group, for as long as it goes on; answers those
/// whose creation was acknowledged, with the title that was acknowledged last and the group if it was.
async fn provision(
    acme: Workspace,
    over: Arc<AtomicBool>,
) -> Vec<(String, String, Option<String>)> {
    let mut people = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let name = format!("p-{}@acme.com", unique());
        let body = json!({"userName": name, "title": "first"}).to_string();
        let Some((201, id)) = answered(&acme, acme.ask("POST", "/Users").scim(body)).await else {
            continue;
        };
        let value = json!({"title": "second"});
        let body = json!({"Operations": [{"op": "replace", "value": value}]}).to_string();
        let patch = acme.ask("PATCH", &format!("/Users/{id}")).scim(body);
        let mut title = "first";
        for _ in 0..50 {
            if answered(&acme, patch.clone()).await.is_some() {
                title = "second";
                break;
            }
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(title, "second", "a patch got no answer for too long");
        let members = json!([{"value": id}]);
        let body = json!({"displayName": name, "members": members}).to_string();
        let group = answered(&acme, acme.ask("POST", "/Groups").scim(body)).await;
        people.push((name, title.to_owned(), group.map(|(_, id)| id)));
    }
    people
}

/// Status and id of an answer; `None` when there is none, or a 503.
async fn answered(acme: &Workspace, ask: Ask) -> Option<(u16, String)> {
    let answer = acme.try_send(ask).await.ok()?;
    match answer.status {
        200 | 201 => Some((answer.status, answer.text("/id"))),
        503 => None,
        _ => panic!("a wrong answer:\n{answer}"),
    }
}

/// A caller's deadline ends a slow call, over a socket as in process. The call would take seconds:
/// a filter of many terms that no index serves, over long texts.
#[rstest]
#[tokio::test]
async fn a_callers_deadline_ends_a_slow_call(#[values(Shape::Whole, Shape::Split)] shape: Shape) {
    let nestr = Nestr::start_as(shape, &["--demo", "acme.com", "--request-timeout", "50ms"]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let text = "ab".repeat(30_000);
    for number in 0..40 {
        let body = json!({"userName": format!("p{number}"), "title": text, "nickName": text});
        operator.create_user(&acme.id, &body.to_string()).await;
    }
    let terms: Vec<_> = (0..150).map(|n| format!(r#"title co "abb{n}""#)).collect();
    let filter = terms.join(" or ");

    let ask = v1::ListUsersRequest {
        workspace_id: acme.id.clone(),
        filter: filter.clone(),
        ..v1::ListUsersRequest::default()
    };
    let mut ask = Request::new(ask);
    ask.set_timeout(Duration::from_millis(50));
    let began = Instant::now();
    let late = timeout(PATIENCE, operator.users().list_users(ask)).await.unwrap().unwrap_err();
    assert!(matches!(late.code(), Code::DeadlineExceeded | Code::Cancelled), "{late:?}");
    let slow = acme.find(&filter).await;
    assert!(slow.header("retry-after").is_some(), "{slow}");
    slow.refused(503, "");
    // Both together; the bound is ten times what both were given.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}
