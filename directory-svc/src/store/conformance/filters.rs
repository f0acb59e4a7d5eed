//! Listings: who is found, in which order, and at what price.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRng, TestRunner};
use serde_json::{Value, json};

use super::{
    Engine, NOW, Query, Start, Store, User, WorkspaceStore, create, draft, ids, integration_id,
    named, query, query_of, remove, user_id, workspace, write, write_by,
};
use crate::store::{Kind, Mark, Write, is_served};

const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

pub(super) async fn list_in_order_of_creation<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    // Ids run against the order of creation, and so do the times.
    for n in 0..10 {
        let made = Write { at: NOW - n, ..write(&format!("make {n}")) };
        let id = user_id(100 - u128::try_from(n).unwrap());
        create(&acme, made, id, named(&format!("person {n}"))).await.unwrap();
    }
    remove(&acme, "remove", user_id(97)).await.unwrap();
    let order: Vec<_> = (91..=100).rev().filter(|n| *n != 97).map(user_id).collect();
    let ask = |filter: Option<&str>, start, limit| Query {
        filter: filter.and_then(|filter| query(filter, None).filter),
        viewer: None,
        sort: None,
        start,
        limit,
    };
    for filter in [None, Some(r#"userName sw "PERSON""#)] {
        let page = acme.users(ask(filter, Start::Skip(0), 100)).await.unwrap();
        assert_eq!((ids(&page), page.total, page.more), (order.clone(), 9, false));
        let (mut after, mut walked) = (Mark::of(0), Vec::new());
        loop {
            let page = acme.users(ask(filter, Start::After(after.clone()), 4)).await.unwrap();
            assert_eq!(page.total, 9, "the total is of all, on every page");
            walked.extend(ids(&page));
            match page.marks.last() {
                Some(last) if page.more => after = last.clone(),
                _ => break,
            }
        }
        assert_eq!(walked, order);
        let page = acme.users(ask(filter, Start::Skip(4), 2)).await.unwrap();
        assert_eq!((ids(&page), page.total, page.more), (order[4..6].to_vec(), 9, true));
        let page = acme.users(ask(filter, Start::Skip(99), 2)).await.unwrap();
        assert_eq!((ids(&page), page.total, page.more), (vec![], 9, false));
        let page = acme.users(ask(filter, Start::Skip(0), 0)).await.unwrap();
        assert_eq!((ids(&page), page.total), (vec![], 9), "the total alone");
    }
}

/// Seen to fail with every integration's bindings asked.
pub(super) async fn show_an_external_id_to_its_integration_alone<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let (entra, okta) = (integration_id(1), integration_id(2));
    for (n, integration) in [(1, entra), (2, entra), (3, okta)] {
        let person = named(&n.to_string()).bound_to(integration, Some("same"));
        let made = write_by(integration, &format!("make {n}"));
        create(&acme, made, user_id(n), person).await.unwrap();
    }
    for (viewer, found) in [
        (Some(entra), vec![user_id(1), user_id(2)]),
        (Some(okta), vec![user_id(3)]),
        (None, vec![]),
    ] {
        let page = acme.users(query(r#"externalId eq "same""#, viewer)).await.unwrap();
        assert_eq!(ids(&page), found);
        let others = acme.users(query("not (externalId pr)", viewer)).await.unwrap();
        assert_eq!(others.total, 3 - page.total);
    }
    let exact = acme.users(query(r#"externalId eq "SAME""#, Some(entra))).await.unwrap();
    assert_eq!(exact.total, 0, "letter case matters");
}

pub(super) async fn answer_the_longest_and_the_deepest_filter<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let ada = create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    let longest = |by| vec![r#"nickName sw "a""#; scim::limits::FILTER_TERMS].join(by);
    let mut deepest = r#"emails[not (value eq "a")]"#.to_owned();
    // A value filter takes two steps of the depth.
    for _ in 2..scim::limits::FILTER_DEPTH {
        deepest = format!("not ({deepest} and userName pr)");
    }
    let nobody_but = format!("not ({})", longest(" or "));

    for filter in [longest(" and "), longest(" or "), nobody_but, deepest] {
        let query = query(&filter, None);
        let matches = query.filter.as_ref().unwrap().matches(&complete(&ada));
        let page = acme.users(query).await.unwrap();
        assert_eq!(ids(&page) == [ada.id], matches, "{filter}");
    }
}

/// Seen to fail without each index of a filter's columns in turn (such as those on e-mail values, on
/// managers and on members), with `lower()` round a column, and without the statistics that the
/// migrations bring.
pub(super) async fn serve_each_known_query_from_an_index<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    engine.fill().await;
    for filter in [
        r#"userName eq "ada""#,
        r#"userName sw "ada""#,
        r#"meta.lastModified gt "2026-01-01T00:00:00Z" and active eq true"#,
        r#"meta.created ge "2026-01-01T00:00:00Z""#,
        r#"meta.lastModified gt "2026-01-01T00:00:00Z""#,
        r#"userName eq "ada" and active eq true"#,
        r#"externalId eq "E-1""#,
        r#"id eq "00000000-0000-0000-0000-000000000001""#,
        r#"emails.value eq "ada@acme.com""#,
        r#"emails eq "ada@acme.com""#,
        r#"emails[type eq "work"].value eq "ada@acme.com""#,
        r#"emails[type eq "work" and value eq "ada@acme.com"]"#,
        r#"displayName eq "Ada""#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "1""#,
        r#"groups.value eq "00000000-0000-0000-0000-000000000001""#,
        r#"groups[value eq "00000000-0000-0000-0000-000000000001"]"#,
        r#"userName eq "ada" or userName eq "bob""#,
        r#"userName eq "ada" or displayName eq "ada""#,
        r#"userName eq "ada" or emails.value eq "ada@acme.com""#,
        r#"userName eq "ada" or externalId eq "E-1""#,
        "active eq false",
    ] {
        let query = query(filter, Some(integration_id(1)));
        assert_served::<E>(&acme, Kind::User, filter, query).await;
    }
    for filter in [
        r#"displayName eq "Staff""#,
        r#"displayName sw "St""#,
        r#"externalId eq "E-1""#,
        r#"id eq "00000000-0000-0000-0000-000000000001""#,
        r#"members.value eq "00000000-0000-0000-0000-000000000001""#,
        r#"members eq "00000000-0000-0000-0000-000000000001""#,
        r#"members[value eq "00000000-0000-0000-0000-000000000001"]"#,
        r#"members[value eq "00000000-0000-0000-0000-000000000001" and type eq "User"]"#,
        r#"id eq "00000000-0000-0000-0000-000000000001" and members[value eq "00000000-0000-0000-0000-000000000002"]"#,
        r#"meta.created ge "2026-01-01T00:00:00Z""#,
        r#"meta.lastModified gt "2026-01-01T00:00:00Z""#,
    ] {
        let query = query_of(Kind::Group, filter, Some(integration_id(1)));
        assert_served::<E>(&acme, Kind::Group, filter, query).await;
    }
    let unindexed = query(r#"nickName eq "Ada""#, None);
    let walks = E::walks(&acme, Kind::User, &unindexed).await;
    assert_ne!(walks, Vec::<String>::new(), "a walk is seen as one");
}

async fn assert_served<E: Engine>(
    acme: &<E::Store as Store>::Workspace,
    kind: Kind,
    filter: &str,
    query: Query,
) {
    assert!(is_served(kind, query.filter.as_ref().unwrap()), "{filter} is weighed as one that is");
    let walks = E::walks(acme, kind, &query).await;
    assert_eq!(walks, Vec::<String>::new(), "{filter}");
    let first = E::walks(acme, kind, &Query { start: Start::Skip(0), ..query }).await;
    assert_eq!(first, Vec::<String>::new(), "{filter}");
}

/// How many workspaces of random people are asked.
const WORKSPACES: u128 = 24;
/// How many random filters each is asked.
const FILTERS: usize = 40;

/// Seen to fail with `NOT` for `IS NOT TRUE`, and with `lower()` round a column.
pub(super) async fn answer_filters_as_the_pure_evaluator_does<E: Engine>(engine: E) {
    // One seed, printed with every failure: the same people and filters each time.
    let rng = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let entra = integration_id(1);
    let (mut hits, mut misses) = (0, 0);
    for n in 1..=WORKSPACES {
        let acme = workspace(engine.store(), n).await;
        let mut people = Vec::new();
        for at in 1..=6_u8 {
            let (document, external_id) = draw(&mut runner, &person(at));
            let mut person = draft(&document);
            if external_id.is_some() || at % 2 == 0 {
                person = person.bound_to(entra, external_id.as_deref());
            }
            let made = Write { at: NOW + i64::from(at) * 1_000_000, ..write(&at.to_string()) };
            let id = user_id(n << 64 | u128::from(at));
            people.push(create(&acme, made, id, person).await.unwrap());
        }
        for _ in 0..FILTERS {
            let text = draw(&mut runner, &filter());
            let query = query(&text, Some(entra));
            let bound = query.filter.clone().unwrap();
            let page = acme.users(query).await.unwrap_or_else(|error| panic!("{text}: {error:?}"));
            for person in &people {
                let (seen, found) = (complete(person), ids(&page).contains(&person.id));
                assert_eq!(found, bound.matches(&seen), "{text}\n{seen}");
                if found { hits += 1 } else { misses += 1 }
            }
            assert_eq!(page.total, page.rows.len() as u64, "{text}");
        }
    }
    // A generator that finds nobody, or everybody, would prove nothing.
    assert!(hits > 500 && misses > 500, "{hits} hits, {misses} misses");
}

pub(super) fn draw<T: std::fmt::Debug>(
    runner: &mut TestRunner,
    strategy: &impl Strategy<Value = T>,
) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// The document as its integration sees it.
pub(super) fn complete(user: &User) -> Value {
    let mut document: Value = serde_json::from_str(&user.document).unwrap();
    document["id"] = json!(user.id.to_string());
    if let Some(external_id) = user.binding.as_ref().and_then(|b| b.external_id.as_ref()) {
        document["externalId"] = json!(external_id);
    }
    document["meta"] = json!({
        "resourceType": "User",
        "created": scim::time::format(user.created_at),
        "lastModified": scim::time::format(user.modified_at),
        "version": format!("W/\"{}\"", user.revision),
    });
    document
}

/// Few different texts, so that filters find what documents hold: letter cases, folds, look-alikes,
/// what SQL and JSON treat apart.
fn text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "",
        "a",
        "A",
        "ab",
        "Ab",
        "abc",
        "b",
        "ß",
        "SS",
        "é",
        "E\u{301}",
        "z\u{10ffff}",
        "%",
        "a%",
        "a_b",
        "'",
        "\"",
        "\\",
        "work",
        "Work",
        "home",
        "a@b.c",
        "0",
        "true",
        "null",
        "\u{1F600}",
        "User",
        "W/\"1\"",
        "\u{d7ff}",
        "\u{e000}",
    ];
    select(WORDS).prop_map(str::to_owned)
}

pub(super) fn person(at: u8) -> impl Strategy<Value = (Value, Option<String>)> {
    let member = |value: BoxedStrategy<Value>| proptest::option::of(value);
    let string = || text().prop_map(Value::from).boxed();
    let flag = || any::<bool>().prop_map(Value::from).boxed();
    let value = (member(string()), member(string()), member(flag()), member(string())).prop_map(
        |(value, kind, primary, display)| {
            object([("value", value), ("type", kind), ("primary", primary), ("display", display)])
        },
    );
    let values = || proptest::collection::vec(value.clone(), 0..3).prop_map(one_primary).boxed();
    let name = (member(string()), member(string()))
        .prop_map(|(family, given)| object([("familyName", family), ("givenName", given)]));
    let manager = member(string()).prop_map(|value| object([("value", value)]));
    let enterprise =
        (member(string()), member(manager.boxed())).prop_map(|(department, manager)| {
            object([("department", department), ("manager", manager)])
        });
    let user_name = select(&["Ada", "ß", "a%b", "É", "User"][..]);
    let core = (member(string()), member(string()), member(string()), member(flag()));
    let complex = (values(), values(), member(name.boxed()), member(enterprise.boxed()));
    (user_name, core, complex, proptest::option::of(text())).prop_map(
        move |(user_name, (display, nick, title, active), complex, external_id)| {
            let (emails, phones, name, enterprise) = complex;
            let document = object([
                ("userName", Some(json!(format!("{user_name}{at}")))),
                ("displayName", display),
                ("nickName", nick),
                ("title", title),
                ("active", active),
                ("emails", Some(emails)),
                ("phoneNumbers", Some(phones)),
                ("name", name),
                (URN, enterprise),
            ]);
            (document, external_id)
        },
    )
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    let there = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(there.collect())
}

/// At most one value is primary: the last that says so.
fn one_primary(mut values: Vec<Value>) -> Value {
    let primary = values.iter().rposition(|value| value["primary"] == true);
    for (at, value) in values.iter_mut().enumerate() {
        if value["primary"] == true && Some(at) != primary {
            value.as_object_mut().unwrap().remove("primary");
        }
    }
    Value::Array(values)
}

fn filter() -> impl Strategy<Value = String> {
    let leaf =
        prop_oneof![8 => comparison(texts()), 2 => others(), 3 => of_values(), 2 => presence()];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

fn texts() -> BoxedStrategy<String> {
    const NAMES: &[&str] = &[
        "userName",
        "displayName",
        "nickName",
        "title",
        "name.familyName",
        "emails",
        "emails.type",
        "emails.display",
        "phoneNumbers.value",
        "phoneNumbers.type",
        "externalId",
        "id",
        "schemas",
        "meta.resourceType",
        "meta.version",
        "{URN}:department",
        "{URN}:manager",
    ];
    select(NAMES).prop_map(|name| name.replace("{URN}", URN)).boxed()
}

/// Comparisons of text.
fn comparison(names: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let ops = select(&["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"][..]);
    let ids = select(&[1_u128, 2, 3][..]).prop_map(|n| user_id(1 << 64 | n).to_string());
    let part =
        select(&["0000", "-0000-", "1", "urn:", "2.0:User", "a\u{0}b"][..]).prop_map(str::to_owned);
    let literal = prop_oneof![6 => text(), 1 => ids, 1 => part];
    (names, ops, literal).prop_map(|(name, op, literal)| format!("{name} {op} {}", json!(literal)))
}

/// Comparisons of truths and times.
fn others() -> impl Strategy<Value = String> {
    let truths = (select(&["active", "emails.primary"][..]), any::<bool>())
        .prop_map(|(name, truth)| format!("{name} eq {truth}"));
    let ops = select(&["eq", "ne", "gt", "ge", "lt", "le"][..]);
    let names = select(&["meta.created", "meta.lastModified"][..]);
    let times = (names, ops, 1..=6_i64).prop_map(|(name, op, at)| {
        format!("{name} {op} \"{}\"", scim::time::format(NOW + at * 1_000_000))
    });
    prop_oneof![truths, times]
}

/// Filters of values, of which one and the same passes.
fn of_values() -> impl Strategy<Value = String> {
    let subs = |names: &'static [&str]| select(names).prop_map(str::to_owned).boxed();
    let several = || {
        let leaf = prop_oneof![
            4 => comparison(subs(&["type", "value", "display"])),
            1 => Just("primary eq true".to_owned()),
            1 => subs(&["type pr", "value pr", "primary pr"]),
        ];
        leaf.prop_recursive(2, 4, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} and {b}")),
                inner.prop_map(|a| format!("not ({a})")),
            ]
        })
    };
    let lists = || select(&["emails", "phoneNumbers"][..]);
    prop_oneof![
        (lists(), several()).prop_map(|(list, inner)| format!("{list}[{inner}]")),
        (lists(), several(), text())
            .prop_map(|(list, inner, value)| format!("{list}[{inner}].value sw {}", json!(value))),
        comparison(subs(&["familyName", "givenName"])).prop_map(|inner| format!("name[{inner}]")),
        comparison(subs(&["resourceType"])).prop_map(|inner| format!("meta[not ({inner})]")),
    ]
}

fn presence() -> impl Strategy<Value = String> {
    const NAMES: &[&str] = &[
        "userName",
        "displayName",
        "title",
        "active",
        "emails",
        "emails.value",
        "emails.primary",
        "phoneNumbers",
        "phoneNumbers.display",
        "name",
        "name.familyName",
        "externalId",
        "id",
        "meta",
        "meta.created",
        "meta.version",
        "schemas",
        "roles",
        "{URN}",
        "{URN}:manager",
        "{URN}:department",
    ];
    select(NAMES).prop_map(|name| format!("{} pr", name.replace("{URN}", URN)))
}
