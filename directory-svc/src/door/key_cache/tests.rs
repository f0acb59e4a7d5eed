//! What is remembered, by the process alone.

use std::sync::atomic::Ordering;

use directory_api::api_key::ApiKeyText;
use directory_api::v1::IdpKind;
use tempfile::TempDir;
use tokio::time::advance;

use super::*;
use crate::ids::{ApiKeyId, IntegrationId};
use crate::rules::keys;
use crate::store::sqlite::{SqliteConfig, SqliteStore, SqliteWorkspace};
use crate::store::{
    Author, Domain, Integration, IntegrationState, OperationId, Store, Workspace, Write,
};

const NOW: Micros = 1_700_000_000_000_000;

/// A store with two workspaces of a key each, and what is remembered of them.
struct House {
    keys: Arc<KeyCache>,
    acme: Tenant,
    globex: Tenant,
    _dir: TempDir,
}

struct Tenant {
    id: WorkspaceId,
    state: SqliteWorkspace,
    key: ApiKeyId,
    hash: KeyHash,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let statement_timeout = Duration::from_secs(30);
        let config = SqliteConfig { dir: dir.path().to_owned(), statement_timeout };
        let store = SqliteStore::open(config).unwrap();
        let secret = ClusterSecret::new(&"secret".repeat(6)).unwrap();
        let keys = Arc::new(KeyCache::new(Clock::from_fn(|| NOW), &secret, None).unwrap());
        let (acme, globex) = (Tenant::new(&store, 1).await, Tenant::new(&store, 2).await);
        Self { keys, acme, globex, _dir: dir }
    }

    /// Whether the key of a workspace is taken.
    async fn takes(&self, of: &Tenant) -> bool {
        let entry = self.keys.get(&of.state, of.id, of.hash).await.unwrap();
        entry.grant().is_some_and(|grant| keys::judge(grant, NOW, None, &[]).is_ok())
    }

    /// Revokes the key of a workspace, as a service does.
    async fn revoke(&self, of: &Tenant) {
        let change = self.keys.begin_change(of.id);
        of.revoke().await;
        change.end(&of.state).await;
    }
}

impl Tenant {
    async fn new(store: &SqliteStore, number: u8) -> Self {
        let uuid = Uuid::from_bytes([number; 16]);
        let (id, of) = (WorkspaceId::new(uuid), IntegrationId::new(uuid));
        let card = Workspace::new(id, "Acme", "admin@acme.com", NOW);
        store.create_workspace(write("make"), card).await.unwrap();
        let state = store.workspace(id);
        let on = Integration {
            id: of,
            display_name: "Entra".to_owned(),
            kind: IdpKind::Entra.into(),
            state: IntegrationState::On,
            created_at: NOW,
        };
        let enable = move |_: &[Domain], _: &[Integration]| Ok(on.clone());
        state.change_integration(write("enable"), of, enable).await.unwrap();
        let text = ApiKeyText::from_random([number; 20]);
        let (key, hash) = (ApiKeyId::new(uuid), hash(text.expose()));
        let made = keys::made(key, of, &text, NOW);
        state.add_api_key(write("key"), made, hash, |_| Ok(())).await.unwrap();
        Self { id, state, key, hash }
    }

    /// Revokes the key, and tells nobody.
    async fn revoke(&self) {
        self.state.revoke_api_key(write("revoke"), self.key).await.unwrap();
    }
}

fn write(operation: &str) -> Write {
    let (operation, author) = (OperationId(operation.to_owned()), Author::Service("t".to_owned()));
    Write { operation, author, at: NOW }
}

/// Seen to fail with the floor of the workspace not looked at where something is remembered.
#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let house = House::new().await;
    assert!(house.takes(&house.acme).await && house.takes(&house.globex).await);
    house.revoke(&house.acme).await;
    assert!(!house.takes(&house.acme).await);

    // And the other workspace is warm: what is not told of it is not seen.
    house.globex.revoke().await;
    assert!(house.takes(&house.globex).await);
}

/// A look-up that was under way while the key was revoked is remembered after it. Seen to fail with a
/// floor that holds for what is remembered already.
#[tokio::test]
async fn a_late_fill_hides_no_revocation() {
    let House { keys, acme, .. } = &House::new().await;
    let read_before = acme.state.key_grant(acme.hash).await.unwrap();
    let change = keys.begin_change(acme.id);
    acme.revoke().await;
    change.end(&acme.state).await;
    let late =
        Entry::new(read_before, keys.generation.load(Ordering::Relaxed), Instant::now() + LIFE);
    keys.remember(acme.id, acme.hash, late);
    let entry = keys.get(&acme.state, acme.id, acme.hash).await.unwrap();
    assert!(entry.grant().unwrap().key.revoked_at.is_some());
}

/// The client of a revocation hangs up while it is written: nobody knows whether it is, so nothing that is
/// remembered is believed. Seen to fail with a change that does nothing when it is dropped.
#[tokio::test]
async fn a_change_that_is_not_awaited_holds_all_the_same() {
    let house = House::new().await;
    assert!(house.takes(&house.acme).await);
    let change = house.keys.begin_change(house.acme.id);
    drop(change);
    house.acme.revoke().await;
    assert!(!house.takes(&house.acme).await);
}

/// Seen to fail with a generation that is not looked at.
#[tokio::test]
async fn who_begins_to_hear_forgets_all_and_late_fills_with_it() {
    let house = House::new().await;
    let House { keys, acme, .. } = &house;
    assert!(house.takes(acme).await);
    let generation = keys.generation.load(Ordering::Relaxed);
    let read_before = acme.state.key_grant(acme.hash).await.unwrap();
    acme.revoke().await;
    assert!(house.takes(acme).await, "nobody was told");
    keys.begin_anew();
    keys.remember(acme.id, acme.hash, Entry::new(read_before, generation, Instant::now() + LIFE));
    assert!(!house.takes(acme).await);
}

/// A look-up is believed for its life and no longer, however often it is used. Seen to fail with a life
/// that begins anew with each use.
#[tokio::test(start_paused = true)]
async fn what_is_remembered_has_one_life() {
    let house = House::new().await;
    assert!(house.takes(&house.acme).await);
    house.acme.revoke().await;
    for _ in 0..4 {
        advance(LIFE / 5).await;
        assert!(house.takes(&house.acme).await, "nobody was told");
    }
    advance(LIFE / 5).await;
    assert!(!house.takes(&house.acme).await);
}

/// Seen to fail with what is not found remembered.
#[tokio::test]
async fn made_up_keys_are_not_remembered_and_a_fresh_one_is_not_hidden() {
    let house = House::new().await;
    let text = ApiKeyText::from_random([9; 20]);
    let fresh = hash(text.expose());
    let get = async |hash| house.keys.get(&house.acme.state, house.acme.id, hash).await.unwrap();
    for number in 0..100 {
        assert!(get(KeyHash([number; 32])).await.grant().is_none());
    }
    assert!(get(fresh).await.grant().is_none());
    house.keys.entries.run_pending_tasks();
    assert_eq!(house.keys.entries.entry_count(), 0);
    let id = ApiKeyId::new(Uuid::from_bytes([9; 16]));
    let of = IntegrationId::new(Uuid::from_bytes([1; 16]));
    let made = keys::made(id, of, &text, NOW);
    house.acme.state.add_api_key(write("fresh"), made, fresh, |_| Ok(())).await.unwrap();
    assert!(get(fresh).await.grant().is_some());
}

/// Together they stay below ten seconds, whatever two clocks make of them.
#[test]
fn two_lives_end_before_ten_seconds() {
    assert!(LIFE + LIFE_IN_REDIS < Duration::from_secs(10));
}
