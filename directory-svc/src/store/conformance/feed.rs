//! The feed of all workspaces.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{
    Engine, NOW, Store, WorkspaceStore, change, create, draft, named, user_id, uuid, workspace,
    write,
};
use crate::ids::WorkspaceId;
use crate::store::{Fed, FeedMark, FeedStore, Revision, StoreError, Write};

/// Everything behind a mark, read a few at a time.
async fn behind<S: FeedStore>(store: &S, mut mark: FeedMark) -> Vec<Fed> {
    let mut all = Vec::new();
    loop {
        let page = store.feed(mark.clone(), 7).await.unwrap().expect("what is kept");
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { return all };
        mark = last.mark.clone();
        all.extend(page);
    }
}

/// Which revisions of which workspace, in the order in which they are told.
fn revisions(fed: &[Fed]) -> BTreeMap<WorkspaceId, Vec<Revision>> {
    let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for fed in fed {
        told.entry(fed.workspace_id).or_default().push(fed.change.revision);
    }
    told
}

fn at(operation: &str, at: i64) -> Write {
    Write { at: NOW + at, ..write(operation) }
}

/// Somebody follows while many write. Seen to fail with pages in the order of revisions, and with
/// an end of the feed that lies behind a change to come.
pub(super) async fn tell_the_changes_of_all_in_order_without_a_gap<E: Engine>(engine: E) {
    let store = engine.store();
    let begin = store.feed_begin().await.unwrap();
    assert_eq!(store.feed_end().await.unwrap(), begin);
    assert_eq!(store.feed(begin.clone(), 10).await.unwrap(), Some(Vec::new()));
    let mut writers = tokio::task::JoinSet::new();
    for n in 1..=3 {
        let here = workspace(store, n).await;
        for person in 1..=40 {
            let here = here.clone();
            let name = format!("{person}");
            writers.spawn(async move {
                create(&here, write(&name), user_id(person), named(&name)).await.unwrap();
                change(
                    &here,
                    &format!("change {name}"),
                    user_id(person),
                    named(&format!("{name}+")),
                )
                .await
                .unwrap();
            });
        }
    }
    let (mut followed, mut mark) = (Vec::new(), begin.clone());
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    while followed.len() < 240 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{} changes are missing",
            240 - followed.len()
        );
        let page = store.feed(mark.clone(), 5).await.unwrap().expect("what is kept");
        if let Some(last) = page.last() {
            mark = last.mark.clone();
        } else {
            tokio::task::yield_now().await;
        }
        followed.extend(page);
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }

    let all = (1..=3).map(|n| (WorkspaceId::new(uuid(n)), (1..=80).collect())).collect();
    assert_eq!(revisions(&followed), all);
    assert_eq!(behind(store, begin).await, followed, "the same for whoever comes later");
    assert_eq!(store.feed_end().await.unwrap(), mark);
    for fed in followed.iter().step_by(60) {
        let here = store.workspace(fed.workspace_id);
        let change = here.changes(fed.change.revision - 1, 1).await.unwrap().remove(0);
        assert_eq!(fed.change, change, "the same as the workspace's own");
    }

    // A mark outlives the process.
    let half = followed[120].mark.clone();
    let engine = engine.reopen().await;
    assert_eq!(behind(engine.store(), half).await, followed[121..]);
}

/// Seen to fail with the telling left out.
pub(super) async fn tell_of_each_commit<E: Engine>(engine: E) {
    let store = engine.store();
    let acme = workspace(store, 1).await;
    let mut committed = store.committed();
    for n in 1..=3 {
        committed.mark_unchanged();
        let end = store.feed_end().await.unwrap();
        create(&acme, write(&format!("{n}")), user_id(n), named(&format!("{n}"))).await.unwrap();
        let told = tokio::time::timeout(Duration::from_secs(10), committed.changed()).await;
        told.expect("the commit is told").unwrap();
        assert_eq!(store.feed(end, 10).await.unwrap().unwrap().len(), 1, "and can be read then");
    }
}

/// A change whose clock was ahead keeps those behind it. Seen to fail with what is old cleared wherever it is,
/// with the limit left out, and with marks of what is cleared taken for good.
pub(super) async fn clear_the_earliest_changes_first<E: Engine>(engine: E) {
    let store = engine.store();
    let (acme, other) = (workspace(store, 1).await, workspace(store, 2).await);
    let begin = store.feed_begin().await.unwrap();
    assert_eq!(acme.earliest_change().await.unwrap(), None);
    for (n, when) in [(1, 0), (2, 1), (3, 9), (4, 2)] {
        let name = format!("{n}");
        create(&acme, at(&name, when), user_id(n), named(&name)).await.unwrap();
        create(&other, at(&name, when), user_id(n), named(&name)).await.unwrap();
    }
    let fed = behind(store, begin.clone()).await;

    assert_eq!(store.clear_changes(NOW, 10).await.unwrap(), 0, "nothing is as old");
    assert_eq!(store.clear_changes(NOW + 5, 3).await.unwrap(), 3, "no more at a time");
    assert_eq!(
        store.clear_changes(NOW + 5, 3).await.unwrap(),
        1,
        "and none behind one that is kept"
    );
    assert_eq!(store.clear_changes(NOW + 5, 3).await.unwrap(), 0);

    for here in [&acme, &other] {
        assert_eq!(here.earliest_change().await.unwrap(), Some(3));
        let kept: Vec<_> = here.changes(0, 10).await.unwrap().iter().map(|c| c.revision).collect();
        assert_eq!(kept, [3, 4]);
        assert_eq!(here.card().await.unwrap().unwrap().revision, 4);
    }
    assert_eq!(store.feed(begin, 10).await.unwrap(), None);
    assert_eq!(store.feed(fed[2].mark.clone(), 10).await.unwrap(), None);
    assert_eq!(behind(store, fed[3].mark.clone()).await, fed[4..]);
    assert_eq!(behind(store, store.feed_begin().await.unwrap()).await, fed[4..]);
    // The name of a write is forgotten with its change: it is done as if it were the first.
    let again = change(&acme, "1", user_id(1), named("one")).await.unwrap();
    assert_eq!(again.revision, 5);
    let kept = change(&acme, "3", user_id(1), named("three")).await;
    assert!(matches!(kept, Err(StoreError::OperationReused)));
}

/// Nothing is left, and what comes then lies behind every mark there ever was. Seen to fail with places counted
/// from what is kept.
pub(super) async fn give_out_no_place_again<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let begin = engine.store().feed_begin().await.unwrap();
    create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    let end = engine.store().feed_end().await.unwrap();
    assert_eq!(engine.store().clear_changes(NOW + 1, 10).await.unwrap(), 1);
    assert_eq!(engine.store().feed_end().await.unwrap(), end);
    assert_eq!(acme.earliest_change().await.unwrap(), None);
    drop(acme);

    let engine = engine.reopen().await;
    let store = engine.store();
    let acme = store.workspace(WorkspaceId::new(uuid(1)));
    change(&acme, "change", user_id(1), named("ada lovelace")).await.unwrap();
    assert_eq!(store.feed(begin, 10).await.unwrap(), None);
    let told = store.feed(end, 10).await.unwrap().unwrap();
    assert_eq!(told.iter().map(|fed| fed.change.revision).collect::<Vec<_>>(), [2]);
    assert_eq!(acme.earliest_change().await.unwrap(), Some(2));
    for made_up in [vec![], vec![0xff; 8], b"a mark of another engine's".to_vec()] {
        assert_eq!(store.feed(FeedMark(made_up), 10).await.unwrap(), None);
    }
}

/// Changes of some 120 KB each. Seen to fail without the bound, and with a page that may hold none.
pub(super) async fn end_a_page_where_it_gets_long<E: Engine>(engine: E) {
    const CHANGES: u32 = 20;
    let acme = workspace(engine.store(), 1).await;
    let long = |n: u32| {
        let text = char::from(b'a' + u8::try_from(n).unwrap()).to_string().repeat(60_000);
        draft(&serde_json::json!({ "userName": "ada", "title": text, "nickName": text }))
    };
    create(&acme, write("0"), user_id(1), long(0)).await.unwrap();
    for n in 1..=CHANGES {
        change(&acme, &n.to_string(), user_id(1), long(n)).await.unwrap();
    }
    let (mut pages, mut after) = (Vec::new(), 1);
    loop {
        let page = acme.changes(after, 100).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.revision;
        pages.push(page.len());
    }
    assert_eq!(pages.iter().sum::<usize>(), CHANGES as usize);
    assert!(pages.len() >= 2, "{pages:?}");
}
