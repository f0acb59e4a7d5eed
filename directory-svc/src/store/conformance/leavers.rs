//! Who is kept out and how they come back, as the store keeps it.

use serde_json::json;

use super::joining::identity;
use super::{
    Draft, Engine, JoiningStore, NOW, Passage, Policy, Store, User, WorkspaceStore, change, create,
    draft, integration_id, login, named, remove, revision, user_id, verify, workspace, write,
};
use crate::ids::WorkspaceId;
use crate::store::{AuditQuery, Barred, Readmitted, StoreError, Tombstone, Unique};

/// What bars these addresses.
pub(super) fn bars(addresses: &[&str], is_firm: bool) -> Passage {
    let bars = addresses.iter().map(|&address| address.to_owned()).collect();
    Passage { bars, is_firm, ..Passage::default() }
}

/// Ada, whom a service lets in by her address.
fn entering() -> Draft {
    let passage = Passage { enters_by: Some(login("ada@acme.com")), ..Passage::default() };
    Draft { passage, ..named("ada").signed_in_by("ada@acme.com") }
}

/// Ada, whom the identity provider lets in by her addresses.
fn readmitted(addresses: &[&str]) -> Draft {
    let readmits = addresses.iter().map(|&address| address.to_owned()).collect();
    let passage = Passage { readmits, has_left: Some(false), ..Passage::default() };
    Draft { passage, ..named("ada").signed_in_by("ada@acme.com") }
}

/// Ada, who is out on the word of the identity provider.
fn out() -> Draft {
    let passage = Passage { has_left: Some(true), ..Passage::default() };
    Draft { passage, ..draft(&json!({ "userName": "ada", "active": false })) }
}

/// Seen to fail without the look at the bar, with a soft bar in place of a firm one, and without the look at
/// whose address it is.
pub(super) async fn bar_addresses_to_those_who_left<E: Engine>(engine: E) {
    let (acme, other) = (workspace(engine.store(), 1).await, workspace(engine.store(), 2).await);
    let barred = async |key: &str| acme.barred(key.to_owned()).await.unwrap();
    create(&acme, write("make"), user_id(1), entering()).await.unwrap();
    let gone = bars(&["ada@acme.com", "ada.l@acme.com"], true);
    let decide = move |_: Option<&User>| Ok(gone.clone());
    acme.remove_user(write("remove"), user_id(1), NOW, decide).await.unwrap();

    let bar = Barred { user_id: user_id(1), since: NOW, is_firm: true };
    assert_eq!(barred("ada.l@acme.com").await, Some(bar.clone()));
    let back = create(&acme, write("again"), user_id(2), entering()).await;
    let Err(StoreError::Barred { user_id: who }) = back else { panic!("{back:?}") };
    assert_eq!((who, revision(&acme).await), (user_id(1), 2));
    let waiting = named("ada").signed_in_by("ada@acme.com");
    create(&acme, write("asleep"), user_id(3), waiting).await.unwrap();
    let back = change(&acme, "wake", user_id(3), entering()).await;
    assert!(matches!(back, Err(StoreError::Barred { .. })));
    assert_eq!(barred("ada@acme.com").await, Some(bar), "no attempt takes it away");
    create(&other, write("make"), user_id(1), entering()).await.unwrap();

    let assigned = readmitted(&["ada@acme.com", "ada.l@acme.com"]);
    let back = change(&acme, "assign", user_id(3), assigned).await.unwrap();
    assert_eq!(back.id, user_id(3));
    for address in ["ada@acme.com", "ada.l@acme.com"] {
        assert_eq!(barred(address).await, None);
    }

    // A soft bar gives way to a service, and never takes the place of a firm one.
    let asleep = Draft { passage: bars(&["ada@acme.com"], false), ..named("ada") };
    change(&acme, "leave", user_id(3), asleep.clone()).await.unwrap();
    assert!(!barred("ada@acme.com").await.unwrap().is_firm);
    change(&acme, "come back", user_id(3), entering()).await.unwrap();
    assert_eq!(barred("ada@acme.com").await, None);
    change(&acme, "leave again", user_id(3), asleep.clone()).await.unwrap();
    let now = revision(&acme).await;
    let firm = Draft { passage: bars(&["ada@acme.com"], true), ..asleep.clone() };
    change(&acme, "nothing but the bar", user_id(3), firm).await.unwrap();
    change(&acme, "nothing", user_id(3), asleep).await.unwrap();
    assert!(barred("ada@acme.com").await.unwrap().is_firm);
    assert_eq!(revision(&acme).await, now, "the bar alone is no change of the person");

    // Nobody is let in by what is another's address, if not the one that signs them in.
    let eve = draft(&json!({ "userName": "eve", "emails": [{ "value": "lovelace@acme.com" }] }));
    create(&acme, write("eve"), user_id(4), eve).await.unwrap();
    let enters_by = Some(login("lovelace@acme.com"));
    let passage = Passage { enters_by, ..Passage::default() };
    let own = Draft { passage, ..named("lovelace").signed_in_by("lovelace@acme.com") };
    let taken = create(&acme, write("second"), user_id(5), own.clone()).await;
    let Err(StoreError::Taken { unique: Unique::LoginEmail, holder }) = taken else { panic!() };
    assert_eq!(holder, user_id(4).into());
    let managed = own.bound_to(integration_id(1), None);
    create(&acme, write("the provider's"), user_id(5), managed).await.unwrap();
}

/// Seen to fail with the mark of whoever had the address, and with that of nobody, taken away; with the bars of
/// a person left, and with those of others lifted.
pub(super) async fn readmit_an_address_or_a_person<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let has_left = async |n| acme.user(user_id(n)).await.unwrap().unwrap().has_left;
    let readmit = async |operation: &str, whom| acme.readmit(write(operation), whom).await.unwrap();
    let address = |key: &str| Readmitted::Address(key.to_owned());
    let left = |addresses: &[&str], user_name: &str| {
        let passage = Passage { has_left: Some(true), ..bars(addresses, true) };
        Draft { passage, ..named(user_name) }
    };
    // Ada had the address of the info desk before Bob, whom it signs in, and both left.
    let ada = left(&["info@acme.com", "ada@acme.com"], "ada").signed_in_by("ada@acme.com");
    create(&acme, write("ada"), user_id(1), ada).await.unwrap();
    let bob = left(&["info@acme.com", "bob@acme.com"], "bob").signed_in_by("info@acme.com");
    create(&acme, write("bob"), user_id(2), bob).await.unwrap();
    assert!(readmit("readmit", address("info@acme.com")).await);
    assert!(readmit("readmit", address("info@acme.com")).await, "repeated");
    assert!(!readmit("nothing", address("info@acme.com")).await);
    assert!(has_left(1).await && !has_left(2).await);
    assert_eq!(acme.barred("info@acme.com".to_owned()).await.unwrap(), None);

    // Somebody without an address, and somebody who is gone.
    create(&acme, write("4711"), user_id(3), left(&[], "4711")).await.unwrap();
    assert!(readmit("by id", Readmitted::Person(user_id(3))).await);
    assert!(!has_left(3).await);
    remove(&acme, "remove", user_id(1)).await.unwrap();
    assert!(readmit("the removed", Readmitted::Person(user_id(1))).await);
    assert!(!readmit("again none", Readmitted::Person(user_id(1))).await);
    assert_eq!(acme.barred("ada@acme.com".to_owned()).await.unwrap(), None);
    assert!(acme.barred("bob@acme.com".to_owned()).await.unwrap().is_some(), "another's");

    let newest = AuditQuery { limit: 3, ..AuditQuery::default() };
    let records = acme.audit_records(newest).await.unwrap();
    let acts: Vec<_> =
        records.iter().map(|record| (record.act.as_str(), record.subject.clone())).collect();
    let person = |n| ("user.readmitted", user_id(n).to_string());
    assert_eq!(acts, [person(1), person(3), ("address.readmitted", "info@acme.com".to_owned())]);
    assert!(records[0].before.as_ref().unwrap().contains("ada@acme.com"), "{records:?}");
}

/// By the word that was there when they were removed. Seen to fail with the mark left out of the tombstone.
pub(super) async fn remember_of_the_removed_whether_they_had_left<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    let now = revision(&acme).await;
    assert!(change(&acme, "leave", user_id(1), out()).await.unwrap().has_left);
    let unsaid = draft(&json!({ "userName": "ada", "active": false, "title": "x" }));
    assert!(
        change(&acme, "title", user_id(1), unsaid.clone()).await.unwrap().has_left,
        "as it was"
    );
    let back = Draft { passage: readmitted(&[]).passage, ..unsaid.clone() };
    assert!(!change(&acme, "nothing but the word", user_id(1), back).await.unwrap().has_left);
    assert_eq!(revision(&acme).await, now + 2, "the word alone is no change of the person");
    change(&acme, "leave again", user_id(1), out()).await.unwrap();
    remove(&acme, "remove", user_id(1)).await.unwrap();
    let restore = move |_: &Policy, tombstone: Option<&Tombstone<User>>| {
        let has_left = Some(tombstone.unwrap().was.has_left);
        let passage = Passage { has_left, ..Passage::default() };
        Ok(Draft { passage, ..unsaid.clone() })
    };
    assert!(acme.restore_user(write("restore"), user_id(1), restore).await.unwrap().has_left);
}

/// Seen to fail with the identities of the removed kept.
pub(super) async fn keep_the_identities_of_the_removed_until_they_are_let_in<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    verify(&acme, "acme.com").await.unwrap();
    let link = async |n: u128| {
        let operation = write(&format!("link {n}"));
        let (email, to) = (login("ada@acme.com"), user_id(n));
        acme.link_identity(operation, email, identity(&n.to_string()), move |_| Some(to))
            .await
            .unwrap();
    };
    let links = async |n| acme.identities(user_id(n)).await.unwrap().len();
    // She is here, and an address that she left behind is given to another.
    let moved = Draft { passage: bars(&["ada.l@acme.com"], true), ..entering() };
    create(&acme, write("make"), user_id(1), moved).await.unwrap();
    link(1).await;
    let heir = |readmits: &[&str]| {
        let passage = readmitted(readmits).passage;
        Draft { passage, ..named("heir").signed_in_by("ada.l@acme.com") }
    };
    create(&acme, write("heir"), user_id(2), heir(&["ada.l@acme.com"])).await.unwrap();
    assert_eq!(links(1).await, 1, "it is hers while she is here");
    let twice = Draft { passage: bars(&["info@acme.com"], true), ..named("twice") };
    create(&acme, write("twice"), user_id(9), twice).await.unwrap();
    link(9).await;
    remove(&acme, "remove twice", user_id(9)).await.unwrap();
    change(&acme, "alias", user_id(2), heir(&["info@acme.com"])).await.unwrap();
    assert_eq!(links(9).await, 1, "nobody signs in by that");

    for (n, back) in [(1, readmitted(&["ada@acme.com"])), (3, entering())] {
        let gone = move |_: Option<&User>| Ok(bars(&["ada@acme.com"], n == 1));
        acme.remove_user(write(&format!("remove {n}")), user_id(n), NOW, gone).await.unwrap();
        assert_eq!(links(n).await, 1);
        let heir = user_id(n + 2);
        create(&acme, write(&format!("back {n}")), heir, back).await.unwrap();
        assert_eq!(links(n).await, 0, "whoever comes in may be the same somebody");
        link(n + 2).await;
    }
    let gone = move |_: Option<&User>| Ok(bars(&["ada@acme.com"], true));
    acme.remove_user(write("remove the last"), user_id(5), NOW, gone).await.unwrap();
    let whom = Readmitted::Address("ada@acme.com".to_owned());
    assert!(acme.readmit(write("readmit"), whom).await.unwrap());
    assert_eq!(links(5).await, 0);
}

/// Seen to fail with bars cleared with the tombstones.
pub(super) async fn bar_an_address_longer_than_its_tombstone<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    create(&acme, write("make"), user_id(1), entering()).await.unwrap();
    let gone = move |_: Option<&User>| Ok(bars(&["ada@acme.com"], true));
    acme.remove_user(write("remove"), user_id(1), NOW, gone).await.unwrap();
    drop(acme);
    let engine = engine.reopen().await;
    let store = engine.store();
    store.clear_expired(NOW + 1, NOW + 1, 100).await.unwrap();
    let acme = store.workspace(WorkspaceId::new(super::uuid(1)));
    assert_eq!(acme.deleted_users(0, 10).await.unwrap(), []);
    let back = create(&acme, write("again"), user_id(2), entering()).await;
    assert!(matches!(back, Err(StoreError::Barred { .. })));
}
