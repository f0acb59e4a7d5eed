//! One who asks for much waits for itself alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use crate::harness::{Answer, Ask, Nestr, Workspace, nobody};

/// How long the others ask, each ten times a second.
const LASTING: Duration = Duration::from_secs(4);
/// Within which an answer is worth something to them.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks for lists that no index serves, one after another, until it is over. Answers how many were
/// answered, and how many sent away.
async fn greedy(acme: Workspace, over: Arc<AtomicBool>) -> (usize, usize) {
    let (mut answered, mut sent_away) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let answer = acme.find(r#"title co "nobody" or nickName co "nobody""#).await;
        match answer.status {
            200 => answered += 1,
            429 => {
                assert!(answer.header("retry-after").is_some(), "{answer}");
                sent_away += 1;
            }
            _ => panic!("{answer}"),
        }
    }
    (answered, sent_away)
}

/// Reads and writes at a steady rate. Answers the share that was answered well and in time.
async fn steady(workspace: Workspace) -> f64 {
    let ada = workspace.create("ada").await;
    let (mut asked, mut tick) = (0_u32, interval(Duration::from_millis(100)));
    let (began, mut asking) = (Instant::now(), JoinSet::new());
    while began.elapsed() < LASTING {
        tick.tick().await;
        asked += 1;
        let workspace = workspace.clone();
        let endpoint = format!("/Users/{ada}");
        asking.spawn(async move {
            let title = json!({"title": format!("title {asked}")});
            let body = json!({"Operations": [{"op": "replace", "value": title}]}).to_string();
            let ask = if asked % 2 == 0 {
                workspace.ask("GET", &endpoint)
            } else {
                workspace.ask("PATCH", &endpoint).scim(body)
            };
            matches!(timeout(PATIENCE, workspace.send(ask)).await, Ok(Answer { status: 200, .. }))
        });
    }
    let good: u32 = asking.join_all().await.into_iter().map(u32::from).sum();
    f64::from(good) / f64::from(asked)
}

/// The greedy workspace keeps far more lists under way than the machine can answer, without a bucket
/// to hold it. Seen to fail with capacity, share and queue without end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_workspace_leaves_the_others_their_rate() {
    let nestr = Nestr::start_with(&["--demo", "acme.com", "--rate", "0"]).await;
    let acme = nestr.acme();
    let text = "ab".repeat(2_000);
    for number in 0..200 {
        let body = json!({"userName": format!("p{number}"), "title": text, "nickName": text});
        acme.post("/Users", body.to_string()).await.is(201);
    }
    let over = Arc::new(AtomicBool::new(false));
    let mut flood = JoinSet::new();
    for _ in 0..300 {
        flood.spawn(greedy(acme.clone(), Arc::clone(&over)));
    }
    let mut others = JoinSet::new();
    for name in ["globex", "initech"] {
        let workspace = nestr.workspace_with_verified_domain(&format!("{name}.example")).await;
        others.spawn(steady(workspace));
    }
    let shares = others.join_all().await;
    over.store(true, Ordering::Relaxed);
    let flood = flood.join_all().await;
    let (answered, sent_away) = flood.into_iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{shares:?}; the greedy one: {answered} answered, {sent_away} sent away");
    assert!(shares.iter().all(|&share| share >= 0.9), "{shares:?}");
    assert!(answered > 0 && sent_away > 0, "{answered} answered, {sent_away} sent away");
}

/// Seen to fail with the bucket not asked.
#[tokio::test]
async fn an_integration_has_a_rate_and_a_burst_of_its_own() {
    let settings = ["--demo", "acme.com", "--rate", "1", "--burst", "20"];
    let nestr = Nestr::start_with(&settings).await;
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let acme = nestr.acme();
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(acme.get("/Users?count=0").await);
    }
    let good = answers.iter().filter(|answer| answer.status == 200).count();
    assert!((20..30).contains(&good), "{good} of 40");
    let limited = answers.iter().find(|answer| answer.status == 429).expect("one is limited");
    let detail = limited.refused(429, "");
    assert!(detail.contains("--rate") && detail.contains("--burst"), "{detail}");
    let wait: u64 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&wait), "{limited}");
    globex.get("/Users?count=0").await.is(200);
    // Nestr's own have no bucket, and are told of none.
    for _ in 0..40 {
        acme.operator().resolve_login("ada@acme.com").await;
    }
}

/// Seen to fail with every request charged, whatever its answer.
#[tokio::test]
async fn wrong_keys_are_held_back_and_good_ones_from_the_same_address_are_not() {
    let settings = ["--demo", "acme.com", "--wrong-key-rate", "10"];
    let nestr = Nestr::start_with(&settings).await;
    let acme = nestr.acme();
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let wrong = |key: &str| acme.ask("GET", "/Users").with_key(key);
    let mut statuses = Vec::new();
    for number in 0..30 {
        let key = if number % 2 == 0 { "nscim_x" } else { &globex.key };
        let answer = nestr.send(wrong(key)).await;
        if answer.status == 429 {
            assert!(answer.header("retry-after").is_some(), "{answer}");
            answer.refused(429, "");
        }
        statuses.push(answer.status);
        acme.get("/Users?count=0").await.is(200);
    }
    let refused = statuses.iter().filter(|&&status| status == 401).count();
    assert!((10..20).contains(&refused), "{statuses:?}");
    assert!(statuses.iter().all(|status| [401, 429].contains(status)), "{statuses:?}");
    // Nor is one that was never seen before.
    let fresh = nestr.operator().create_key(&acme.id).await.0;
    nestr.send(wrong(&fresh)).await.is(200);
    // A workspace that is none is held back in the same words.
    let none = Ask::new("GET", format!("/scim/v2/{}/Users", nobody()));
    nestr.send(none.bearer(&acme.key)).await.is(429);
}
