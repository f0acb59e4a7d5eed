//! The ways in: who comes in by what, and what is noted of those who were refused.

use serde_json::{Value, json};

use super::leavers::bars;
use super::{
    Domain, DomainState, Draft, Engine, Footing, JoiningStore, NOW, Names, Policy, Store, User,
    WorkspaceStore, claim, create, decision, draft, integration_id, login, named, no, remove,
    revision, switch, user_id, verify, workspace, write, write_by,
};
use crate::ids::{UserId, WorkspaceId};
use crate::store::{
    Admission, AllowedAddress, Answer, AuditQuery, ChangeKind, Doorstep, EmailJoin, Holder,
    Identity, IntegrationState, REFUSED_DOMAINS, RefusedDomain, StoreError, Workspace,
};

async fn open_to_all<W: WorkspaceStore>(workspace: &W) {
    let open =
        |standing: &Workspace| Ok(Workspace { email_join: EmailJoin::Open, ..standing.clone() });
    workspace.change_workspace(write("open"), open).await.unwrap();
}

/// An identity by which a person signs in.
pub(super) fn identity(subject: &str) -> Identity {
    Identity { issuer: "https://idp.example".to_owned(), subject: subject.to_owned() }
}

/// What a sign-in meets in the first workspace.
async fn met<S: Store>(store: &S, address: &str, by: Option<Identity>) -> Option<Doorstep> {
    let met = store.doorsteps(login(address), by).await.unwrap();
    met.into_iter().find(|step| step.workspace_id == WorkspaceId::new(super::uuid(1)))
}

/// Seen to fail with the people who sign in among them, and with the first page alone.
pub(super) async fn list_who_waits_for_a_login_email<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    for n in 1..=6 {
        let person = named(&format!("p{n}"));
        let address = format!("p{n}@acme.com");
        let person = if n % 2 == 0 { person.signed_in_by(&address) } else { person };
        create(&acme, write(&format!("make {n}")), user_id(n), person).await.unwrap();
    }
    create(&other, write("elsewhere"), user_id(9), named("p9")).await.unwrap();
    let waiting = async |after, limit| {
        let found = acme.without_login(after, limit).await.unwrap();
        found.into_iter().map(|user| (user.id, user.seq)).collect::<Vec<_>>()
    };
    let all = [(user_id(1), 1), (user_id(3), 3), (user_id(5), 5)];
    assert_eq!(waiting(0, 9).await, all);
    assert_eq!(waiting(0, 2).await, all[..2]);
    assert_eq!(waiting(3, 2).await, all[2..]);
}

/// Seen to fail without the note on the integration, and with every person of an integration closing it.
pub(super) async fn close_the_workspace_with_the_first_person_of_an_integration<E: Engine>(
    engine: E,
) {
    let acme = workspace(engine.store(), 1).await;
    let email_join = async || acme.card().await.unwrap().unwrap().email_join;
    let entra = integration_id(1);
    switch(&acme, "on", entra, IntegrationState::On).await.unwrap();
    open_to_all(&acme).await;
    let bound = move |name: &str| named(name).bound_to(entra, None);
    create(&acme, write("joined"), user_id(1), named("ada")).await.unwrap();
    create(&acme, write("by a service"), user_id(2), bound("bob")).await.unwrap();
    assert_eq!(email_join().await, EmailJoin::Open);

    let adopted =
        acme.change_user(write_by(entra, "adopt"), user_id(1), move |_, _| Ok(bound("ada")));
    adopted.await.unwrap();
    assert_eq!(email_join().await, EmailJoin::Off);
    assert_eq!(revision(&acme).await, 6);
    let closed = acme.changes(5, 1).await.unwrap().remove(0);
    assert_eq!(
        (closed.kind, closed.author),
        (ChangeKind::WorkspaceChanged, super::Author::Integration(entra))
    );
    let records =
        AuditQuery { act: Some("workspace".to_owned()), limit: 9, ..AuditQuery::default() };
    let records = acme.audit_records(records).await.unwrap();
    assert_eq!(records[0].actor, format!("integration:{entra}"));
    assert!(records[0].after.as_ref().unwrap().contains(r#""emailJoin":"off""#), "{records:?}");

    let open =
        |standing: &Workspace| Ok(Workspace { email_join: EmailJoin::Open, ..standing.clone() });
    acme.change_workspace(write("open again"), open).await.unwrap();
    create(&acme, write_by(entra, "third"), user_id(3), bound("eve")).await.unwrap();
    assert_eq!(email_join().await, EmailJoin::Open, "it is the admin's again");
    assert_eq!(revision(&acme).await, 8);
}

/// Seen to fail with each of the three left out of the look-up.
pub(super) async fn tell_a_sign_in_what_it_meets<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    verify(&acme, "acme.com").await.unwrap();
    let is_known = async |address: &str| met(store, address, None).await.unwrap().is_known;
    assert!(is_known("new@acme.com").await, "nobody joins a workspace that is not open");
    open_to_all(&acme).await;
    assert!(!is_known("new@acme.com").await);
    let ada = draft(&json!({
        "userName": "Ada@acme.com", "emails": [{ "value": "Ada.L@acme.com" }, { "value": "a@bücher.example" }]
    }));
    let ada =
        Draft { passage: bars(&["gone@acme.com"], false), ..ada.signed_in_by("a.l@acme.com") };
    create(&acme, write("make"), user_id(1), ada).await.unwrap();
    create(&other, write("make"), user_id(2), named("new@acme.com")).await.unwrap();
    for known in ["ada@acme.com", "ada.l@acme.com", "GONE@acme.com"] {
        assert!(is_known(known).await, "{known}");
    }
    verify(&acme, "xn--bcher-kva.example").await.unwrap();
    let key = "a@xn--bcher-kva.example";
    assert!(is_known(key).await, "whatever letters the domain is written in");
    assert!(!is_known("new@acme.com").await, "that is somebody of another workspace");

    let step = met(store, "a.l@acme.com", None).await.unwrap();
    let holder = Holder {
        user_id: user_id(1),
        active: true,
        footing: Footing::Verified,
        is_bound: false,
        identities: Vec::new(),
    };
    let expected = Doorstep {
        workspace_id: WorkspaceId::new(super::uuid(1)),
        is_suspended: false,
        email_join: EmailJoin::Open,
        is_verified: true,
        by_email: Some(holder),
        is_linked: false,
        by_identity: None,
        is_known: true,
    };
    assert_eq!(step, expected);
    assert_eq!(met(store, "a.l@evil.example", None).await, None);
    let suspension =
        crate::store::Suspension { at: NOW, by: "olga".to_owned(), reason: String::new() };
    let suspend = move |standing: &Workspace| {
        Ok(Workspace { suspension: Some(suspension.clone()), ..standing.clone() })
    };
    acme.change_workspace(write("suspend"), suspend).await.unwrap();
    assert!(met(store, "a.l@acme.com", None).await.unwrap().is_suspended);
}

/// Seen to fail with the links of the removed taken away, with those of the restored kept, and with the
/// footing of the address that was asked for taken for the person's.
pub(super) async fn link_an_identity_to_whom_it_is_decided<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    verify(&acme, "acme.com").await.unwrap();
    let ada = || named("ada").signed_in_by("ada@acme.com");
    create(&acme, write("make"), user_id(1), ada()).await.unwrap();
    let link = async |operation: &str, subject: &str, to: Option<UserId>| {
        let decide = move |step: &Doorstep| {
            assert_eq!(step.workspace_id, WorkspaceId::new(super::uuid(1)));
            to
        };
        let email = login("ada@acme.com");
        acme.link_identity(write(operation), email, identity(subject), decide).await.unwrap()
    };
    assert_eq!(link("nobody", "1", None).await, None);
    assert_eq!(link("link", "1", Some(user_id(1))).await, Some(user_id(1)));
    let change_record = acme.changes(2, 9).await.unwrap();
    assert_eq!(change_record.len(), 1);
    assert_eq!(change_record[0].kind, ChangeKind::IdentityLinked);
    let detail: Value = serde_json::from_str(&change_record[0].detail).unwrap();
    assert_eq!(detail, json!({ "issuer": "https://idp.example" }));
    assert_eq!(
        acme.user(user_id(1)).await.unwrap().unwrap().revision,
        2,
        "the person is as before"
    );

    let by_identity = async |address: &str| {
        let step = met(store, address, Some(identity("1"))).await.unwrap();
        (step.is_linked, step.by_identity.map(|holder| (holder.user_id, holder.footing)))
    };
    let own = (true, Some((user_id(1), Footing::Verified)));
    assert_eq!(by_identity("ada@acme.com").await, own);
    assert_eq!(by_identity("other@evil.example").await, own, "whatever the address is");
    assert_eq!(met(store, "other@evil.example", Some(identity("2"))).await, None);
    assert_eq!(acme.identities(user_id(1)).await.unwrap()[0].identity, identity("1"));
    let revoked =
        Domain { decision: Some(decision("sold")), ..claim("acme.com", NOW, DomainState::Revoked) };
    let revoke = move |_: Option<&Domain>, _| Ok(revoked.clone().into());
    acme.change_domain(write("revoke"), "acme.com".to_owned(), revoke).await.unwrap();
    assert_eq!(by_identity("ada@acme.com").await, (true, Some((user_id(1), Footing::None))));
    let again = Domain {
        decision: Some(decision("again")),
        ..claim("acme.com", NOW, DomainState::Verified)
    };
    let again = move |_: Option<&Domain>, _| Ok(again.clone().into());
    acme.change_domain(write("verify again"), "acme.com".to_owned(), again).await.unwrap();

    remove(&acme, "remove", user_id(1)).await.unwrap();
    assert_eq!(
        by_identity("ada@acme.com").await,
        (true, None),
        "it is remembered, and opens nothing"
    );
    create(&acme, write("heir"), user_id(2), ada()).await.unwrap();
    assert_eq!(link("heir's", "1", Some(user_id(2))).await, Some(user_id(2)));
    assert_eq!(by_identity("ada@acme.com").await, (true, Some((user_id(2), Footing::Verified))));
    remove(&acme, "remove heir", user_id(2)).await.unwrap();
    acme.restore_user(write("restore"), user_id(2), move |_, _| Ok(ada())).await.unwrap();
    assert_eq!(acme.identities(user_id(2)).await.unwrap(), []);

    link("once more", "1", Some(user_id(2))).await;
    let issuer = || identity("1").issuer;
    assert!(!acme.unlink_identity(write("another's"), user_id(1), issuer()).await.unwrap());
    for _ in 0..2 {
        assert!(acme.unlink_identity(write("unlink"), user_id(2), issuer()).await.unwrap());
    }
    assert!(!acme.unlink_identity(write("again"), user_id(2), issuer()).await.unwrap());
    let last = acme.changes(revision(&acme).await - 1, 9).await.unwrap().remove(0);
    assert_eq!(last.kind, ChangeKind::IdentityUnlinked);
    let newest = AuditQuery { limit: 1, ..AuditQuery::default() };
    assert_eq!(acme.audit_records(newest).await.unwrap()[0].act, "identity.unlinked");
}

fn allowed(address: &str) -> AllowedAddress {
    AllowedAddress {
        address: address.to_owned(),
        key: login(address).key,
        note: "contract".to_owned(),
        allowed_at: NOW,
        allowed_by: "olga".to_owned(),
    }
}

async fn allow<W: JoiningStore>(workspace: &W, address: &str) {
    let wanted = allowed(address);
    let (write, key) = (write(&format!("allow {address}")), wanted.key.clone());
    let decide = move |_: Option<&AllowedAddress>, _| Ok(Some(wanted.clone()));
    workspace.change_allowed_address(write, key, decide).await.unwrap();
}

/// Seen to fail without the count.
pub(super) async fn allow_outside_addresses<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    let eve = named("eve").signed_in_by("eve@agency.example");
    create(&acme, write("make"), user_id(1), Draft { is_guest: true, ..eve }).await.unwrap();
    let made = acme.changes(0, 1).await.unwrap().remove(0);
    let detail: Value = serde_json::from_str(&made.detail).unwrap();
    assert_eq!(detail["guest"], true);
    assert_eq!(met(store, "eve@agency.example", None).await, None);
    allow(&other, "eve@agency.example").await;
    assert_eq!(met(store, "eve@agency.example", None).await, None);
    for address in ["Zoe@agency.example", "Eve@agency.example", "Eve@agency.example"] {
        allow(&acme, address).await;
    }
    let step = met(store, "eve@AGENCY.example", None).await.unwrap();
    assert!(!step.is_verified);
    assert_eq!(step.by_email.unwrap().footing, Footing::Guest);
    assert_eq!(met(store, "zoe@agency.example", None).await, None, "nobody has it");
    let list = async |after: &str, limit| {
        let found = acme.allowed_addresses(after.to_owned(), limit).await.unwrap();
        found.into_iter().map(|allowed| allowed.address).collect::<Vec<_>>()
    };
    assert_eq!(list("", 9).await, ["Eve@agency.example", "Zoe@agency.example"]);
    assert_eq!(list("eve@agency.example", 9).await, ["Zoe@agency.example"]);
    assert_eq!(list("", 1).await.len(), 1);

    verify(&acme, "agency.example").await.unwrap();
    let step = met(store, "eve@agency.example", None).await.unwrap();
    assert_eq!(step.by_email.unwrap().footing, Footing::Verified, "as anybody else");
    let revoked = claim("agency.example", NOW, DomainState::Revoked);
    let revoke = move |_: Option<&Domain>, _| Ok(revoked.clone().into());
    acme.change_domain(write("revoke"), "agency.example".to_owned(), revoke).await.unwrap();

    let disallow = |standing: Option<&AllowedAddress>, count| {
        assert_eq!((standing, count), (Some(&allowed("Eve@agency.example")), 2));
        Ok(None)
    };
    let key = || "eve@agency.example".to_owned();
    let written = acme.change_allowed_address(write("disallow"), key(), disallow).await.unwrap();
    assert_eq!((written.allowed, written.was_allowed), (None, true));
    assert_eq!(written.holder, Some(user_id(1)));
    assert_eq!(met(store, "eve@agency.example", None).await, None);
    assert!(acme.user(user_id(1)).await.unwrap().is_some(), "the person stays");
    let told = acme.changes(revision(&acme).await - 1, 1).await.unwrap().remove(0);
    let detail: Value = serde_json::from_str(&told.detail).unwrap();
    assert_eq!(told.kind, ChangeKind::AddressDisallowed);
    assert_eq!(detail, json!({ "access": "revoked", "holder": user_id(1).to_string() }));
    let nothing =
        acme.change_allowed_address(write("again"), key(), |_, _| Ok(None)).await.unwrap();
    assert!(!nothing.was_allowed);
    let refused = acme.change_allowed_address(write("refuse"), key(), |_, _| Err(no()));
    assert!(matches!(refused.await, Err(StoreError::Refused(_))));
}

/// Seen to fail with the first answer of `decide` taken.
pub(super) async fn ask_again_about_an_allowed_address<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    allow(&acme, "eve@agency.example").await;
    let decided = |policy: &Policy, key: &str, draft: Draft| {
        if policy.allows(key) { Ok(draft) } else { Err(no()) }
    };
    let eve = || named("eve").signed_in_by("eve@agency.example");
    for (key, is_allowed) in [("zoe@agency.example", false), ("eve@agency.example", true)] {
        let decide = move |policy: &Policy, _: &super::Met| {
            decided(policy, key, eve()).map(Admission::Create)
        };
        let made =
            acme.create_user(write(&format!("make {key}")), user_id(1), Names::default(), decide);
        assert_eq!(made.await.is_ok(), is_allowed, "{key}");
        let titled = draft(&json!({ "userName": "eve", "title": key }));
        let change = move |policy: &Policy, _: Option<&User>| decided(policy, key, titled.clone());
        let changed: Answer<User> =
            acme.change_user(write(&format!("change {key}")), user_id(1), change).await;
        assert_eq!(changed.is_ok(), is_allowed, "{key}");
    }
    remove(&acme, "remove", user_id(1)).await.unwrap();
    let restored = acme.restore_user(write("restore"), user_id(1), move |policy, _| {
        decided(policy, "eve@agency.example", eve())
    });
    restored.await.unwrap();
}

/// Seen to fail with the note taken of a domain that is verified, without the bound, and with the domain kept
/// once it is verified.
pub(super) async fn keep_refused_domains_until_they_are_verified<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    let note = |address: &str, at| RefusedDomain::once(&login(address), at);
    let list =
        async |after: &str, limit| acme.refused_domains(after.to_owned(), limit).await.unwrap();
    acme.note_refused_domains(vec![note("ada@a.example", NOW), note("eve@b.example", NOW)])
        .await
        .unwrap();
    for n in 0..9 {
        acme.note_refused_domains(vec![note(&format!("p{n}@a.example"), NOW + n)]).await.unwrap();
    }
    let found = list("", 9).await;
    let samples: Vec<_> =
        ["ada@a.example", "p0@a.example", "p1@a.example", "p2@a.example", "p3@a.example"]
            .map(str::to_owned)
            .into();
    let domain = "a.example".to_owned();
    let sum = RefusedDomain { domain, count: 10, samples, first_at: NOW, last_at: NOW + 8 };
    assert_eq!(found[0], sum);
    assert_eq!(found[1], note("eve@b.example", NOW));
    assert_eq!(list("a.example", 9).await, found[1..]);
    assert_eq!(list("", 1).await.len(), 1);
    assert_eq!(other.refused_domains(String::new(), 9).await.unwrap(), []);
    assert_eq!(revision(&acme).await, 0, "it is no change of the workspace");

    verify(&acme, "a.example").await.unwrap();
    acme.note_refused_domains(vec![note("late@a.example", NOW)]).await.unwrap();
    assert_eq!(list("", 9).await, found[1..]);
    let many = (0..REFUSED_DOMAINS).map(|n| note(&format!("x@d{n}.example"), NOW + 1));
    acme.note_refused_domains(many.collect()).await.unwrap();
    let all = list("", 2_000).await;
    assert_eq!(all.len(), REFUSED_DOMAINS);
    assert!(all.iter().all(|refused| refused.domain != "b.example"), "the one met longest ago");
    let nowhere = store.workspace(WorkspaceId::new(super::uuid(7)));
    nowhere.note_refused_domains(vec![note("ada@a.example", NOW)]).await.unwrap();
    assert_eq!(nowhere.refused_domains(String::new(), 9).await.unwrap(), []);
}
