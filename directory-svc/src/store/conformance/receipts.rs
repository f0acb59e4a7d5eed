//! Who has acknowledged that somebody's access has ended.

use super::{
    Engine, NOW, Store, WorkspaceStore, change, create, draft, named, remove, user_id, uuid,
    workspace, write,
};
use crate::clock::Micros;
use crate::ids::{UserId, WorkspaceId};
use crate::store::{Acknowledged, Consumer, Done, Ending, FeedMark, FeedStore, ReceiptStore};

/// How many consumers a caller has here at the most.
const MOST: u32 = 3;

fn of_all(caller: &str) -> Consumer {
    Consumer { workspace: None, caller: caller.to_owned(), name: String::new() }
}

fn of_one(n: u128, caller: &str) -> Consumer {
    Consumer { workspace: Some(WorkspaceId::new(uuid(n))), ..of_all(caller) }
}

async fn acknowledge<S: ReceiptStore>(store: &S, consumer: Consumer, done: Done, at: Micros) {
    let kept = store.acknowledge(consumer, done, at, MOST).await.unwrap();
    assert_eq!(kept, Acknowledged::Kept);
}

async fn all<S: FeedStore>(store: &S) -> Done {
    Done::All(store.feed_end().await.unwrap())
}

async fn ending<S: Store>(store: &S, n: u128, of: UserId) -> Ending {
    store.ending(WorkspaceId::new(uuid(n)), of).await.unwrap().expect("an end")
}

/// Lets somebody in and takes their access away.
async fn come_and_go<W: WorkspaceStore>(here: &W, n: u128) {
    let (id, name) = (user_id(n), format!("{n}"));
    let person = named(&name).signed_in_by(&format!("{n}@acme.com"));
    create(here, write(&format!("make {n}")), id, person).await.unwrap();
    let asleep = draft(&serde_json::json!({ "userName": name, "active": false }));
    let asleep = asleep.signed_in_by(&format!("{n}@acme.com"));
    change(here, &format!("end {n}"), id, asleep).await.unwrap();
}

/// An acknowledgement counts for all that ended before it, and from the first one on that does. Seen to fail with
/// the time of the last one, and with consumers of other workspaces told.
pub(super) async fn keep_who_has_acknowledged_the_end_of_an_access_and_since_when<E: Engine>(
    engine: E,
) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    acknowledge(store, of_all("sessions"), all(store).await, NOW).await;
    acknowledge(store, of_one(1, "mail"), Done::One(0), NOW).await;
    acknowledge(store, of_one(2, "mail"), Done::One(0), NOW).await;
    assert_eq!(store.ending(WorkspaceId::new(uuid(1)), user_id(1)).await.unwrap(), None);

    come_and_go(&acme, 1).await;
    let (sessions, mail) = (of_all("sessions"), of_one(1, "mail"));
    let told = |sessions_at, mail_at| Ending {
        revision: 2,
        at: NOW,
        receipts: vec![(sessions.clone(), sessions_at), (mail.clone(), mail_at)],
    };
    assert_eq!(ending(store, 1, user_id(1)).await, told(None, None));

    acknowledge(store, mail.clone(), Done::One(1), NOW + 1).await;
    assert_eq!(ending(store, 1, user_id(1)).await, told(None, None), "of what was before it");
    acknowledge(store, sessions.clone(), all(store).await, NOW + 2).await;
    acknowledge(store, mail.clone(), Done::One(2), NOW + 3).await;
    let both = told(Some(NOW + 2), Some(NOW + 3));
    assert_eq!(ending(store, 1, user_id(1)).await, both);

    // What comes later moves nothing, nor does going back.
    come_and_go(&acme, 2).await;
    come_and_go(&other, 3).await;
    acknowledge(store, sessions.clone(), all(store).await, NOW + 4).await;
    acknowledge(store, mail.clone(), Done::One(4), NOW + 5).await;
    acknowledge(store, mail.clone(), Done::One(0), NOW + 6).await;
    assert_eq!(ending(store, 1, user_id(1)).await, both);
    let second = ending(store, 1, user_id(2)).await;
    assert_eq!((second.revision, second.receipts[0].1), (4, Some(NOW + 4)));
    assert_eq!(second.receipts[1].1, Some(NOW + 5));
    let elsewhere = ending(store, 2, user_id(3)).await;
    assert_eq!(elsewhere.receipts, [(sessions, Some(NOW + 4)), (of_one(2, "mail"), None)]);

    // The last end is the one that counts, also of who is removed, and it outlives the process.
    let back = named("1").signed_in_by("1@acme.com");
    change(&acme, "back", user_id(1), back).await.unwrap();
    remove(&acme, "remove", user_id(1)).await.unwrap();
    drop((acme, other));
    let engine = engine.reopen().await;
    let again = ending(engine.store(), 1, user_id(1)).await;
    assert_eq!(again.revision, 6);
    assert!(again.receipts.iter().all(|(_, at)| at.is_none()), "{again:?}");
}

/// Seen to fail with one of a workspace that waits for another, and with an acknowledgement that goes back.
pub(super) async fn wait_for_each_consumer_by_itself<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    for consumer in [of_one(1, "mail"), of_one(2, "mail")] {
        acknowledge(store, consumer, Done::One(0), NOW).await;
    }
    acknowledge(store, of_all("sessions"), all(store).await, NOW).await;
    let waiting = async || {
        let standings = store.consumers().await.unwrap();
        standings.into_iter().map(|s| (s.consumer, s.waiting_since)).collect::<Vec<_>>()
    };
    let (sessions, mail_1, mail_2) = (of_all("sessions"), of_one(1, "mail"), of_one(2, "mail"));
    let expected =
        |all, one, two| vec![(sessions.clone(), all), (mail_1.clone(), one), (mail_2.clone(), two)];
    create(&other, write("make"), user_id(9), named("nine")).await.unwrap();
    assert_eq!(waiting().await, expected(None, None, None), "nobody's access has ended");
    come_and_go(&acme, 1).await;
    assert_eq!(waiting().await, expected(Some(NOW), Some(NOW), None));
    acknowledge(store, sessions.clone(), all(store).await, NOW + 1).await;
    assert_eq!(waiting().await, expected(None, Some(NOW), None));
    acknowledge(store, mail_1.clone(), Done::One(2), NOW + 2).await;
    assert_eq!(waiting().await, expected(None, None, None));
    acknowledge(store, mail_1.clone(), Done::One(0), NOW + 3).await;
    assert_eq!(waiting().await, expected(None, None, None), "what is acknowledged stays so");
}

/// Seen to fail with a consumer too many, with a place from behind all there is, and with one that is kept who was
/// not seen.
pub(super) async fn forget_who_has_gone<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    come_and_go(&acme, 1).await;
    for name in ["a", "b", "c"] {
        let consumer = Consumer { name: name.to_owned(), ..of_all("sessions") };
        acknowledge(store, consumer, all(store).await, NOW).await;
    }
    let done = all(store).await;
    let one_more = store.acknowledge(of_all("sessions"), done.clone(), NOW, MOST).await.unwrap();
    assert_eq!(one_more, Acknowledged::TooMany);
    acknowledge(store, of_all("mail"), done.clone(), NOW + 5).await;
    let ahead = store.acknowledge(of_one(1, "mail"), Done::One(3), NOW, MOST).await.unwrap();
    assert_eq!(ahead, Acknowledged::Unknown);
    let made_up = Done::All(FeedMark(vec![7]));
    let made_up = store.acknowledge(of_all("mail"), made_up, NOW, MOST).await.unwrap();
    assert_eq!(made_up, Acknowledged::Unknown);

    let b = Consumer { name: "b".to_owned(), ..of_all("sessions") };
    assert!(store.forget_consumer(b.clone()).await.unwrap());
    assert!(!store.forget_consumer(b).await.unwrap());
    acknowledge(store, of_all("sessions"), done, NOW + 5).await;
    let names = async || {
        let standings = store.consumers().await.unwrap();
        standings.into_iter().map(|s| s.consumer.caller + &s.consumer.name).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["mail", "sessions", "sessionsa", "sessionsc"]);
    assert!(store.clear_receipts(NOW + 1).await.unwrap() >= 2);
    assert_eq!(names().await, ["mail", "sessions"]);
    let left = ending(store, 1, user_id(1)).await.receipts;
    assert_eq!(left.iter().map(|(_, at)| *at).collect::<Vec<_>>(), [Some(NOW + 5); 2]);
}
