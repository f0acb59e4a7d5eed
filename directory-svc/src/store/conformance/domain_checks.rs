//! What is known of the records by which claims are proven.

use super::{
    DomainState, Engine, NOW, Store, WorkspaceStore, claim, revision, verify, workspace, write,
};
use crate::clock::{DAY, MINUTE, Micros, SECOND};
use crate::ids::WorkspaceId;
use crate::store::{CheckOutcome, Domain, DomainCheck, DomainCheckStore};

/// Claims a domain at a time.
async fn claim_at<W: WorkspaceStore>(workspace: &W, name: &str, at: Micros) {
    let pending = claim(name, at, DomainState::Pending);
    let decide = move |_: Option<&Domain>, _| Ok(pending.clone().into());
    let write = write(&format!("claim {name} at {at}"));
    workspace.change_domain(write, name.to_owned(), decide).await.unwrap();
}

/// Something that is nowhere the default.
fn known(next_at: Option<Micros>) -> DomainCheck {
    DomainCheck {
        begun_at: NOW + 1,
        attempts: 2,
        checked_at: Some(NOW + 3),
        next_at,
        outcome: Some(CheckOutcome::OtherValue),
        missing_since: Some(NOW + 4),
        warned_at: Some(NOW + 5),
        proven_at: Some(NOW + 6),
    }
}

async fn note<W: DomainCheckStore>(workspace: &W, name: &str, check: DomainCheck) {
    let noted =
        workspace.note_domain_check(name.to_owned(), move |_, _| check.clone().into()).await;
    noted.unwrap().unwrap();
}

async fn due<S: Store>(store: &S, now: Micros, limit: u32) -> Vec<String> {
    let taken = store.take_due_checks(now, now + 10 * SECOND, limit).await.unwrap();
    let mut names: Vec<_> = taken.into_iter().map(|(_, name)| name).collect();
    names.sort();
    names
}

/// Seen to fail with a note that takes a revision, and with a claim made again whose check is kept.
pub(super) async fn keep_what_is_known_of_a_claims_record<E: Engine>(engine: E) {
    let (acme, evil) = (workspace(engine.store(), 1).await, workspace(engine.store(), 2).await);
    claim_at(&acme, "acme.com", NOW).await;
    let begun = DomainCheck { begun_at: NOW, next_at: Some(NOW), ..DomainCheck::default() };
    let find = async |name: &str| acme.domain_check(name.to_owned()).await.unwrap();
    let (domain, check) = find("acme.com").await.unwrap();
    assert_eq!((domain.name.as_str(), &check), ("acme.com", &begun));

    let before = revision(&acme).await;
    let seen = acme.note_domain_check("acme.com".to_owned(), move |claim, check| {
        assert_eq!((claim.name.as_str(), check), ("acme.com", &begun));
        known(None).into()
    });
    assert_eq!(seen.await.unwrap(), Some((domain, known(None))));
    assert_eq!(revision(&acme).await, before, "it is no change of the claim");
    assert_eq!(find("acme.com").await.unwrap().1, known(None));
    let all = acme.domain_checks().await.unwrap();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [("acme.com".to_owned(), known(None))]);

    // Decided on, what is known stays; claimed again, it begins anew.
    verify(&acme, "acme.com").await.unwrap();
    assert_eq!(find("acme.com").await.unwrap().1, known(None));
    claim_at(&acme, "acme.com", NOW + DAY).await;
    let anew =
        DomainCheck { begun_at: NOW + DAY, next_at: Some(NOW + DAY), ..DomainCheck::default() };
    assert_eq!(find("acme.com").await.unwrap().1, anew);

    // Never claimed here; and claimed, but never asked about.
    assert_eq!(evil.domain_check("acme.com".to_owned()).await.unwrap(), None);
    let nothing = evil.note_domain_check("acme.com".to_owned(), |_, _| known(None).into()).await;
    assert_eq!(nothing.unwrap(), None);
    assert!(evil.domain_checks().await.unwrap().is_empty());
    verify(&acme, "acme.org").await.unwrap();
    let unasked = find("acme.org").await.unwrap().1;
    assert_eq!(unasked, DomainCheck { begun_at: NOW, ..DomainCheck::default() });
}

/// Seen to fail with a lease that nobody looks at.
pub(super) async fn give_a_check_that_is_due_to_one_at_a_time<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    claim_at(&acme, "late.example", NOW + 3).await;
    claim_at(&other, "early.example", NOW + 1).await;
    claim_at(&acme, "acme.com", NOW + 2).await;
    verify(&acme, "verified.example").await.unwrap();

    assert_eq!(due(store, NOW, 10).await, [""; 0], "before their time");
    let two = store.take_due_checks(NOW + 3, NOW + 3 + 10 * SECOND, 2).await.unwrap();
    let mut of: Vec<_> = two.into_iter().collect();
    of.sort();
    let id = |n| WorkspaceId::new(super::uuid(n));
    assert_eq!(of, [(id(1), "acme.com".to_owned()), (id(2), "early.example".to_owned())]);
    assert_eq!(due(store, NOW + 3, 10).await, ["late.example"], "the others are taken");
    let later = NOW + MINUTE;
    assert_eq!(due(store, later, 10).await, ["acme.com", "early.example", "late.example"]);

    note(&acme, "acme.com", known(Some(later + DAY))).await;
    note(&acme, "late.example", known(None)).await;
    assert_eq!(due(store, later + MINUTE, 10).await, ["early.example"]);
    assert_eq!(due(store, later + DAY, 10).await, ["acme.com", "early.example"]);
    // A clock that was a year ahead took it until then: that is no reason to wait for a year.
    assert_eq!(due(store, later + 365 * DAY, 10).await, ["acme.com", "early.example"]);
    assert_eq!(due(store, later + DAY + MINUTE, 10).await, ["acme.com", "early.example"]);
}

/// Seen to fail with a lease that nobody looks at, with one that is due no more when it is cut short, and with
/// one that counts for nothing to a clock that is a moment behind.
pub(super) async fn give_the_check_of_a_claim_to_one_at_a_time<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    let take = async |name: &str, now| {
        acme.take_domain_check(name.to_owned(), now, now + 10 * SECOND).await.unwrap()
    };
    assert!(!take("acme.com", NOW).await, "never claimed");
    claim_at(&acme, "acme.com", NOW).await;
    assert!(take("acme.com", NOW + 1).await);
    assert!(!take("acme.com", NOW + 10 * SECOND).await);
    assert!(!take("acme.com", NOW).await, "nor to a clock that is a moment behind");
    assert_eq!(
        due(store, NOW, 10).await,
        [""; 0],
        "nor is it given to that one, which asks for all"
    );
    assert_eq!(
        due(store, NOW + SECOND, 10).await,
        [""; 0],
        "nor is it given to whoever asks for all"
    );
    note(&acme, "acme.com", known(None)).await;
    claim_at(&acme, "acme.com", NOW + 1).await;
    assert!(!take("acme.com", NOW + 2).await, "also once noted, and claimed again");
    assert!(take("acme.com", NOW + 10 * SECOND + 1).await);
    assert!(take("acme.com", NOW - DAY).await, "the clock went back");

    // One that the directory does not ask about by itself.
    verify(&acme, "acme.org").await.unwrap();
    assert!(take("acme.org", NOW).await);
    assert!(!take("acme.org", NOW).await);
    assert_eq!(due(store, NOW + 10 * SECOND, 10).await, ["acme.com", "acme.org"], "if cut short");
    note(&acme, "acme.org", known(None)).await;
    assert_eq!(due(store, NOW + 20 * SECOND, 10).await, ["acme.com"]);
    assert!(take("acme.org", NOW + 30 * SECOND).await);
    assert_eq!(due(store, NOW + 40 * SECOND, 10).await, ["acme.com", "acme.org"], "if cut short");
    let (takers, at) = (16, NOW + MINUTE);
    let tries: Vec<_> = (0..takers)
        .map(|_| {
            let acme = acme.clone();
            tokio::spawn(async move {
                acme.take_domain_check("acme.com".to_owned(), at, at + SECOND).await.unwrap()
            })
        })
        .collect();
    let mut taken = 0;
    for one in tries {
        taken += u32::from(one.await.unwrap());
    }
    assert_eq!(taken, 1);
}
