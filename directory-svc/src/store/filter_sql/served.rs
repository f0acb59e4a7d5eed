//! What of a filter an index finds, and what rows hold.

use scim::Target;
use scim::filter::{Bound, Literal, Operator};

use super::{Base, Each, Scope, Step, Test, names};
use crate::store::Kind;
use crate::store::places::{Place, Rows, place, rows};

/// Whether an index finds who passes, in every engine: else every resource of the kind is read.
pub(crate) fn is_served(kind: Kind, filter: &Bound) -> bool {
    let is_column = |target: &Target| {
        use Place::{BoundExternalId, Column, ExternalId, Id};
        matches!(column(kind, target), Column(_) | Id | ExternalId | BoundExternalId)
    };
    let is_value_of_rows = |target: &Target| {
        target.extension.is_none()
            && rows(kind, &target.attribute.name).is_some()
            && target.sub.as_ref().is_none_or(|sub| sub.name == "value")
    };
    match filter {
        Bound::And(parts) => parts.iter().any(|part| is_served(kind, part)),
        Bound::Or(parts) => parts.iter().all(|part| is_served(kind, part)),
        Bound::Compare { target, op: Operator::Eq, .. } => {
            is_column(target) || is_value_of_rows(target)
        }
        Bound::Any { target, filter } if is_value_of_rows(target) => {
            let is_value = |part: &Bound| {
                matches!(part, Bound::Compare { target, op: Operator::Eq, .. }
                    if target.attribute.name == "value")
            };
            match &**filter {
                Bound::And(parts) => parts.iter().any(is_value),
                one => is_value(one),
            }
        }
        other => is_range(kind, other),
    }
}

/// Whether a range of one column holds all who pass.
pub(super) fn is_range(kind: Kind, filter: &Bound) -> bool {
    match filter {
        Bound::And(parts) => parts.iter().any(|part| is_range(kind, part)),
        Bound::Compare { target, op, .. } => {
            matches!(column(kind, target), Place::Column(_))
                && !matches!(op, Operator::Eq | Operator::Co | Operator::Ew)
        }
        _ => false,
    }
}

fn column(kind: Kind, target: &Target) -> Place {
    place(kind, &names(&Scope::of(Base::Resource).steps(target)))
}

/// Whether the rows hold all that is asked of a value.
pub(super) fn is_in_rows(each: &Each<'_, '_>, rows: &Rows) -> bool {
    match each {
        Each::Value { rest: [], test } => matches!(test, Test::Present),
        Each::Value { rest: [sub], .. } => rows.column(sub.name).is_some(),
        Each::Value { .. } => false,
        Each::Passes(filter) => asks_rows(filter, rows),
    }
}

fn asks_rows(filter: &Bound, rows: &Rows) -> bool {
    match filter {
        Bound::And(parts) | Bound::Or(parts) => parts.iter().all(|part| asks_rows(part, rows)),
        Bound::Not(inner) => asks_rows(inner, rows),
        Bound::Present(target) | Bound::Compare { target, .. } => {
            target.sub.is_none() && rows.column(&target.attribute.name).is_some()
        }
        Bound::Any { .. } => false,
    }
}

/// The one `value` that is asked for, when nothing else is.
pub(super) fn value_asked<'f>(each: &Each<'_, 'f>) -> Option<&'f str> {
    let text = |literal: &'f Literal| match literal {
        Literal::Text(text) => Some(text.as_str()),
        _ => None,
    };
    match each {
        Each::Value {
            rest: [Step { name: "value", .. }],
            test: Test::Compare(Operator::Eq, literal),
        } => text(literal),
        Each::Passes(Bound::Compare { target, op: Operator::Eq, literal })
            if target.attribute.name == "value" =>
        {
            text(literal)
        }
        _ => None,
    }
}
