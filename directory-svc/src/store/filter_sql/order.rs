//! What rows are sorted by, as SQL.

use directory_api::v1::Reason;
use scim::{Sort, Target};

use super::{Base, Bind, Compiler, Dialect, Form, Scope, Step, names};
use crate::refusal::Refusal;
use crate::store::places::{Place, place, rows};
use crate::store::{Mark, SortKey};

/// Of longer text so many characters are compared: a mark of a row holds them.
const SORTED_CHARS: u8 = 128;

/// What has no value to be sorted by.
const NOTHING: &str = "CAST(NULL AS TEXT)";

/// The order of a listing.
#[derive(Debug)]
pub(in crate::store) struct Order {
    /// What is compared; NULL where there is no value.
    pub(in crate::store) key: String,
    /// Whether some rows have no value.
    is_nullable: bool,
    is_descending: bool,
}

impl Order {
    /// The order by a column `key` of rows that came together from elsewhere.
    pub(in crate::store) fn of_key(is_descending: bool) -> Self {
        Self { key: "key".to_owned(), is_nullable: true, is_descending }
    }

    /// The terms of `ORDER BY`; `seq` is the column that tells equal rows apart.
    pub(in crate::store) fn by(&self, seq: &str) -> String {
        let (direction, nulls) = match (self.is_descending, self.is_nullable) {
            (false, false) => ("ASC", ""),
            (true, false) => ("DESC", ""),
            (false, true) => ("ASC", " NULLS LAST"),
            (true, true) => ("DESC", " NULLS FIRST"),
        };
        format!("{} {direction}{nulls}, {seq} {direction}", self.key)
    }

    /// The condition that a row comes after `mark`.
    pub(in crate::store) fn after(
        &self,
        mark: &Mark,
        seq: &str,
        mut bind: impl FnMut(Bind) -> String,
    ) -> String {
        let key = &self.key;
        let later = if self.is_descending { "<" } else { ">" };
        let seq_after = format!("{seq} {later} {}", bind(Bind::Integer(number(mark.seq))));
        let Some(at) = as_bind(&mark.key) else {
            return if self.is_descending {
                format!("({key} IS NOT NULL OR {seq_after})")
            } else {
                format!("({key} IS NULL AND {seq_after})")
            };
        };
        let at = bind(at);
        let nulls = if self.is_descending || !self.is_nullable {
            String::new()
        } else {
            format!(" OR {key} IS NULL")
        };
        format!("({key} {later} {at} OR ({key} = {at} AND {seq_after}){nulls})")
    }
}

/// A revision as engines keep it.
pub(in crate::store) fn number(revision: u64) -> i64 {
    i64::try_from(revision).unwrap_or(i64::MAX)
}

fn as_bind(key: &SortKey) -> Option<Bind> {
    Some(match key {
        SortKey::None => return None,
        SortKey::Integer(number) => Bind::Integer(*number),
        SortKey::Decimal(number) => Bind::Decimal(*number),
        SortKey::Text(text) => Bind::Text(text.clone()),
        SortKey::Id(id) => Bind::Member(crate::ids::MemberId::new(*id)),
    })
}

impl<D: Dialect> Compiler<D> {
    /// The order that `sort` asks for.
    ///
    /// # Errors
    /// `INVALID_VALUE` for what no store can sort by.
    pub(super) fn order(&mut self, sort: &Sort) -> Result<Order, Refusal> {
        let scope = Scope::of(Base::Resource);
        let steps = scope.steps(&sort.target);
        let (key, is_nullable) = self.sort_key(&steps, &sort.target)?;
        Ok(Order { key, is_nullable, is_descending: sort.is_descending })
    }

    fn sort_key(&mut self, steps: &[Step<'_>], target: &Target) -> Result<(String, bool), Refusal> {
        let row = self.kind.alias();
        let names = names(steps);
        if let Some(multi) = steps.iter().position(|step| step.is_multi_valued) {
            let whole = rows(self.kind, names[0]).is_some_and(|rows| rows.is_whole);
            let (upto, rest) = names.split_at(multi + 1);
            return if whole {
                Err(unsortable(target))
            } else {
                Ok((self.first(upto, rest), true))
            };
        }
        Ok(match place(self.kind, &names) {
            Place::Column(column @ ("user_name_key" | "created_at" | "modified_at")) => {
                (format!("{row}.{column}"), false)
            }
            Place::Column(column @ "active") => {
                (D::truth_as_number(&format!("{row}.{column}")), true)
            }
            Place::Column(column) => (beginning(&format!("{row}.{column}")), true),
            Place::Id => (format!("{row}.id"), false),
            Place::Version => (format!("{row}.revision"), false),
            Place::Same(_) | Place::Always => (NOTHING.to_owned(), true),
            Place::ExternalId => (self.own("integration_id", row), true),
            Place::BoundExternalId => (self.own("integration_id", "b"), true),
            Place::Unknown => return Err(unsortable(target)),
            Place::Document => {
                let path = self.bind(Bind::Text(D::json_path(&names)));
                (of_kind::<D>(&format!("{row}.search"), &path, target), true)
            }
        })
    }

    /// The primary one of several values, or else the first.
    fn first(&mut self, upto: &[&str], rest: &[&str]) -> String {
        let search = format!("{}.search", self.kind.alias());
        let path = self.bind(Bind::Text(D::json_path(upto)));
        let primary = self.bind(Bind::Text(D::json_path(&["primary"])));
        let yes = self.bind(Bind::Boolean(true));
        let elements = D::json_elements(&search, &path);
        let value = if rest.is_empty() {
            D::json_value("o.value", None, Form::Text)
        } else {
            let path = self.bind(Bind::Text(D::json_path(rest)));
            D::json_value("o.value", Some(&path), Form::Text)
        };
        let value = beginning(&value);
        // A value that is no object is nobody's primary one.
        let is_primary = if rest.is_empty() {
            "FALSE".to_owned()
        } else {
            format!("{} = {yes}", D::json_value("o.value", Some(&primary), Form::Truth))
        };
        format!(
            "coalesce((SELECT {value} FROM {elements} AS o WHERE {is_primary} LIMIT 1), \
             (SELECT {value} FROM {elements} AS o LIMIT 1))"
        )
    }

    /// What the viewing integration itself calls the resource.
    fn own(&mut self, integration: &str, alias: &str) -> String {
        let Some(viewer) = self.viewer else { return NOTHING.to_owned() };
        let viewer = self.bind(Bind::Integration(viewer));
        let own = beginning(&format!("{alias}.external_id"));
        format!("CASE WHEN {alias}.{integration} = {viewer} THEN {own} END")
    }
}

/// The value of a single-valued attribute, as its kind is sorted.
fn of_kind<D: Dialect>(document: &str, path: &str, target: &Target) -> String {
    use scim::Kind::{Binary, Boolean, Decimal, Reference, String};
    let value = |form| D::json_value(document, Some(path), form);
    match target.leaf().kind {
        String | Reference | Binary => beginning(&value(Form::Text)),
        Boolean => D::truth_as_number(&value(Form::Truth)),
        Decimal => value(Form::Decimal),
        _ => value(Form::Whole),
    }
}

fn beginning(text: &str) -> String {
    format!("substr({text}, 1, {SORTED_CHARS})")
}

fn unsortable(target: &Target) -> Refusal {
    let detail =
        format!("sortBy: a list cannot be sorted by `{target}`. Sort by another attribute.");
    Refusal::new(Reason::InvalidValue, detail).at("order")
}
