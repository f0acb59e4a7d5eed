//! Resources: trees of values in the one form that a schema gives them.

mod references;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::error::{Error, echo};
use crate::fold::fold;
use crate::patch::{self, Draft, ListEdit};
use crate::schema::{Attribute, Kind, Mutability, ResourceType};
use crate::{json, time};

/// A resource in canonical form: names in their one spelling, values in their attribute's type,
/// extensions under their URN, nothing readOnly, unknown, null or empty. `id`, `meta` and `schemas`
/// are not part of it: the first two are the store's to give, the third follows from the rest.
///
/// Made by the reader, by a patch, or restored from what [`to_json`](Self::to_json) wrote.
#[derive(Clone, Debug)]
pub struct Resource {
    rt: ResourceType,
    object: Map<String, Value>,
}

/// Equal when all values are. Of two resource types nothing is ever compared.
impl PartialEq for Resource {
    fn eq(&self, other: &Self) -> bool {
        self.object == other.object
    }
}

/// An e-mail address of a person (RFC 7643 section 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Email<'a> {
    /// The address, as sent.
    pub value: &'a str,
    /// What it is for, such as `work`.
    pub kind: Option<&'a str>,
    /// Whether it is the preferred one.
    pub primary: bool,
}

impl ResourceType {
    /// Reads a whole resource from the JSON text of a POST or PUT.
    ///
    /// # Errors
    /// Those of [`json::parse`] and [`read_value`](Self::read_value).
    pub fn read(&self, text: &str) -> Result<Resource, Error> {
        self.read_value(json::parse(text)?)
    }

    /// Reads a whole resource. Names are taken in any letter case, also dotted (`name.givenName`),
    /// with a filter or after a URN; `schemas` may be missing; what is readOnly or unknown is
    /// dropped; types are coerced where that is safe. Of two values that are the same (RFC 7643
    /// section 2.4) the later completes the earlier.
    ///
    /// # Errors
    /// `InvalidSyntax` when it is no object or names an attribute twice; `InvalidValue` when a
    /// value is not of its attribute's type, a required one is missing, or two are primary;
    /// `TooMany` when it goes over a limit.
    pub fn read_value(&self, value: Value) -> Result<Resource, Error> {
        let Value::Object(members) = value else { return Err(self.not_an_object()) };
        let mut draft = Draft::new(Map::new());
        for edit in patch::members(self, members)? {
            draft.apply(&edit)?;
        }
        Resource::checked(self.clone(), draft.finish())
    }

    /// Reads a whole resource as [`read_value`](Self::read_value) does, but for the values of the
    /// multi-valued attribute `apart`, which are kept elsewhere: they are answered beside it, each
    /// by its `value`. `None`: nothing was said of them.
    ///
    /// # Errors
    /// Those of [`read_value`](Self::read_value).
    pub fn read_apart(
        &self,
        value: Value,
        apart: &str,
    ) -> Result<(Resource, Option<Vec<String>>), Error> {
        let Value::Object(members) = value else { return Err(self.not_an_object()) };
        let mut edits = patch::members(self, members)?;
        let named =
            patch::split_off(&mut edits, apart)?.into_iter().filter_map(|edit| match edit {
                ListEdit::Add(values) => Some(values),
                _ => None,
            });
        let named: Vec<Vec<String>> = named.collect();
        let mut draft = Draft::new(Map::new());
        for edit in &edits {
            draft.apply(edit)?;
        }
        let resource = Resource::checked(self.clone(), draft.finish())?;
        Ok((resource, (!named.is_empty()).then(|| named.concat())))
    }

    fn not_an_object(&self) -> Error {
        Error::syntax(format!("A {} must be a JSON object.", self.name()))
    }

    /// Takes back what [`Resource::to_json`] wrote, unchecked.
    ///
    /// # Errors
    /// `InvalidSyntax` when the text is no JSON object.
    pub fn restore(&self, stored: &str) -> Result<Resource, Error> {
        let mut object: Map<String, Value> = serde_json::from_str(stored)
            .map_err(|error| Error::syntax(echo(&error.to_string())))?;
        object.remove("schemas");
        Ok(Resource { rt: self.clone(), object })
    }
}

impl Resource {
    /// A resource whose tree the reader or a patch made, if nothing required is missing.
    pub(crate) fn checked(rt: ResourceType, mut object: Map<String, Value>) -> Result<Self, Error> {
        references::complete(&rt, &mut object);
        for attribute in rt.attributes().filter(|attribute| !attribute.is_read_only()) {
            check_required(attribute, object.get(&attribute.name), None)?;
        }
        Ok(Self { rt, object })
    }

    pub(crate) fn resource_type(&self) -> &ResourceType {
        &self.rt
    }

    pub(crate) fn into_parts(self) -> (ResourceType, Map<String, Value>) {
        (self.rt, self.object)
    }

    /// `userName`, as sent.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        self.text("userName")
    }

    /// `displayName`, as sent.
    #[must_use]
    pub fn display_name(&self) -> Option<&str> {
        self.text("displayName")
    }

    /// `externalId`, as sent.
    #[must_use]
    pub fn external_id(&self) -> Option<&str> {
        self.text("externalId")
    }

    /// Takes `externalId` out: it belongs to who provisions, not to the resource.
    pub fn take_external_id(&mut self) -> Option<String> {
        match self.object.remove("externalId") {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// Puts `externalId` in, or takes it out.
    pub fn set_external_id(&mut self, external_id: Option<String>) {
        match external_id {
            Some(text) => self.object.insert("externalId".to_owned(), Value::String(text)),
            None => self.object.remove("externalId"),
        };
    }

    /// `active`; a person of whom nothing is said is.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.object.get("active").and_then(Value::as_bool).unwrap_or(true)
    }

    /// Takes over what `standing` says of the attribute or extension `name`, where this resource says
    /// nothing of it.
    pub fn keep(&mut self, name: &str, standing: &Self) {
        if let (None, Some(value)) = (self.object.get(name), standing.object.get(name)) {
            self.object.insert(name.to_owned(), value.clone());
        }
    }

    /// The e-mail addresses, in the order sent.
    pub fn emails(&self) -> impl Iterator<Item = Email<'_>> {
        let emails = self.object.get("emails").and_then(Value::as_array);
        emails.into_iter().flatten().filter_map(|email| {
            Some(Email {
                value: email.get("value")?.as_str()?,
                kind: email.get("type").and_then(Value::as_str),
                primary: email.get("primary") == Some(&Value::Bool(true)),
            })
        })
    }

    /// The attribute or extension of that canonical name or URN.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.object.get(name)
    }

    /// The whole tree, without `id`, `meta` and `schemas`.
    #[must_use]
    pub fn as_object(&self) -> &Map<String, Value> {
        &self.object
    }

    /// The document to store: the tree and the `schemas` it is written in. It never holds `id` or
    /// `meta`, so that both can be spliced in.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut document = self.object.clone();
        document.insert("schemas".to_owned(), json!(self.schemas()));
        Value::Object(document).to_string()
    }

    /// The document to search in: as [`to_json`](Self::to_json), but strings of attributes that are
    /// not `caseExact` are [folded](fold), and dateTimes are microseconds since the epoch. Stored
    /// beside the document, it lets an SQL engine compare as [`Bound::matches`] does.
    ///
    /// [`Bound::matches`]: crate::filter::Bound::matches
    #[must_use]
    pub fn folded(&self) -> Value {
        let mut document = self.object.clone();
        document.insert("schemas".to_owned(), json!(self.schemas()));
        for attribute in self.rt.attributes() {
            if let Some(value) = document.get_mut(&attribute.name) {
                fold_value(attribute, value);
            }
        }
        Value::Object(document)
    }

    /// The names of the attributes and the URNs of the extensions that it has values of.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<String> {
        self.object.keys().cloned().collect()
    }

    /// The names of the attributes and the URNs of the extensions that differ from `before`, in
    /// alphabetical order.
    #[must_use]
    pub fn changed_attributes(&self, before: &Self) -> Vec<String> {
        let removed = before.object.keys().filter(|name| !self.object.contains_key(*name));
        let changed =
            self.object.iter().filter(|(name, value)| before.attribute(name) != Some(value));
        let mut names: Vec<_> = changed.map(|(name, _)| name).chain(removed).cloned().collect();
        names.sort_unstable();
        names
    }

    /// Refuses a resource that changes what `before` had of an immutable attribute. A patch checks
    /// this itself; who replaces a resource asks here (RFC 7644 section 3.5.1).
    ///
    /// # Errors
    /// `Mutability`, naming the attribute.
    pub fn check_immutable(&self, before: &Self) -> Result<(), Error> {
        self.rt.attributes().try_for_each(|attribute| {
            let name = &attribute.name;
            check_unchanged(attribute, before.object.get(name), self.object.get(name))
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.object.get(name).and_then(Value::as_str)
    }

    /// The URNs of the schema and of the extensions that the resource has values of.
    fn schemas(&self) -> Vec<&str> {
        let extensions = self.rt.extensions().iter().map(|extension| extension.name.as_str());
        let present = extensions.filter(|urn| self.object.contains_key(*urn));
        std::iter::once(self.rt.schema()).chain(present).collect()
    }
}

/// Refuses a missing or empty value of a required attribute, and of what lies within it.
fn check_required(
    attribute: &Attribute,
    value: Option<&Value>,
    within: Option<&str>,
) -> Result<(), Error> {
    let Some(value) = value.filter(|value| *value != "") else {
        if attribute.required {
            let within = within.map(|within| format!("{within}.")).unwrap_or_default();
            let name = format!("{within}{}", attribute.name);
            let detail =
                format!("`{name}` is required. Map it to a value in the identity provider.");
            return Err(Error::value(detail).at(name));
        }
        return Ok(());
    };
    for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
        for sub in &attribute.sub_attributes {
            check_required(sub, value.get(&sub.name), Some(&attribute.name))?;
        }
    }
    Ok(())
}

/// Refuses another value where an immutable attribute had one. Values of a multi-valued attribute
/// come and go; that each stays what it is, the patch sees to.
fn check_unchanged(
    attribute: &Attribute,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<(), Error> {
    let Some(before) = before else { return Ok(()) };
    if attribute.mutability == Mutability::Immutable && Some(before) != after {
        return Err(Error::immutable(&attribute.name));
    }
    if attribute.multi_valued {
        return Ok(());
    }
    attribute.sub_attributes.iter().try_for_each(|sub| {
        let after = after.and_then(|after| after.get(&sub.name));
        check_unchanged(sub, before.get(&sub.name), after)
    })
}

/// Brings a value, with what lies within it, into its form of comparison.
pub(crate) fn fold_value(attribute: &Attribute, value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| fold_value(attribute, value)),
        Value::Object(members) => {
            for sub in &attribute.sub_attributes {
                if let Some(value) = members.get_mut(&sub.name) {
                    fold_value(sub, value);
                }
            }
        }
        Value::String(text) if attribute.folds() => *text = fold(text),
        Value::String(text) if attribute.kind == Kind::DateTime => {
            if let Ok(micros) = time::parse(text) {
                *value = Value::from(micros);
            }
        }
        _ => {}
    }
}
