//! An attribute whose values are kept apart from the resource, as the members of a group are: what a
//! PATCH does to it, told by itself, so that nobody has to load what stands.

use serde_json::{Map, Value};

use super::Patch;
use super::edit::{Change, Edit, Selector};
use crate::error::Error;
use crate::filter::Bound;
use crate::limits::VALUES_PER_ATTRIBUTE;

/// One edit of the values of an attribute, each named by its `value`. One without a `value` names
/// nothing: it stands as an empty text, so that a list of such is not taken for an empty list.
#[derive(Clone, Debug, PartialEq)]
pub enum ListEdit {
    /// These join; one that is there already stays.
    Add(Vec<String>),
    /// These are there afterwards and no others. Empty: none are.
    Replace(Vec<String>),
    /// These go; one that is not there is no fault.
    Remove(Vec<String>),
    /// Those that the filter meets go; that it meets none is no fault.
    RemoveWhere {
        /// The `value` that every match has, where the filter asks for one.
        value: Option<String>,
        /// The filter, of a value with its sub-attributes.
        filter: Bound,
    },
    /// The filter meets a value, or the PATCH has no target (RFC 7644 section 3.5.2.3); and each that
    /// it meets has these sub-attributes already, as they are immutable.
    Expect {
        /// As of [`RemoveWhere`](Self::RemoveWhere).
        value: Option<String>,
        /// As of [`RemoveWhere`](Self::RemoveWhere).
        filter: Bound,
        /// What the values must have.
        members: Map<String, Value>,
    },
}

impl Patch {
    /// Takes the edits of the multi-valued attribute `name`, whose sub-attributes are immutable, out
    /// of the patch, in their order.
    ///
    /// # Errors
    /// `Mutability` when one changes a sub-attribute of what stands; `TooMany` when one operation
    /// names more than [`VALUES_PER_ATTRIBUTE`].
    pub fn split_off(&mut self, name: &str) -> Result<Vec<ListEdit>, Error> {
        split_off(&mut self.edits, name)
    }
}

/// Takes the edits of the attribute `name` out of `edits`, in their order.
pub(crate) fn split_off(edits: &mut Vec<Edit>, name: &str) -> Result<Vec<ListEdit>, Error> {
    let is_apart =
        |edit: &mut Edit| edit.target.extension.is_none() && edit.target.attribute.name == name;
    let apart = edits.extract_if(.., is_apart);
    apart
        .map(|edit| {
            let number = edit.operation;
            list_edit(edit).map_err(|error| super::in_operation(number, error))
        })
        .collect()
}

fn list_edit(edit: Edit) -> Result<ListEdit, Error> {
    let Edit { target, selector, change, .. } = edit;
    Ok(match (change, selector) {
        (Change::Add(values), _) => ListEdit::Add(named(&values)?),
        (Change::Replace(values), _) => ListEdit::Replace(named(&values)?),
        (Change::RemoveListed(values), _) => ListEdit::Remove(named(&values)?),
        (Change::Delete, Some(Selector { filter, lookup, .. })) => {
            ListEdit::RemoveWhere { value: lookup, filter }
        }
        (
            Change::Merge(members) | Change::Set(Value::Object(members)),
            Some(Selector { filter, lookup, .. }),
        ) => ListEdit::Expect { value: lookup, filter, members },
        (Change::One(_) | Change::Delete | Change::Merge(_) | Change::Set(_), _) => {
            let detail = format!(
                "`{target}` is immutable. Add a value to `{0}` or remove one from it instead.",
                target.attribute.name
            );
            return Err(Error::mutability(detail).at(target));
        }
    })
}

fn named(values: &[Value]) -> Result<Vec<String>, Error> {
    if values.len() > VALUES_PER_ATTRIBUTE {
        return Err(Error::too_many(format!(
            "More than {VALUES_PER_ATTRIBUTE} values (VALUES_PER_ATTRIBUTE)."
        )));
    }
    let name =
        |value: &Value| value.get("value").and_then(Value::as_str).unwrap_or_default().into();
    Ok(values.iter().map(name).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Schemas;
    use crate::error::ErrorKind;
    use crate::patch::RawOperation;

    fn split(op: &str, path: Option<&str>, value: Option<Value>) -> Result<Vec<ListEdit>, Error> {
        let operation = RawOperation { op: op.into(), path: path.map(Into::into), value };
        Patch::read(Schemas::standard().group(), &[operation])?.split_off("members")
    }

    #[test]
    fn what_identity_providers_do_to_members_is_told_without_loading_any() {
        let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
        let entra = json!([{"$ref": null, "value": "1"}, {"value": "2"}]);
        for (op, path, value, edit) in [
            ("Add", Some("members"), Some(entra.clone()), ListEdit::Add(ids(&["1", "2"]))),
            ("Remove", Some("members"), Some(entra.clone()), ListEdit::Remove(ids(&["1", "2"]))),
            ("replace", Some("members"), Some(json!([])), ListEdit::Replace(ids(&[]))),
            ("remove", Some("members"), None, ListEdit::Replace(ids(&[]))),
            ("add", Some("members"), Some(json!({"value": "1"})), ListEdit::Add(ids(&["1"]))),
            ("add", None, Some(json!({"members": entra})), ListEdit::Add(ids(&["1", "2"]))),
            ("replace", None, Some(json!({"MEMBERS": []})), ListEdit::Replace(ids(&[]))),
            (
                "replace",
                None,
                Some(json!({"members": [{"type": "User"}]})),
                ListEdit::Replace(ids(&[""])),
            ),
            ("add", Some("members"), Some(json!(["1"])), ListEdit::Add(ids(&["1"]))),
        ] {
            let found = split(op, path, value);
            assert_eq!(found.as_deref(), Ok(&[edit][..]), "{op} {path:?}");
        }
    }

    #[test]
    fn a_filter_names_its_value_where_it_asks_for_one() {
        let value = |path| match split("remove", Some(path), None).unwrap().remove(0) {
            ListEdit::RemoveWhere { value, .. } => value,
            other => panic!("{other:?}"),
        };
        assert_eq!(value(r#"members[value eq "1"]"#).as_deref(), Some("1"));
        assert_eq!(value(r#"members[type eq "User" and value eq "1"]"#).as_deref(), Some("1"));
        assert_eq!(value(r#"members[type eq "User"]"#), None);
    }

    #[test]
    fn a_member_is_put_in_nobodys_place() {
        let one = json!({"value": "2"});
        let found = split("replace", Some(r#"members[value eq "1"]"#), Some(one)).unwrap();
        assert!(matches!(&found[..], [ListEdit::Expect { .. }]));
        for path in ["members.value", r#"members[value eq "1"].value"#] {
            let refused = split("replace", Some(path), Some(json!("2"))).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Mutability, "{path}");
        }
    }

    #[test]
    fn the_other_attributes_stay_in_the_patch() {
        let value = Some(json!({"id": "7", "displayName": "New", "members": [{"value": "1"}]}));
        let operation = RawOperation { op: "replace".into(), path: None, value };
        let group = Schemas::standard().group();
        let mut patch = Patch::read(group, &[operation]).unwrap();
        assert_eq!(patch.split_off("members"), Ok(vec![ListEdit::Replace(vec!["1".into()])]));
        let renamed = patch.apply(group.read(r#"{"displayName":"Old"}"#).unwrap()).unwrap();
        assert_eq!(renamed.as_object(), json!({"displayName": "New"}).as_object().unwrap());
    }
}
