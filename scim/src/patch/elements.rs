//! The values of one multi-valued attribute while edits are worked off: in their order, found by
//! `value` and by identity without looking at each.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::draft::check_mutable;
use super::edit::{Change, Edit, Missing, Selector};
use crate::error::Error;
use crate::fold::fold;
use crate::limits::PATCH_COMPARISONS;
use crate::read;
use crate::resource::fold_value;
use crate::schema::{Attribute, Kind};

/// Where the values with a key are.
type Index = HashMap<String, BTreeSet<usize>>;

pub(super) struct Elements {
    attribute: Arc<Attribute>,
    /// A value keeps its slot; a slot is empty once its value went.
    slots: Vec<Option<Value>>,
    count: usize,
    by_identity: Index,
    by_value: Index,
    primary: Option<usize>,
}

impl Elements {
    pub(super) fn new(attribute: Arc<Attribute>, values: Vec<Value>) -> Self {
        let mut elements = Self {
            attribute,
            slots: Vec::with_capacity(values.len()),
            count: 0,
            by_identity: Index::new(),
            by_value: Index::new(),
            primary: None,
        };
        for value in values {
            elements.push(value);
        }
        elements
    }

    pub(super) fn into_values(self) -> Vec<Value> {
        self.slots.into_iter().flatten().collect()
    }

    /// Works one edit off; adds the values it had to look at to `comparisons`.
    pub(super) fn apply(&mut self, edit: &Edit, comparisons: &mut usize) -> Result<(), Error> {
        let before = self.count;
        self.change(edit, comparisons)?;
        let goes = before > 0 && self.count == 0 && !matches!(edit.change, Change::Replace(_));
        if self.attribute.required && goes {
            let name = &self.attribute.name;
            let detail =
                format!("`{name}` is required: its last value stays until there is another.");
            return Err(Error::mutability(detail).at(name));
        }
        Ok(())
    }

    fn change(&mut self, edit: &Edit, comparisons: &mut usize) -> Result<(), Error> {
        match &edit.change {
            Change::Add(values) => values.iter().try_for_each(|value| self.add(value.clone())),
            Change::Replace(values) => {
                *self = Self::new(Arc::clone(&self.attribute), Vec::new());
                values.iter().try_for_each(|value| self.add(value.clone()))
            }
            Change::RemoveListed(values) => {
                for slot in values.iter().flat_map(|value| self.listed(value)).collect::<Vec<_>>() {
                    self.delete(slot);
                }
                Ok(())
            }
            Change::Delete => {
                for slot in self.select(edit.selector.as_ref(), &Map::new(), comparisons)? {
                    self.delete(slot);
                }
                Ok(())
            }
            Change::Set(value) => {
                for slot in self.select(edit.selector.as_ref(), &Map::new(), comparisons)? {
                    self.take(slot);
                    self.settle(slot, value.clone())?;
                }
                Ok(())
            }
            Change::Merge(members) => {
                for slot in self.select(edit.selector.as_ref(), members, comparisons)? {
                    self.merge(slot, members)?;
                }
                Ok(())
            }
            Change::One(value) => {
                let sub = edit.target.leaf();
                let member = value.clone().map(|value| (sub.name.clone(), value));
                let members = Map::from_iter(member);
                for slot in self.select(edit.selector.as_ref(), &members, comparisons)? {
                    match value {
                        Some(_) => self.merge(slot, &members)?,
                        None => self.unset(slot, sub)?,
                    }
                }
                Ok(())
            }
        }
    }

    /// The slots that a filter selects, or all. Where there are none, a value with `members` may be
    /// made, and nothing is left to select.
    fn select(
        &mut self,
        selector: Option<&Selector>,
        members: &Map<String, Value>,
        comparisons: &mut usize,
    ) -> Result<Vec<usize>, Error> {
        let candidates: Vec<usize> = match selector.and_then(|selector| selector.lookup.as_ref()) {
            Some(value) => self.by_value.get(value).into_iter().flatten().copied().collect(),
            None => (0..self.slots.len()).collect(),
        };
        *comparisons += candidates.len() * selector.map_or(1, |selector| selector.filter.terms());
        if *comparisons > PATCH_COMPARISONS {
            return Err(Error::too_many(format!(
                "The filters of the PATCH make more than {PATCH_COMPARISONS} comparisons \
                 (PATCH_COMPARISONS). Split it, or select by `value eq`."
            )));
        }
        let is_complex = self.attribute.is_complex();
        let matches = |value: &Value| match selector {
            None => true,
            Some(selector) if is_complex => selector.filter.matches(value),
            Some(selector) => selector.filter.matches(&json!({"value": value})),
        };
        let selected = |slot: &usize| self.slots[*slot].as_ref().is_some_and(matches);
        let found: Vec<usize> = candidates.into_iter().filter(selected).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let nothing = Map::new();
        let template = match selector {
            None if members.is_empty() => return Ok(found),
            None => &nothing,
            Some(Selector { missing: Missing::Create(template), .. }) => template,
            Some(Selector { missing: Missing::Ignore, .. }) => return Ok(found),
            Some(Selector { missing: Missing::Refuse, .. }) => {
                let name = &self.attribute.name;
                let detail = format!(
                    "No value of `{name}` matches the filter of the path. Add the value first, or \
                     correct the filter."
                );
                return Err(Error::no_target(detail).at(name));
            }
        };
        let members = template.iter().chain(members).map(|(k, v)| (k.clone(), v.clone())).collect();
        self.add(Value::Object(members))?;
        Ok(found)
    }

    /// The slots of what a `remove` lists: the same `value`, and no other `type`.
    fn listed(&self, listed: &Value) -> Vec<usize> {
        let find = |index: &Index, key: Option<String>| {
            let slots = key.and_then(|key| index.get(&key)).into_iter().flatten();
            slots.copied().collect::<Vec<_>>()
        };
        let has = |sub: &&Arc<Attribute>| listed.get(&sub.name).is_some();
        let same = find(&self.by_identity, Some(self.identity(listed)));
        match (self.attribute.value().filter(has), self.attribute.label().filter(has)) {
            (None, _) => same,
            (Some(_), None) => find(&self.by_value, self.value_key(listed)),
            (Some(_), Some(label)) => {
                let mut unlabelled = listed.clone();
                unlabelled[&label.name] = Value::Null;
                let unlabelled = find(&self.by_identity, Some(self.identity(&unlabelled)));
                [same, unlabelled].concat()
            }
        }
    }

    /// Adds a value; where it is there already, it is completed (RFC 7643 section 2.4).
    fn add(&mut self, value: Value) -> Result<(), Error> {
        let same = self.by_identity.get(&self.identity(&value)).and_then(|slots| slots.first());
        match (same.copied(), value) {
            (Some(slot), Value::Object(members)) => self.merge(slot, &members),
            (Some(_), _) => Ok(()),
            (None, value) => {
                read::check_count(&self.attribute.name, self.count + 1)?;
                self.push(value);
                Ok(())
            }
        }
    }

    fn push(&mut self, value: Value) {
        self.slots.push(None);
        self.count += 1;
        self.put(self.slots.len() - 1, value);
    }

    /// Sets `members` of the value in `slot`; costs little when they are what they were.
    fn merge(&mut self, slot: usize, members: &Map<String, Value>) -> Result<(), Error> {
        let unchanged =
            |value: &Value| members.iter().all(|(name, new)| value.get(name) == Some(new));
        if self.slots[slot].as_ref().is_none_or(unchanged) {
            return Ok(());
        }
        let Some(Value::Object(mut value)) = self.take(slot) else { return Ok(()) };
        for (name, new) in members {
            let old = value.insert(name.clone(), new.clone());
            if let Some(sub) = self.attribute.sub(name) {
                check_mutable(sub, old.as_ref(), Some(new))?;
            }
        }
        self.settle(slot, Value::Object(value))
    }

    /// Gives the empty `slot` its changed value. Where that became the same as another one, the two are
    /// one: the other is completed, and the slot stays empty.
    fn settle(&mut self, slot: usize, value: Value) -> Result<(), Error> {
        let same = self.by_identity.get(&self.identity(&value)).and_then(|slots| slots.first());
        let Some(same) = same.copied() else {
            self.put(slot, value);
            return Ok(());
        };
        self.count -= 1;
        match value {
            Value::Object(members) => self.merge(same, &members),
            _ => Ok(()),
        }
    }

    /// Takes `sub` from the value in `slot`. A value that loses its `value` goes.
    fn unset(&mut self, slot: usize, sub: &Arc<Attribute>) -> Result<(), Error> {
        let Some(Value::Object(mut value)) = self.take(slot) else { return Ok(()) };
        let old = value.remove(&sub.name);
        check_mutable(sub, old.as_ref(), None)?;
        if value.is_empty() || (old.is_some() && Some(sub) == self.attribute.value()) {
            self.count -= 1;
            return Ok(());
        }
        self.settle(slot, Value::Object(value))
    }

    fn delete(&mut self, slot: usize) {
        if self.take(slot).is_some() {
            self.count -= 1;
        }
    }

    /// Empties a slot.
    fn take(&mut self, slot: usize) -> Option<Value> {
        let value = self.slots.get_mut(slot)?.take()?;
        let identity = self.identity(&value);
        remove(&mut self.by_identity, &identity, slot);
        if let Some(key) = self.value_key(&value) {
            remove(&mut self.by_value, &key, slot);
        }
        if self.primary == Some(slot) {
            self.primary = None;
        }
        Some(value)
    }

    /// Fills an empty slot. Of several primary values the last one written stays primary.
    fn put(&mut self, slot: usize, value: Value) {
        self.by_identity.entry(self.identity(&value)).or_default().insert(slot);
        if let Some(key) = self.value_key(&value) {
            self.by_value.entry(key).or_default().insert(slot);
        }
        if let Some(primary) = self.attribute.primary()
            && read::is_primary(&self.attribute, &value)
        {
            let other = self.primary.replace(slot).and_then(|other| self.slots[other].as_mut());
            if let Some(other) = other {
                other[&primary.name] = Value::Bool(false);
            }
        }
        self.slots[slot] = Some(value);
    }

    /// What makes a value the same as another: `value` and `type` where it has a `value`, else all
    /// of it; not whether it is the preferred one.
    fn identity(&self, value: &Value) -> String {
        // No text holds a NUL, so no two keys run together.
        if let Some(mut key) = self.value_key(value) {
            let label = self.attribute.label();
            if let Some(label) = label.and_then(|label| comparable(label, value.get(&label.name)?))
            {
                key.push('\0');
                key.push_str(&label);
            }
            return key;
        }
        let mut key = value.clone();
        if let Value::Object(members) = &mut key {
            let is = |name: &String, sub: Option<&Arc<Attribute>>| {
                sub.is_some_and(|sub| *name == sub.name)
            };
            let (named, label) = (self.attribute.value(), self.attribute.label());
            let has_value = named.is_some_and(|named| members.contains_key(&named.name));
            members.retain(|name, value| {
                if has_value {
                    is(name, named) || is(name, label) && !value.is_null()
                } else {
                    !is(name, self.attribute.primary())
                }
            });
        }
        fold_value(&self.attribute, &mut key);
        key.to_string()
    }

    /// The `value` of a value, in the form in which filters compare it.
    fn value_key(&self, value: &Value) -> Option<String> {
        let sub = self.attribute.value()?;
        comparable(sub, value.get(&sub.name)?)
    }
}

/// A text or a whole number in its form of comparison.
fn comparable(attribute: &Attribute, value: &Value) -> Option<String> {
    match value {
        Value::String(text) if attribute.folds() => Some(fold(text)),
        Value::String(text) if attribute.kind != Kind::DateTime => Some(text.clone()),
        other => {
            let mut key = other.clone();
            fold_value(attribute, &mut key);
            read::scalar_text(&key)
        }
    }
}

fn remove(index: &mut Index, key: &str, slot: usize) {
    if let Some(slots) = index.get_mut(key) {
        slots.remove(&slot);
        if slots.is_empty() {
            index.remove(key);
        }
    }
}
