//! Writes: whole or not at all, numbered, and found again.

use super::{
    Engine, NOW, Names, OperationId, Store, WorkspaceStore, change, claim, create, integration_id,
    named, no, remove, revision, switch, user_id, verify, workspace, write,
};
use crate::store::{ChangeKind, DomainState, IntegrationState, StoreError, Write};

pub(super) async fn leave_no_trace_of_a_refused_change<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ada = create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();

    let changed = acme.change_user(write("change"), ada.id, |_, _| Err(no())).await;
    let made = acme.create_user(write("make 2"), user_id(2), Names::default(), |_, _| Err(no()));
    let removed = acme.remove_user(write("remove"), ada.id, NOW, |_| Err(no()));
    let claimed = acme.change_domain(write("claim"), "acme.com".into(), |_, _| Err(no()));

    assert!(matches!(changed, Err(StoreError::Refused(_))));
    assert!(matches!(made.await, Err(StoreError::Refused(_))));
    assert!(matches!(removed.await, Err(StoreError::Refused(_))));
    assert!(matches!(claimed.await, Err(StoreError::Refused(_))));
    assert_eq!(acme.user(ada.id).await.unwrap().unwrap(), ada);
    assert_eq!(revision(&acme).await, 1);
    assert_eq!(acme.changes(0, 10).await.unwrap().len(), 1);
    // The names of refused operations are still free.
    change(&acme, "change", ada.id, named("ada lovelace")).await.unwrap();
}

/// Seen to fail without the rollback of the write that loses.
pub(super) async fn number_writes_without_a_gap<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let mut writers = tokio::task::JoinSet::new();
    for n in 1..=60 {
        let acme = acme.clone();
        writers.spawn(async move {
            // Every third is refused, every third loses a name to another.
            let made = write(&format!("make {n}"));
            match n % 3 {
                0 => drop(acme.change_user(made, user_id(n), |_, _| Err(no())).await),
                1 => drop(create(&acme, made, user_id(n), named("one name")).await),
                _ => drop(create(&acme, made, user_id(n), named(&format!("{n}"))).await.unwrap()),
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let changes = acme.changes(0, 1_000).await.unwrap();
    let numbers: Vec<_> = changes.iter().map(|change| change.revision).collect();
    assert_eq!(numbers, (1..=21).collect::<Vec<_>>());
    assert_eq!(revision(&acme).await, 21);
    let behind: Vec<_> =
        acme.changes(5, 3).await.unwrap().iter().map(|change| change.revision).collect();
    assert_eq!(behind, [6, 7, 8]);
}

/// Seen to fail without the comparison of kinds, and without that of subjects.
pub(super) async fn find_the_first_result_of_a_repeated_operation<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let made = create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();

    let again = create(&acme, write("make"), user_id(2), named("ada")).await.unwrap();
    assert_eq!(again, made, "the first id, although the second call brought another");
    let renamed = change(&acme, "rename", made.id, named("ada lovelace")).await.unwrap();
    let later = change(&acme, "again", made.id, named("countess")).await.unwrap();
    let again = change(&acme, "rename", made.id, named("ada lovelace")).await.unwrap();
    assert_eq!(again, later, "as it stands now, not renamed a second time");
    assert_eq!((made.revision, renamed.revision, revision(&acme).await), (1, 2, 3));

    let reused = change(&acme, "make", made.id, named("eve")).await;
    assert!(matches!(reused, Err(StoreError::OperationReused)), "another kind of write");
    create(&acme, write("make bob"), user_id(3), named("bob")).await.unwrap();
    let reused = change(&acme, "rename", user_id(3), named("robert")).await;
    assert!(matches!(reused, Err(StoreError::OperationReused)), "another subject");

    remove(&acme, "remove", made.id).await.unwrap();
    remove(&acme, "remove", made.id).await.unwrap();
    let gone = create(&acme, write("make"), user_id(4), named("ada")).await;
    assert!(matches!(gone, Err(StoreError::OperationReused)), "made and gone since");
    assert_eq!(revision(&acme).await, 5);

    verify(&acme, "acme.com").await.unwrap();
    verify(&acme, "acme.com").await.unwrap();
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    switch(&acme, "on", integration_id(1), IntegrationState::Paused).await.unwrap();
    assert_eq!(acme.integrations().await.unwrap()[0].state, IntegrationState::On);
    assert_eq!(revision(&acme).await, 7);
    let last = acme.changes(6, 1).await.unwrap().remove(0);
    assert_eq!(last.operation, OperationId("on".to_owned()));
    assert_eq!(last.kind, ChangeKind::IntegrationChanged);

    // What was done in one workspace says nothing in another.
    let other = workspace(engine.store(), 2).await;
    create(&other, write("make"), user_id(9), named("ada")).await.unwrap();
}

pub(super) async fn take_no_revision_for_what_changes_nothing<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ada = create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    let later = Write { at: NOW + 1, ..write("same") };

    let same = acme.change_user(later, ada.id, |_, _| Ok(named("ada"))).await.unwrap();

    assert_eq!(same, ada);
    let pending = claim("acme.com", NOW, DomainState::Pending);
    for operation in ["claim", "claim again"] {
        let pending = pending.clone();
        let decide = move |_: Option<&_>, _| Ok(pending.clone().into());
        acme.change_domain(write(operation), "acme.com".to_owned(), decide).await.unwrap();
    }
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    switch(&acme, "on again", integration_id(1), IntegrationState::On).await.unwrap();
    assert_eq!(revision(&acme).await, 3);
    assert_eq!(acme.changes(0, 10).await.unwrap().len(), 3);
    engine.store().ready().await.unwrap();
}
