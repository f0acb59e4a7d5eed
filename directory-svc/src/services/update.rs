//! Updates by field mask (AIP-134): the fields that a caller names, put in the place of what stands.

use directory_api::mask::{self, Field};
use pbjson_types::FieldMask;
use scim::{Resource, ResourceType};
use serde_json::{Map, Value};
use tonic::Status;

use super::fault::no;
use super::read::invalid;
use crate::store::Kind;

/// The field that stands for every extension without a field of its own.
const EXTENSIONS: &str = "extensions";

/// Some fields of a person or a group, with what they are to hold.
#[derive(Clone, Debug)]
pub(super) struct Update {
    rt: ResourceType,
    fields: Vec<Vec<String>>,
    sent: Map<String, Value>,
}

/// Whether a mask means all of a resource.
pub(super) fn is_whole(mask: Option<&FieldMask>) -> bool {
    mask.is_some_and(|mask| mask.paths == ["*"])
}

impl Update {
    /// What `sent`, a typed resource as its document, says of the fields that the mask names. Without a mask these
    /// are those that are filled.
    pub(super) fn read(
        kind: Kind,
        rt: &ResourceType,
        mask: Option<&FieldMask>,
        sent: &Value,
    ) -> Result<Self, Status> {
        let sent = sent.as_object().cloned().unwrap_or_default();
        let mask = mask.filter(|mask| !mask.paths.is_empty());
        let fields = match mask {
            Some(mask) => {
                let fields = mask::fields(kind.name(), mask);
                fields.map_err(|error| no(invalid("update_mask", error)))?
            }
            None => filled(&sent),
        };
        let mut named = Vec::with_capacity(fields.len());
        for Field { names, is_in_list } in fields {
            if is_in_list {
                let cause = format!("`{}` is put as a whole, and not in parts", names[0]);
                return Err(no(invalid("update_mask", cause)));
            }
            if kind == Kind::Group && names[0] == "members" {
                let cause = "members are added and removed by PatchGroup";
                return Err(no(invalid("update_mask", cause)));
            }
            named.push(names);
        }
        Ok(Self { rt: rt.clone(), fields: named, sent })
    }

    /// The resource with these fields as they were sent; one that was not filled is gone.
    ///
    /// # Errors
    /// Those of the reader, and `Mutability`.
    pub(super) fn apply(&self, current: &Resource) -> Result<Resource, scim::Error> {
        let mut tree = current.as_object().clone();
        for names in &self.fields {
            match names.as_slice() {
                [name] if name == EXTENSIONS => self.put_extensions(&mut tree),
                names => put(&mut tree, names, find(&self.sent, names)),
            }
        }
        let wanted = self.rt.read_value(Value::Object(tree))?;
        wanted.check_immutable(current)?;
        Ok(wanted)
    }

    fn put_extensions(&self, tree: &mut Map<String, Value>) {
        let is_extension = |name: &str| name.contains(':') && name != directory_api::ENTERPRISE;
        tree.retain(|name, _| !is_extension(name));
        let sent = self.sent.iter().filter(|(name, _)| is_extension(name));
        tree.extend(sent.map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// The fields that are filled: of one that holds others, those.
fn filled(sent: &Map<String, Value>) -> Vec<Field> {
    let mut fields = Vec::new();
    let field = |names: &[&String]| Field {
        names: names.iter().map(|&name| name.clone()).collect(),
        is_in_list: false,
    };
    for (name, value) in sent {
        match value {
            Value::Object(members) => {
                fields.extend(members.keys().map(|part| field(&[name, part])));
            }
            _ => fields.push(field(&[name])),
        }
    }
    fields
}

fn find<'v>(tree: &'v Map<String, Value>, names: &[String]) -> Option<&'v Value> {
    let (first, rest) = names.split_first()?;
    let value = tree.get(first)?;
    if rest.is_empty() { Some(value) } else { find(value.as_object()?, rest) }
}

/// Puts a value where the names lead, or nothing. What lies empty then goes.
fn put(tree: &mut Map<String, Value>, names: &[String], value: Option<&Value>) {
    let Some((first, rest)) = names.split_first() else { return };
    if rest.is_empty() {
        match value {
            Some(value) => tree.insert(first.clone(), value.clone()),
            None => tree.remove(first),
        };
        return;
    }
    let mut inner = match tree.remove(first) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    };
    put(&mut inner, rest, value);
    if !inner.is_empty() {
        tree.insert(first.clone(), Value::Object(inner));
    }
}

#[cfg(test)]
mod tests {
    use scim::Schemas;
    use serde_json::json;

    use super::*;

    const ENTERPRISE: &str = directory_api::ENTERPRISE;

    fn user() -> &'static ResourceType {
        Schemas::standard().user()
    }

    fn updated(mask: &[&str], sent: &Value) -> Result<Value, Status> {
        let standing = json!({
            "userName": "ada", "title": "Countess", "name": {"givenName": "Ada", "familyName": "King"},
            "emails": [{"value": "ada@acme.com"}], (ENTERPRISE): {"department": "Engines"},
        });
        let standing = user().read_value(standing).unwrap();
        let mask = FieldMask { paths: mask.iter().map(|&path| path.to_owned()).collect() };
        let update = Update::read(Kind::User, user(), Some(&mask), sent)?;
        let wanted = update.apply(&standing).map_err(super::super::fault::scim_error("user"))?;
        Ok(Value::Object(wanted.as_object().clone()))
    }

    /// Seen to fail with what is filled put whole.
    #[test]
    fn what_the_mask_names_is_put_and_the_rest_stays() {
        let whole = |change: &dyn Fn(&mut Value)| {
            let mut tree = json!({
                "userName": "ada", "title": "Countess",
                "name": {"givenName": "Ada", "familyName": "King"},
                "emails": [{"value": "ada@acme.com"}], (ENTERPRISE): {"department": "Engines"},
            });
            change(&mut tree);
            tree
        };
        let sent = json!({"displayName": "A. L.", "name": {"familyName": "Lovelace"}});
        let updated = |mask: &[&str]| updated(mask, &sent).unwrap();
        assert_eq!(updated(&["display_name"]), whole(&|t| t["displayName"] = json!("A. L.")));
        assert_eq!(
            updated(&["name.family_name", "title"]),
            whole(&|t| {
                t["name"]["familyName"] = json!("Lovelace");
                t.as_object_mut().unwrap().remove("title");
            })
        );
        assert_eq!(updated(&["name"]), whole(&|t| t["name"] = json!({"familyName": "Lovelace"})));
        let filled = whole(&|t| {
            t["displayName"] = json!("A. L.");
            t["name"]["familyName"] = json!("Lovelace");
        });
        assert_eq!(updated(&[]), filled);
        let without = whole(&|t| drop(t.as_object_mut().unwrap().remove(ENTERPRISE)));
        assert_eq!(updated(&["enterprise.department"]), without);
        assert_eq!(updated(&["id", "meta", "groups", "management"]), whole(&|_| {}), "read only");
    }

    #[test]
    fn a_mask_that_cannot_be_is_refused() {
        for mask in ["shoe_size", "emails.value", "*.x"] {
            let refused = updated(&[mask], &json!({})).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{mask}");
        }
        let nobody = updated(&["user_name"], &json!({})).unwrap_err();
        assert_eq!(nobody.code(), tonic::Code::InvalidArgument, "a userName is needed");
        let mask = FieldMask { paths: vec!["members".to_owned()] };
        let group = Schemas::standard().group();
        assert!(Update::read(Kind::Group, group, Some(&mask), &json!({})).is_err());
    }
}
