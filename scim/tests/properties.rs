//! What holds for every input: reading is idempotent, printing is the inverse of parsing, and no
//! input whatever brings the language down.

use proptest::collection::vec;
use proptest::prelude::*;
use scim::filter::{AttrPath, Filter, Operator, Path};
use scim::patch::{Patch, RawOperation, read_envelope};
use scim::{Resource, ResourceType, Schemas};
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
        prop_assert_eq!(scim::fold::fold(&once), once);
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
