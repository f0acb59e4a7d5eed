//! How answers are shown: tables for people, JSON for scripts.

use std::io::{IsTerminal, Write};

use anyhow::Context;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;

/// What people see of a thing: its fields, each with its name. An empty text: not set.
type Fields = Vec<(&'static str, String)>;

/// A message as people see it.
pub(super) trait Show {
    /// Always the same fields, in the same order.
    fn fields(&self) -> Fields;

    /// The names of those that a table of many has room for.
    const COLUMNS: &'static [&'static str];
}

/// What a call answered.
pub(super) struct Answer {
    json: Value,
    shown: Shown,
    /// What was done, in a sentence. Empty: it was only looked.
    done: String,
}

/// The part of an answer that people see.
enum Shown {
    /// One thing.
    One(Fields),
    /// Many of one kind, and what goes on behind them.
    Many { columns: &'static [&'static str], things: Vec<Fields>, next_page_token: String },
}

impl Answer {
    /// One thing.
    pub(super) fn one(message: &(impl Show + Serialize)) -> Result<Self, Failure> {
        Self::new(message, Shown::One(message.fields()))
    }

    /// Nothing but that it was done.
    pub(super) fn nothing(answer: &impl Serialize) -> Result<Self, Failure> {
        Self::new(answer, Shown::One(Vec::new()))
    }

    /// Many things of one kind.
    pub(super) fn many<T: Show>(answer: &impl Serialize, things: &[T]) -> Result<Self, Failure> {
        let things = things.iter().map(Show::fields).collect();
        let next_page_token = String::new();
        Self::new(answer, Shown::Many { columns: T::COLUMNS, things, next_page_token })
    }

    fn new(answer: &impl Serialize, shown: Shown) -> Result<Self, Failure> {
        Ok(Self { json: json(answer)?, shown, done: String::new() })
    }

    /// The same, a page of them.
    #[must_use]
    pub(super) fn page(mut self, token: &str) -> Self {
        if let Shown::Many { next_page_token, .. } = &mut self.shown {
            token.clone_into(next_page_token);
        }
        self
    }

    /// The same, with what was done.
    #[must_use]
    pub(super) fn done(self, done: impl Into<String>) -> Self {
        Self { done: done.into(), ..self }
    }

    /// One document.
    pub(super) fn to_json(&self) -> String {
        format!("{:#}\n", self.json)
    }

    /// For people: what was done, and what it is now. A table that is wider than the terminal is shown
    /// thing by thing; without a terminal it is as wide as it is.
    pub(super) fn to_text(&self, width: Option<u16>) -> String {
        let mut lines = Vec::new();
        if !self.done.is_empty() {
            lines.push(legible(&self.done));
        }
        match &self.shown {
            Shown::One(fields) => lines.extend(record(fields)),
            Shown::Many { things, .. } if things.is_empty() => lines.push("none".to_owned()),
            Shown::Many { columns, things, next_page_token } => {
                let (table, needed) = table(columns, things);
                if width.is_some_and(|width| needed > width) {
                    let all: Vec<_> = things.iter().map(record).collect();
                    lines.extend(all.join(&[String::new()][..]));
                } else {
                    lines.extend(table);
                }
                if !next_page_token.is_empty() {
                    lines.push(format!("more with --page-token {}", legible(next_page_token)));
                }
            }
        }
        lines.into_iter().flat_map(|line| [line, "\n".to_owned()]).collect()
    }
}

/// One thing, a field that is set a line.
fn record(fields: &Fields) -> Vec<String> {
    let set = fields.iter().filter(|(_, value)| !value.is_empty());
    let rows = set.map(|(name, value)| vec![(*name).to_owned(), legible(value)]);
    aligned(Table::new().add_rows(rows)).0
}

/// Many things, one a line, and how wide that is.
fn table(columns: &[&str], things: &[Fields]) -> (Vec<String>, u16) {
    let of = |thing: &Fields, column: &str| {
        let field = thing.iter().find(|(name, _)| *name == column);
        field.map(|(_, value)| legible(value)).unwrap_or_default()
    };
    let row = |thing| columns.iter().map(|column| of(thing, column)).collect::<Vec<_>>();
    let head = columns.iter().map(|name| name.to_uppercase());
    aligned(Table::new().set_header(head).add_rows(things.iter().map(row)))
}

/// How far columns are apart.
const GAP: u16 = 2;

/// The lines of a table without borders, and how wide it is.
fn aligned(table: &mut Table) -> (Vec<String>, u16) {
    for column in table.load_style(NOTHING).column_iter_mut() {
        column.set_padding((0, GAP));
    }
    let widths = table.column_max_content_widths();
    let width = widths.iter().fold(0, |sum: u16, width| sum.saturating_add(width + GAP));
    let lines = table.lines().map(|line| line.trim_end().to_owned()).collect();
    (lines, width.saturating_sub(GAP))
}

/// A message as proto3 JSON.
fn json(message: &impl Serialize) -> Result<Value, Failure> {
    let mut value = serde_json::to_value(message)
        .context("the answer cannot be written as JSON")
        .map_err(Failure::unasked)?;
    mend(&mut value);
    Ok(value)
}

/// Writes times and numbers as the JSON mapping does: it ends a time in Z, the library in +00:00, and it
/// writes 5, where the library has 5.0. A field of the contract that holds a time ends in `Time`.
fn mend(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match value {
                    Value::String(text) if name.ends_with("Time") => {
                        if let Some(time) = text.strip_suffix("+00:00") {
                            *text = format!("{time}Z");
                        }
                    }
                    value => mend(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mend),
        Value::Number(number) => {
            let whole = number.as_f64().and_then(whole);
            if let Some(whole) = whole {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

/// The whole number that a double is, where doubles hold each of them.
fn whole(number: f64) -> Option<i64> {
    let is_whole = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and within 53 bits")]
    is_whole.then_some(number as i64)
}

/// Text of anybody's, without what a terminal would obey or what hides or turns what is beside it:
/// controls and format characters are shown by their numbers.
fn legible(text: &str) -> String {
    let is_obeyed = |c: char| {
        c.is_control()
            || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let shown = |c: char| if is_obeyed(c) { c.escape_unicode().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

/// How wide the terminal is that is printed to; `None` when it is none.
pub(super) fn terminal_width() -> Option<u16> {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(&out).ok().map(|size| size.ws_col).filter(|width| *width > 0)
}

/// Prints for whoever asked. One who has stopped reading has had enough.
pub(super) fn out(text: &str) -> std::io::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Tells what went wrong. When nobody can be told, the code with which the process ends still says it.
pub(super) fn err(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", legible(text));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Serialize)]
    struct Pet(&'static str, &'static str);

    impl Show for Pet {
        fn fields(&self) -> Vec<(&'static str, String)> {
            vec![("id", self.0.to_owned()), ("kind", String::new()), ("name", self.1.to_owned())]
        }

        const COLUMNS: &'static [&'static str] = &["id", "name"];
    }

    fn pets() -> Vec<Pet> {
        vec![Pet("11111111-2222", "a dog of many words"), Pet("3", "Tom")]
    }

    #[test]
    fn a_table_is_plain_and_ends_no_line_in_blanks() {
        let many = Answer::many(&pets(), &pets()).unwrap().page("t0k").to_text(None);
        let lines = "ID             NAME\n11111111-2222  a dog of many words\n3              Tom\n";
        assert_eq!(many, format!("{lines}more with --page-token t0k\n"));
        let one = Answer::one(&pets()[1]).unwrap().done("Fed.").to_text(None);
        assert_eq!(one, "Fed.\nid    3\nname  Tom\n", "what is not set is left out");
        let nobody: [Pet; 0] = [];
        assert_eq!(Answer::many(&nobody, &nobody).unwrap().to_text(None), "none\n");
    }

    /// Seen to fail with the table whatever its width.
    #[test]
    fn a_table_too_wide_for_the_terminal_is_shown_thing_by_thing() {
        let many = Answer::many(&pets(), &pets()).unwrap();
        assert_eq!(many.to_text(Some(34)), many.to_text(None), "34 is what it needs");
        let records = "id    11111111-2222\nname  a dog of many words\n\nid    3\nname  Tom\n";
        assert_eq!(many.to_text(Some(33)), records);
    }

    /// A name comes from anybody: it may try to move the cursor or to turn the line round. Seen to fail
    /// with the texts as they came.
    #[test]
    fn a_terminal_obeys_no_name() {
        let evil = Pet("1", "a\u{1b}[2J\nb\u{202e}c");
        let shown = Answer::one(&evil).unwrap().to_text(None);
        assert_eq!(shown, "id    1\nname  a\\u{1b}[2J\\u{a}b\\u{202e}c\n");
    }

    #[test]
    fn times_and_numbers_are_written_as_grpcurl_writes_them() {
        let time = |end: &str| json!([{"createTime": format!("2026-11-24T09:30:00{end}")}]);
        let answer = json!({"a": time("+00:00"), "name": "+00:00", "whole": 5.0, "half": 0.5});
        let json = Answer::nothing(&answer).unwrap().to_json();
        let read: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read, json!({"a": time("Z"), "name": "+00:00", "whole": 5, "half": 0.5}));
    }
}
