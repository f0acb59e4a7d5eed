//! How this engine says what engines say differently.

use crate::store::filter_sql::{Dialect, Form};

/// PostgreSQL's SQL. Text is compared by its code points, whatever the database's own order is; the columns
/// say so themselves.
pub(super) struct Postgres;

impl Dialect for Postgres {
    /// The planner knows how many rows there are.
    const ORDERED_JOIN: &'static str = "JOIN";
    const BY_CODE_POINT: &'static str = " COLLATE \"C\"";

    fn one_of(column: &str, query: &str) -> String {
        // An array, so that each id is looked up: of a query that recurs the planner expects so many that it
        // would walk through everybody.
        format!("{column} = ANY(ARRAY({query}))")
    }

    fn placeholder(number: usize) -> String {
        format!("${number}")
    }

    fn json_path(names: &[&str]) -> String {
        // Quoted, as a URN has what an array's text gives a meaning to. A name that a filter can say holds no
        // quote.
        let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        format!("{{{}}}", names.join(","))
    }

    fn json_value(document: &str, path: Option<&str>, form: Form) -> String {
        let text = path.map_or_else(|| "'{}'".to_owned(), |path| format!("{path}::text[]"));
        let value =
            || path.map_or_else(|| document.to_owned(), |_| format!("({document} #> {text})"));
        // A value of another type than the schema says would be an error of the whole statement.
        let typed = |json: &str, sql: &str| {
            let value = value();
            format!("(CASE jsonb_typeof({value}) WHEN '{json}' THEN ({value})::{sql} END)")
        };
        match form {
            Form::Text => format!("(({document} #>> {text}) COLLATE \"C\")"),
            Form::Truth => typed("boolean", "boolean"),
            Form::Number => typed("number", "numeric"),
            Form::Whole => typed("number", "int8"),
            Form::Decimal => typed("number", "float8"),
        }
    }

    fn json_elements(document: &str, path: &str) -> String {
        let array = format!("({document} #> {path}::text[])");
        format!(
            "jsonb_array_elements(CASE jsonb_typeof({array}) WHEN 'array' THEN {array} \
             ELSE '[]'::jsonb END)"
        )
    }

    fn contains(text: &str, part: &str) -> String {
        format!("strpos({text}, {part}) > 0")
    }

    fn ends_with(text: &str, end: &str) -> String {
        format!("right({text}, length({end})) = {end}")
    }

    fn id_text(column: &str) -> String {
        format!("({column}::text COLLATE \"C\")")
    }

    fn not_by_index(column: &str) -> String {
        // The planner weighs it by what it knows of the rows.
        column.to_owned()
    }

    fn truth_as_number(truth: &str) -> String {
        format!("({truth})::int4::int8")
    }
}
