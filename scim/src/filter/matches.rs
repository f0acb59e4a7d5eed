//! What a bound filter means.

use std::borrow::Cow;

use serde_json::Value;

use super::{Bound, Literal, Operator, Target};
use crate::fold::fold;
use crate::schema::Attribute;
use crate::time;

impl Bound {
    /// Whether `resource` passes: the complete canonical document, with `id`, `externalId`,
    /// `schemas` and `meta`. This is what a filter means; a compiler of filters must agree.
    ///
    /// - A multi-valued attribute compares if any of its values does.
    /// - Two-valued logic: a comparison with an absent attribute is false, so its `not` is true.
    /// - Strings are compared folded unless `caseExact`, and ordered by code point.
    /// - Null and an empty array are absent; `""` and `false` are present.
    #[must_use]
    pub fn matches(&self, resource: &Value) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.matches(resource)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(resource)),
            Self::Not(inner) => !inner.matches(resource),
            Self::Present(target) => any(resource, target, |_| true),
            Self::Compare { target, op, literal } => {
                any(resource, target, |value| compares(target.leaf(), value, *op, literal))
            }
            Self::Any { target, filter } => any(resource, target, |value| filter.matches(value)),
        }
    }
}

/// Whether `test` holds for a value that `target` points to.
fn any(resource: &Value, target: &Target, test: impl Fn(&Value) -> bool) -> bool {
    let within = match &target.extension {
        Some(urn) => resource.get(urn),
        None => Some(resource),
    };
    let Some(found) = within.and_then(|within| within.get(&target.attribute.name)) else {
        return false;
    };
    each(found).any(|value| match &target.sub {
        Some(sub) => value.get(&sub.name).is_some_and(|found| each(found).any(&test)),
        None => test(value),
    })
}

/// One value, or those of an array; null is none.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let values = match value {
        Value::Array(values) => values.as_slice(),
        other => std::slice::from_ref(other),
    };
    values.iter().filter(|value| !value.is_null())
}

fn compares(attribute: &Attribute, value: &Value, op: Operator, literal: &Literal) -> bool {
    match literal {
        Literal::Text(literal) => value.as_str().is_some_and(|text| {
            let text = if attribute.folds() { Cow::Owned(fold(text)) } else { Cow::Borrowed(text) };
            match op {
                Operator::Co => text.contains(literal.as_str()),
                Operator::Sw => text.starts_with(literal.as_str()),
                Operator::Ew => text.ends_with(literal.as_str()),
                _ => ordered(op, &*text, literal.as_str()),
            }
        }),
        Literal::Integer(literal) => {
            value.as_i64().is_some_and(|number| ordered(op, &number, literal))
        }
        Literal::Decimal(literal) => {
            value.as_f64().is_some_and(|number| ordered(op, &number, literal))
        }
        Literal::Boolean(literal) => value.as_bool() == Some(*literal),
        Literal::Micros(literal) => {
            let micros = value.as_str().and_then(|text| time::parse(text).ok());
            micros.is_some_and(|micros| ordered(op, &micros, literal))
        }
    }
}

fn ordered<T: PartialOrd + ?Sized>(op: Operator, value: &T, literal: &T) -> bool {
    match op {
        Operator::Eq => value == literal,
        Operator::Gt => value > literal,
        Operator::Ge => value >= literal,
        Operator::Lt => value < literal,
        Operator::Le => value <= literal,
        // `bind` gives these to text alone.
        Operator::Co | Operator::Sw | Operator::Ew => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Schemas;

    fn matches(filter: &str) -> bool {
        let ada = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "0190", "externalId": "Ext-1",
            "meta": {"resourceType": "User", "created": "2024-01-02T03:04:05Z"},
            "userName": "Ada@Acme.com", "active": false, "title": "", "roles": [],
            "name": {"familyName": "Lovelace"},
            "emails": [
                {"value": "ada@acme.com", "type": "work", "primary": true},
                {"value": "ada@home.example", "type": "home"}
            ],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "department": "Engines", "manager": {"value": "42"}
            }
        });
        crate::filter::parse(filter)
            .unwrap()
            .bind(Schemas::standard().user())
            .unwrap()
            .matches(&ada)
    }

    #[test]
    fn values_compare_as_their_attribute_says() {
        for filter in [
            r#"userName eq "ada@ACME.com""#,
            r#"externalId eq "Ext-1" and not (externalId eq "EXT-1")"#,
            r#"userName sw "ADA" and userName co "@" and userName ew ".COM""#,
            r#"userName gt "ada" and userName lt "adb" and userName ge "ada@acme.com""#,
            r#"meta.created lt "2024-01-02T03:04:06Z" and meta.created ge "2024-01-02T04:04:05+01:00""#,
            "active eq false",
            r#"schemas eq "urn:ietf:params:scim:schemas:core:2.0:user""#,
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "42""#,
            r#"meta.resourceType eq "User" and id eq "0190""#,
        ] {
            assert!(matches(filter), "{filter}");
        }
    }

    #[test]
    fn a_value_filter_asks_one_value_at_a_time() {
        assert!(matches(r#"emails.type eq "home" and emails.value co "@acme""#));
        assert!(!matches(r#"emails[type eq "home" and value co "@acme"]"#));
        assert!(matches(r#"emails[type eq "work"].value eq "ADA@acme.com""#));
        assert!(!matches(r#"emails[type eq "home"].value eq "ada@acme.com""#));
        assert!(matches(r#"emails[not (primary eq true)].type eq "home""#));
    }

    #[test]
    fn not_equal_is_the_opposite_of_equal_also_when_absent() {
        assert!(matches(r#"nickName ne "x""#));
        assert!(!matches(r#"emails.type ne "home""#), "one of them is");
        assert!(!matches(r#"nickName gt "a" or nickName le "a""#));
        assert!(matches("active ne true"));
    }

    #[test]
    fn presence_is_having_a_value() {
        for (name, present) in [
            ("title", true),
            ("active", true),
            ("roles", false),
            ("nickName", false),
            ("emails.primary", true),
            ("emails.display", false),
            ("name", true),
        ] {
            assert_eq!(matches(&format!("{name} pr")), present, "{name}");
            assert_eq!(matches(&format!("{name} eq null")), !present, "{name}");
        }
    }
}
