//! Which attributes an answer holds (RFC 7644 section 3.9).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::error::Error;
use crate::limits::PROJECTED_NAMES;
use crate::path::AttrPath;
use crate::schema::{Attribute, ResourceType, Returned};

/// What `attributes` and `excludedAttributes` leave of a resource.
#[derive(Clone, Debug)]
pub struct Projection {
    rt: ResourceType,
    asked: Asked,
    is_whole: bool,
}

/// What the request asks for.
#[derive(Clone, Debug)]
enum Asked {
    /// Nothing by name: all that is returned by default.
    Default,
    /// These, and what is always returned.
    Only(Names),
    /// All that is returned by default but these.
    Except(Names),
}

/// Names of attributes, each whole (`None`) or with some of its parts.
#[derive(Clone, Debug, Default)]
struct Names(BTreeMap<String, Option<Names>>);

impl Projection {
    /// Reads the two lists of names. An entry may hold several names, separated by commas; names are
    /// taken in any letter case, with or without URN; unknown ones are ignored. Where both lists
    /// are given `attributes` wins, as it says exactly what is wanted.
    ///
    /// # Errors
    /// `TooMany` over [`PROJECTED_NAMES`].
    pub fn read(
        rt: &ResourceType,
        attributes: &[String],
        excluded: &[String],
    ) -> Result<Self, Error> {
        let (attributes, excluded) = (split(attributes), split(excluded));
        if attributes.len() + excluded.len() > PROJECTED_NAMES {
            return Err(Error::too_many(format!(
                "`attributes` and `excludedAttributes` hold more than {PROJECTED_NAMES} names \
                 (PROJECTED_NAMES)."
            )));
        }
        let asked = match (attributes.is_empty(), excluded.is_empty()) {
            (false, _) => Asked::Only(Names::read(rt, &attributes)),
            (true, false) => Asked::Except(Names::read(rt, &excluded)),
            (true, true) => Asked::Default,
        };
        let is_whole = matches!(asked, Asked::Default) && rt.attributes().all(by_default);
        Ok(Self { rt: rt.clone(), asked, is_whole })
    }

    /// Whether nothing is ever cut, so that a document need not be looked at.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether anything of the attribute `name` is left, so that it has to be known at all.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        let attribute = self.rt.top(name);
        attribute.is_some_and(|attribute| self.part().of(attribute).is_some())
    }

    /// Whether the request names no attribute, so that it leaves to us what is answered.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self.asked, Asked::Default)
    }

    /// Cuts a complete canonical document down. What the schemas do not know stays out.
    pub fn cut(&self, resource: &mut Value) {
        let attributes: Vec<_> = self.rt.attributes().map(Arc::as_ref).collect();
        self.part().cut(&attributes, resource);
    }

    /// Cuts one value of the attribute `name` down. What is not wanted at all becomes an empty object.
    pub fn cut_value(&self, name: &str, value: &mut Value) {
        let attribute = self.rt.top(name);
        let wanted = attribute.and_then(|attribute| Some((attribute, self.part().of(attribute)?)));
        let Some((attribute, part)) = wanted else {
            *value = Value::Object(Map::new());
            return;
        };
        let subs: Vec<_> = attribute.sub_attributes.iter().map(Arc::as_ref).collect();
        part.cut(&subs, value);
    }

    fn part(&self) -> Part<'_> {
        match &self.asked {
            Asked::Default => Part::Default,
            Asked::Only(names) => Part::Only(names),
            Asked::Except(names) => Part::Except(names),
        }
    }
}

impl Names {
    fn read(rt: &ResourceType, texts: &[&str]) -> Self {
        let mut names = Self::default();
        let known = texts.iter().filter_map(|text| text.parse::<AttrPath>().ok()?.resolve(rt));
        for target in known {
            let sub = target.sub.iter().map(|sub| sub.name.as_str());
            let path: Vec<&str> = target
                .extension
                .as_deref()
                .into_iter()
                .chain([target.attribute.name.as_str()])
                .chain(sub)
                .collect();
            names.insert(&path);
        }
        names
    }

    /// A whole attribute and one of its parts together are the whole.
    fn insert(&mut self, path: &[&str]) {
        match path {
            [] => {}
            [name] => drop(self.0.insert((*name).to_owned(), None)),
            [name, rest @ ..] => {
                let parts =
                    self.0.entry((*name).to_owned()).or_insert_with(|| Some(Self::default()));
                if let Some(parts) = parts {
                    parts.insert(rest);
                }
            }
        }
    }
}

/// What is wanted of one object.
#[derive(Clone, Copy)]
enum Part<'a> {
    Default,
    Only(&'a Names),
    Except(&'a Names),
}

impl Part<'_> {
    fn cut(self, attributes: &[&Attribute], value: &mut Value) {
        match value {
            Value::Object(members) => members.retain(|name, value| {
                let attribute = attributes.iter().find(|attribute| attribute.name == *name);
                let wanted = attribute.and_then(|attribute| Some((attribute, self.of(attribute)?)));
                let Some((attribute, part)) = wanted else { return false };
                if attribute.is_complex() {
                    let subs: Vec<_> = attribute.sub_attributes.iter().map(Arc::as_ref).collect();
                    part.cut(&subs, value);
                    return !is_empty(value);
                }
                true
            }),
            Value::Array(values) => {
                for value in values.iter_mut() {
                    self.cut(attributes, value);
                }
                values.retain(|value| !is_empty(value));
            }
            _ => {}
        }
    }

    /// What is wanted of `attribute`; `None` is nothing.
    fn of(self, attribute: &Attribute) -> Option<Self> {
        let always = attribute.returned == Returned::Always;
        let by_default = always || attribute.returned == Returned::Default;
        let (named, only) = match self {
            Self::Default => (None, false),
            Self::Only(names) => (names.0.get(&attribute.name), true),
            Self::Except(names) => (names.0.get(&attribute.name), false),
        };
        match named {
            _ if attribute.returned == Returned::Never => None,
            Some(Some(parts)) if only => Some(Self::Only(parts)),
            Some(Some(parts)) => by_default.then_some(Self::Except(parts)),
            Some(None) => (only || always).then_some(Self::Default),
            None => (if only { always } else { by_default }).then_some(Self::Default),
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(values) => values.is_empty(),
        _ => false,
    }
}

fn by_default(attribute: &Arc<Attribute>) -> bool {
    matches!(attribute.returned, Returned::Always | Returned::Default)
        && attribute.sub_attributes.iter().all(by_default)
}

fn split(names: &[String]) -> Vec<&str> {
    let each = names.iter().flat_map(|entry| entry.split(',')).map(str::trim);
    each.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{ErrorKind, Schemas};

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn cut(attributes: &[&str], excluded: &[&str]) -> Value {
        let owned = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let rt = Schemas::standard().user();
        let projection = Projection::read(rt, &owned(attributes), &owned(excluded)).unwrap();
        let mut ada = json!({
            "schemas": [rt.schema()], "id": "1", "userName": "ada",
            "name": {"givenName": "Ada", "familyName": "Lovelace"},
            "emails": [{"value": "a@b.c", "type": "work"}, {"type": "home"}],
            (ENTERPRISE): {"department": "Engines", "manager": {"value": "2"}}
        });
        projection.cut(&mut ada);
        for always in ["schemas", "id"] {
            assert!(ada.as_object_mut().unwrap().remove(always).is_some(), "{always}");
        }
        ada
    }

    #[test]
    fn only_what_is_asked_for_is_left() {
        assert_eq!(cut(&["USERNAME"], &[]), json!({"userName": "ada"}));
        assert_eq!(
            cut(&["name.givenName, emails.value"], &[]),
            json!({"name": {"givenName": "Ada"}, "emails": [{"value": "a@b.c"}]})
        );
        assert_eq!(
            cut(&["name", "name.givenName"], &[]),
            json!({"name": {"givenName": "Ada", "familyName": "Lovelace"}})
        );
        let department = format!("{}:Department", ENTERPRISE.to_lowercase());
        assert_eq!(cut(&[&department], &[]), json!({(ENTERPRISE): {"department": "Engines"}}));
        let manager = format!("{ENTERPRISE}:manager.value");
        assert_eq!(cut(&[&manager], &[]), json!({(ENTERPRISE): {"manager": {"value": "2"}}}));
        assert_eq!(cut(&[ENTERPRISE], &[])[ENTERPRISE]["department"], "Engines");
        assert_eq!(cut(&["unknown"], &[]), json!({}));
    }

    #[test]
    fn what_is_excluded_is_gone_unless_it_is_always_returned() {
        let left = cut(&[], &["emails", "name.familyName", "id", ENTERPRISE]);
        assert_eq!(left, json!({"userName": "ada", "name": {"givenName": "Ada"}}));
    }

    #[test]
    fn attributes_wins_over_excluded_attributes() {
        assert_eq!(cut(&["userName"], &["userName"]), json!({"userName": "ada"}));
    }

    #[test]
    fn without_names_the_whole_document_stays() {
        let rt = Schemas::standard().user();
        assert!(Projection::read(rt, &[], &[" ".to_owned()]).unwrap().is_whole());
        assert!(!Projection::read(rt, &["userName".to_owned()], &[]).unwrap().is_whole());
        let many = vec!["a,".repeat(PROJECTED_NAMES + 1)];
        assert_eq!(Projection::read(rt, &many, &[]).unwrap_err().kind, ErrorKind::TooMany);
    }

    #[test]
    fn a_schema_may_withhold_an_attribute() {
        let schemas = Schemas::standard().with_extension(
            "User",
            r#"{
            "id": "urn:example:acme:2.0:User", "name": "Acme", "attributes": [
                {"name": "pin", "returned": "never"}, {"name": "notes", "returned": "request"}]}"#,
        );
        let schemas = schemas.unwrap();
        let document = json!({"urn:example:acme:2.0:User": {"pin": "1", "notes": "n"}});
        for (asked, left) in [
            (vec![], json!({})),
            (
                vec!["urn:example:acme:2.0:User:notes,urn:example:acme:2.0:User:pin".to_owned()],
                json!({"urn:example:acme:2.0:User": {"notes": "n"}}),
            ),
        ] {
            let projection = Projection::read(schemas.user(), &asked, &[]).unwrap();
            assert!(!projection.is_whole());
            let mut cut = document.clone();
            projection.cut(&mut cut);
            assert_eq!(cut, left);
        }
    }
}
