//! Several processes on one PostgreSQL database: what one of them does, the others know.

use std::collections::BTreeSet;
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::WatchStart;
use directory_api::v1::watch_response::Item;
use postgres_server::Pooler;
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{Dialect, Login, MailServer, Nestr, Workspace};

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a change may take from its answer to those who watch at another process; met at five times that.
const DELIVERY: Duration = Duration::from_millis(100);
/// How long a key may go on elsewhere that was revoked, without Redis.
const REVOKED: Duration = Duration::from_secs(10);

/// The same workspace at another process.
fn at(nestr: &Nestr, acme: &Workspace) -> Workspace {
    Workspace::new(nestr, acme.id.clone(), acme.key.clone())
}

#[tokio::test]
async fn what_one_writes_the_other_reads_and_tells() {
    let one = Nestr::start_on(&postgres_server::database().await, &["--demo", "acme.com"]).await;
    let other = one.beside().await;
    let (acme, same) = (one.acme(), at(&other, &one.acme()));
    let ask = v1::WatchRequest {
        workspace_id: acme.id.clone(),
        start: WatchStart::Now.into(),
        ..v1::WatchRequest::default()
    };
    let mut feed = other.operator().watch(ask).await.expect("a watch");
    let first = timeout(PATIENCE, feed.message()).await.expect("in time").expect("no end");
    assert!(matches!(first.expect("a word").item, Some(Item::Heartbeat(_))));

    for n in 0..20 {
        let address = format!("ada{n}@acme.com");
        let ada = acme.create(&address).await;
        let answered = Instant::now();
        same.get(&format!("/Users/{ada}")).await.is(200);
        assert_eq!(same.resolve_login(&address).await, Login::Active(ada));
        let told = loop {
            let told = timeout(PATIENCE, feed.message()).await.expect("in time").expect("no end");
            if let Some(Item::Change(_)) = told.expect("a word").item {
                break answered.elapsed();
            }
        };
        assert!(told < DELIVERY * 5, "told after {told:?}");
    }
}

/// Also while one of them dies, and comes again: names are unique, and a person has one history.
#[tokio::test]
async fn two_write_in_one_workspace_and_one_of_them_dies() {
    let one = Nestr::start_on(&postgres_server::database().await, &["--demo", "acme.com"]).await;
    let other = one.beside().await;
    let (acme, same) = (one.acme(), at(&other, &one.acme()));
    for n in 0..10 {
        let body = json!({ "userName": format!("twin{n}@acme.com") }).to_string();
        let (here, there) =
            tokio::join!(acme.post("/Users", body.clone()), same.post("/Users", body.clone()));
        let mut statuses = [here.status, there.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409], "{here}\n{there}");
    }
    one.kill_dash_nine();
    let grace = same.create("grace@acme.com").await;
    one.start_again().await;
    at(&one, &acme).get(&format!("/Users/{grace}")).await.is(200);
    assert_eq!(same.get("/Users?count=0").await.at("/totalResults"), 11);
}

/// Here at once, there within its bound, though nothing passes the word on.
#[tokio::test]
async fn a_key_revoked_at_one_opens_nothing_at_the_other() {
    let one = Nestr::start_on(&postgres_server::database().await, &["--demo", "acme.com"]).await;
    let other = one.beside().await;
    let acme = one.acme();
    let (text, id) = one.operator().create_key(&acme.id).await;
    let (here, there) = (acme.with_key(&text), at(&other, &acme).with_key(&text));
    here.get("/Users").await.is(200);
    there.get("/Users").await.is(200);
    one.operator().revoke_key(&acme.id, &id).await;
    here.get("/Users").await.is(401);
    let began = Instant::now();
    while there.get("/Users").await.status != 401 {
        assert!(began.elapsed() < REVOKED, "it goes on");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Each takes some of them.
#[tokio::test]
async fn a_letter_is_sent_once_whoever_sends_it() {
    let server = MailServer::start(&[]).await;
    let url = format!("smtp://{}", server.at());
    let settings = ["--demo", "acme.com", "--smtp-url", &url, "--mail-from", "nestr@nestr.example"];
    let one = Nestr::start_on(&postgres_server::database().await, &settings).await;
    let other = one.beside().await;
    let mut domains = BTreeSet::new();
    for n in 0..10 {
        let (nestr, domain) =
            (if n % 2 == 0 { &one } else { &other }, format!("globex{n}.example"));
        let id = nestr.operator().create_workspace("Globex").await;
        nestr.operator().claim(&id, &domain).await;
        nestr.operator().verify(&id, &domain).await;
        domains.insert(domain);
    }
    server.wait_for(domains.len()).await;
    // Long enough for a second one to come.
    sleep(Duration::from_secs(2)).await;
    let letters = server.received();
    for domain in &domains {
        let about = letters.iter().filter(|letter| letter.text.contains(domain.as_str())).count();
        assert_eq!(about, 1, "{domain}");
    }
}

/// No statement has a name there, and no setting outlives its transaction.
#[tokio::test]
async fn behind_a_pooler_that_lends_connections_all_is_the_same() {
    let pooler = Pooler::start().await;
    let nestr = Nestr::start_on(&pooler.url(), &["--demo", "acme.com", "--postgres-pooler"]).await;
    let other = nestr.beside().await;
    let acme = nestr.acme();
    let entra = acme.connect_entra(Dialect::Flagged);
    let ada = entra.assign("ada@acme.com").await;
    entra.set(&ada, &[("title", json!("Countess"))]).await.is(200);
    entra.rename(&ada, "lovelace@acme.com").await.is(200);
    let members: Vec<_> = crowd(&acme, 30).await;
    let members: Vec<_> = members.iter().map(|id| json!({ "value": id })).collect();
    let group = json!({ "displayName": "Staff", "members": members }).to_string();
    let group = acme.post("/Groups", group).await.is(201).text("/id");
    let same = at(&other, &acme);
    let listed = same.get(&format!("/Groups/{group}")).await.is(200);
    assert_eq!(listed.at("/members").as_array().map(Vec::len), Some(30));
    assert_eq!(same.find(r#"emails.value eq "lovelace@acme.com""#).await.rows().len(), 1);
    assert_eq!(same.get("/Users?startIndex=5&count=3&sortBy=userName").await.rows().len(), 3);
    entra.disable(&ada).await;
    assert_eq!(same.resolve_login("lovelace@acme.com").await, Login::Inactive(ada));
}

/// People who are made at once; their ids.
async fn crowd(acme: &Workspace, count: usize) -> Vec<String> {
    let mut made = tokio::task::JoinSet::new();
    for n in 0..count {
        let acme = acme.clone();
        made.spawn(async move { acme.create(&format!("person{n}@acme.com")).await });
    }
    made.join_all().await
}
