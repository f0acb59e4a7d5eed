//! Removal: nothing is gone at once.

use super::{
    Engine, NOW, Names, Store, WorkspaceStore, create, draft, integration_id, login, named, no,
    remove, user_id, workspace, write, write_by,
};
use crate::clock::MINUTE;
use crate::store::{ChangeKind, Draft, Passage, Policy, StoreError, Tombstone, Unique, User};

const EXPIRY: i64 = NOW + 60 * MINUTE;

pub(super) async fn remove_to_a_tombstone_and_restore<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let entra = integration_id(1);
    let document = serde_json::json!({
        "userName": "ada", "emails": [{ "value": "ada@acme.com", "type": "work" }]
    });
    let wanted = draft(&document).signed_in_by("ada@acme.com");
    let bound = wanted.clone().bound_to(entra, Some("E-1"));
    let ada = create(&acme, write_by(entra, "make"), user_id(1), bound).await.unwrap();

    remove(&acme, "remove", ada.id).await.unwrap();

    assert_eq!(acme.user(ada.id).await.unwrap(), None);
    for filter in [r#"userName eq "ada""#, r#"emails eq "ada@acme.com""#, r#"externalId eq "E-1""#]
    {
        let found = acme.users(super::query(filter, Some(entra))).await.unwrap();
        assert_eq!((found.rows.len(), found.total), (0, 0), "{filter}");
    }
    let tombstone = Tombstone { was: ada.clone(), deleted_at: NOW, expires_at: EXPIRY };
    assert_eq!(acme.deleted_users(0, 10).await.unwrap(), std::slice::from_ref(&tombstone));
    assert_eq!(acme.deleted_users(ada.seq, 10).await.unwrap(), []);
    // The names are free at once.
    let heir = create(&acme, write("heir"), user_id(2), named("ada")).await.unwrap();
    remove(&acme, "remove heir", heir.id).await.unwrap();

    let decide = move |_: &Policy, found: Option<&Tombstone<User>>| {
        assert_eq!(found, Some(&tombstone));
        Ok(wanted.clone())
    };
    let back = acme.restore_user(write("restore"), ada.id, decide).await.unwrap();

    assert_eq!((back.id, back.seq, back.created_at), (ada.id, ada.seq, ada.created_at));
    assert_eq!((back.revision, &back.document, &back.binding), (5, &ada.document, &None));
    assert_eq!(acme.user(ada.id).await.unwrap().unwrap(), back);
    let found = acme.users(super::query(r#"emails eq "ada@acme.com""#, None)).await.unwrap();
    assert_eq!(super::ids(&found), [ada.id]);
    let left: Vec<_> = acme.deleted_users(0, 10).await.unwrap().iter().map(|t| t.was.id).collect();
    assert_eq!(left, [heir.id]);
    let kinds: Vec<_> = acme.changes(0, 10).await.unwrap().iter().map(|c| c.kind).collect();
    assert_eq!((kinds[1], kinds[4]), (ChangeKind::UserDeleted, ChangeKind::UserRestored));
}

pub(super) async fn refuse_a_restore_when_the_name_is_taken<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ada = create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    remove(&acme, "remove", ada.id).await.unwrap();
    let heir = create(&acme, write("heir"), user_id(2), named("ADA")).await.unwrap();

    let restored = acme.restore_user(write("restore"), ada.id, |_, _| Ok(named("ada"))).await;

    let Err(StoreError::Taken { unique: Unique::UserName, holder }) = restored else { panic!() };
    assert_eq!(holder, heir.id.into());
    assert_eq!(acme.user(ada.id).await.unwrap(), None);
    assert_eq!(acme.deleted_users(0, 10).await.unwrap().len(), 1, "the tombstone is still there");
    let nobody = acme.restore_user(write("nobody"), heir.id, |_, tombstone| {
        assert_eq!(tombstone, None);
        Err::<Draft, _>(no())
    });
    assert!(matches!(nobody.await, Err(StoreError::Refused(_))));
}

pub(super) async fn name_the_removed_person_whom_a_new_one_resembles<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let entra = integration_id(1);
    let wanted =
        |external_id| named("ada").signed_in_by("ada@acme.com").bound_to(entra, Some(external_id));
    for (n, external_id) in [(1, "E-1"), (2, "E-1"), (3, "E-3")] {
        let made = write_by(entra, &format!("make {n}"));
        create(&acme, made, user_id(n), wanted(external_id)).await.unwrap();
        let gone = crate::store::Write {
            at: NOW + i64::try_from(n).unwrap(),
            ..write(&format!("remove {n}"))
        };
        acme.remove_user(gone, user_id(n), EXPIRY, |_| Ok(Passage::default())).await.unwrap();
    }
    let resembling = async |by, external_id: &str, address| {
        let (seen, meeting) = std::sync::mpsc::sync_channel(1);
        let names = Names {
            user_name: "ada".to_owned(),
            login_email: Some(login(address)),
            external_id: Some(external_id.to_owned()),
        };
        let decide = move |_: &Policy, met: &super::Met| {
            seen.send(met.resembling).unwrap();
            Err(no())
        };
        acme.create_user(write_by(by, "post"), user_id(9), names, decide).await.unwrap_err();
        meeting.recv().unwrap()
    };

    assert_eq!(resembling(entra, "E-1", "ADA@acme.com").await, Some(user_id(2)), "the latest");
    assert_eq!(resembling(entra, "E-1", "eve@acme.com").await, None);
    assert_eq!(resembling(entra, "e-1", "ada@acme.com").await, None);
    assert_eq!(resembling(integration_id(2), "E-1", "ada@acme.com").await, None);
}

pub(super) async fn clear_what_has_expired<E: Engine>(engine: E) {
    let store = engine.store();
    for n in 1..=2 {
        let acme = workspace(store, n).await;
        for (user, expires_at) in [(1, EXPIRY), (2, EXPIRY), (3, EXPIRY + 1)] {
            let name = format!("{user}");
            create(&acme, write(&format!("make {user}")), user_id(user), named(&name))
                .await
                .unwrap();
            let gone = write(&format!("remove {user}"));
            acme.remove_user(gone, user_id(user), expires_at, |_| Ok(Passage::default()))
                .await
                .unwrap();
        }
    }

    assert_eq!(store.clear_expired(EXPIRY - 1, NOW, 10).await.unwrap(), 0, "nothing has");
    assert_eq!(store.clear_expired(EXPIRY, NOW, 3).await.unwrap(), 3, "no more at a time");
    assert_eq!(store.clear_expired(EXPIRY, NOW, 3).await.unwrap(), 1);
    assert_eq!(store.clear_expired(EXPIRY, NOW + 1, 100).await.unwrap(), 6, "the images");
    assert_eq!(store.clear_expired(EXPIRY, NOW + 1, 100).await.unwrap(), 0);

    for n in 1..=2 {
        let acme = store.workspace(crate::ids::WorkspaceId::new(super::uuid(n)));
        let left = acme.deleted_users(0, 10).await.unwrap();
        assert_eq!(left.iter().map(|t| t.was.id).collect::<Vec<_>>(), [user_id(3)]);
        let changes = acme.changes(0, 10).await.unwrap();
        assert_eq!(changes.len(), 6, "the record itself stays");
        assert!(changes.iter().all(|change| change.before.is_none()));
    }
}

/// Also once more under the same name; and an operator's removal of whom an integration manages is an act. Seen to
/// fail with the revision of the workspace answered, and with a mere record.
pub(super) async fn answer_the_revision_of_a_removal<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let entra = integration_id(1);
    let bound = named("ada").bound_to(entra, None);
    create(&acme, write_by(entra, "make ada"), user_id(1), bound).await.unwrap();
    create(&acme, write("make bob"), user_id(2), named("bob")).await.unwrap();
    let bound = named("eve").bound_to(entra, None);
    create(&acme, write_by(entra, "make eve"), user_id(3), bound).await.unwrap();
    assert_eq!(remove(&acme, "remove ada", user_id(1)).await.unwrap(), 4);
    assert_eq!(remove(&acme, "remove bob", user_id(2)).await.unwrap(), 5);
    let by_entra = write_by(entra, "remove eve");
    let gone = acme.remove_user(by_entra, user_id(3), EXPIRY, |_| Ok(Passage::default())).await;
    assert_eq!(gone.unwrap(), 6);
    assert_eq!(remove(&acme, "remove ada", user_id(1)).await.unwrap(), 4);
    let all = crate::store::AuditQuery { limit: 10, ..crate::store::AuditQuery::default() };
    let acts = acme.audit_records(all).await.unwrap();
    let acts: Vec<_> = acts.iter().map(|act| (act.act.as_str(), act.revision)).collect();
    assert_eq!(acts, [("user.removed", 4), ("workspace.made", 0)]);
}
