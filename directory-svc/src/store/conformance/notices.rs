//! The outbox: what is owed is kept with what it tells of, and sent by one.

use super::{
    Domain, DomainState, Engine, NOW, Store, WorkspaceStore, claim, integration_id, switch,
    workspace, write,
};
use crate::clock::{DAY, Micros};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::store::{
    ApiKey, Decided, IntegrationState, KeyHash, Notice, NoticeStore, Occasion, Outbox, Settled,
    StoreError, TakenNotice, Write,
};

/// How long a lease lasts here.
const LEASE: Micros = 100;

fn acme() -> WorkspaceId {
    WorkspaceId::new(super::uuid(1))
}

fn notice(key: &str, created_at: Micros) -> Notice {
    Notice {
        key: key.to_owned(),
        recipient: "it@acme.com".to_owned(),
        occasion: Occasion::DomainRejected { domain: "acme.com".into(), reason: key.to_owned() },
        created_at,
    }
}

/// Takes what is due, one at the most.
async fn take<S: Store>(store: &S, now: Micros) -> Outbox {
    store.take_due_notices(now, now + LEASE, 1).await.unwrap()
}

/// The key and the attempt of what is due.
async fn taken<S: Store>(store: &S, now: Micros) -> Option<(String, u32)> {
    let outbox = take(store, now).await;
    outbox.taken.into_iter().next().map(|taken| (taken.notice.key, taken.attempts))
}

async fn keep<S: Store>(store: &S, notices: &[Notice]) {
    let of_acme = notices.iter().map(|notice| (acme(), notice.clone())).collect();
    store.keep_notices(of_acme).await.unwrap();
}

/// Brings a claim to where it is verified, and tells so under this key.
async fn verify<W: WorkspaceStore>(
    workspace: &W,
    operation: &str,
    key: &str,
    is_refused: bool,
) -> Result<Domain, StoreError> {
    let value = claim("acme.com", NOW, DomainState::Verified);
    let decided = Decided { value, notices: vec![notice(key, NOW)] };
    let decide = move |_: Option<&Domain>, _| {
        if is_refused { Err(super::no()) } else { Ok(decided.clone()) }
    };
    workspace.change_domain(write(operation), "acme.com".to_owned(), decide).await
}

/// "Both are kept in one transaction, or neither is", and "a claim that stays as it is, is no write, and
/// nobody is told". Seen to fail with the notice of an unchanged claim kept, and with none kept.
pub(super) async fn keep_a_notice_with_its_decision_or_not_at_all<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    verify(&acme, "refused", "refused", true).await.unwrap_err();
    assert_eq!(take(store, NOW).await, Outbox::default());

    verify(&acme, "verify", "verified", false).await.unwrap();
    verify(&acme, "verify", "repeated", false).await.unwrap();
    verify(&acme, "once more", "unchanged", false).await.unwrap();

    let outbox = store.take_due_notices(NOW, NOW + LEASE, 10).await.unwrap();
    let workspace_id = self::acme();
    let notice = notice("verified", NOW);
    assert_eq!(outbox.taken, [TakenNotice { workspace_id, notice, attempts: 1 }]);
    assert_eq!((outbox.waiting, outbox.next_at), (1, Some(NOW + LEASE)));

    drop(acme);
    let engine = engine.reopen().await;
    let again = taken(engine.store(), NOW + LEASE).await;
    assert_eq!(again, Some(("verified".to_owned(), 2)), "it outlives the process");
}

/// "Of a name one is kept, the first": also when that was sent. A name is one workspace's. Seen to fail
/// with the later one put in its place.
pub(super) async fn keep_one_notice_of_a_name<E: Engine>(engine: E) {
    let store = engine.store();
    for n in [1, 2] {
        workspace(store, n).await;
    }
    let later = Notice { recipient: "eve@evil.example".to_owned(), ..notice("a", NOW + 1) };
    keep(store, &[notice("a", NOW), later.clone()]).await;
    let first = take(store, NOW + 1).await;
    assert_eq!((first.waiting, &first.taken[0].notice), (1, &notice("a", NOW)));
    store.settle_notice(acme(), "a".to_owned(), 1, Settled::Sent(NOW + 2)).await.unwrap();
    keep(store, std::slice::from_ref(&later)).await;
    assert_eq!(take(store, NOW + 9).await.waiting, 0, "it was sent");

    store.keep_notices(vec![(WorkspaceId::new(super::uuid(2)), later)]).await.unwrap();
    assert_eq!(take(store, NOW + 9).await.waiting, 1, "another workspace's");
}

/// "Those that are due longest", and "nobody else is given them before `until`, unless the store is opened
/// anew by the only process that may have it". Seen to fail without the lease, and with the lease of an earlier
/// process kept.
pub(super) async fn give_a_taken_notice_to_nobody_else<E: Engine>(engine: E) {
    let store = engine.store();
    workspace(store, 1).await;
    keep(store, &[notice("second", NOW + 2), notice("first", NOW + 1), notice("later", NOW + 50)])
        .await;
    assert_eq!(
        take(store, NOW).await,
        Outbox { taken: Vec::new(), waiting: 3, next_at: Some(NOW + 1) }
    );
    assert_eq!(taken(store, NOW + 3).await, Some(("first".to_owned(), 1)));
    assert_eq!(taken(store, NOW + 3).await, Some(("second".to_owned(), 1)));
    assert_eq!(taken(store, NOW + 3).await, None, "both are in hands, one is not due");
    assert_eq!(taken(store, NOW + 3 + LEASE).await, Some(("first".to_owned(), 2)), "given up by");

    // Whoever had it before says no more what became of it.
    store.settle_notice(acme(), "first".to_owned(), 1, Settled::Sent(NOW)).await.unwrap();
    assert_eq!(take(store, NOW).await.waiting, 3);

    let engine = engine.reopen().await;
    let outbox = engine.store().take_due_notices(NOW + 3, NOW + 3 + LEASE, 10).await.unwrap();
    let keys: Vec<_> = outbox.taken.iter().map(|taken| taken.notice.key.as_str()).collect();
    // Another process may be sending them.
    let free = if E::IS_ALONE { 2 } else { 0 };
    assert_eq!(keys.len(), free, "{keys:?}");
}

/// Seen to fail with one that has ended settled once more.
pub(super) async fn try_a_notice_until_it_is_sent_or_given_up<E: Engine>(engine: E) {
    let store = engine.store();
    workspace(store, 1).await;
    keep(store, &[notice("a", NOW), notice("b", NOW + 1)]).await;
    let settle = async |key: &str, attempts, settled| {
        store.settle_notice(acme(), key.to_owned(), attempts, settled).await.unwrap();
    };
    assert_eq!(taken(store, NOW).await, Some(("a".to_owned(), 1)));
    settle("a", 1, Settled::Again(NOW + 20, "no connection".to_owned())).await;
    assert_eq!(taken(store, NOW + 10).await, Some(("b".to_owned(), 1)));
    settle("b", 1, Settled::GaveUp(NOW + 10, "refused".to_owned())).await;
    let waiting = take(store, NOW + 19).await;
    assert_eq!((waiting.waiting, waiting.next_at), (1, Some(NOW + 20)));
    assert_eq!(taken(store, NOW + 20).await, Some(("a".to_owned(), 2)));
    settle("a", 2, Settled::Sent(NOW + 21)).await;
    assert_eq!(take(store, NOW + 400 * DAY).await, Outbox::default());

    // What has ended stays so.
    settle("a", 2, Settled::Again(NOW, String::new())).await;
    assert_eq!(take(store, NOW + 400 * DAY).await, Outbox::default());
}

/// Seen to fail with those that wait cleared.
pub(super) async fn forget_what_has_ended_long_ago<E: Engine>(engine: E) {
    let store = engine.store();
    workspace(store, 1).await;
    keep(store, &["a", "b", "c", "d"].map(|key| notice(key, NOW))).await;
    for _ in 0..3 {
        let key = take(store, NOW).await.taken[0].notice.key.clone();
        store.settle_notice(acme(), key, 1, Settled::Sent(NOW + 5)).await.unwrap();
    }
    assert_eq!(store.clear_notices(NOW + 5, 10).await.unwrap(), 0);
    assert_eq!(store.clear_notices(NOW + 6, 2).await.unwrap(), 2);
    assert_eq!(store.clear_notices(NOW + 6, 2).await.unwrap(), 1);
    assert_eq!(take(store, NOW).await.waiting, 1);
}

/// Seen to fail with nobody told of a decision's notice.
pub(super) async fn tell_when_a_notice_is_kept<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    let mut kept = store.notices_kept();
    assert!(!kept.has_changed().unwrap());
    verify(&acme, "verify", "verified", false).await.unwrap();
    assert!(kept.has_changed().unwrap());
    kept.mark_unchanged();
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    assert!(!kept.has_changed().unwrap());
    keep(store, &[notice("another", NOW)]).await;
    assert!(kept.has_changed().unwrap());
}

/// "Living keys that end behind `now` and not behind `until`, in the order of workspace, end and id". Seen
/// to fail with the revoked among them.
pub(super) async fn list_keys_that_end_in_pages<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    let key = |n: u8, expires_at| ApiKey {
        id: ApiKeyId::new(super::uuid(n.into())),
        integration_id: integration_id(1),
        display_name: format!("Key {n}"),
        hint: "nscim_…abcd".to_owned(),
        scopes: Vec::new(),
        networks: Vec::new(),
        created_at: NOW,
        expires_at,
        revoked_at: None,
        last_used_at: None,
        replaced_by: None,
    };
    let ends = [Some(9), Some(0), None, Some(5), Some(5), Some(10), Some(11), Some(7)];
    for (n, end) in (1..).zip(ends) {
        let named = write(&format!("key {n}"));
        let made = key(n, end.map(|end: Micros| NOW + end));
        acme.add_api_key(named, made, KeyHash([n; 32]), |_| Ok(())).await.unwrap();
    }
    acme.revoke_api_key(Write { at: NOW, ..write("revoke") }, key(8, None).id).await.unwrap();
    other
        .add_api_key(write("key"), key(9, Some(NOW + 1)), KeyHash([9; 32]), |_| Ok(()))
        .await
        .unwrap();

    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.ending_keys(NOW, NOW + 10, after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.place());
        listed.extend(page);
    }
    let names: Vec<_> = listed.iter().map(|ending| ending.key.display_name.as_str()).collect();
    assert_eq!(names, ["Key 4", "Key 5", "Key 1", "Key 6", "Key 9"]);
    assert_eq!((listed[0].expires_at, listed[0].integration.as_str()), (NOW + 5, "Entra"));
    assert_eq!(
        (listed[4].workspace_id, listed[4].integration.as_str()),
        (WorkspaceId::new(super::uuid(2)), "")
    );
    assert!(listed.iter().all(|ending| ending.contact_email == "admin@acme.com"));
}
