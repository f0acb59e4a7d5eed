//! Histories that are good, and the same with one thing wrong: each is found.

use super::check::{Counts, Fault, check};
use super::record::{Act, Call, Change, History, State, Told};

const ADA: &str = "ada";
const STAFF: &str = "staff";

fn state(mark: &str, members: &[&str]) -> State {
    State { mark: mark.to_owned(), members: members.iter().map(|&id| id.to_owned()).collect() }
}

fn stands(revision: u64, mark: &str, members: &[&str]) -> Told {
    Told::Stands(revision, state(mark, members))
}

/// A call under way from `began` until `ended`.
fn call(id: &str, act: Act, (began, ended): (u64, u64), told: Told) -> Call {
    let operation = if act == Act::Get { String::new() } else { format!("operation at {began}") };
    Call { id: id.to_owned(), act, operation, began, ended, told }
}

fn create(id: &str, time: (u64, u64), revision: u64) -> Call {
    call("", Act::Create(id.to_owned()), time, stands(revision, id, &[]))
}

fn patch(id: &str, mark: &str, time: (u64, u64), told: Told) -> Call {
    call(id, Act::Patch(mark.to_owned()), time, told)
}

/// Writes in this order, from the eighth revision on.
fn history(calls: Vec<Call>, order: &[(u64, &str)]) -> History {
    let change = |(revision, (began, id)): (u64, &(u64, &str))| Change {
        revision,
        operation: format!("operation at {began}"),
        id: (*id).to_owned(),
    };
    History { before: 7, calls, changes: (8..).zip(order).map(change).collect() }
}

/// Ada and a group that she joins; her title changes under two clients, one of whom hears nothing, and she is
/// removed.
fn good() -> History {
    let calls = vec![
        create(ADA, (0, 10), 8),
        create(STAFF, (5, 20), 9),
        call(STAFF, Act::Join(ADA.to_owned()), (30, 40), stands(10, STAFF, &[ADA])),
        patch(ADA, "first", (50, u64::MAX), Told::Nothing),
        patch(ADA, "second", (51, 70), stands(11, "second", &[])),
        call(ADA, Act::Get, (60, 61), stands(10, ADA, &[])),
        call(ADA, Act::Get, (62, 90), stands(12, "first", &[])),
        call(STAFF, Act::Join(ADA.to_owned()), (91, 92), stands(10, STAFF, &[ADA])),
        call(ADA, Act::Delete, (100, 110), Told::Removed),
        call(STAFF, Act::Get, (111, 112), stands(13, STAFF, &[])),
        call(ADA, Act::Get, (111, 112), Told::Absent),
        patch(ADA, "never", (113, u64::MAX), Told::Nothing),
    ];
    let order = [(0, ADA), (5, STAFF), (30, STAFF), (51, ADA), (50, ADA), (100, ADA)];
    history(calls, &order)
}

#[test]
fn a_good_history_is_good() {
    assert_eq!(check(&good()), Ok(Counts { writes: 6, looks: 4, unheard: 1 }));
}

#[test]
fn a_lost_write_is_found() {
    // The last that was acknowledged: there is no gap behind it.
    let mut lost = good();
    lost.changes.pop();
    assert!(matches!(check(&lost), Err(Fault::Lost(_))), "{:?}", check(&lost));
    // One that is in the order and did not last.
    let calls = vec![
        create(ADA, (0, 10), 8),
        patch(ADA, "new", (20, 30), stands(9, "new", &[])),
        call(ADA, Act::Get, (40, 50), stands(8, ADA, &[])),
    ];
    let found = check(&history(calls, &[(0, ADA), (20, ADA)]));
    assert!(matches!(found, Err(Fault::Stale(_))), "{found:?}");
}

/// Ada joins while somebody takes her out, who is told of the group as it is a moment later.
#[test]
fn a_write_that_found_nothing_to_do_may_be_told_of_a_later_moment() {
    let leave = |began| {
        let told = stands(10, STAFF, &[ADA]);
        call(STAFF, Act::Leave(ADA.to_owned()), (began, began + 9), told)
    };
    let with = |began| {
        let join = call(STAFF, Act::Join(ADA.to_owned()), (30, 40), stands(10, STAFF, &[ADA]));
        let calls = vec![create(ADA, (0, 10), 8), create(STAFF, (5, 20), 9), join, leave(began)];
        check(&history(calls, &[(0, ADA), (5, STAFF), (30, STAFF)]))
    };
    assert!(with(35).is_ok(), "{:?}", with(35));
    // She was a member throughout: it was acknowledged and not done.
    assert!(matches!(with(41), Err(Fault::Lost(_))), "{:?}", with(41));
}

/// Ada is removed while somebody has her join, who is told of the group without her. Seen to fail with whoever is
/// gone at the end excusing every join.
#[test]
fn who_was_removed_joins_nothing_and_until_then_does() {
    let with = |removed| {
        let join = call(STAFF, Act::Join(ADA.to_owned()), (30, 40), stands(9, STAFF, &[]));
        let delete = call(ADA, Act::Delete, (removed, removed + 9), Told::Removed);
        let calls = vec![create(ADA, (0, 10), 8), create(STAFF, (5, 20), 9), join, delete];
        check(&history(calls, &[(0, ADA), (5, STAFF), (removed, ADA)]))
    };
    assert!(with(35).is_ok(), "{:?}", with(35));
    assert!(matches!(with(41), Err(Fault::Lost(_))), "{:?}", with(41));
}

#[test]
fn a_stale_look_is_found() {
    let mut stale = good();
    // It began when the second title was acknowledged.
    (stale.calls[5].began, stale.calls[5].ended) = (71, 72);
    assert!(matches!(check(&stale), Err(Fault::Stale(_))), "{:?}", check(&stale));
    // A later look sees less than an earlier one.
    let mut back = good();
    (back.calls[6].began, back.calls[6].ended) = (55, 56);
    (back.calls[5].began, back.calls[5].ended) = (57, 58);
    assert!(matches!(check(&back), Err(Fault::Stale(_))), "{:?}", check(&back));
}

#[test]
fn what_nobody_wrote_is_found() {
    let mut untrue = good();
    untrue.calls[6].told = stands(12, "second", &[]);
    assert!(matches!(check(&untrue), Err(Fault::Untrue(_))));
    // A version of one moment and members of another.
    let mut torn = good();
    torn.calls[9].told = stands(13, STAFF, &[ADA]);
    assert!(matches!(check(&torn), Err(Fault::Untrue(_))));
    let mut gone = good();
    gone.calls[9].told = Told::Absent;
    assert!(matches!(check(&gone), Err(Fault::Untrue(_))));
}

#[test]
fn a_thing_that_was_made_twice_is_found() {
    let mut twice = good();
    let again = Change { revision: 14, id: "ada again".to_owned(), ..twice.changes[0].clone() };
    twice.changes.push(again);
    assert_eq!(check(&twice), Err(Fault::NotAsked(14)));
}

#[test]
fn a_gap_is_found() {
    let mut gap = good();
    gap.changes.remove(3);
    assert_eq!(check(&gap), Err(Fault::Gap(11)));
    let mut double = good();
    double.changes[4].revision = 11;
    assert_eq!(check(&double), Err(Fault::Gap(12)));
}

#[test]
fn who_comes_back_from_the_dead_is_found() {
    let mut back = good();
    back.changes.push(Change {
        revision: 14,
        operation: "operation at 113".to_owned(),
        id: ADA.to_owned(),
    });
    assert_eq!(check(&back), Err(Fault::OutOfPlace(14)));
}

#[test]
fn writes_that_are_out_of_order_are_found() {
    let calls = vec![create(ADA, (0, 10), 9), create(STAFF, (20, 30), 8)];
    let found = check(&history(calls, &[(20, STAFF), (0, ADA)]));
    assert!(matches!(found, Err(Fault::Stale(_))), "{found:?}");
}
