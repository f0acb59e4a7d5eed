//! Claims of domains, and who depends on them.

use super::{
    DomainState, Engine, NOW, Store, WorkspaceStore, claim, create, decision, named, remove,
    user_id, verify, workspace, write,
};
use crate::rules;
use crate::store::{Decided, Domain, DomainCheck, OtherClaim, PendingDomain, StoreError};

fn names(waiting: &[PendingDomain]) -> Vec<&str> {
    waiting.iter().map(|pending| pending.domain.name.as_str()).collect()
}

/// Brings a claim into a state.
async fn put<W: WorkspaceStore>(workspace: &W, operation: &str, domain: Domain) -> Domain {
    let name = domain.name.clone();
    let decide = move |_: Option<&Domain>, _| Ok(domain.clone().into());
    workspace.change_domain(write(operation), name, decide).await.unwrap()
}

/// Seen to fail with the page begun at its mark again, and with the order of names alone.
pub(super) async fn list_what_waits_in_order_of_waiting<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    for (workspace, name, at) in
        [(&acme, "late.example", 3), (&other, "early.example", 1), (&acme, "acme.com", 2)]
    {
        let pending = claim(name, NOW + at, DomainState::Pending);
        let decide = move |_: Option<&Domain>, _| Ok(pending.clone().into());
        workspace.change_domain(write(name), name.to_owned(), decide).await.unwrap();
    }
    verify(&acme, "verified.example").await.unwrap();

    let waiting = async |after, limit| store.pending_domains(after, limit).await.unwrap();
    let first = waiting(None, 2).await;
    assert_eq!(names(&first), ["early.example", "acme.com"]);
    assert_eq!(names(&waiting(Some(first[0].mark()), 10).await), ["acme.com", "late.example"]);
    assert_eq!(names(&waiting(Some(first[1].mark()), 10).await), ["late.example"]);
    assert_eq!(first[0].workspace.display_name, "Workspace 2");
    let begun = DomainCheck { begun_at: NOW + 1, next_at: Some(NOW + 1), ..DomainCheck::default() };
    assert_eq!(first[0].check, begun);
    let all: Vec<_> = acme.domains().await.unwrap().into_iter().map(|d| d.name).collect();
    assert_eq!(all, ["acme.com", "late.example", "verified.example"]);

    // Whoever decides sees the claim, and whether another workspace has the domain.
    let called = decision("called them");
    let decide = move |claim: Option<&Domain>, is_shared: bool| {
        assert!(is_shared);
        let (state, decision) = (DomainState::Rejected, Some(called.clone()));
        let standing = claim.cloned();
        let standing = standing.unwrap_or_else(|| self::claim("verified.example", NOW, state));
        Ok(Domain { state, decision, ..standing }.into())
    };
    let name = "verified.example".to_owned();
    let rejected = other.change_domain(write("reject"), name, decide).await.unwrap();
    assert!(other.domains().await.unwrap().contains(&rejected));
}

/// Seen to fail with the workspace's own claim among the others, and with those that were decided against.
pub(super) async fn tell_who_else_has_a_domain_or_waits_for_it<E: Engine>(engine: E) {
    let store = engine.store();
    for (n, state) in [
        (1, DomainState::Pending),
        (2, DomainState::Verified),
        (3, DomainState::Rejected),
        (4, DomainState::Pending),
        (5, DomainState::Revoked),
        (6, DomainState::Withdrawn),
    ] {
        let at = NOW + i64::try_from(n).unwrap();
        put(&workspace(store, n).await, "claim", claim("acme.com", at, state)).await;
    }
    put(&workspace(store, 7).await, "claim", claim("other.example", NOW, DomainState::Verified))
        .await;

    let waiting = store.pending_domains(None, 10).await.unwrap();

    assert_eq!(names(&waiting), ["acme.com", "acme.com"]);
    let others = |of: &PendingDomain| {
        let told = |other: &OtherClaim| (other.display_name.clone(), other.state);
        of.others.iter().map(told).collect::<Vec<_>>()
    };
    let held = ("Workspace 2".to_owned(), DomainState::Verified);
    let waits = |n| (format!("Workspace {n}"), DomainState::Pending);
    assert_eq!(others(&waiting[0]), [held.clone(), waits(4)]);
    assert_eq!(others(&waiting[1]), [waits(1), held]);
}

/// A sub-domain is a domain of its own. Seen to fail with any ending of the address taken.
pub(super) async fn count_the_people_of_a_domain<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    for (n, address) in [
        (1, "ada@acme.com"),
        (2, "bob@mail.acme.com"),
        (3, "eve@notacme.com"),
        (4, "\"a@acme.com\"@other.example"),
        (5, "gone@acme.com"),
    ] {
        let person = named(&format!("person {n}")).signed_in_by(address);
        create(&acme, write(address), user_id(n), person).await.unwrap();
    }
    create(&acme, write("staff"), user_id(6), named("4711@acme.com")).await.unwrap();
    remove(&acme, "remove", user_id(5)).await.unwrap();
    let people = async |name: &str| acme.people_of_domain(name.to_owned()).await.unwrap();
    assert_eq!(people("acme.com").await, 1);
    assert_eq!(people("mail.acme.com").await, 1);
    assert_eq!(people("com").await, 0);
    let other = workspace(engine.store(), 2).await;
    assert_eq!(other.people_of_domain("acme.com".to_owned()).await.unwrap(), 0);
}

/// Many workspaces verify one domain at once, none of them to share it: one has it, and the others are told.
/// Seen to fail with the look at other workspaces before the transaction.
pub(super) async fn let_one_of_many_verifications_of_a_domain_win<E: Engine>(engine: E) {
    let store = engine.store();
    let mut at_once = Vec::new();
    for n in 1..=20 {
        let workspace = workspace(store, n).await;
        put(&workspace, "claim", claim("acme.com", NOW, DomainState::Pending)).await;
        at_once.push(tokio::spawn(async move {
            let decide = |standing: Option<&Domain>, held: bool| {
                let domain = rules::domains::verify(standing, held, false, decision(""))?;
                Ok(Decided::from(domain))
            };
            workspace.change_domain(write("verify"), "acme.com".to_owned(), decide).await
        }));
    }
    let (mut won, mut held_elsewhere) = (0, 0);
    for verification in at_once {
        match verification.await.unwrap() {
            Ok(_) => won += 1,
            Err(StoreError::Refused(no)) => {
                assert_eq!(no.reason, directory_api::v1::Reason::DomainHeldElsewhere);
                held_elsewhere += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((won, held_elsewhere), (1, 19));
    let others = store.pending_domains(None, 1).await.unwrap().remove(0).others;
    let holders = others.iter().filter(|other| other.state == DomainState::Verified);
    assert_eq!(holders.count(), 1);
}
