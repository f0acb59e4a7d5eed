//! What is compiled to: conditions with their values, in the words of an engine.

use super::Order;
use crate::ids::{IntegrationId, MemberId, WorkspaceId};

/// What differs between engines.
pub(in crate::store) trait Dialect {
    /// A join that is made in the order in which it is written, from few rows to many, where the engine
    /// would turn it round.
    const ORDERED_JOIN: &'static str;
    /// What has text that comes from no column compared by code point; empty where all text is.
    const BY_CODE_POINT: &'static str;

    /// That a column is one of the ids that a query finds by itself, first.
    fn one_of(column: &str, query: &str) -> String;
    /// The n-th bound value, counted from 1.
    fn placeholder(number: usize) -> String;
    /// The text that names a place in a JSON document.
    fn json_path(names: &[&str]) -> String;
    /// The value at a path in a JSON document, or the document itself as a value; NULL when there is none.
    fn json_value(document: &str, path: Option<&str>, form: Form) -> String;
    /// The values of the array at a path, as rows of a column `value`; none when there is no array.
    fn json_elements(document: &str, path: &str) -> String;
    /// Whether a text contains another.
    fn contains(text: &str, part: &str) -> String;
    /// Whether a text ends with another, which is not empty.
    fn ends_with(text: &str, end: &str) -> String;
    /// An id as the text that is given out.
    fn id_text(column: &str) -> String;
    /// A column, without the engine's taking its index to find the order.
    fn not_by_index(column: &str) -> String;
    /// A truth as a number that it is sorted by.
    fn truth_as_number(truth: &str) -> String;
}

/// As what a value of a JSON document is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Form {
    /// Text; also where it only matters whether there is a value.
    Text,
    /// A number to be compared with another of whatever kind.
    Number,
    /// A whole number to be sorted by.
    Whole,
    /// A number with a fraction, to be sorted by.
    Decimal,
    /// A truth.
    Truth,
}

/// A value to be bound.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum Bind {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
    Workspace(WorkspaceId),
    Integration(IntegrationId),
    Member(MemberId),
}

/// A condition and its values; `text` refers to them by number.
#[derive(Debug)]
pub(in crate::store) struct Condition {
    pub(in crate::store) text: String,
    pub(in crate::store) binds: Vec<Bind>,
    /// Whether a range of one column holds all who pass: better found by that column's index and
    /// sorted than in the order of creation, which may lead past everybody.
    pub(in crate::store) is_range: bool,
    /// The order asked for, which binds the values behind the first [`Self::filtered`].
    pub(in crate::store) order: Option<Order>,
    /// How many of the values the text binds.
    pub(in crate::store) filtered: usize,
}
