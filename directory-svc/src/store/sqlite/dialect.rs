//! How this engine says what engines say differently.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::store::filter_sql::{Bind, Dialect, Form};

/// The embedded engine's SQL. Text compares by its bytes, which is by code point.
pub(super) struct Sqlite;

impl Dialect for Sqlite {
    const ORDERED_JOIN: &'static str = "CROSS JOIN";
    const BY_CODE_POINT: &'static str = "";

    fn one_of(column: &str, query: &str) -> String {
        format!("{column} IN ({query})")
    }

    fn placeholder(number: usize) -> String {
        format!("?{number}")
    }

    fn json_path(names: &[&str]) -> String {
        // Quoted, as a URN has dots. A name that a filter can say holds no quote.
        names.iter().fold("$".to_owned(), |path, name| format!("{path}.\"{name}\""))
    }

    /// Of its own type, whatever is wanted.
    fn json_value(document: &str, path: Option<&str>, _: Form) -> String {
        path.map_or_else(|| document.to_owned(), |path| format!("json_extract({document}, {path})"))
    }

    fn json_elements(document: &str, path: &str) -> String {
        format!("json_each({document}, {path})")
    }

    fn contains(text: &str, part: &str) -> String {
        format!("instr({text}, {part}) > 0")
    }

    fn ends_with(text: &str, end: &str) -> String {
        // By bytes: no text ends in the middle of a character of another.
        format!("substr(CAST({text} AS BLOB), -length(CAST({end} AS BLOB))) = CAST({end} AS BLOB)")
    }

    fn id_text(column: &str) -> String {
        let part = |from: u8, length: u8| format!("substr(hex({column}), {from}, {length})");
        let parts = [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)];
        // Hexadecimal digits: the one place where SQL may lower text.
        format!("lower({})", parts.join(" || '-' || "))
    }

    fn not_by_index(column: &str) -> String {
        format!("+{column}")
    }

    fn truth_as_number(truth: &str) -> String {
        truth.to_owned()
    }
}

impl ToSql for Bind {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => text.to_sql(),
            Self::Integer(number) => Ok(ToSqlOutput::Borrowed(ValueRef::Integer(*number))),
            Self::Decimal(number) => Ok(ToSqlOutput::Borrowed(ValueRef::Real(*number))),
            Self::Boolean(truth) => truth.to_sql(),
            Self::Workspace(id) => id.to_sql(),
            Self::Integration(id) => id.to_sql(),
            Self::Member(id) => id.to_sql(),
        }
    }
}
