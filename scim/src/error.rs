//! What the language refuses, and why.

use std::fmt;

use crate::limits::ECHO_CHARS;

/// Which of RFC 7644's complaints (section 3.12, table 9) an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The message is not JSON, or not of the form that its place asks for.
    InvalidSyntax,
    /// The filter does not parse, or does not fit the attributes it names.
    InvalidFilter,
    /// The path does not parse, or names no attribute.
    InvalidPath,
    /// A value is missing, or not of its attribute's type.
    InvalidValue,
    /// A path found nothing to work on.
    NoTarget,
    /// The attribute may not be changed so.
    Mutability,
    /// A limit of [`crate::limits`] is exceeded; the detail names it.
    TooMany,
}

/// A refusal by the language. The detail names cause and fix, for the admin who reads it in the log
/// of the identity provider; of the input it repeats at most [`ECHO_CHARS`] characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Error {
    /// The kind, which decides the `scimType` of the answer.
    pub kind: ErrorKind,
    /// Cause and fix, in one or two sentences.
    pub detail: String,
    /// The attribute that is meant, such as `name.familyName`; `None` where it is no single one, or
    /// the text itself cannot be read.
    pub at: Option<Box<str>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), at: None }
    }

    /// The error, which is one of this attribute.
    pub(crate) fn at(self, attribute: impl fmt::Display) -> Self {
        Self { at: Some(attribute.to_string().into()), ..self }
    }

    pub(crate) fn syntax(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidSyntax, detail)
    }

    pub(crate) fn filter(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidFilter, detail)
    }

    pub(crate) fn path(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidPath, detail)
    }

    pub(crate) fn value(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidValue, detail)
    }

    pub(crate) fn no_target(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::NoTarget, detail)
    }

    pub(crate) fn mutability(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Mutability, detail)
    }

    /// The refusal of another value where an immutable attribute has one.
    pub(crate) fn immutable(name: &str) -> Self {
        let detail = format!("`{name}` is immutable: it has a value already and keeps it.");
        Self::mutability(detail).at(name)
    }

    pub(crate) fn too_many(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooMany, detail)
    }
}

/// A piece of input as an error may repeat it: cut at [`ECHO_CHARS`], control characters replaced.
pub(crate) fn echo(input: &str) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    let mut text: String = input.chars().take(ECHO_CHARS).map(shown).collect();
    if input.chars().nth(ECHO_CHARS).is_some() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_short_and_holds_no_control_character() {
        assert_eq!(echo("a\u{0}b\n"), "a\u{fffd}b\u{fffd}");
        assert_eq!(echo(&"ä".repeat(5_000)).chars().count(), ECHO_CHARS + 1);
        assert_eq!(echo(&"x".repeat(ECHO_CHARS)), "x".repeat(ECHO_CHARS));
    }
}
