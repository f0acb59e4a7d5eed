//! From what an operation says to edits: one attribute each, found in the schema, its value read.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Op, RawOperation};
use crate::error::{Error, echo};
use crate::filter::{Bound, Filter, Literal, Operator};
use crate::path::{self, AttrPath, Path, Target};
use crate::read;
use crate::schema::{Attribute, ResourceType};

/// One change of one attribute.
#[derive(Clone, Debug)]
pub(crate) struct Edit {
    /// The number of the operation in its PATCH, from 1; 0 in a whole resource.
    pub(super) operation: usize,
    pub(super) target: Target,
    /// Which values of a multi-valued attribute; `None` is all.
    pub(super) selector: Option<Selector>,
    pub(super) change: Change,
}

/// What happens to the attribute.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// A single value, or a sub-attribute of the selected values, is set or, with `None`, unset.
    One(Option<Value>),
    /// Values join those of a multi-valued attribute.
    Add(Vec<Value>),
    /// Values take the place of all others.
    Replace(Vec<Value>),
    /// The values listed go.
    RemoveListed(Vec<Value>),
    /// The selected values take over these sub-attributes.
    Merge(Map<String, Value>),
    /// The selected values, which have no parts, become this one.
    Set(Value),
    /// The selected values go.
    Delete,
}

/// The filter of a path.
#[derive(Clone, Debug)]
pub(super) struct Selector {
    pub(super) filter: Bound,
    /// The `value`, in its form of comparison, that every match has.
    pub(super) lookup: Option<String>,
    pub(super) missing: Missing,
}

/// What happens when the filter finds no value.
#[derive(Clone, Debug)]
pub(super) enum Missing {
    /// A value is made of what the filter says. Microsoft Entra sets the first work address so.
    Create(Map<String, Value>),
    /// There is nothing to do: the edit would only take away.
    Ignore,
    /// `noTarget`.
    Refuse,
}

/// The edits of one operation.
pub(super) fn edits(rt: &ResourceType, operation: &RawOperation) -> Result<Vec<Edit>, Error> {
    let op = Op::read(&operation.op)?;
    if op != Op::Remove && operation.value.is_none() {
        return Err(Error::value("`add` and `replace` need a `value`."));
    }
    let Some(text) = &operation.path else {
        return match operation.value.clone().map(read::unwrap_one) {
            _ if op == Op::Remove => {
                Err(Error::no_target("`remove` needs a `path` that says what to remove."))
            }
            Some(Value::Object(members)) => without_path(rt, op, members),
            _ => Err(Error::value("Without a `path` the `value` must be an object of attributes.")),
        };
    };
    let path = path::parse(text)?;
    let Some(target) = resolve(rt, &path)? else {
        if path.attribute.uri.is_none() && rt.ignores(&path.attribute.name) {
            return Ok(Vec::new());
        }
        let sub = path.sub.iter().map(|sub| format!(".{sub}"));
        let named = echo(&sub.fold(path.attribute.to_string(), |path, sub| path + &sub));
        let detail = format!(
            "A {} has no attribute `{named}`. Correct the path, or leave it out of the mapping.",
            rt.name()
        );
        return Err(Error::path(detail).at(named));
    };
    if is_read_only(&target) {
        let detail = format!("`{target}` is readOnly. Leave it out of the mapping.");
        return Err(Error::mutability(detail).at(target));
    }
    let mut edits = Vec::new();
    Reader { op, edits: &mut edits }.read(
        target,
        path.filter.as_deref(),
        operation.value.clone(),
    )?;
    Ok(edits)
}

/// The edits that put the members of a whole resource in place.
pub(crate) fn members(rt: &ResourceType, members: Map<String, Value>) -> Result<Vec<Edit>, Error> {
    without_path(rt, Op::Add, members)
}

/// The edits of an object of attributes. Keys may be paths; those come after the plain ones.
fn without_path(
    rt: &ResourceType,
    op: Op,
    members: Map<String, Value>,
) -> Result<Vec<Edit>, Error> {
    let (plain, paths): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|(key, _)| rt.top(key).is_some());
    let mut edits = Vec::with_capacity(plain.len());
    let mut seen = HashSet::new();
    for (key, value) in plain.into_iter().chain(paths) {
        let path = match rt.top(&key) {
            Some(_) => None,
            None => match path::parse(&key) {
                Ok(path) => Some(path),
                Err(error) if begins_with_an_attribute(rt, &key) => return Err(error),
                Err(_) => None,
            },
        };
        let target = match &path {
            Some(path) => resolve(rt, path)?,
            None => rt.top(&key).map(Target::of),
        };
        let Some(target) = target.filter(|target| !is_read_only(target)) else { continue };
        let filter = path.as_ref().and_then(|path| path.filter.as_deref());
        if !seen.insert((target.to_string(), filter.map(ToString::to_string))) {
            return Err(read::stands_twice(&target));
        }
        Reader { op, edits: &mut edits }.read(target, filter, Some(value))?;
    }
    Ok(edits)
}

/// Whether `key` is an attribute that we have, and a filter after it.
fn begins_with_an_attribute(rt: &ResourceType, key: &str) -> bool {
    let attribute = key.split_once('[').and_then(|(name, _)| name.parse::<AttrPath>().ok());
    attribute.is_some_and(|attribute| attribute.resolve(rt).is_some())
}

/// What `path` points to; `None` when the schemas have no such attribute.
fn resolve(rt: &ResourceType, path: &Path) -> Result<Option<Target>, Error> {
    let Some(target) = path.attribute.resolve(rt) else { return Ok(None) };
    if path.filter.is_some() && !target.attribute.multi_valued {
        let detail = format!("`{target}` has one value; leave the [filter] out.");
        return Err(Error::path(detail).at(target));
    }
    let Some(name) = &path.sub else { return Ok(Some(target)) };
    let sub = target.attribute.sub(name).cloned();
    Ok(sub.map(|sub| Target { sub: Some(sub), ..target }))
}

fn is_read_only(target: &Target) -> bool {
    target.attribute.is_read_only() || target.leaf().is_read_only()
}

/// Whether `value` says something, but nothing of what `attribute` has: that is no wish to empty it.
fn is_unknown(attribute: &Attribute, value: &Value) -> bool {
    let known = |name: &String| attribute.sub(name).is_some_and(|sub| !sub.is_read_only());
    let members = value.as_object().filter(|members| !members.is_empty());
    attribute.is_complex() && members.is_some_and(|members| !members.keys().any(known))
}

/// Reads what one operation says of one target after the other.
struct Reader<'a> {
    op: Op,
    edits: &'a mut Vec<Edit>,
}

impl Reader<'_> {
    fn read(
        &mut self,
        target: Target,
        filter: Option<&Filter>,
        value: Option<Value>,
    ) -> Result<(), Error> {
        let leaf = target.leaf().clone();
        let takes_some = target.attribute.multi_valued
            && target.sub.is_none()
            && (filter.is_some() || value.as_ref().is_some_and(|value| !value.is_null()));
        if self.op == Op::Remove && leaf.required && !takes_some {
            let detail = format!("`{target}` is required and stays.");
            return Err(Error::mutability(detail).at(target));
        }
        if self.op != Op::Remove && value.as_ref().is_some_and(|value| is_unknown(&leaf, value)) {
            return Ok(());
        }
        if target.attribute.multi_valued && target.sub.is_none() {
            let change = match filter {
                Some(_) => self.selected(&target, value)?,
                None => self.list(&target, value)?,
            };
            return self.push(target, filter, change);
        }
        if leaf.is_complex() && leaf.value().is_none() {
            return self.parts(&target, value.unwrap_or_default());
        }
        let value = match value {
            Some(value) if self.op != Op::Remove => read::single(&target, &leaf, value)?,
            _ => None,
        };
        // As in a whole value: an empty `value` is none.
        let is_value = target.sub.as_ref().is_some_and(|sub| target.attribute.value() == Some(sub));
        let value = value.filter(|value| !is_value || value != "");
        self.push(target, filter, Change::One(value))
    }

    /// All values of a multi-valued attribute. A `remove` that lists values takes those only.
    fn list(&self, target: &Target, value: Option<Value>) -> Result<Change, Error> {
        let value = value.filter(|value| self.op != Op::Remove || !value.is_null());
        let Some(value) = value else { return Ok(Change::Replace(Vec::new())) };
        let values = read::values(target, &target.attribute, value)?;
        Ok(match self.op {
            Op::Add => Change::Add(values),
            Op::Replace => Change::Replace(values),
            Op::Remove => Change::RemoveListed(values),
        })
    }

    /// Whole values that a filter selects.
    fn selected(&self, target: &Target, value: Option<Value>) -> Result<Change, Error> {
        let value = match value {
            Some(value) if self.op != Op::Remove => read::single(target, &target.attribute, value)?,
            _ => None,
        };
        Ok(match value {
            Some(Value::Object(members)) => Change::Merge(members),
            Some(value) => Change::Set(value),
            None => Change::Delete,
        })
    }

    /// A complex attribute without a `value`, or an extension: each of its parts by itself, so that
    /// what is not named stays.
    fn parts(&mut self, target: &Target, value: Value) -> Result<(), Error> {
        let attribute = target.leaf().clone();
        match read::unwrap_one(value) {
            _ if self.op == Op::Remove => self.unset_parts(target, &attribute),
            Value::Null => self.unset_parts(target, &attribute),
            Value::Array(values) if values.is_empty() => self.unset_parts(target, &attribute),
            Value::Object(members) => {
                let mut seen = HashSet::new();
                for (name, value) in members {
                    let sub = attribute.sub(&name).filter(|sub| !sub.is_read_only());
                    let Some(sub) = sub else { continue };
                    let part = target.part(sub);
                    if !seen.insert(&sub.name) {
                        return Err(read::stands_twice(&part));
                    }
                    self.read(part, None, Some(value))?;
                }
                Ok(())
            }
            other => Err(read::mismatch(target, &attribute, &other)),
        }
    }

    fn unset_parts(&mut self, target: &Target, attribute: &Attribute) -> Result<(), Error> {
        for sub in attribute.sub_attributes.iter().filter(|sub| !sub.is_read_only()) {
            let nothing =
                if sub.multi_valued { Change::Replace(Vec::new()) } else { Change::One(None) };
            self.push(target.part(sub), None, nothing)?;
        }
        Ok(())
    }

    fn push(
        &mut self,
        target: Target,
        filter: Option<&Filter>,
        change: Change,
    ) -> Result<(), Error> {
        let selector = filter.map(|filter| self.selector(&target, filter, &change)).transpose()?;
        self.edits.push(Edit { operation: 0, target, selector, change });
        Ok(())
    }

    fn selector(
        &self,
        target: &Target,
        filter: &Filter,
        change: &Change,
    ) -> Result<Selector, Error> {
        let bound = filter.bind_within(&target.attribute)?;
        let missing = match change {
            _ if self.op == Op::Remove => Missing::Refuse,
            Change::One(None) | Change::Delete => Missing::Ignore,
            _ => template(filter, &target.attribute).map_or(Missing::Refuse, Missing::Create),
        };
        Ok(Selector {
            lookup: lookup(&bound, &target.attribute).map(str::to_owned),
            filter: bound,
            missing,
        })
    }
}

/// The `value` that `filter` asks for, when it asks for one.
fn lookup<'a>(filter: &'a Bound, attribute: &Attribute) -> Option<&'a str> {
    match filter {
        Bound::Compare { target, op: Operator::Eq, literal: Literal::Text(text) }
            if Some(&target.attribute) == attribute.value() =>
        {
            Some(text)
        }
        Bound::And(parts) => parts.iter().find_map(|part| lookup(part, attribute)),
        _ => None,
    }
}

/// The value that a filter of `eq` terms describes, as written; `None` when it says anything else, or
/// contradicts itself, or says which `value` is meant: one that is looked for by its value cannot be
/// made up.
fn template(filter: &Filter, attribute: &Attribute) -> Option<Map<String, Value>> {
    match filter {
        Filter::And(parts) => {
            let mut all = Map::new();
            for part in parts {
                for (name, value) in template(part, attribute)? {
                    // Nothing has two types.
                    if all.get(&name).is_some_and(|said| *said != value) {
                        return None;
                    }
                    all.insert(name, value);
                }
            }
            Some(all)
        }
        Filter::Compare {
            path: Path { attribute: name, filter: None, sub: None },
            op: Operator::Eq,
            value,
        } => {
            let sub = attribute.sub(&name.name).filter(|sub| !sub.is_read_only())?;
            if Some(sub) == attribute.value() {
                return None;
            }
            let value = read::single(&sub.name, sub, value.clone()).ok()??;
            Some(Map::from_iter([(sub.name.clone(), value)]))
        }
        _ => None,
    }
}
