//! What holds for every text whatever. The fuzz targets ask these of what they make up, `corpus.rs` of
//! what they made up before.

use std::collections::HashSet;
use std::sync::LazyLock;

use scim::filter::{Bound, Filter};
use scim::fold::fold;
use scim::patch::{Patch, RawOperation, read_envelope};
use scim::project::Projection;
use scim::{Error, ErrorKind, Resource, ResourceType, Schemas};
use serde_json::{Value, json};

pub(crate) const ACME: &str = "urn:example:acme:2.0:User";

/// Users with an extension in which every type and every mutability occurs.
pub(crate) static SCHEMAS: LazyLock<Schemas> = LazyLock::new(|| {
    let extension = json!({"id": ACME, "name": "Acme", "attributes": [
        {"name": "badge", "type": "integer", "mutability": "immutable"},
        {"name": "rate", "type": "decimal"},
        {"name": "hired", "type": "dateTime"},
        {"name": "key", "type": "binary", "caseExact": true},
        {"name": "site", "type": "reference"},
        {"name": "remote", "type": "boolean"},
        {"name": "pin", "mutability": "writeOnly", "returned": "never"},
        {"name": "labels", "multiValued": true},
        {"name": "rooms", "type": "integer", "multiValued": true},
        {"name": "team", "type": "complex", "subAttributes": [
            {"name": "value"}, {"name": "note"}, {"name": "serial", "mutability": "immutable"}]},
        {"name": "desks", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "type": "integer"}, {"name": "type"},
            {"name": "primary", "type": "boolean"}, {"name": "since", "type": "dateTime"},
            {"name": "serial", "mutability": "immutable"}]}
    ]});
    let schemas = Schemas::standard().with_extension("User", &extension.to_string());
    schemas.expect("a schema that can be registered")
});

fn rt() -> &'static ResourceType {
    SCHEMAS.user()
}

/// Documents that filters are asked of: one with much in it, one with little.
static DOCUMENTS: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let full = json!({
        "schemas": [rt().schema(), ACME], "id": "0190", "externalId": "Ext-1",
        "meta": {"resourceType": "User", "created": "2024-01-02T03:04:05Z"},
        "userName": "Ada@Acme.com", "active": true, "title": "", "name": {"givenName": "Ada"},
        "emails": [{"value": "ada@acme.com", "type": "work", "primary": true}, {"type": "home"}],
        (ACME): {"badge": 7, "rate": 1.5, "hired": "2016-12-31T23:59:60Z", "key": "Zm9v",
            "labels": ["a", "B"], "rooms": [1, 2], "team": {"value": "x"},
            "desks": [{"value": 3, "since": "2024-01-02T24:00:00Z"}, {"type": "lab"}]}
    });
    [full, json!({"userName": "x"})]
});

/// A filter that is read is read as itself when printed, and where it fits the schema the opposite of
/// what it says is what it does not say.
pub(crate) fn filter(text: &str) {
    let read = match scim::filter::parse(text) {
        Ok(filter) => filter,
        Err(error) => return says_where(&error),
    };
    reads_as_itself(&read);
    match read.bind(rt()) {
        Err(error) => says_where(&error),
        Ok(bound) => {
            let negated = Bound::Not(Box::new(bound.clone()));
            for document in &*DOCUMENTS {
                assert_ne!(bound.matches(document), negated.matches(document), "{text}");
            }
        }
    }
}

fn reads_as_itself(filter: &Filter) {
    let printed = filter.to_string();
    match scim::filter::parse(&printed) {
        Ok(again) => assert_eq!(again, *filter, "{printed}"),
        // The printed form may be a little longer.
        Err(error) => assert_eq!(error.kind, ErrorKind::TooMany, "{printed}: {error}"),
    }
}

fn says_where(error: &Error) {
    let located = error.detail.contains("t character ") || error.kind == ErrorKind::TooMany;
    assert!(located, "{error}");
    is_short(error);
}

/// The detail of an error repeats 128 characters at most; what we say ourselves is not longer than 400.
fn is_short(error: &Error) {
    assert!(error.detail.chars().count() < 528, "{error}");
    assert!(!error.detail.contains(char::is_control), "{error}");
}

/// A path that is read is read as itself when printed, and points to what prints as a path to it.
pub(crate) fn path(text: &str) {
    let read = match scim::path::parse(text) {
        Ok(path) => path,
        Err(error) => return says_where(&error),
    };
    let printed = read.to_string();
    match scim::path::parse(&printed) {
        Ok(again) => assert_eq!(again, read, "{printed}"),
        Err(error) => assert_eq!(error.kind, ErrorKind::TooMany, "{printed}: {error}"),
    }
    if let Some(target) = read.attribute.resolve(rt()) {
        let named = scim::path::parse(&target.to_string()).expect("a target prints as a path");
        assert_eq!(named.attribute.resolve(rt()), Some(target));
    }
    match Projection::read(rt(), &[text.to_owned()], &[]) {
        Ok(projection) => projection.cut(&mut DOCUMENTS[0].clone()),
        Err(error) => assert_eq!(error.kind, ErrorKind::TooMany, "{error}"),
    }
}

/// A PATCH is refused, or gives a resource in its one form: with the same result however often it is
/// asked, and whether its operations come together or one by one.
///
/// `text` is a user, a line break and a `PatchOp` message. Where there is no user, it is ada.
pub(crate) fn patch(text: &str) {
    let (user, message) = text.split_once('\n').unwrap_or(("", text));
    let before = rt().read(user).or_else(|_| rt().read(r#"{"userName":"ada"}"#));
    let before = before.expect("ada is a user");
    let operations = match read_envelope(message) {
        Ok(operations) => operations,
        Err(error) => return is_short(&error),
    };
    match apply(&before, &operations) {
        Err(error) => is_short(&error),
        Ok(after) => {
            is_canonical(&after);
            assert_eq!(json(apply(&before, &operations)), Ok(after.to_json()), "pure");
            let each = operations.iter().map(std::slice::from_ref);
            if let Ok(one_by_one) = each.clone().try_fold(before, |user, one| apply(&user, one)) {
                assert_eq!(one_by_one.to_json(), after.to_json());
            }
        }
    }
}

fn apply(user: &Resource, operations: &[RawOperation]) -> Result<Resource, Error> {
    Patch::read(rt(), operations)?.apply(user.clone())
}

/// A resource is refused, or read into its one form.
pub(crate) fn body(text: &str) {
    match rt().read(text) {
        Ok(resource) => is_canonical(&resource),
        Err(error) => is_short(&error),
    }
}

/// What was written is read back as the same, from a client and from the store; no value stands there
/// twice and one at most is primary; folding the folded changes nothing.
pub(crate) fn is_canonical(resource: &Resource) {
    let document = resource.to_json();
    assert_eq!(json(rt().read(&document)), Ok(document.clone()));
    assert_eq!(json(rt().restore(&document)), Ok(document.clone()));
    for (name, value) in resource.as_object() {
        let parts = value.as_object().filter(|_| name.contains(':')).into_iter().flatten();
        for list in parts.map(|(_, part)| part).chain([value]).filter_map(Value::as_array) {
            assert!(!list.is_empty(), "{document}");
            let primary = list.iter().filter(|value| value["primary"] == true);
            assert!(primary.count() <= 1, "{document}");
            let mut seen = HashSet::new();
            assert!(list.iter().all(|value| seen.insert(identity(value))), "{document}");
        }
    }
    let folded = resource.folded().to_string();
    assert!(!folded.contains('\0'), "{folded}");
}

fn json(resource: Result<Resource, Error>) -> Result<String, Error> {
    resource.map(|resource| resource.to_json())
}

/// What one value has and no other (RFC 7643 section 2.4): `value` and `type`, or all of it.
fn identity(value: &Value) -> String {
    let text = |value: &Value| fold(&value.to_string());
    match value.get("value") {
        Some(proper) => format!("{}\0{}", text(proper), text(&value["type"])),
        None => text(value),
    }
}
