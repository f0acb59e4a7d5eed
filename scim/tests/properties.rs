//! What holds for every input: reading is idempotent, printing is the inverse of parsing, and no
//! input whatever brings the language down.

use std::collections::BTreeSet;

use icu_normalizer::DecomposingNormalizerBorrowed;
use proptest::collection::vec;
use proptest::prelude::*;
use scim::filter::{AttrPath, Filter, Operator, Path};
use scim::patch::{Patch, RawOperation, read_envelope};
use scim::{ErrorKind, Resource, ResourceType, Schemas};
use serde_json::{Map, Value, json};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn rt() -> &'static ResourceType {
    Schemas::standard().user()
}

/// Names that mean something, so that random input gets past the first check.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "userName", "USERNAME", "active", "title", "name", "givenName", "emails", "value",
            "Type", "primary", "roles", "addresses", "formatted", "manager", "department", "id",
            "x509Certificates", "meta", "created", "schemas", "externalId", "password", "$ref",
        ]).prop_map(str::to_owned),
        1 => "[a-zA-Z][a-zA-Z0-9_-]{0,6}",
    ]
}

fn uri() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(ENTERPRISE.to_owned()),
        Just(ENTERPRISE.to_lowercase()),
        Just("urn:ietf:params:scim:schemas:core:2.0:User".to_owned()),
        Just("urn:example:1.0:X".to_owned()),
    ]
}

fn attr_path() -> impl Strategy<Value = AttrPath> {
    let uri = prop_oneof![3 => Just(None), 1 => uri().prop_map(Some)];
    (uri, name(), prop::option::of(name())).prop_map(|(uri, name, sub)| AttrPath {
        uri,
        name,
        sub,
        ..AttrPath::default()
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1.0e6..1.0e6).prop_map(|number: f64| Value::from(number)),
        prop::sample::select(vec!["True", "work", "a@b.c", "", "2011-05-13T04:42:34Z", "42"])
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    use Operator::{Co, Eq, Ew, Ge, Gt, Le, Lt, Sw};
    prop::sample::select(vec![Eq, Co, Sw, Ew, Gt, Ge, Lt, Le])
}

fn plain_path() -> impl Strategy<Value = Path> {
    attr_path().prop_map(|attribute| Path { attribute, filter: None, sub: None })
}

/// A path whose filter is `inner`, with a sub-attribute after it.
fn filtered_path(inner: impl Strategy<Value = Filter>) -> impl Strategy<Value = Path> {
    (attr_path(), inner, name()).prop_map(|(attribute, filter, sub)| Path {
        attribute: AttrPath { sub: None, ..attribute },
        filter: Some(Box::new(filter)),
        sub: Some(sub),
    })
}

fn filter() -> impl Strategy<Value = Filter> {
    let compared = |path| {
        (path, operator(), scalar()).prop_map(|(path, op, value)| Filter::Compare {
            path,
            op,
            value,
        })
    };
    let leaf = prop_oneof![plain_path().prop_map(Filter::Present), compared(plain_path().boxed()),];
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(Filter::And),
            vec(inner.clone(), 2..4).prop_map(Filter::Or),
            inner.clone().prop_map(|filter| Filter::Not(Box::new(filter))),
            filtered_path(inner.clone()).prop_map(Filter::Present),
            compared(filtered_path(inner.clone()).boxed()),
            (attr_path(), inner).prop_map(|(attribute, filter)| Filter::Any {
                attribute: AttrPath { sub: None, ..attribute },
                filter: Box::new(filter),
            }),
        ]
    })
}

/// JSON of any shape, with names and values that mean something.
fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 5, |inner| {
        let key =
            prop_oneof![3 => name(), 1 => uri(), 1 => plain_path().prop_map(|p| p.to_string())];
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key, inner), 0..5).prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

/// A user that the reader takes.
fn user() -> impl Strategy<Value = Value> {
    let text = "[a-zA-Zäß@. ]{1,8}";
    let email = (text, prop::option::of("work|home|Other"), prop::option::of(text)).prop_map(
        |(value, kind, display)| json!({"value": value, "type": kind, "display": display}),
    );
    (text, vec(email, 0..4), any::<Option<bool>>(), prop::option::of(text), prop::option::of(text))
        .prop_map(|(user_name, mut emails, active, title, department)| {
            if let Some(first) = emails.first_mut() {
                first["primary"] = json!("True");
            }
            json!({"UserName": user_name, "emails": emails, "active": active, "title": title,
                (ENTERPRISE): {"department": department}, "name": {"formatted": title}})
        })
}

fn operation() -> impl Strategy<Value = RawOperation> {
    let path = prop_oneof![
        plain_path().prop_map(|path| path.to_string()),
        filtered_path(filter()).prop_map(|path| path.to_string()),
        Just(r#"emails[type eq "work"].value"#.to_owned()),
        any::<String>(),
    ];
    let op = prop::sample::select(vec!["add", "Replace", "REMOVE"]).prop_map(str::to_owned);
    (op, prop::option::of(path), prop::option::of(tree()))
        .prop_map(|(op, path, value)| RawOperation { op, path, value })
}

fn read(value: Value) -> Resource {
    rt().read_value(value).expect("a readable user")
}

fn apply(user: &Resource, operations: &[RawOperation]) -> Result<Resource, scim::Error> {
    Patch::read(rt(), operations)?.apply(user.clone())
}

fn said(op: &str, path: Option<&str>, value: Value) -> RawOperation {
    RawOperation { op: op.to_owned(), path: path.map(str::to_owned), value: Some(value) }
}

/// `value` as JSON, the members of each object in the opposite order.
fn backwards(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members = members.iter().rev();
            let text: Vec<_> = members
                .map(|(name, value)| format!("{}:{}", json!(name), backwards(value)))
                .collect();
            format!("{{{}}}", text.join(","))
        }
        Value::Array(values) => {
            format!("[{}]", values.iter().map(backwards).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_printed_filter_reads_as_the_same_filter(filter in filter()) {
        let text = filter.to_string();
        match scim::filter::parse(&text) {
            Ok(read) => prop_assert_eq!(read, filter),
            Err(error) => prop_assert_eq!(error.kind, scim::ErrorKind::TooMany, "{}: {}", text, error),
        }
    }

    #[test]
    fn a_printed_path_reads_as_the_same_path(path in prop_oneof![
        plain_path().boxed(),
        filtered_path(filter()).boxed(),
    ]) {
        let text = path.to_string();
        prop_assert_eq!(scim::path::parse(&text), Ok(path), "{}", text);
    }

    #[test]
    fn folding_twice_is_folding_once(text in any::<String>()) {
        let once = scim::fold::fold(&text);
        prop_assert_eq!(scim::fold::fold(&once), &*once);
        for form in [DecomposingNormalizerBorrowed::new_nfd(), DecomposingNormalizerBorrowed::new_nfkd()] {
            prop_assert_eq!(scim::fold::fold(&form.normalize(&text)), &*once);
        }
    }

    #[test]
    fn what_was_read_is_read_again_as_the_same(user in user()) {
        let read_once = read(user);
        let document = read_once.to_json();
        prop_assert_eq!(&rt().restore(&document).unwrap(), &read_once);
        prop_assert_eq!(&rt().read(&document).unwrap(), &read_once);
    }

    #[test]
    fn whatever_the_reader_takes_is_in_canonical_form(mut value in tree()) {
        if let Some(members) = value.as_object_mut() {
            members.retain(|name, _| !name.eq_ignore_ascii_case("userName"));
            members.insert("userName".to_owned(), json!("ada"));
        }
        if let Ok(resource) = rt().read_value(value) {
            prop_assert_eq!(&rt().read(&resource.to_json()).unwrap(), &resource);
        }
    }

    #[test]
    fn replacing_twice_is_replacing_once(before in user(), after in user()) {
        let value = Some(after);
        let replace = RawOperation { op: "replace".to_owned(), path: None, value };
        let patch = Patch::read(rt(), &[replace]).unwrap();
        let once = patch.apply(read(before)).unwrap();
        prop_assert_eq!(&patch.apply(once.clone()).unwrap(), &once);
    }

    #[test]
    fn adding_what_is_there_changes_nothing(user in user()) {
        let user = read(user);
        let value = Value::Object(user.as_object().clone());
        for op in ["add", "replace"] {
            prop_assert_eq!(&apply(&user, &[said(op, None, value.clone())]).unwrap(), &user);
        }
        for (name, value) in user.as_object() {
            let again = [said("add", Some(name), value.clone())];
            prop_assert_eq!(&apply(&user, &again).unwrap(), &user);
        }
    }

    #[test]
    fn removing_and_adding_again_gives_the_same_set(user in user(), at in any::<prop::sample::Index>()) {
        let user = read(user);
        let set = |user: &Resource| {
            let emails = user.attribute("emails").and_then(Value::as_array).into_iter().flatten();
            emails.map(ToString::to_string).collect::<BTreeSet<_>>()
        };
        let emails = user.attribute("emails").and_then(Value::as_array).cloned().unwrap_or_default();
        if emails.is_empty() {
            return Ok(());
        }
        let email = emails[at.index(emails.len())].clone();
        let listed = json!([email]);
        let there = [said("add", Some("emails"), listed.clone())];
        let gone = apply(&user, &[said("remove", Some("emails"), listed)]).unwrap();
        prop_assert_eq!(set(&gone).len(), emails.len() - 1);
        prop_assert_eq!(set(&apply(&gone, &there).unwrap()), set(&user));

        let filter = format!("emails[value eq {}]", email["value"]);
        let gone = apply(&user, &[said("remove", Some(&filter), Value::Null)]).unwrap();
        let back = apply(&gone, &[said("add", Some("emails"), json!(emails))]).unwrap();
        prop_assert_eq!(set(&back), set(&user));
    }

    #[test]
    fn operations_do_together_what_they_do_one_by_one(before in user(), operations in vec(operation(), 1..5)) {
        let before = read(before);
        let untouched = before.clone();
        let each = operations.iter().map(std::slice::from_ref);
        let one_by_one = each.clone().try_fold(before.clone(), |user, one| apply(&user, one));
        match (apply(&before, &operations), one_by_one) {
            (Ok(together), Ok(one_by_one)) => prop_assert_eq!(together, one_by_one),
            // Together, what is required may be missing in between.
            (Ok(_), Err(error)) => prop_assert_eq!(error.kind, ErrorKind::InvalidValue),
            (Err(error), Ok(_)) => prop_assert!(false, "{}", error),
            (Err(_), Err(_)) => {}
        }
        prop_assert_eq!(before, untouched);
    }

    #[test]
    fn the_order_of_names_is_no_matter(user in user(), value in tree()) {
        prop_assert_eq!(rt().read(&backwards(&user)).unwrap(), read(user.clone()));
        let message = json!({"Operations": [{"op": "add", "value": value}]});
        let (one, other) = (read_envelope(&message.to_string()), read_envelope(&backwards(&message)));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn no_patch_panics_or_leaves_canonical_form(before in user(), operations in vec(operation(), 1..4)) {
        if let Ok(patch) = Patch::read(rt(), &operations)
            && let Ok(after) = patch.apply(read(before))
        {
            prop_assert_eq!(&rt().read(&after.to_json()).unwrap(), &after);
        }
    }

    #[test]
    fn a_filter_and_its_negation_never_agree(user in user(), filter in filter()) {
        let document: Value = serde_json::from_str(&read(user).to_json()).unwrap();
        let negated = Filter::Not(Box::new(filter.clone()));
        if let (Ok(filter), Ok(negated)) = (filter.bind(rt()), negated.bind(rt())) {
            prop_assert_ne!(filter.matches(&document), negated.matches(&document));
        }
    }

    #[test]
    fn filters_keep_the_laws_of_logic(user in user(), one in filter(), other in filter()) {
        let document: Value = serde_json::from_str(&read(user).to_json()).unwrap();
        let ask = |filter: &Filter| filter.bind(rt()).map(|bound| bound.matches(&document));
        let not = |filter: &Filter| Filter::Not(Box::new(filter.clone()));
        let same = |one: &Filter, other: &Filter| (ask(one), ask(other));
        let (a, b) = same(&not(&not(&one)), &one);
        prop_assert_eq!(a, b, "not not");
        let (and, or) = (vec![one.clone(), other.clone()], vec![not(&one), not(&other)]);
        let (a, b) = same(&not(&Filter::And(and.clone())), &Filter::Or(or.clone()));
        prop_assert_eq!(a, b, "De Morgan");
        let (a, b) = same(&not(&Filter::Or(and)), &Filter::And(or));
        prop_assert_eq!(a, b, "De Morgan");
    }

    #[test]
    fn not_equal_is_the_opposite_of_equal(user in user(), path in plain_path(), value in scalar()) {
        let document: Value = serde_json::from_str(&read(user).to_json()).unwrap();
        let ask = |op: &str| {
            let bound = scim::filter::parse(&format!("{path} {op} {value}"))?.bind(rt())?;
            Ok::<_, scim::Error>(bound.matches(&document))
        };
        match (ask("eq"), ask("ne")) {
            (Ok(equal), Ok(unequal)) => prop_assert_ne!(equal, unequal),
            (equal, unequal) => prop_assert_eq!(equal, unequal),
        }
    }

    #[test]
    fn a_printed_time_reads_as_the_same_time(micros in any::<i64>(), near in -1i64 << 52..1 << 52) {
        prop_assert_eq!(scim::time::parse(&scim::time::format(near)), Ok(near));
        prop_assert!(scim::time::parse(&scim::time::format(micros)).is_ok());
    }

    #[test]
    fn no_text_brings_the_parsers_down(text in any::<String>(), like in "[a-z.:\\[\\]()\"\\\\ 0-9$]{0,40}") {
        for text in [text, like] {
            let _ = scim::filter::parse(&text);
            let _ = scim::path::parse(&text);
            let _ = scim::json::parse(&text);
            let _ = scim::time::parse(&text);
            let _ = read_envelope(&text);
            let _ = rt().read(&text);
        }
    }
}
