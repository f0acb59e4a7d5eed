//! Services that keep people signed in, and tell that they have ended the sessions of who left: who has, since
//! when, and who is late.

use std::fs;
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::change::Subject;
use directory_api::v1::watch_response::Item;
use directory_api::v1::{AccessChange, WatchStart};
use rusqlite::Connection;
use tokio::time::{sleep, timeout};
use tonic::Streaming;

use crate::harness::{Ask, Nestr, Operator, Shape, Terminal, new_credential};

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than the five minutes after which a service is late.
const LATE: Duration = Duration::from_secs(301);

/// A product with the credential of a service that keeps sessions.
async fn with_sessions() -> (Nestr, Operator, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("credentials.toml");
    let (credential, entry) = new_credential("sessions", "internal").await;
    fs::write(&file, entry).expect("a file");
    let settings = ["--demo", "acme.com", "--credentials", &file.display().to_string()];
    let nestr = Nestr::start_as(Shape::Whole, &settings).await;
    let sessions = Operator::new(&nestr, &credential);
    (nestr, sessions, home)
}

async fn follow(sessions: &Operator, workspace_id: &str) -> Streaming<v1::WatchResponse> {
    let ask = v1::WatchRequest {
        workspace_id: workspace_id.to_owned(),
        start: WatchStart::Now.into(),
        ..v1::WatchRequest::default()
    };
    sessions.watch(ask).await.expect("a watch")
}

async fn next(feed: &mut Streaming<v1::WatchResponse>) -> v1::WatchResponse {
    let next = timeout(PATIENCE, feed.message()).await.expect("an answer in time");
    next.expect("no end").expect("a watch ends with an error")
}

/// Whose access ended next, and the cursor to acknowledge it by.
async fn next_end(feed: &mut Streaming<v1::WatchResponse>) -> (String, String) {
    loop {
        let answer = next(feed).await;
        if let Some(Item::Change(change)) = answer.item
            && let Some(Subject::User(user)) = change.subject
            && user.access() == AccessChange::Revoked
        {
            return (user.user_id, answer.cursor);
        }
    }
}

/// One of the service's own, of this name, has done everything up to there.
async fn acknowledge(sessions: &Operator, consumer: &str, cursor: &str) {
    let ask = v1::AcknowledgeRequest {
        cursor: cursor.to_owned(),
        consumer: consumer.to_owned(),
        ..v1::AcknowledgeRequest::default()
    };
    sessions.watches().acknowledge(ask).await.expect("kept");
}

/// Who was told of the end of this person's access, as an operator sees it: the names, and whether they have
/// acknowledged it. Asserts that nobody has before it ended.
fn receipts(nestr: &Nestr, user_id: &str) -> Vec<(String, bool)> {
    let ask = serde_json::json!({"workspace_id": nestr.acme().id, "user_id": user_id});
    let told = Terminal::of(nestr).call("WatchService/RevocationStatus", &ask).expect("an answer");
    let ended = told["endTime"].as_str().expect("a time").parse::<jiff::Timestamp>().expect("one");
    let receipt = |receipt: &serde_json::Value| {
        assert_eq!(receipt["caller"], "sessions", "{told}");
        let at = receipt["acknowledgeTime"].as_str();
        let at = at.map(|at| at.parse::<jiff::Timestamp>().expect("a time"));
        assert!(at.is_none_or(|at| ended <= at), "{told}");
        (receipt["consumer"].as_str().unwrap_or_default().to_owned(), at.is_some())
    };
    told["receipts"].as_array().into_iter().flatten().map(receipt).collect()
}

/// The metric of the service, in whole seconds, once it is there.
async fn unacknowledged(nestr: &Nestr) -> u64 {
    let name = r#"nestr_scim_revocation_unacknowledged_seconds{caller="sessions"} "#;
    let measured = async {
        loop {
            let scraped = nestr.send(Ask::new("GET", "/metrics")).await.is(200).body;
            if let Some(found) = scraped.lines().find_map(|line| line.strip_prefix(name)) {
                return found.split('.').next().expect("a number").parse().expect("a number");
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, measured).await.expect("a metric")
}

/// Two of the same service follow the feed: one for the web, one for phones. Somebody leaves; the one that has
/// ended their sessions says so by the cursor of the change, and it is told of each by its name. The other is
/// waited for: after five minutes the metric that the alert asks for is over its bound, and the log names it, once.
///
/// Seen to fail with a service that is late after an hour.
#[tokio::test]
async fn who_has_not_ended_an_access_is_known_by_name_and_told_of_when_late() {
    let (nestr, sessions, _home) = with_sessions().await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    let mut feed = follow(&sessions, &acme.id).await;
    let begun = next(&mut feed).await.cursor;
    for consumer in ["phones", "web"] {
        acknowledge(&sessions, consumer, &begun).await;
    }

    acme.delete(&format!("/Users/{ada}")).await.is(204);
    let (whose, cursor) = next_end(&mut feed).await;
    assert_eq!(whose, ada);
    let named = |web, phones| vec![("phones".to_owned(), phones), ("web".to_owned(), web)];
    assert_eq!(receipts(&nestr, &ada), named(false, false));
    acknowledge(&sessions, "web", &cursor).await;
    assert_eq!(receipts(&nestr, &ada), named(true, false));

    // Five minutes pass while the product is off: what happened is dated back in its store.
    drop(feed);
    nestr.ask_to_end();
    assert!(nestr.ended().await.success());
    let store = Connection::open(nestr.data_dir().join("directory.sqlite3")).expect("the store");
    let late = i64::try_from(LATE.as_micros()).expect("not as long");
    let changed = store.execute("UPDATE change SET at = at - ?1 WHERE ended IS NOT NULL", [late]);
    assert_eq!(changed.expect("a changed store"), 1);
    drop(store);
    nestr.start_again().await;
    nestr.until_logged("has not acknowledged for five minutes").await;
    let log = nestr.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("for five minutes")).collect();
    let [told] = told[..] else { panic!("{told:?}") };
    for named in ["ERROR", "sessions", "phones", &acme.id] {
        assert!(told.contains(named), "{named} in {told}");
    }
    assert!(unacknowledged(&nestr).await > 300);
    assert_eq!(receipts(&nestr, &ada), named(true, false));

    acknowledge(&sessions, "phones", &cursor).await;
    assert_eq!(receipts(&nestr, &ada), named(true, true));
    // The product looks when it starts, and twice a minute.
    nestr.ask_to_end();
    assert!(nestr.ended().await.success());
    nestr.start_again().await;
    assert_eq!(unacknowledged(&nestr).await, 0);
}
