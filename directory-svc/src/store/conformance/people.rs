//! People: who may have a name, who is met, what is remembered.

use serde_json::{Value, json};

use super::{
    Admission, Domain, DomainState, Engine, NOW, Names, Store, WorkspaceStore, change, claim,
    create, draft, integration_id, login, named, revision, user_id, verify, workspace, write,
    write_by,
};
use crate::ids::WorkspaceId;
use crate::store::{Account, ChangeKind, Policy, StoreError, Unique};

/// Seen to fail with the key's violation passed on as it is, and without the rollback of the loser.
pub(super) async fn let_one_of_a_hundred_creations_of_a_name_win<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let mut creations = tokio::task::JoinSet::new();
    for n in 0..100_u32 {
        let acme = acme.clone();
        // The bits of n say which letters are capitals.
        let letter = |(i, c): (usize, char)| {
            if n >> i & 1 == 1 { c.to_ascii_uppercase() } else { c }
        };
        let name: String = "augusta".chars().enumerate().map(letter).collect();
        let made = write(&format!("make {n}"));
        let id = user_id(u128::from(n) + 1);
        creations.spawn(async move { create(&acme, made, id, named(&name)).await });
    }
    let results = creations.join_all().await;
    let winners: Vec<_> = results.iter().flatten().map(|user| user.id).collect();
    assert_eq!(winners.len(), 1);
    for lost in results.iter().filter_map(|result| result.as_ref().err()) {
        let StoreError::Taken { unique: Unique::UserName, holder } = lost else { panic!("{lost}") };
        assert_eq!(*holder, winners[0].into());
    }
    assert_eq!(revision(&acme).await, 1);
}

pub(super) async fn name_the_holder_of_a_login_email<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ada = named("ada").signed_in_by("ada@acme.com");
    create(&acme, write("make"), user_id(1), ada).await.unwrap();
    let eve = create(&acme, write("make eve"), user_id(2), named("eve")).await.unwrap();

    let taken = change(&acme, "take", eve.id, named("eve").signed_in_by("ADA@acme.com")).await;

    let Err(StoreError::Taken { unique: Unique::LoginEmail, holder }) = taken else { panic!() };
    assert_eq!(holder, user_id(1).into());
    assert_eq!(acme.user(eve.id).await.unwrap().unwrap(), eve);
}

pub(super) async fn find_who_is_met_by_either_name<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    verify(&acme, "acme.com").await.unwrap();
    let ada = named("Ada").signed_in_by("ada@acme.com");
    let ada = create(&acme, write("make"), user_id(1), ada).await.unwrap();
    let bob = create(&acme, write("make bob"), user_id(2), named("Bob")).await.unwrap();
    let (seen, meeting) = std::sync::mpsc::sync_channel(1);
    let names = Names {
        user_name: "bob".to_owned(),
        login_email: Some(login("ADA@acme.com")),
        external_id: None,
    };
    let decide = move |policy: &Policy, met: &super::Met| {
        seen.send((policy.clone(), met.clone())).unwrap();
        Err(super::no())
    };
    acme.create_user(write("make 3"), user_id(3), names, decide).await.unwrap_err();

    let (policy, met) = meeting.recv().unwrap();
    assert_eq!(policy.verified_domains, ["acme.com".to_owned()].into());
    assert_eq!((met.by_user_name, met.by_login_email), (Some(bob), Some(ada)));
    assert_eq!(met.resembling, None);
}

pub(super) async fn adopt_an_unbound_person<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let entra = integration_id(1);
    let ada = named("ada").signed_in_by("ada@acme.com");
    let ada = create(&acme, write("make"), user_id(1), ada).await.unwrap();
    let adopted = named("Ada").signed_in_by("ada@acme.com").bound_to(entra, Some("E-1"));
    let names = Names { user_name: "ada".to_owned(), ..Names::default() };
    let (wanted, met_id) = (adopted.clone(), ada.id);
    let decide = move |_: &Policy, met: &super::Met| {
        assert_eq!(met.by_user_name.as_ref().map(|user| user.id), Some(met_id));
        Ok(Admission::Adopt(met_id, wanted.clone()))
    };

    let user = acme.create_user(write_by(entra, "post"), user_id(2), names, decide).await.unwrap();

    assert_eq!((user.id, user.seq, user.revision), (ada.id, ada.seq, 2));
    assert_eq!(user.binding, adopted.binding);
    assert_eq!(acme.user(ada.id).await.unwrap().unwrap(), user);
    assert_eq!(acme.user(user_id(2)).await.unwrap(), None);
    let change = acme.changes(1, 1).await.unwrap().remove(0);
    assert_eq!(change.kind, ChangeKind::UserAdopted);
    assert_eq!(change.subject, ada.id.to_string());
    let detail: Value = serde_json::from_str(&change.detail).unwrap();
    assert_eq!(detail, json!({ "attributes": ["userName", "externalId"] }), "no new login");
}

pub(super) async fn keep_the_before_image<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let entra = integration_id(1);
    let ada = draft(&json!({ "userName": "ada", "title": "Countess", "active": true }))
        .signed_in_by("Ada@acme.com")
        .bound_to(entra, Some("E-1"));
    let ada = create(&acme, write_by(entra, "make"), user_id(1), ada).await.unwrap();
    let after = draft(&json!({ "userName": "ada", "active": false }))
        .signed_in_by("countess@acme.com")
        .bound_to(entra, Some("E-1"));
    change(&acme, "change", ada.id, after).await.unwrap();

    let changes = acme.changes(0, 10).await.unwrap();

    let detail = |n: usize| serde_json::from_str::<Value>(&changes[n].detail).unwrap();
    assert_eq!(changes[0].before, None);
    assert_eq!(changes[0].author, super::Author::Integration(entra));
    let login = json!({ "old": null, "new": "Ada@acme.com" });
    assert_eq!(detail(0), json!({ "loginEmail": login, "access": "granted" }));
    assert_eq!((changes[1].kind, changes[1].at), (ChangeKind::UserUpdated, NOW));
    let before: Value = serde_json::from_str(changes[1].before.as_ref().unwrap()).unwrap();
    let document: Value = serde_json::from_str(&ada.document).unwrap();
    let image = json!({
        "document": document,
        "loginEmail": "Ada@acme.com",
        "active": true,
        "integrationId": entra.to_string(),
        "externalId": "E-1",
        "revision": 1,
    });
    assert_eq!(before, image);
    let detail = detail(1);
    assert_eq!(detail["attributes"], json!(["active", "title"]));
    assert_eq!(detail["loginEmail"], json!({ "old": "Ada@acme.com", "new": "countess@acme.com" }));
    assert_eq!(detail["access"], "revoked");
}

/// Seen to fail with the state of the claim left out.
pub(super) async fn sign_in_where_the_domain_is_verified<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, owned, other) =
        (workspace(store, 1).await, workspace(store, 2).await, workspace(store, 3).await);
    verify(&acme, "acme.com").await.unwrap();
    verify(&owned, "acme.com").await.unwrap();
    let pending = claim("acme.com", NOW, DomainState::Pending);
    let decide = move |_: Option<&Domain>, _| Ok(pending.clone().into());
    other.change_domain(write("claim"), "acme.com".to_owned(), decide).await.unwrap();
    let asleep = draft(&json!({ "userName": "ada", "active": false }));
    for (workspace, person) in [(&acme, named("ada")), (&owned, asleep), (&other, named("ada"))] {
        let person = person.signed_in_by("ada@acme.com");
        create(workspace, write("make"), user_id(1), person).await.unwrap();
    }

    let accounts = store.accounts(login("ADA@acme.com")).await.unwrap();

    let account = |n, active| Account {
        workspace_id: WorkspaceId::new(super::uuid(n)),
        user_id: user_id(1),
        active,
    };
    assert_eq!(accounts, [account(1, true), account(2, false)]);
    assert_eq!(store.accounts(login("eve@acme.com")).await.unwrap(), []);
    assert_eq!(store.accounts(login("no address")).await.unwrap(), []);
}
