//! People: who may have a name, who is met, what is remembered.

use serde_json::{Value, json};

use super::{
    Admission, Domain, DomainState, Engine, NOW, Names, Store, WorkspaceStore, accounts, change,
    claim, create, draft, integration_id, login, named, provided, revision, switch, user_id,
    verify, workspace, write, write_by,
};
use crate::ids::WorkspaceId;
use crate::store::{
    ChangeKind, Draft, Freshness, IntegrationState, Policy, Query, StoreError, Unique,
};

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

/// Whatever else of the person changes with it. Seen to fail where rows beside the person's own were still being
/// written when it was asked who holds the address.
pub(super) async fn name_the_holder_of_a_login_email<E: Engine>(engine: E) {
    let mailed = |address: &str| {
        let emails = serde_json::json!([{ "type": "work", "value": address, "primary": true }]);
        draft(&serde_json::json!({ "userName": "eve", "emails": emails }))
    };
    let acme = workspace(engine.store(), 1).await;
    let ada = named("ada").signed_in_by("ada@acme.com");
    create(&acme, write("make"), user_id(1), ada).await.unwrap();
    let eve = mailed("eve@acme.com").signed_in_by("eve@acme.com");
    let eve = create(&acme, write("make eve"), user_id(2), eve).await.unwrap();

    for attempt in 0..20 {
        let wanted = mailed("ADA@acme.com").signed_in_by("ADA@acme.com");
        let taken = change(&acme, &format!("take {attempt}"), eve.id, wanted).await;
        let Err(StoreError::Taken { unique: Unique::LoginEmail, holder }) = taken else {
            panic!("{taken:?}")
        };
        assert_eq!(holder, user_id(1).into());
    }
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
        "protected": false,
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

    let found = accounts(store, login("ADA@acme.com")).await;

    let account = |n, active| (WorkspaceId::new(super::uuid(n)), user_id(1), active);
    assert_eq!(found, [account(1, true), account(2, false)]);
    assert_eq!(accounts(store, login("eve@acme.com")).await, []);
    assert_eq!(accounts(store, login("no address")).await, []);
}

/// Seen to fail with what was said kept at a change of the person alone, and with the end of the binding forgotten.
pub(super) async fn remember_what_an_integration_has_said<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let entra = integration_id(1);
    switch(&acme, "on", entra, IntegrationState::On).await.unwrap();
    let said = |names: &[&str]| Draft {
        provided: provided(names),
        ..named("ada").bound_to(entra, Some("E-1"))
    };
    let first = said(&["userName"]);
    let ada = create(&acme, write_by(entra, "make"), user_id(1), first).await.unwrap();
    assert_eq!(ada.provided, provided(&["userName"]));
    let more = change(&acme, "more", ada.id, said(&["active", "userName"])).await.unwrap();
    assert_eq!((more.revision, &more.provided), (ada.revision, &provided(&["active", "userName"])));
    assert_eq!(acme.user(ada.id).await.unwrap().unwrap(), more);
    let titled = draft(&json!({ "userName": "ada", "title": "Countess" }));
    let titled = Draft {
        provided: provided(&["active", "title", "userName"]),
        ..titled.bound_to(entra, Some("E-1"))
    };
    let titled = change(&acme, "title", ada.id, titled).await.unwrap();
    assert_eq!(titled.provided, provided(&["active", "title", "userName"]));
    let page = acme.users(super::query("title pr", None)).await.unwrap();
    assert_eq!(page.rows, std::slice::from_ref(&titled));

    switch(&acme, "off", entra, IntegrationState::Off).await.unwrap();
    let let_go = acme.user(ada.id).await.unwrap().unwrap();
    assert_eq!((let_go.binding, let_go.provided), (None, provided(&[])));
}

/// Seen to fail with a protection that is no change, or no act.
pub(super) async fn record_who_is_protected<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ada = create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    assert!(!ada.is_protected);
    let wanted = |is_protected| Draft { is_protected, ..named("ada") };
    for (operation, is_protected, revision) in
        [("protect", true, 2), ("again", true, 2), ("protect", true, 2), ("let go", false, 3)]
    {
        let user = change(&acme, operation, ada.id, wanted(is_protected)).await.unwrap();
        assert_eq!((user.is_protected, user.revision), (is_protected, revision), "{operation}");
        assert_eq!(acme.user(ada.id).await.unwrap().unwrap(), user);
    }
    let changes = acme.changes(1, 10).await.unwrap();
    let told: Vec<_> = changes.iter().map(|change| (change.kind, change.detail.as_str())).collect();
    let updated = ChangeKind::UserUpdated;
    let (protected, unprotected) = (r#"{"state":"protected"}"#, r#"{"state":"unprotected"}"#);
    assert_eq!(told, [(updated, protected), (updated, unprotected)]);
    let all = crate::store::AuditQuery { limit: 10, ..crate::store::AuditQuery::default() };
    let acts = acme.audit_records(all).await.unwrap();
    let acts: Vec<_> = acts.iter().map(|act| (act.act.as_str(), act.subject.clone())).collect();
    let (id, made) = (ada.id.to_string(), WorkspaceId::new(super::uuid(1)).to_string());
    assert_eq!(
        acts,
        [("user.unprotected", id.clone()), ("user.protected", id), ("workspace.made", made)]
    );
    let image = changes[0].before.as_ref().unwrap();
    assert_eq!(serde_json::from_str::<Value>(image).unwrap()["protected"], false);
}

pub(super) async fn read_several_people_at_once<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let other = workspace(engine.store(), 2).await;
    let ada = create(&acme, write("make ada"), user_id(1), named("ada")).await.unwrap();
    let bob = create(&acme, write("make bob"), user_id(2), named("bob")).await.unwrap();
    let gone = create(&acme, write("make eve"), user_id(3), named("eve")).await.unwrap();
    super::remove(&acme, "remove eve", gone.id).await.unwrap();
    create(&other, write("elsewhere"), user_id(4), named("zoe")).await.unwrap();
    let ids = vec![user_id(4), bob.id, user_id(9), ada.id, gone.id];
    let mut found = acme.users_of(ids).await.unwrap();
    found.sort_by_key(|user| user.seq);
    assert_eq!(found, [ada, bob]);
    assert_eq!(acme.users_of(Vec::new()).await.unwrap(), []);
}

/// Seen to fail with any revision taken for one that was reached.
pub(super) async fn read_as_new_as_asked_for<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ada = create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    for freshness in
        [Freshness::Any, Freshness::Newest, Freshness::AtLeast(0), Freshness::AtLeast(ada.revision)]
    {
        let reading = acme.reading(freshness).await.unwrap().unwrap();
        let found = reading.user(ada.id).await.unwrap();
        assert!(found.is_some() || freshness == Freshness::Any, "{freshness:?}");
    }
    let ahead = acme.reading(Freshness::AtLeast(ada.revision + 1)).await;
    assert!(matches!(ahead.err(), Some(StoreError::NotReached { reached: 1 })));
    let nowhere = engine.store().workspace(WorkspaceId::new(super::uuid(9)));
    for freshness in [Freshness::Any, Freshness::AtLeast(0), Freshness::AtLeast(1)] {
        assert!(nowhere.reading(freshness).await.unwrap().is_none(), "{freshness:?}");
    }
}

/// However many there are: whatever is read with the revision of a write holds it, alone, in a list, and counted.
pub(super) async fn read_each_write_as_soon_as_it_is_answered<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    for n in 1..=100 {
        let name = format!("user {n}");
        let made = create(&acme, write(&name), user_id(n), named(&name)).await.unwrap();
        let reading = acme.reading(Freshness::AtLeast(made.revision)).await.unwrap().unwrap();
        assert_eq!(reading.card().await.unwrap().unwrap().revision, made.revision);
        assert_eq!(reading.users_of(vec![made.id]).await.unwrap(), std::slice::from_ref(&made));
        assert_eq!(reading.user(made.id).await.unwrap(), Some(made));
        let everybody = reading.users(Query::count(None, None)).await.unwrap();
        assert_eq!(u128::from(everybody.total), n);
        let newest = acme.reading(Freshness::Newest).await.unwrap().unwrap();
        assert!(newest.user(user_id(n)).await.unwrap().is_some());
    }
}
