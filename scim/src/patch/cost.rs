//! What a PATCH costs, counted in the values it looks at: never by a clock.

use serde_json::{Value, json};

use super::{Draft, Patch, RawOperation};
use crate::{Resource, Schemas};

fn role(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn with_roles(count: usize) -> Resource {
    let roles: Vec<_> = (0..count).map(role).collect();
    Schemas::standard().user().read_value(json!({"userName": "ada", "roles": roles})).unwrap()
}

fn operation(op: &str, path: &str, value: Value) -> RawOperation {
    RawOperation { op: op.to_owned(), path: Some(path.to_owned()), value: Some(value) }
}

/// How many comparisons `operations` make on `count` roles, over as many patches as they need.
fn comparisons(count: usize, operations: &[RawOperation]) -> usize {
    let mut draft = Draft::new(with_roles(count).as_object().clone());
    for part in operations.chunks(crate::limits::PATCH_OPERATIONS) {
        for edit in &Patch::read(Schemas::standard().user(), part).unwrap().edits {
            draft.apply(edit).unwrap();
        }
    }
    draft.comparisons()
}

/// 2,000 operations that name their value look at one value each, of 5,000 as of 10,000. Seen to fail
/// (`PATCH_COMPARISONS` is exceeded) with the look-up by `value` in `Elements::select` taken out.
#[test]
fn who_names_a_value_looks_at_it_alone() {
    let by_value = |n: usize| format!("roles[value eq \"{}\" and value pr]", role(n));
    let changes: Vec<_> = (0..1_000)
        .map(|n| operation("replace", &format!("{}.display", by_value(n)), json!("x")))
        .chain((0..1_000).map(|n| operation("remove", &by_value(n), Value::Null)))
        .collect();
    // Each of the two terms is a comparison.
    assert_eq!(comparisons(5_000, &changes), 4_000);
    assert_eq!(comparisons(10_000, &changes), 4_000);
    let moves: Vec<_> = (0..1_000)
        .flat_map(|n| {
            [
                operation("remove", "roles", json!([{"value": role(n)}])),
                operation("add", "roles", json!([{"value": role(20_000 + n)}])),
            ]
        })
        .collect();
    assert_eq!(comparisons(10_000, &moves), 0);
}

/// Seen to fail with the count of terms in `Elements::select` taken out: 200 terms on 10,000 values were
/// counted as 10,000 comparisons, and twenty such filters took seconds.
#[test]
fn every_term_of_a_filter_counts() {
    let filter = vec!["type eq \"x\""; crate::limits::FILTER_TERMS - 2].join(" or ");
    let path = format!("roles[{filter} or value pr].display");
    let scan = |count| comparisons(count, &[operation("replace", &path, json!("x"))]);
    assert_eq!(scan(10), 10 * 199);
    assert_eq!(scan(20), 20 * 199);
    let operations = [operation("replace", &path, json!("x"))];
    let scan = Patch::read(Schemas::standard().user(), &operations).unwrap();
    let error = scan.apply(with_roles(1_010)).unwrap_err();
    assert_eq!(error.kind, crate::ErrorKind::TooMany);
    assert!(error.detail.contains("PATCH_COMPARISONS"), "{error}");
}
