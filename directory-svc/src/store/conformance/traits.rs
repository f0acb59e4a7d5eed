//! What the comments of the traits promise, sentence by sentence, where no other file has it.

use std::sync::mpsc::sync_channel;

use serde_json::{Value, json};

use super::{
    Admission, Domain, DomainState, Engine, IntegrationState, LoginEmail, NOW, Names, Policy,
    Store, Workspace, WorkspaceStore, Write, claim, create, decision, integration_id, login, named,
    query, remove, revision, switch, user_id, verify, workspace, write,
};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::{Account, Answer, ApiKey, Draft, Integration, KeyHash, StoreError};

fn key(n: u8) -> (ApiKey, KeyHash) {
    let key = ApiKey {
        id: ApiKeyId::new(super::uuid(n.into())),
        integration_id: integration_id(1),
        display_name: format!("Key {n}"),
        hint: "nscim_…abcd".to_owned(),
        created_at: NOW,
        expires_at: Some(NOW - 1),
        revoked_at: None,
        last_used_at: None,
    };
    (key, KeyHash([n; 32]))
}

/// "An absent one is empty, and refuses writes with `WORKSPACE_NOT_FOUND`": every question and every
/// write. Seen to fail with the look-up of the workspace left out of `Writing::begin`.
pub(super) async fn be_empty_where_there_is_no_workspace<E: Engine>(engine: E) {
    fn is_refused<T: std::fmt::Debug>(answer: Answer<T>) {
        let Err(StoreError::Refused(no)) = answer else { panic!("{answer:?}") };
        assert_eq!(no.reason, directory_api::v1::Reason::WorkspaceNotFound);
    }
    let nowhere = engine.store().workspace(WorkspaceId::new(super::uuid(7)));
    let (id, (key, hash)) = (user_id(1), key(1));

    is_refused(create(&nowhere, write("1"), id, named("ada")).await);
    is_refused(nowhere.change_user(write("2"), id, |_, _| panic!("nobody decides")).await);
    is_refused(remove(&nowhere, "3", id).await);
    is_refused(nowhere.restore_user(write("4"), id, |_, _| panic!("nobody decides")).await);
    is_refused(verify(&nowhere, "acme.com").await);
    is_refused(switch(&nowhere, "5", integration_id(1), IntegrationState::On).await);
    is_refused(nowhere.add_api_key(write("6"), key.clone(), hash).await);
    is_refused(nowhere.revoke_api_key(write("7"), key.id).await);
    nowhere.note_key_use(key.id, NOW).await.unwrap();

    assert_eq!(nowhere.card().await.unwrap(), None);
    assert_eq!(nowhere.policy().await.unwrap(), Policy::default());
    assert_eq!(nowhere.domains().await.unwrap(), []);
    assert_eq!(nowhere.integrations().await.unwrap(), []);
    assert_eq!(nowhere.api_keys(integration_id(1)).await.unwrap(), []);
    assert_eq!(nowhere.key_grant(hash).await.unwrap(), None);
    assert_eq!(nowhere.user(id).await.unwrap(), None);
    assert_eq!(nowhere.users(query("userName pr", None)).await.unwrap().total, 0);
    assert_eq!(nowhere.deleted_users(0, 10).await.unwrap(), []);
    assert_eq!(nowhere.changes(0, 10).await.unwrap(), []);
    assert_eq!(engine.store().workspaces(None, 10).await.unwrap(), []);
}

/// "A repeated id changes nothing", and a page of workspaces holds no more than was asked for. Seen to
/// fail with the first card overwritten, and without the limit.
pub(super) async fn keep_the_first_card_of_a_workspace<E: Engine>(engine: E) {
    let store = engine.store();
    for n in [3, 1, 2] {
        workspace(store, n).await;
    }
    let acme = store.workspace(WorkspaceId::new(super::uuid(1)));
    let card = acme.card().await.unwrap().unwrap();
    assert_eq!(card.revision, 0, "before the first write");
    create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();

    let (display_name, contact_email) = ("Evil".to_owned(), "eve@evil.example".to_owned());
    let another = Workspace { display_name, contact_email, created_at: 0, ..card.clone() };
    store.create_workspace(write("make another"), another).await.unwrap();

    let card = Workspace { revision: 1, ..card };
    assert_eq!(acme.card().await.unwrap(), Some(card.clone()));
    let page = store.workspaces(None, 2).await.unwrap();
    assert_eq!((page.len(), &page[0]), (2, &card));
    let rest = store.workspaces(Some(page[1].id), 2).await.unwrap();
    assert_eq!(rest.iter().map(|w| w.id).collect::<Vec<_>>(), [WorkspaceId::new(super::uuid(3))]);
    assert!(*store.is_writable().borrow());
}

/// "The part behind the last `@`", and "the living person". Seen to fail with the first `@` taken.
pub(super) async fn sign_in_the_living_by_the_last_part_of_an_address<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    verify(&acme, "acme.com").await.unwrap();
    let address = r#""ada@evil.example"@acme.com"#;
    let ada = named("ada").signed_in_by(address);
    create(&acme, write("make"), user_id(1), ada).await.unwrap();
    let account = Account {
        workspace_id: WorkspaceId::new(super::uuid(1)),
        user_id: user_id(1),
        active: true,
    };

    assert_eq!(store.accounts(login(address)).await.unwrap(), [account]);
    let key = "ada@acme.com@evil.example".to_owned();
    let elsewhere = LoginEmail { address: key.clone(), key };
    assert_eq!(store.accounts(elsewhere).await.unwrap(), []);

    remove(&acme, "remove", user_id(1)).await.unwrap();
    assert_eq!(store.accounts(login(address)).await.unwrap(), [], "the removed sign in nowhere");
}

/// What the rules know is read in the write's own transaction, for whatever is decided. Seen to fail
/// with an empty policy for a restore.
pub(super) async fn show_the_policy_to_every_decision<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    for n in [1, 2] {
        create(&acme, write(&format!("make {n}")), user_id(n), named(&n.to_string()))
            .await
            .unwrap();
    }
    remove(&acme, "remove", user_id(2)).await.unwrap();
    verify(&acme, "acme.com").await.unwrap();
    let rejected = Domain {
        decision: Some(decision("no")),
        ..claim("evil.example", NOW, DomainState::Rejected)
    };
    let decide = move |_: Option<&Domain>, _| Ok(rejected.clone().into());
    acme.change_domain(write("reject"), "evil.example".to_owned(), decide).await.unwrap();

    let (see, seen) = sync_channel(4);
    let told = move |policy: &Policy| see.send(policy.clone()).unwrap();
    let (one, two, three) = (told.clone(), told.clone(), told.clone());
    let no = || super::no();
    let names = Names::default();
    let made = acme.create_user(write("a"), user_id(3), names, move |policy, _| {
        one(policy);
        Err::<Admission, Refusal>(no())
    });
    made.await.unwrap_err();
    let changed = acme.change_user(write("b"), user_id(1), move |policy, _| {
        two(policy);
        Err::<Draft, _>(no())
    });
    changed.await.unwrap_err();
    let restored = acme.restore_user(write("c"), user_id(2), move |policy, _| {
        three(policy);
        Err::<Draft, _>(no())
    });
    restored.await.unwrap_err();
    let switched =
        acme.change_integration(write("d"), integration_id(1), move |policy, standing| {
            assert_eq!(standing, None);
            told(policy);
            Err::<Integration, _>(no())
        });
    switched.await.unwrap_err();

    let policy = Policy { verified_domains: ["acme.com".to_owned()].into() };
    assert_eq!(seen.iter().collect::<Vec<_>>(), vec![policy; 4]);
}

/// "At most `limit` tombstones, the earliest made person first, behind the person of this `seq`": in
/// whatever order they were removed. Seen to fail without the limit, and in order of removal.
pub(super) async fn list_the_removed_in_order_of_their_making<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    for n in 1..=4 {
        let id = user_id(10 - n);
        create(&acme, write(&format!("make {n}")), id, named(&n.to_string())).await.unwrap();
    }
    for n in [3, 1, 4, 2] {
        remove(&acme, &format!("remove {n}"), user_id(10 - n)).await.unwrap();
    }
    let page = async |after, limit| {
        let page = acme.deleted_users(after, limit).await.unwrap();
        page.iter().map(|tombstone| tombstone.was.seq).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 10).await, [1, 2, 3, 4]);
    assert_eq!(page(1, 2).await, [2, 3]);
    assert!(page(4, 2).await.is_empty());
}

/// "What changed, as JSON: only what applies." Seen to fail with the predecessor left out, and with the
/// words of two states changed round.
pub(super) async fn say_in_a_change_what_became_of_it<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let (key, hash) = key(1);
    verify(&acme, "acme.com").await.unwrap();
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    switch(&acme, "off", integration_id(1), IntegrationState::Off).await.unwrap();
    acme.add_api_key(write("key"), key.clone(), hash).await.unwrap();
    acme.revoke_api_key(write("revoke"), key.id).await.unwrap();
    let heir = Draft { predecessor: Some(user_id(9)), ..named("ada") };
    create(&acme, write("make"), user_id(1), heir).await.unwrap();
    remove(&acme, "remove", user_id(1)).await.unwrap();

    let changes = acme.changes(0, 10).await.unwrap();
    let details: Vec<Value> =
        changes.iter().map(|change| serde_json::from_str(&change.detail).unwrap()).collect();
    assert_eq!(
        details,
        [
            json!({ "state": "verified" }),
            json!({ "state": "on" }),
            json!({ "state": "off" }),
            json!({ "state": "made" }),
            json!({ "state": "revoked" }),
            json!({ "predecessor": user_id(9).to_string() }),
            json!({}),
        ]
    );
    let subjects: Vec<_> = changes.iter().map(|change| change.subject.as_str()).collect();
    let (integration, person) = (integration_id(1).to_string(), user_id(1).to_string());
    let key = key.id.to_string();
    assert_eq!(subjects, ["acme.com", &integration, &integration, &key, &key, &person, &person]);
}

/// "Expiry, revocation and state are the caller's to judge", and "a revoked one stays as it is". Seen to
/// fail with the revoked left out of the look-up, and with the later time of a second revocation kept.
pub(super) async fn leave_expiry_and_revocation_to_the_caller<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ((expired, hash), (other, another)) = (key(1), key(2));
    acme.add_api_key(write("key"), expired.clone(), hash).await.unwrap();
    acme.add_api_key(write("another"), other.clone(), another).await.unwrap();
    assert_eq!(acme.key_grant(hash).await.unwrap(), None, "of an integration that is not there");
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    switch(&acme, "off", integration_id(1), IntegrationState::Off).await.unwrap();

    let found = acme.key_grant(hash).await.unwrap().unwrap();
    assert_eq!((&found.key, found.state), (&expired, IntegrationState::Off));
    let revoked = ApiKey { revoked_at: Some(NOW), ..expired.clone() };
    acme.revoke_api_key(write("revoke"), expired.id).await.unwrap();
    let later = Write { at: NOW + 5, ..write("later") };
    let stays = acme.revoke_api_key(later, expired.id).await.unwrap();
    assert_eq!(stays.as_ref(), Some(&revoked));
    assert_eq!(acme.key_grant(hash).await.unwrap().unwrap().key, revoked);
    assert_eq!(acme.api_keys(integration_id(1)).await.unwrap(), [revoked, other]);
    assert_eq!(revision(&acme).await, 5);
}
