//! Integrations, their keys, and what is kept of what they do.

use super::{
    Engine, IntegrationState, NOW, Store, Workspace, WorkspaceStore, create, integration_id, login,
    named, revision, switch, user_id, verify, workspace, write, write_by,
};
use crate::ids::{ApiKeyId, UserId, WorkspaceId};
use crate::store::{
    Answer, ApiKey, AuditQuery, Author, Integration, IntegrationStatus, KeyHash, RefusedFor,
    Rotation, Scope, SeenError, SeenRefusal, StoreError, Suspension, Write,
};

fn key(n: u8) -> (ApiKey, KeyHash) {
    let key = ApiKey {
        id: ApiKeyId::new(super::uuid(n.into())),
        integration_id: integration_id(1),
        display_name: format!("Key {n}"),
        hint: "nscim_…abcd".to_owned(),
        scopes: vec![Scope::Read, Scope::Groups],
        networks: ["10.0.0.0/8", "2001:db8::/32"].map(|text| text.parse().unwrap()).to_vec(),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        replaced_by: None,
    };
    (key, KeyHash([n; 32]))
}

fn rotation(old: &ApiKey, new: &ApiKey) -> Rotation {
    let old = ApiKey { expires_at: Some(NOW + 9), replaced_by: Some(new.id), ..old.clone() };
    Rotation { old, new: new.clone() }
}

/// Both keys as they are to be, one revision, one record, and nothing when it is refused. Seen to fail with
/// the end of the old key left out, with the decision asked again of a repeated write, and with a record that
/// does not tell of the new key.
pub(super) async fn let_a_key_take_the_place_of_another_in_one_write<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    let ((first, hash), (second, another), (third, fresh)) = (key(1), key(2), key(3));
    acme.add_api_key(write("first"), first.clone(), hash, |siblings| {
        assert_eq!(siblings, []);
        Ok(())
    })
    .await
    .unwrap();
    let known = vec![first.clone()];
    let refused = acme.add_api_key(write("no"), second.clone(), another, move |siblings| {
        assert_eq!(siblings, known);
        Err(super::no())
    });
    assert!(matches!(refused.await, Err(StoreError::Refused(_))));
    acme.add_api_key(write("second"), second.clone(), another, |_| Ok(())).await.unwrap();

    let refused = acme.rotate_api_key(write("no"), first.id, fresh, |_, _| Err(super::no()));
    assert!(matches!(refused.await, Err(StoreError::Refused(_))));
    assert_eq!(acme.api_keys(integration_id(1)).await.unwrap(), [first.clone(), second.clone()]);

    let wanted = rotation(&first, &third);
    let (standing, siblings) = (first.clone(), vec![first.clone(), second.clone()]);
    let decided = wanted.clone();
    let rotated = acme.rotate_api_key(write("rotate"), first.id, fresh, move |found, all| {
        assert_eq!((found, all), (Some(&standing), siblings.as_slice()));
        Ok(decided.clone())
    });
    assert_eq!(rotated.await.unwrap(), wanted);
    let keys = acme.api_keys(integration_id(1)).await.unwrap();
    assert_eq!(keys, [wanted.old.clone(), second.clone(), third.clone()]);
    assert_eq!(acme.key_grant(hash).await.unwrap().unwrap().key, wanted.old);
    assert_eq!(acme.key_grant(fresh).await.unwrap().unwrap().key, third);

    let again = |id| acme.rotate_api_key(write("rotate"), id, fresh, |_, _| panic!("it was done"));
    assert_eq!(again(first.id).await.unwrap(), wanted);
    assert!(matches!(again(second.id).await, Err(StoreError::OperationReused)));
    let nobody = acme.rotate_api_key(write("nobody"), key(9).0.id, key(9).1, |found, all| {
        assert_eq!((found, all), (None, &[][..]));
        Err(super::no())
    });
    assert!(matches!(nobody.await, Err(StoreError::Refused(_))));

    assert_eq!(revision(&acme).await, 4);
    let acts = acme.audit_records(AuditQuery { limit: 1, ..AuditQuery::default() }).await.unwrap();
    assert_eq!((acts[0].act.as_str(), acts[0].revision), ("key.rotated", 4));
    assert_eq!(acts[0].subject, first.id.to_string());
    let after: serde_json::Value = serde_json::from_str(acts[0].after.as_ref().unwrap()).unwrap();
    assert_eq!(after["replacedBy"], third.id.to_string());
    assert_eq!(after["replacement"]["displayName"], third.display_name);
}

/// Seen to fail with the suspension left out of either question.
pub(super) async fn show_a_suspension_with_each_key_and_account<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    verify(&acme, "acme.com").await.unwrap();
    let (key, hash) = key(1);
    acme.add_api_key(write("key"), key, hash, |_| Ok(())).await.unwrap();
    create(&acme, write("ada"), user_id(1), named("ada").signed_in_by("ada@acme.com"))
        .await
        .unwrap();
    let shown = async || {
        let grant = acme.key_grant(hash).await.unwrap().unwrap();
        let met = store.doorsteps(login("ada@acme.com"), None).await.unwrap();
        assert_eq!(met.len(), 1);
        (grant.suspension, met[0].is_suspended)
    };
    assert_eq!(shown().await, (None, false));

    let suspension = Suspension { at: NOW, by: "olga".to_owned(), reason: "unpaid".to_owned() };
    let wanted = Some(suspension.clone());
    let suspend = move |standing: &Workspace| {
        Ok(Workspace { suspension: wanted.clone(), ..standing.clone() })
    };
    acme.change_workspace(write("suspend"), suspend).await.unwrap();
    assert_eq!(shown().await, (Some(suspension), true));

    let resume = |standing: &Workspace| Ok(Workspace { suspension: None, ..standing.clone() });
    acme.change_workspace(write("resume"), resume).await.unwrap();
    assert_eq!(shown().await, (None, false));
}

/// A request that was let in goes on for as long as it takes, a bulk with many writes. Seen to fail without the
/// look at the integration, and at the workspace.
pub(super) async fn refuse_the_writes_of_whoever_was_shut_out_meanwhile<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let (entra, okta) = (integration_id(1), integration_id(2));
    for id in [entra, okta] {
        switch(&acme, &format!("on {id}"), id, IntegrationState::On).await.unwrap();
    }
    let make = async |n: u128, of| {
        let name = format!("{of} {n}");
        create(&acme, write_by(of, &name), user_id(n), named(&name)).await.map(|user| user.id)
    };
    let is_shut = |answer: Answer<UserId>, why: (RefusedFor, bool)| match answer {
        Err(StoreError::Shut { cause, suspension }) => (cause, suspension.is_some()) == why,
        _ => false,
    };
    assert_eq!(make(1, entra).await.unwrap(), user_id(1));
    for (name, state, cause) in [
        ("pause", IntegrationState::Paused, RefusedFor::Paused),
        ("off", IntegrationState::Off, RefusedFor::Disabled),
    ] {
        switch(&acme, name, entra, state).await.unwrap();
        assert!(is_shut(make(2, entra).await, (cause, false)), "{name}");
    }
    assert_eq!(make(3, okta).await.unwrap(), user_id(3), "each by itself");

    switch(&acme, "on again", entra, IntegrationState::On).await.unwrap();
    assert_eq!(make(2, entra).await.unwrap(), user_id(2), "nothing is left of it");
    let suspension = Suspension { at: NOW, by: "olga".to_owned(), reason: "unpaid".to_owned() };
    let suspend = move |standing: &Workspace| {
        Ok(Workspace { suspension: Some(suspension.clone()), ..standing.clone() })
    };
    acme.change_workspace(write("suspend"), suspend).await.unwrap();
    let before = revision(&acme).await;
    assert!(is_shut(make(4, okta).await, (RefusedFor::Suspended, true)));
    assert_eq!(revision(&acme).await, before, "it leaves no trace");
    create(&acme, write("service"), user_id(5), named("five")).await.unwrap();
}

/// Seen to fail with the key left out of the look at who writes.
pub(super) async fn refuse_the_writes_that_come_through_a_key_which_has_ended<E: Engine>(
    engine: E,
) {
    let acme = workspace(engine.store(), 1).await;
    let entra = integration_id(1);
    switch(&acme, "on", entra, IntegrationState::On).await.unwrap();
    for n in 1..=2 {
        let (made, hash) = key(n);
        let made = ApiKey { integration_id: entra, expires_at: Some(NOW + 9), ..made };
        acme.add_api_key(write(&format!("key {n}")), made, hash, |_| Ok(())).await.unwrap();
    }
    let make = async |through: u8, n: u128, at| {
        let acme = acme.clone().through(key(through).0.id);
        let write = Write { at, ..write_by(entra, &format!("make {n}")) };
        create(&acme, write, user_id(n), named(&n.to_string())).await.map(|user| user.id)
    };
    let cause = |answer: Answer<UserId>| match answer {
        Err(StoreError::Shut { cause, suspension: None }) => Some(cause),
        _ => None,
    };
    assert_eq!(make(1, 1, NOW + 8).await.unwrap(), user_id(1));
    assert_eq!(cause(make(1, 2, NOW + 9).await), Some(RefusedFor::Expired));

    acme.revoke_api_key(write("revoke"), key(1).0.id).await.unwrap();
    let before = revision(&acme).await;
    assert_eq!(cause(make(1, 3, NOW).await), Some(RefusedFor::Revoked));
    assert_eq!(revision(&acme).await, before, "it leaves no trace");
    assert_eq!(make(2, 4, NOW).await.unwrap(), user_id(4), "each by itself");
    switch(&acme, "off", entra, IntegrationState::Off).await.unwrap();
    assert_eq!(cause(make(1, 5, NOW).await), Some(RefusedFor::Revoked), "the first of all causes");
    assert_eq!(cause(make(2, 5, NOW).await), Some(RefusedFor::Disabled));
}

/// Seen to fail with what was seen put in the place of what is kept, and without the look for the
/// integration.
pub(super) async fn keep_what_an_integration_was_seen_to_do<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    let id = integration_id(1);
    let nothing = IntegrationStatus::default();
    acme.note_integration(id, IntegrationStatus { dialect: 1, ..nothing.clone() }).await.unwrap();
    assert_eq!(acme.integration_status(id).await.unwrap(), nothing, "it is not there");
    switch(&acme, "on", id, IntegrationState::On).await.unwrap();
    assert_eq!(acme.integration_status(id).await.unwrap(), nothing);

    let first = IntegrationStatus {
        first_request_at: Some(NOW + 5),
        last_request_at: Some(NOW + 5),
        dialect: 2,
        test_at: Some(NOW + 5),
        last_error: Some(SeenError {
            at: NOW + 5,
            http_status: 409,
            reason: 30,
            detail: "Cause. Fix.".to_owned(),
        }),
        last_refusal: Some(SeenRefusal {
            at: NOW + 4,
            cause: RefusedFor::Scope,
            key_id: key(1).0.id,
        }),
    };
    acme.note_integration(id, first.clone()).await.unwrap();
    assert_eq!(acme.integration_status(id).await.unwrap(), first);

    // Another process, whose word comes late.
    let refusal = SeenRefusal { at: NOW + 9, cause: RefusedFor::Network, key_id: key(2).0.id };
    let besides = IntegrationStatus {
        first_request_at: Some(NOW + 1),
        last_request_at: Some(NOW + 1),
        last_refusal: Some(refusal.clone()),
        ..nothing.clone()
    };
    acme.note_integration(id, besides).await.unwrap();
    let both =
        IntegrationStatus { first_request_at: Some(NOW + 1), last_refusal: Some(refusal), ..first };
    assert_eq!(acme.integration_status(id).await.unwrap(), both);
    assert_eq!(other.integration_status(id).await.unwrap(), nothing);
    assert_eq!(revision(&acme).await, 1, "nothing of it is a revision");
}

/// Seen to fail with only the one that is decided on.
pub(super) async fn show_the_others_to_whoever_decides<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let entra = switch(&acme, "entra", integration_id(2), IntegrationState::On).await.unwrap();
    let okta = Integration { id: integration_id(1), state: IntegrationState::Off, ..entra.clone() };
    let (seen, made) = (vec![entra.clone()], okta.clone());
    let decide = move |_: &[_], all: &[Integration]| {
        assert_eq!(all, seen);
        Ok(made.clone())
    };
    let author = Author::Service("settings".to_owned());
    let asked = Write { author, ..write("okta") };
    assert_eq!(acme.change_integration(asked, okta.id, decide).await.unwrap(), okta);
    assert_eq!(acme.integrations().await.unwrap(), [entra, okta]);
    let acts = acme.audit_records(AuditQuery { limit: 1, ..AuditQuery::default() }).await.unwrap();
    assert_eq!((acts[0].act.as_str(), acts[0].actor.as_str()), ("integration.made", "settings"));
    let nowhere = engine.store().workspace(WorkspaceId::new(super::uuid(7)));
    assert_eq!(nowhere.integrations().await.unwrap(), []);
}
