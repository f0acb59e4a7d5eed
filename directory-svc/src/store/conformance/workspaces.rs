//! Workspaces and what belongs to them besides people.

use super::{
    Engine, IntegrationState, NOW, Store, WorkspaceStore, change, create, integration_id, named,
    query, remove, revision, switch, user_id, verify, workspace, write, write_by,
};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::store::{ApiKey, KeyGrant, KeyHash, RefusedFor, Scope, StoreError, Workspace};

/// Seen to fail with a listing that forgets its workspace.
pub(super) async fn keep_workspaces_apart<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, evil) = (workspace(store, 1).await, workspace(store, 2).await);
    let person =
        || named("ada").signed_in_by("ada@acme.com").bound_to(integration_id(1), Some("E"));
    let ada = create(&acme, write("make"), user_id(1), person()).await.unwrap();
    let eve = create(&evil, write("make"), user_id(2), person()).await.unwrap();
    verify(&acme, "acme.com").await.unwrap();
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    acme.add_api_key(write("key"), key(1), KeyHash([1; 32]), |_| Ok(())).await.unwrap();

    assert_eq!((ada.revision, eve.revision), (1, 1), "each has its own numbers");
    assert_eq!(evil.user(ada.id).await.unwrap(), None);
    for filter in [
        r#"userName eq "ada""#,
        r#"externalId eq "E""#,
        r#"not (userName eq "x")"#,
        &format!(r#"id eq "{}""#, eve.id),
    ] {
        let found = evil.users(query(filter, Some(integration_id(1)))).await.unwrap();
        assert_eq!((super::ids(&found), found.total), (vec![eve.id], 1), "{filter}");
    }
    let gone = change(&evil, "change", ada.id, named("x")).await;
    assert!(matches!(gone, Err(StoreError::Fault(_))), "decided to change nobody");
    let seen = evil.change_user(write("see"), ada.id, |_, person| {
        assert_eq!(person, None);
        Err(super::no())
    });
    assert!(matches!(seen.await, Err(StoreError::Refused(_))));
    assert_eq!(evil.policy().await.unwrap().verified_domains.len(), 0);
    assert_eq!(evil.domains().await.unwrap(), []);
    assert_eq!(evil.integrations().await.unwrap(), []);
    assert_eq!(evil.api_keys(integration_id(1)).await.unwrap(), []);
    assert_eq!(evil.key_grant(KeyHash([1; 32])).await.unwrap(), None);
    assert_eq!(evil.revoke_api_key(write("revoke"), key(1).id).await.unwrap(), None);
    assert_eq!(evil.changes(0, 10).await.unwrap().len(), 1);
    remove(&acme, "remove", ada.id).await.unwrap();
    assert_eq!(evil.deleted_users(0, 10).await.unwrap(), []);
    let listed = store.workspaces(None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|w| w.revision).collect::<Vec<_>>(), [5, 1]);
    assert_eq!(store.workspaces(Some(listed[0].id), 10).await.unwrap(), listed[1..]);
}

pub(super) async fn refuse_writes_to_a_workspace_that_is_not_there<E: Engine>(engine: E) {
    let nowhere = engine.store().workspace(WorkspaceId::new(super::uuid(7)));

    let made = create(&nowhere, write("make"), user_id(1), named("ada")).await;

    let Err(StoreError::Refused(no)) = made else { panic!() };
    assert_eq!(no.reason, directory_api::v1::Reason::WorkspaceNotFound);
    assert_eq!(nowhere.card().await.unwrap(), None);
    assert_eq!(nowhere.users(query("userName pr", None)).await.unwrap().total, 0);
    let first = workspace(engine.store(), 7).await;
    create(&first, write("make"), user_id(1), named("ada")).await.unwrap();
    workspace(engine.store(), 7).await;
    assert_eq!(revision(&first).await, 1, "made a second time, nothing changes");
}

/// Seen to fail with the bindings kept, and with a write that comes late.
pub(super) async fn end_bindings_when_an_integration_is_off<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let (entra, okta) = (integration_id(1), integration_id(2));
    for (n, integration) in [(1, entra), (2, entra), (3, okta)] {
        let person = named(&n.to_string()).bound_to(integration, Some("E"));
        let made = write_by(integration, &format!("make {n}"));
        create(&acme, made, user_id(n), person).await.unwrap();
    }
    let bound = async || {
        let users = acme.users(query("userName pr", None)).await.unwrap().rows;
        users.iter().map(|user| user.binding.is_some()).collect::<Vec<_>>()
    };

    switch(&acme, "on", entra, IntegrationState::On).await.unwrap();
    switch(&acme, "pause", entra, IntegrationState::Paused).await.unwrap();
    assert_eq!(bound().await, [true, true, true], "a pause keeps them");
    switch(&acme, "off", entra, IntegrationState::Off).await.unwrap();

    assert_eq!(bound().await, [false, false, true], "the people stay");
    let seen = acme.users(query(r#"externalId eq "E""#, Some(entra))).await.unwrap();
    assert_eq!(seen.total, 0);

    // A request that was under way then binds nobody.
    let late = named("late").bound_to(entra, Some("E"));
    let late = create(&acme, write_by(entra, "late"), user_id(4), late).await;
    assert!(matches!(late, Err(StoreError::Shut { cause: RefusedFor::Disabled, .. })), "{late:?}");
    assert_eq!(bound().await, [false, false, true]);
}

fn key(n: u128) -> ApiKey {
    ApiKey {
        id: ApiKeyId::new(super::uuid(n)),
        integration_id: integration_id(1),
        display_name: format!("Key {n}"),
        hint: "nscim_…abcd".to_owned(),
        scopes: vec![Scope::Users],
        networks: vec!["10.0.0.0/8".parse().unwrap()],
        created_at: NOW,
        expires_at: Some(NOW + 9),
        revoked_at: None,
        last_used_at: None,
        replaced_by: None,
    }
}

pub(super) async fn open_with_a_key_what_it_was_made_for<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    // Not in the order of their ids.
    for n in [2, 1] {
        let hash = KeyHash([u8::try_from(n).unwrap(); 32]);
        acme.add_api_key(write(&format!("key {n}")), key(n), hash, |_| Ok(())).await.unwrap();
        acme.add_api_key(write(&format!("key {n}")), key(n), hash, |_| Ok(())).await.unwrap();
    }
    assert_eq!(acme.api_keys(integration_id(1)).await.unwrap(), [key(2), key(1)]);

    acme.note_key_use(key(1).id, NOW + 5).await.unwrap();
    acme.note_key_use(key(1).id, NOW + 4).await.unwrap();
    switch(&acme, "pause", integration_id(1), IntegrationState::Paused).await.unwrap();
    let used = ApiKey { last_used_at: Some(NOW + 5), ..key(1) };
    let state = IntegrationState::Paused;
    let grant = KeyGrant { key: used.clone(), state, suspension: None, revision: 4 };
    assert_eq!(acme.key_grant(KeyHash([1; 32])).await.unwrap(), Some(grant));
    assert_eq!(acme.key_grant(KeyHash([9; 32])).await.unwrap(), None);

    let reused = acme.revoke_api_key(write("key 1"), key(1).id).await;
    assert!(matches!(reused, Err(StoreError::OperationReused)), "that one made it");
    let revoked = ApiKey { revoked_at: Some(NOW), ..used };
    for operation in ["revoke", "revoke", "revoke again"] {
        let found = acme.revoke_api_key(write(operation), key(1).id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&revoked), "{operation}");
    }
    assert_eq!(acme.revoke_api_key(write("nobody"), key(3).id).await.unwrap(), None);
    assert_eq!(revision(&acme).await, 5);
    let before = acme.changes(4, 1).await.unwrap().remove(0).before.unwrap();
    assert!(before.contains("Key 1"));
}

pub(super) async fn survive_reopening<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let person = named("ada").signed_in_by("ada@acme.com").bound_to(integration_id(1), Some("E"));
    let ada = create(&acme, write("make"), user_id(1), person).await.unwrap();
    verify(&acme, "acme.com").await.unwrap();
    let changes = acme.changes(0, 10).await.unwrap();
    drop(acme);

    let engine = engine.reopen().await;

    let acme = engine.store().workspace(WorkspaceId::new(super::uuid(1)));
    let made =
        Workspace::new(WorkspaceId::new(super::uuid(1)), "Workspace 1", "admin@acme.com", NOW);
    let card = Workspace { revision: 2, ..made };
    assert_eq!(acme.card().await.unwrap(), Some(card));
    assert_eq!(acme.user(ada.id).await.unwrap(), Some(ada.clone()));
    assert_eq!(acme.changes(0, 10).await.unwrap(), changes);
    let again = create(&acme, write("make"), user_id(2), named("ada")).await.unwrap();
    assert_eq!(again, ada, "what was done is remembered");
}
