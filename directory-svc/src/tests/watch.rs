//! Watches in the house itself: where the clock is moved, callers go, and directories share a store.

use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::change::Subject;
use directory_api::v1::group_service_client::GroupServiceClient;
use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::watch_response::Item;
use directory_api::v1::watch_service_client::WatchServiceClient;
use directory_api::v1::workspace_service_client::WorkspaceServiceClient;
use futures_util::future::try_join_all;
use tokio::time::{Instant, timeout};
use tonic::{Code, Request, Status, Streaming};

use super::{DAY, House, ServiceCallers};

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a change may take to a watch at another directory on the store; met at five times that.
const DELIVERY: Duration = Duration::from_millis(100);

type Feed = Streaming<v1::WatchResponse>;

/// A request of the operator's.
fn asked<T>(ask: T) -> Request<T> {
    let mut ask = Request::new(ask);
    ask.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
    ask
}

async fn watch(house: &House, ask: v1::WatchRequest) -> Result<Feed, Status> {
    watch_on(house.service(), asked(ask)).await
}

async fn watch_on(at: super::Service, ask: Request<v1::WatchRequest>) -> Result<Feed, Status> {
    Ok(WatchServiceClient::new(at).watch(ask).await?.into_inner())
}

/// The demo workspace, from the beginning.
fn acme(house: &House) -> v1::WatchRequest {
    v1::WatchRequest {
        workspace_id: house.demo.workspace_id.to_string(),
        start: v1::WatchStart::Earliest.into(),
        ..v1::WatchRequest::default()
    }
}

async fn next(feed: &mut Feed) -> Result<v1::WatchResponse, Status> {
    let next = timeout(PATIENCE, feed.message()).await.expect("an answer or an end");
    next.map(|answer| answer.expect("a watch ends with an error"))
}

/// The first answer that is more than a sign of life, or the end.
async fn next_but_heartbeats(feed: &mut Feed) -> Result<v1::WatchResponse, Status> {
    let next = async {
        loop {
            let answer = next(feed).await?;
            if !matches!(answer.item, Some(Item::Heartbeat(_))) {
                return Ok(answer);
            }
        }
    };
    timeout(PATIENCE, next).await.expect("more than heartbeats")
}

/// The next change, behind heartbeats.
async fn next_change(feed: &mut Feed) -> (String, v1::Change) {
    let answer = next_but_heartbeats(feed).await.unwrap();
    let Some(Item::Change(change)) = answer.item else { panic!("{answer:?}") };
    (answer.cursor, change)
}

/// How an open watch ends.
async fn end(feed: &mut Feed) -> Status {
    loop {
        if let Err(status) = next_but_heartbeats(feed).await {
            return status;
        }
    }
}

fn reason(status: &Status) -> Option<Reason> {
    Reason::of(status)
}

/// Whoever was away too long is told so, and how to go on, of one workspace and of all. Seen to fail with
/// changes that are never cleared, and with the gap passed over.
#[tokio::test]
async fn a_cursor_older_than_what_is_kept_is_refused_and_a_snapshot_serves() {
    let house = House::new().await;
    let all = v1::WatchRequest { workspace_id: String::new(), all: true, ..acme(&house) };
    let mut cursors = Vec::new();
    for ask in [acme(&house), all] {
        let mut feed = watch(&house, ask.clone()).await.unwrap();
        let (cursor, first) = next_change(&mut feed).await;
        assert_eq!(first.revision, 1);
        cursors.push(v1::WatchRequest { cursor, ..ask });
    }
    house.provision(&house.demo.api_key, "ada@acme.com").await.unwrap();
    house.is_later(29 * DAY);
    clear(&house).await;
    for ask in &cursors {
        let mut feed = watch(&house, ask.clone()).await.unwrap();
        assert_eq!(next_change(&mut feed).await.1.revision, 2, "what came after the cursor");
    }

    house.is_later(2 * DAY);
    house.provision(&house.demo.api_key, "bob@acme.com").await.unwrap();
    clear(&house).await;

    for ask in cursors {
        let refused = watch(&house, ask.clone()).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::OutOfRange, Some(Reason::CursorExpired))
        );
        assert!(refused.message().contains("WATCH_START_SNAPSHOT"), "{}", refused.message());
        assert!(refused.message().contains("30 days"), "{}", refused.message());
        let earliest = v1::WatchRequest { cursor: String::new(), ..ask.clone() };
        let mut feed = watch(&house, earliest).await.unwrap();
        let (_, kept) = next_change(&mut feed).await;
        assert!(matches!(kept.subject, Some(Subject::User(user)) if user.current.is_some()));
        let start = v1::WatchStart::Snapshot.into();
        let mut feed =
            watch(&house, v1::WatchRequest { cursor: String::new(), start, ..ask }).await.unwrap();
        let mut people = 0;
        loop {
            match next(&mut feed).await.unwrap().item.unwrap() {
                Item::Put(v1::Put { resource: Some(v1::put::Resource::User(_)), .. }) => {
                    people += 1;
                }
                Item::SnapshotEnd(_) => break,
                _ => {}
            }
        }
        assert_eq!(people, 2);
    }
}

async fn clear(house: &House) {
    // It clears at once, and then rests for an hour.
    let _ = timeout(Duration::from_millis(200), house.directory.clear_expired()).await;
}

/// A cursor is for what it was given for. Seen to fail with that not compared.
#[tokio::test]
async fn a_cursor_opens_no_other_watch() {
    let house = House::new().await;
    let all = v1::WatchRequest { all: true, ..v1::WatchRequest::default() };
    let card = v1::CreateWorkspaceRequest {
        display_name: "Globex".to_owned(),
        contact_email: "admin@globex.example".to_owned(),
    };
    let mut workspaces = WorkspaceServiceClient::new(house.service());
    let globex = workspaces.create_workspace(asked(card)).await.unwrap().into_inner().id;
    let globex = v1::WatchRequest { workspace_id: globex, ..v1::WatchRequest::default() };
    let beginning = next(&mut watch(&house, globex.clone()).await.unwrap()).await.unwrap().cursor;
    let (cursor, _) = next_change(&mut watch(&house, acme(&house)).await.unwrap()).await;
    for ask in [
        v1::WatchRequest { cursor: cursor.clone(), ..all },
        v1::WatchRequest { cursor: cursor.clone(), ..globex },
        v1::WatchRequest { cursor: beginning, ..acme(&house) },
        v1::WatchRequest { cursor: "made up".to_owned(), ..acme(&house) },
        v1::WatchRequest { cursor: cursor[1..].to_owned(), ..acme(&house) },
    ] {
        let refused = watch(&house, ask).await.unwrap_err();
        assert_eq!(reason(&refused), Some(Reason::InvalidCursor));
    }
    let nobody = "01890a5d-ac96-774b-bcce-b302099a8057".to_owned();
    let ask = v1::WatchRequest { workspace_id: nobody, ..v1::WatchRequest::default() };
    let refused = watch(&house, ask).await.unwrap_err();
    assert_eq!(reason(&refused), Some(Reason::WorkspaceNotFound));
    let bare = v1::WatchRequest { without_resources: true, ..acme(&house) };
    let start = v1::WatchStart::Snapshot.into();
    let refused = watch(&house, v1::WatchRequest { start, ..bare }).await.unwrap_err();
    assert_eq!(reason(&refused), Some(Reason::InvalidArgument));
}

/// An open watch ends when its caller's credential is taken away, at its caller's deadline, and when the
/// directory is shut down; each says what to do. Seen to fail, by not ending, without each of the three.
#[tokio::test]
async fn an_open_watch_ends_with_the_right_to_it_at_its_deadline_and_with_the_house() {
    let house = House::new().await;
    let mut limited = asked(acme(&house));
    limited.set_timeout(Duration::from_millis(300));
    let mut limited = watch_on(house.service(), limited).await.unwrap();
    assert_eq!(end(&mut limited).await.code(), Code::DeadlineExceeded);

    let mut open = watch(&house, acme(&house)).await.unwrap();
    next_change(&mut open).await;
    let callers = house.callers.clone();
    callers.replace(Vec::new());
    assert_eq!(reason(&end(&mut open).await), Some(Reason::CredentialInvalid));
    let refused = watch(&house, acme(&house)).await.unwrap_err();
    assert_eq!(reason(&refused), Some(Reason::CredentialInvalid));
    let olga = crate::ServiceCaller::new("olga", crate::Role::Operator, "secret");
    callers.replace(vec![olga]);

    let mut open = watch(&house, acme(&house)).await.unwrap();
    next_change(&mut open).await;
    house.directory.end_watches();
    let ended = end(&mut open).await;
    assert_eq!((ended.code(), reason(&ended)), (Code::Unavailable, Some(Reason::Unavailable)));
    assert!(ended.message().contains("last cursor"), "{}", ended.message());
}

/// More members than an answer holds come in several, of one revision; whoever is cut off in between gets all of
/// them again. The members of a group that is brought back come so too. Seen to fail with the place moved by the
/// first of the answers.
#[tokio::test]
async fn a_group_of_many_comes_in_pieces() {
    let house = House::new().await;
    let workspace_id = || house.demo.workspace_id.to_string();
    let names: Vec<_> = (0..1_100).map(|n| format!("p{n}")).collect();
    let mut people = Vec::new();
    for names in names.chunks(100) {
        let made = names.iter().map(|name| house.provision(&house.demo.api_key, name));
        people.extend(try_join_all(made).await.unwrap());
    }
    let members =
        people.into_iter().map(|user| v1::Member { value: user.id, ..Default::default() });
    let group = v1::Group {
        display_name: "Staff".to_owned(),
        members: members.collect(),
        ..v1::Group::default()
    };
    let mut groups = GroupServiceClient::new(house.service());
    let now = v1::WatchRequest { start: v1::WatchStart::Now.into(), ..acme(&house) };
    let mut feed = watch(&house, now).await.unwrap();
    let create = v1::CreateGroupRequest {
        workspace_id: workspace_id(),
        resource: Some(v1::create_group_request::Resource::Group(group)),
        ..v1::CreateGroupRequest::default()
    };
    let id = groups.create_group(asked(create)).await.unwrap().into_inner().id;
    let (cursor, first) = next_change(&mut feed).await;
    let (_, last) = next_change(&mut feed).await;
    assert_eq!((first.revision, first.more, last.more), (last.revision, true, false));
    assert_eq!((added(&first).len(), added(&last).len()), (1_000, 100));
    assert!(is_current(&first) && !is_current(&last));

    drop(feed);
    let mut feed = watch(&house, v1::WatchRequest { cursor, ..acme(&house) }).await.unwrap();
    assert_eq!(next_change(&mut feed).await.1, first, "from its beginning");
    next_change(&mut feed).await;

    let delete = v1::DeleteGroupRequest {
        workspace_id: workspace_id(),
        id: id.clone(),
        ..v1::DeleteGroupRequest::default()
    };
    groups.delete_group(asked(delete)).await.unwrap();
    let (_, gone) = next_change(&mut feed).await;
    assert!(!gone.more && added(&gone).is_empty(), "one change, however many belonged to it");
    let restore = v1::RestoreGroupRequest {
        workspace_id: workspace_id(),
        id,
        ..v1::RestoreGroupRequest::default()
    };
    groups.restore_group(asked(restore)).await.unwrap();
    let (_, first_back) = next_change(&mut feed).await;
    let (_, last_back) = next_change(&mut feed).await;
    assert_eq!((first_back.more, last_back.more), (true, false));
    let all = |changes: [&v1::Change; 2]| {
        let mut all: Vec<_> = changes.into_iter().flat_map(added).cloned().collect();
        all.sort();
        all
    };
    assert_eq!(all([&first_back, &last_back]), all([&first, &last]));
}

fn added(change: &v1::Change) -> &[String] {
    match &change.subject {
        Some(Subject::Group(group)) => &group.members_added,
        other => panic!("{other:?}"),
    }
}

fn is_current(change: &v1::Change) -> bool {
    matches!(&change.subject, Some(Subject::Group(group)) if group.current.is_some())
}

/// Written at one directory, told by another on the same store. Seen to fail with streams that wait for their
/// heartbeat.
#[tokio::test]
async fn a_change_is_told_at_another_directory_within_a_tenth_of_a_second() {
    let house = House::new().await;
    let other = house.another(ServiceCallers::clone(&house.callers)).await;
    let now = v1::WatchRequest { start: v1::WatchStart::Now.into(), ..acme(&house) };
    let mut feed = watch_on(other, asked(now)).await.unwrap();
    let first = next(&mut feed).await.unwrap();
    assert!(matches!(first.item, Some(Item::Heartbeat(_))), "a place to go on from, at once");
    let mut slowest = Duration::ZERO;
    for n in 0..20 {
        house.provision(&house.demo.api_key, &format!("p{n}")).await.unwrap();
        let began = Instant::now();
        next_change(&mut feed).await;
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < 5 * DELIVERY, "{slowest:?}");
}

/// Who lost access is asked about: which service has ended it, and since when. Seen to fail with the cursor of a
/// snapshot that is not whole taken for its end.
#[tokio::test]
async fn the_end_of_an_access_is_acknowledged_by_each_service() {
    let house = House::new().await;
    let workspace_id = || house.demo.workspace_id.to_string();
    let sessions = crate::ServiceCaller::new("sessions", crate::Role::Internal, "sessions");
    let reader = crate::ServiceCaller::new("billing", crate::Role::Reader, "billing");
    let olga = crate::ServiceCaller::new("olga", crate::Role::Operator, "secret");
    house.callers.replace(vec![olga, sessions, reader]);
    let by = |credential: &str, ask| {
        let mut ask = Request::new(ask);
        let bearer = format!("Bearer {credential}").parse().unwrap();
        ask.metadata_mut().insert("authorization", bearer);
        ask
    };
    let acknowledge = async |credential: &str, ask: v1::AcknowledgeRequest| {
        WatchServiceClient::new(house.service()).acknowledge(by(credential, ask)).await
    };
    let done = |cursor: &str| v1::AcknowledgeRequest {
        cursor: cursor.to_owned(),
        ..v1::AcknowledgeRequest::default()
    };
    let status = async |user_id: &str| {
        let user_id = user_id.to_owned();
        let ask = v1::RevocationStatusRequest { workspace_id: workspace_id(), user_id };
        let status = WatchServiceClient::new(house.service()).revocation_status(asked(ask)).await;
        status.map(tonic::Response::into_inner)
    };

    let ada = house.provision(&house.demo.api_key, "ada@acme.com").await.unwrap().id;
    let snapshot = v1::WatchRequest { start: v1::WatchStart::Snapshot.into(), ..acme(&house) };
    let mut feed = watch(&house, snapshot).await.unwrap();
    let begun = next(&mut feed).await.unwrap().cursor;
    let refused = acknowledge("sessions", done(&begun)).await.unwrap_err();
    assert_eq!(reason(&refused), Some(Reason::InvalidArgument));
    let whole = loop {
        let answer = next(&mut feed).await.unwrap();
        if matches!(answer.item, Some(Item::SnapshotEnd(_))) {
            break answer.cursor;
        }
    };
    acknowledge("sessions", done(&whole)).await.unwrap();
    let refused = acknowledge("billing", done(&whole)).await.unwrap_err();
    assert_eq!(reason(&refused), Some(Reason::PermissionDeniedRole));
    let refused = acknowledge("sessions", done("made up")).await.unwrap_err();
    assert_eq!(reason(&refused), Some(Reason::InvalidCursor));
    let never = status(&ada).await.unwrap();
    assert_eq!((never.revision, never.has_access, never.receipts.len()), (0, true, 0));
    let refused = status("01890a5d-ac96-774b-bcce-b302099a8057").await.unwrap_err();
    assert_eq!(reason(&refused), Some(Reason::UserNotFound));

    let delete = v1::DeleteUserRequest {
        workspace_id: workspace_id(),
        id: ada.clone(),
        ..v1::DeleteUserRequest::default()
    };
    UserServiceClient::new(house.service()).delete_user(asked(delete)).await.unwrap();
    let (cursor, gone) = next_change(&mut feed).await;
    let waiting = status(&ada).await.unwrap();
    assert_eq!((waiting.revision, waiting.has_access), (gone.revision, false));
    let [receipt] = &waiting.receipts[..] else { panic!("{waiting:?}") };
    assert_eq!((receipt.caller.as_str(), &receipt.acknowledge_time), ("sessions", &None));

    house.is_later(crate::clock::MINUTE);
    acknowledge("sessions", done(&cursor)).await.unwrap();
    let ended = status(&ada).await.unwrap();
    let since = ended.receipts[0].acknowledge_time.expect("a time");
    assert_eq!(since.seconds, ended.end_time.expect("a time").seconds + 60);

    let retire = v1::AcknowledgeRequest { retire: true, ..done(&cursor) };
    acknowledge("sessions", retire).await.unwrap();
    assert_eq!(status(&ada).await.unwrap().receipts, []);
}
