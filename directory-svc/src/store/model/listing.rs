//! Questions for people and groups, and pages of answers.

use scim::Sort;
use scim::filter::{Bound, Fitted};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Group, Revision, User};
use crate::ids::IntegrationId;

/// Where a page of a listing begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// Behind the row of this mark, whether or not it is still there.
    After(Mark),
    /// After so many matching rows.
    Skip(u64),
}

/// The place of a row in a listing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// What the row is sorted by; [`SortKey::None`] where nothing is, too.
    pub key: SortKey,
    /// The row's `seq`, by which equal ones are told apart.
    pub seq: Revision,
}

impl Mark {
    /// The mark of a row in the order of creation; 0 is before the first.
    #[must_use]
    pub const fn of(seq: Revision) -> Self {
        Self { key: SortKey::None, seq }
    }
}

/// The value that a row is sorted by, as the engine compares it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SortKey {
    /// There is none.
    None,
    /// A whole number, a truth or a time.
    Integer(i64),
    /// A number with a fraction.
    Decimal(f64),
    /// Text in its form for comparison; of a long one the beginning.
    Text(String),
    /// An id.
    Id(Uuid),
}

/// A question for people or for groups.
#[derive(Clone, Debug)]
pub struct Query {
    /// Which; `None`: all.
    pub filter: Option<Bound>,
    /// Whose externalIds the filter sees.
    pub viewer: Option<IntegrationId>,
    /// The order; `None`: that of creation.
    pub sort: Option<Sort>,
    /// Where the page begins.
    pub start: Start,
    /// How many at the most; 0 asks for the total alone.
    pub limit: u32,
}

impl Query {
    /// The question of how many there are.
    #[must_use]
    pub fn count(filter: Option<Bound>, viewer: Option<IntegrationId>) -> Self {
        Self { filter, viewer, sort: None, start: Start::Skip(0), limit: 0 }
    }
}

/// A question for people and groups at once.
#[derive(Clone, Debug)]
pub struct AnyQuery {
    /// Which of the people; [`Fitted::Nothing`] leaves them out.
    pub users: Fitted,
    /// Which of the groups.
    pub groups: Fitted,
    /// Whose externalIds the filters see.
    pub viewer: Option<IntegrationId>,
    /// The order of people and of groups, which is one where both have the attribute; a kind without it
    /// stands where what has no value does. `None`: that of creation.
    pub sort: Option<[Option<Sort>; 2]>,
    /// Where the page begins.
    pub start: Start,
    /// How many at the most; 0 asks for the total alone.
    pub limit: u32,
}

/// A person or a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// A person.
    User(User),
    /// A group.
    Group(Group),
}

/// A page of people or of groups, in the order asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page<T> {
    /// What is on the page.
    pub rows: Vec<T>,
    /// The places of these rows.
    pub marks: Vec<Mark>,
    /// How many match in all.
    pub total: u64,
    /// Whether more follow behind this page.
    pub more: bool,
}
