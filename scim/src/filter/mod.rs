//! Filters (RFC 7644 section 3.4.2.2): read as a tree, bound to a schema, asked of a resource.
//!
//! [`parse`] knows the grammar only. [`Filter::bind`] knows the schema: it resolves names, checks
//! operators against types and brings literals into the form of comparison. [`Bound::matches`]
//! answers, and is what every compiler of bound filters is measured by.

mod among;
mod bind;
pub(crate) mod grammar;
mod matches;
mod print;

use serde_json::Value;

use crate::error::{Error, ErrorKind};
pub use crate::path::{At, AttrPath, Path, Target};
pub use among::Fitted;

/// A filter as written, names and literals untouched. Prints as text that reads as the same filter.
/// `a ne b` is read as `not (a eq b)`, which is what it means.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of two or more.
    And(Vec<Filter>),
    /// Any of two or more.
    Or(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// `path pr`.
    Present(Path),
    /// `path op value`.
    Compare {
        /// What is compared.
        path: Path,
        /// How.
        op: Operator,
        /// With what: null, a boolean, a number or a string.
        value: Value,
    },
    /// `attribute[filter]`: one value of the attribute passes the whole filter.
    Any {
        /// The attribute.
        attribute: AttrPath,
        /// What its value must pass.
        filter: Box<Filter>,
    },
}

/// How two values are compared. There is no `ne`: it is the opposite of `eq`, also for an absent
/// attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
}

/// A filter that fits its schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// All of two or more.
    And(Vec<Bound>),
    /// Any of two or more.
    Or(Vec<Bound>),
    /// The opposite: true exactly when the inner one is false.
    Not(Box<Bound>),
    /// The target has a value: neither null nor an empty array. An empty string is a value.
    Present(Target),
    /// A value of the target compares so. False when there is none.
    Compare {
        /// What is compared; `target.leaf()` is neither complex nor of another type than `literal`.
        target: Target,
        /// How.
        op: Operator,
        /// With what.
        literal: Literal,
    },
    /// One value of a complex attribute passes `filter`, whose targets are sub-attributes as seen
    /// from that value (`target.attribute` is the sub-attribute).
    Any {
        /// The attribute; multi-valued or not.
        target: Target,
        /// What its value must pass.
        filter: Box<Bound>,
    },
}

impl Bound {
    /// How many comparisons it makes of one resource, at most.
    pub(crate) fn terms(&self) -> usize {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::terms).sum(),
            Self::Not(inner) | Self::Any { filter: inner, .. } => inner.terms(),
            Self::Present(_) | Self::Compare { .. } => 1,
        }
    }
}

/// A literal in the type of the attribute that it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Of a string, reference or binary; [folded](crate::fold::fold) when `Attribute::folds`.
    /// Ordered by code point.
    Text(String),
    /// Of an integer.
    Integer(i64),
    /// Of a decimal.
    Decimal(f64),
    /// Of a boolean; only compared by `Eq`.
    Boolean(bool),
    /// Of a dateTime: microseconds since 1970-01-01T00:00:00Z.
    Micros(i64),
}

/// Reads a filter.
///
/// # Errors
/// `InvalidFilter` with the position (in characters, from 1) of what was not understood and why;
/// `TooMany` when it goes over `FILTER_BYTES`, `FILTER_DEPTH` or `FILTER_TERMS` of
/// [`crate::limits`].
pub fn parse(text: &str) -> Result<Filter, Error> {
    grammar::parse(text, ErrorKind::InvalidFilter, grammar::filter)
}
