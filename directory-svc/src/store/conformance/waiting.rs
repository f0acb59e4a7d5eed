//! Domains whose people wait.

use uuid::Uuid;

use super::{
    DomainState, Engine, NOW, Store, WorkspaceStore, claim, revision, verify, workspace, write,
};
use crate::clock::{DAY, MINUTE, Micros};
use crate::ids::WorkspaceId;
use crate::store::{Domain, Waiting, WaitingStore};

/// Takes what is free for a minute, under the n-th name.
async fn take<S: Store>(store: &S, n: u128, now: Micros, limit: u32) -> Vec<(String, u64)> {
    let taken = store.take_waiting(taker(n), now, now + MINUTE, limit).await.unwrap();
    let mut found: Vec<_> =
        taken.into_iter().map(|Waiting { domain, after, .. }| (domain, after)).collect();
    found.sort();
    found
}

fn taker(n: u128) -> Uuid {
    super::uuid(1_000 + n)
}

/// Brings a claim into a state.
async fn decide<W: WorkspaceStore>(workspace: &W, name: &str, state: DomainState) {
    let domain = claim(name, NOW, state);
    let write = write(&format!("make {name} {state:?}"));
    let decide = move |_: Option<&Domain>, _| Ok(domain.clone().into());
    workspace.change_domain(write, name.to_owned(), decide).await.unwrap();
}

fn from_the_first(names: &[&str]) -> Vec<(String, u64)> {
    names.iter().map(|name| ((*name).to_owned(), 0)).collect()
}

/// Seen to fail with a domain that stays marked once it is taken back, and with one that a write marks which leaves
/// it verified.
pub(super) async fn mark_a_domain_whose_people_wait_as_it_is_verified<E: Engine>(engine: E) {
    let (acme, evil) = (workspace(engine.store(), 1).await, workspace(engine.store(), 2).await);
    decide(&acme, "pending.example", DomainState::Pending).await;
    decide(&acme, "rejected.example", DomainState::Rejected).await;
    verify(&acme, "acme.com").await.unwrap();
    verify(&evil, "evil.example").await.unwrap();
    decide(&acme, "revoked.example", DomainState::Verified).await;
    decide(&acme, "revoked.example", DomainState::Revoked).await;
    drop((acme, evil));
    let engine = engine.reopen().await;
    let store = engine.store();
    assert_eq!(take(store, 1, NOW - 1, 10).await, [], "before their time");
    let taken = store.take_waiting(taker(1), NOW, NOW + MINUTE, 10).await.unwrap();
    let mut whose: Vec<_> =
        taken.into_iter().map(|w| (w.workspace_id, w.domain, w.after)).collect();
    whose.sort();
    let id = |n| WorkspaceId::new(super::uuid(n));
    let expected = [(id(1), "acme.com".to_owned(), 0), (id(2), "evil.example".to_owned(), 0)];
    assert_eq!(whose, expected);

    // Done with, it is marked no more: not by a repeated write, nor by one that leaves it verified.
    let acme = store.workspace(id(1));
    assert!(acme.note_waiting("acme.com".to_owned(), taker(1), None, NOW).await.unwrap());
    verify(&acme, "acme.com").await.unwrap();
    decide(&acme, "acme.com", DomainState::Verified).await;
    assert_eq!(take(store, 2, NOW + DAY, 10).await, from_the_first(&["evil.example"]));

    // By hand it is marked where it is verified, and nowhere else. None of it takes a revision.
    let before = revision(&acme).await;
    for name in ["acme.com", "pending.example", "revoked.example", "never.example"] {
        acme.begin_waiting(name.to_owned(), taker(3), NOW + DAY).await.unwrap();
    }
    assert_eq!(take(store, 4, NOW + DAY, 10).await, from_the_first(&["acme.com"]));
    assert_eq!(revision(&acme).await, before);
}

/// Seen to fail with a lease that nobody looks at, with one that a clock a moment behind breaks, with one that a
/// clock a year ahead keeps, with notes of whoever, and with one that goes on where it was when it is marked anew.
pub(super) async fn give_a_domain_whose_people_wait_to_one_at_a_time<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    for name in ["a.example", "b.example", "c.example"] {
        verify(&acme, name).await.unwrap();
    }
    let note = async |name: &str, n: u128, after: Option<u64>, until: Micros| {
        acme.note_waiting(name.to_owned(), taker(n), after, until).await.unwrap()
    };
    assert_eq!(take(store, 1, NOW, 2).await, from_the_first(&["a.example", "b.example"]));
    assert_eq!(take(store, 2, NOW, 2).await, from_the_first(&["c.example"]));
    // Another directory's clock may be behind by a little.
    assert_eq!(take(store, 3, NOW - 1, 2).await, []);
    assert_eq!(take(store, 3, NOW + MINUTE - 1, 2).await, []);

    // What was gone on with comes behind the others, or is kept.
    assert!(note("a.example", 1, Some(7), NOW + 2).await);
    assert!(note("c.example", 2, Some(9), NOW + 1).await);
    assert!(!note("b.example", 2, Some(9), NOW).await, "it is another's");
    assert!(!note("b.example", 2, None, NOW).await);
    assert_eq!(take(store, 3, NOW + 2, 1).await, [("c.example".to_owned(), 9)]);
    assert_eq!(take(store, 3, NOW + 2, 1).await, [("a.example".to_owned(), 7)]);

    // One that is cut short is another's a minute later; who had it has no word on it any more.
    assert_eq!(take(store, 4, NOW + MINUTE, 9).await, from_the_first(&["b.example"]));
    assert!(!note("b.example", 1, None, NOW).await);

    // Marked anew it begins with the first, whoever had it.
    let later = NOW + MINUTE + 1;
    acme.begin_waiting("b.example".to_owned(), taker(5), NOW + DAY).await.unwrap();
    assert!(!note("b.example", 4, None, NOW).await);
    assert!(note("b.example", 5, Some(3), NOW + DAY).await);
    acme.begin_waiting("b.example".to_owned(), taker(5), later).await.unwrap();
    assert_eq!(take(store, 6, later, 9).await, from_the_first(&["b.example"]));
    assert!(note("b.example", 6, Some(4), NOW + DAY).await);
    decide(&acme, "b.example", DomainState::Revoked).await;
    assert!(!note("b.example", 6, Some(5), NOW + DAY).await, "there is nobody to sign in");
    decide(&acme, "b.example", DomainState::Verified).await;
    assert!(!note("b.example", 6, None, NOW).await, "those of another verification");
    assert_eq!(take(store, 7, later, 9).await, from_the_first(&["b.example"]));

    // A clock that was a year ahead took it until then: that is no reason to wait for a year.
    assert!(note("b.example", 7, Some(5), NOW + 365 * DAY).await);
    assert_eq!(take(store, 8, later, 1).await, [("b.example".to_owned(), 5)]);
}
