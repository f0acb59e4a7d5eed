//! The resource while edits are worked off.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::edit::{Change, Edit};
use super::elements::Elements;
use crate::error::Error;
use crate::path::Target;
use crate::schema::{Attribute, Mutability};

/// A tree whose multi-valued attributes are, once touched, held apart and indexed, so that a
/// thousand edits of ten thousand values need not look at each.
pub(crate) struct Draft {
    object: Map<String, Value>,
    lists: BTreeMap<(Option<String>, String), Elements>,
    comparisons: usize,
}

impl Draft {
    pub(crate) fn new(object: Map<String, Value>) -> Self {
        Self { object, lists: BTreeMap::new(), comparisons: 0 }
    }

    /// The comparisons made so far.
    #[cfg(test)]
    pub(super) fn comparisons(&self) -> usize {
        self.comparisons
    }

    /// Works one edit off. After an error the draft is of no use.
    pub(crate) fn apply(&mut self, edit: &Edit) -> Result<(), Error> {
        let Edit { target, change, .. } = edit;
        match change {
            Change::One(value) if !target.attribute.multi_valued => self.set(target, value.clone()),
            _ => {
                let key = (target.extension.clone(), target.attribute.name.clone());
                let list = self.lists.entry(key).or_insert_with(|| {
                    let values = match replace(&mut self.object, &path_to_list(target), None) {
                        Some(Value::Array(values)) => values,
                        _ => Vec::new(),
                    };
                    Elements::new(Arc::clone(&target.attribute), values)
                });
                list.apply(edit, &mut self.comparisons)
            }
        }
    }

    /// The tree, every list back in its place.
    pub(crate) fn finish(mut self) -> Map<String, Value> {
        for ((extension, name), list) in self.lists {
            let path: Vec<_> = extension.as_deref().into_iter().chain([name.as_str()]).collect();
            let values = list.into_values();
            replace(&mut self.object, &path, (!values.is_empty()).then_some(Value::Array(values)));
        }
        self.object
    }

    fn set(&mut self, target: &Target, value: Option<Value>) -> Result<(), Error> {
        // What loses its `value` goes as a whole.
        let is_value = |sub: &&Arc<Attribute>| target.attribute.value() == Some(*sub);
        let sub = target.sub.as_ref().filter(|sub| value.is_some() || !is_value(sub));
        let leaf = sub.unwrap_or(&target.attribute);
        let sub = sub.map(|sub| sub.name.as_str());
        let path: Vec<_> = path_to_list(target).into_iter().chain(sub).collect();
        let before = replace(&mut self.object, &path, None);
        let after = value.map(|value| completed(leaf, before.as_ref(), value));
        check_mutable(leaf, before.as_ref(), after.as_ref())?;
        let part = |whole: &Option<Value>, sub: &Attribute| whole.as_ref()?.get(&sub.name).cloned();
        for sub in &leaf.sub_attributes {
            check_mutable(sub, part(&before, sub).as_ref(), part(&after, sub).as_ref())?;
        }
        replace(&mut self.object, &path, after);
        Ok(())
    }
}

/// A complex value that has a `value`, with what was said of the same one before and is not said now
/// (RFC 7644 section 3.5.2.3). Of another `value` nothing was said yet.
fn completed(attribute: &Attribute, before: Option<&Value>, after: Value) -> Value {
    match (attribute.value(), before, after) {
        (Some(named), Some(Value::Object(old)), Value::Object(new))
            if new.get(&named.name).is_none_or(|new| Some(new) == old.get(&named.name)) =>
        {
            Value::Object(old.clone().into_iter().chain(new).collect())
        }
        (_, _, after) => after,
    }
}

/// Refuses another value where an immutable attribute has one.
pub(super) fn check_mutable(
    attribute: &Attribute,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<(), Error> {
    if attribute.mutability == Mutability::Immutable && before.is_some() && before != after {
        return Err(Error::immutable(&attribute.name));
    }
    Ok(())
}

fn path_to_list(target: &Target) -> Vec<&str> {
    let extension = target.extension.as_deref();
    extension.into_iter().chain([target.attribute.name.as_str()]).collect()
}

/// Puts `value` at `path`, or nothing, and gives back what was there. Objects on the way are made
/// when missing, and go when nothing is left in them.
fn replace(object: &mut Map<String, Value>, path: &[&str], value: Option<Value>) -> Option<Value> {
    match path {
        [] => None,
        [name] => match value {
            Some(value) => object.insert((*name).to_owned(), value),
            None => object.remove(*name),
        },
        [name, rest @ ..] => {
            let mut inner = match object.remove(*name) {
                Some(Value::Object(inner)) => inner,
                _ => Map::new(),
            };
            let before = replace(&mut inner, rest, value);
            if !inner.is_empty() {
                object.insert((*name).to_owned(), Value::Object(inner));
            }
            before
        }
    }
}
