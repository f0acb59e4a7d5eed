//! PATCH (RFC 7644 section 3.5.2), as the RFC and as identity providers write it.
//!
//! [`Patch::read`] brings every form of an operation (path, dotted, filter and URN keys, no path)
//! to edits of one attribute each, checked against the schema. [`Patch::apply`] works them off, all
//! or none, without I/O, so that it may run again when a transaction does.

#[cfg(test)]
mod cost;
mod draft;
mod edit;
mod elements;
mod envelope;
mod split;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde_json::Value;

pub(crate) use draft::Draft;
pub(crate) use edit::members;
use edit::{Edit, edits};
pub use envelope::read_envelope;
pub use split::ListEdit;
pub(crate) use split::split_off;

use crate::error::{Error, echo};
use crate::limits::PATCH_OPERATIONS;
use crate::path::Target;
use crate::resource::Resource;
use crate::schema::ResourceType;

/// One operation of a PATCH, as sent.
#[derive(Clone, Debug, PartialEq)]
pub struct RawOperation {
    /// `add`, `replace` or `remove`, in any letter case.
    pub op: String,
    /// What it works on; `None` is the resource itself.
    pub path: Option<String>,
    /// With what.
    pub value: Option<Value>,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

impl Op {
    fn read(text: &str) -> Result<Self, Error> {
        match text.trim().to_ascii_lowercase().as_str() {
            "add" => Ok(Self::Add),
            "replace" => Ok(Self::Replace),
            "remove" => Ok(Self::Remove),
            _ => Err(Error::syntax(format!(
                "`{}` is no operation; use add, replace or remove.",
                echo(text)
            ))),
        }
    }
}

/// A PATCH that fits its resource type.
#[derive(Clone, Debug)]
pub struct Patch {
    edits: Vec<Edit>,
}

impl Patch {
    /// Reads the operations of a PATCH on a resource of type `rt`.
    ///
    /// Of a path to an attribute that does not exist it says so; a member without path is ignored
    /// then, as in a POST. A readOnly attribute is refused by path and ignored without.
    ///
    /// # Errors
    /// `InvalidSyntax` for an unknown operation; `InvalidPath`; `NoTarget` for a `remove` without
    /// path; `InvalidValue` for a missing value or one of the wrong type; `Mutability` for a path to
    /// a readOnly attribute, or the removal of a required one; `TooMany`.
    pub fn read(rt: &ResourceType, operations: &[RawOperation]) -> Result<Self, Error> {
        if operations.len() > PATCH_OPERATIONS {
            return Err(too_many_operations());
        }
        let mut all = Vec::with_capacity(operations.len());
        for (index, operation) in operations.iter().enumerate() {
            let read = edits(rt, operation).map_err(|error| in_operation(index + 1, error))?;
            all.extend(read.into_iter().map(|edit| Edit { operation: index + 1, ..edit }));
        }
        Ok(Self { edits: all })
    }

    /// The names of the attributes and the URNs of the extensions that the operations say something of.
    #[must_use]
    pub fn attributes(&self) -> BTreeSet<String> {
        let name = |edit: &Edit| {
            let Target { extension, attribute, .. } = &edit.target;
            extension.as_ref().unwrap_or(&attribute.name).clone()
        };
        self.edits.iter().map(name).collect()
    }

    /// The resource with all operations worked off in their order. Pure: the same resource gives the
    /// same result.
    ///
    /// # Errors
    /// `NoTarget` when a filter finds no value to work on; `Mutability` when an immutable attribute
    /// would change; `InvalidValue` when something required would be missing afterwards; `TooMany`
    /// when there would be too many values, or finding them would take too long.
    pub fn apply(&self, resource: Resource) -> Result<Resource, Error> {
        let before = resource.resource_type().holds_immutable().then(|| resource.clone());
        let (rt, object) = resource.into_parts();
        let mut draft = Draft::new(object);
        for edit in &self.edits {
            draft.apply(edit).map_err(|error| in_operation(edit.operation, error))?;
        }
        let after = Resource::checked(rt, draft.finish())?;
        before.map_or(Ok(()), |before| after.check_immutable(&before))?;
        Ok(after)
    }
}

/// The error, with the operation that it comes from; 0 is none.
fn in_operation(number: usize, error: Error) -> Error {
    if number == 0 {
        return error;
    }
    Error { detail: format!("Operation {number}: {}", error.detail), ..error }
}

fn too_many_operations() -> Error {
    Error::too_many(format!(
        "The PATCH holds more than {PATCH_OPERATIONS} operations (PATCH_OPERATIONS). Split it."
    ))
}
