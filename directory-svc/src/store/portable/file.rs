//! The file: lines of JSON, each an object of one member that says what the line is.
//!
//! The first is `export` (what this is, and the columns of each table), then come the rows by the name of
//! their table, workspace by workspace, and the last is `end`: how many rows there are, and the SHA-256 of
//! all lines before it. So what is cut off, or not as it was written, is refused whole. The checksum guards
//! against accidents; whoever may write the file may make another one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Map;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Carried, CarryError, Column, Kind, TABLES, Table, Value};
use crate::ids::WorkspaceId;
use crate::store::Revision;

/// The version of how lines are written. What tables and columns there are, each file says itself.
const VERSION: u32 = 1;
/// The longest line that is read, in bytes: that of a person or a change is far below.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// What is read. `Send` is not asked for: it stays on the thread that reads.
pub type Input<'a> = Box<dyn BufRead + 'a>;

/// A row of a table: its values in the order of the table's columns.
pub(in crate::store) type Row = Vec<Value>;

/// What the first line says.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(in crate::store) struct Header {
    version: u32,
    /// When it was made, as RFC 3339 writes times.
    pub(in crate::store) time: String,
    /// The one workspace that it holds. Absent: all of a store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) workspace: Option<WorkspaceId>,
    /// The revision of that workspace. Of all, each workspace's own row tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::store) revision: Option<Revision>,
    /// The columns of each table.
    tables: BTreeMap<String, Vec<String>>,
}

impl Header {
    /// Of the tables that this version knows.
    pub(in crate::store) fn new(
        time: String,
        workspace: Option<WorkspaceId>,
        revision: Option<Revision>,
    ) -> Self {
        Self { version: VERSION, time, workspace, revision, tables: known_tables() }
    }
}

fn known_tables() -> BTreeMap<String, Vec<String>> {
    let names = |table: &Table| table.columns.iter().map(|c| c.name.to_owned()).collect();
    TABLES.iter().map(|table| (table.name.to_owned(), names(table))).collect()
}

/// What the last line says.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
struct End {
    /// How many rows of each table there are.
    rows: BTreeMap<String, u64>,
    /// SHA-256 of all lines before this one, in hex.
    sha256: String,
}

/// Writes the lines.
pub(in crate::store) struct Writer<W> {
    out: W,
    digest: Sha256,
    rows: BTreeMap<&'static str, u64>,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the first.
    pub(in crate::store) fn begin(out: W, header: &Header) -> Result<Self, CarryError> {
        let mut writer =
            Self { out, digest: Sha256::new(), rows: BTreeMap::new(), line: Vec::new() };
        writer.write(&BTreeMap::from([("export", header)]))?;
        Ok(writer)
    }

    /// Writes a row: `values` are those of the table's columns, in their order.
    pub(in crate::store) fn row(
        &mut self,
        table: &'static Table,
        values: &[Value],
    ) -> Result<(), CarryError> {
        *self.rows.entry(table.name).or_default() += 1;
        self.write(&Line { table, values })
    }

    /// How many rows were written.
    pub(in crate::store) fn rows(&self) -> u64 {
        self.rows.values().sum()
    }

    /// Writes the last.
    pub(in crate::store) fn end(mut self) -> Result<Carried, CarryError> {
        let sha256 = hex(&std::mem::take(&mut self.digest).finalize());
        let carried = Carried {
            workspaces: self.rows.get("workspace").copied().unwrap_or(0),
            rows: self.rows(),
            revoked: 0,
        };
        let rows = self.rows.iter().map(|(&table, &rows)| (table.to_owned(), rows)).collect();
        self.write(&BTreeMap::from([("end", End { rows, sha256 })]))?;
        self.out.flush().map_err(CarryError::file("writing the export"))?;
        Ok(carried)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), CarryError> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)
            .map_err(|error| CarryError::Row(error.to_string()))?;
        self.line.push(b'\n');
        self.digest.update(&self.line);
        self.out.write_all(&self.line).map_err(CarryError::file("writing the export"))
    }
}

/// A row on its line. What holds nothing is left out.
struct Line<'a> {
    table: &'static Table,
    values: &'a [Value],
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(Some(1))?;
        line.serialize_entry(self.table.name, &Fields(self.table.columns, self.values))?;
        line.end()
    }
}

struct Fields<'a>(&'static [Column], &'a [Value]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        for (column, value) in self.0.iter().zip(self.1) {
            match value {
                Value::Null => {}
                Value::Id(id) => fields.serialize_entry(column.name, &id.as_hyphenated())?,
                Value::Integer(number) => fields.serialize_entry(column.name, number)?,
                Value::Flag(is) => fields.serialize_entry(column.name, is)?,
                Value::Text(text) => fields.serialize_entry(column.name, text)?,
                Value::Bytes(bytes) => {
                    fields.serialize_entry(column.name, &STANDARD.encode(bytes))?;
                }
            }
        }
        fields.end()
    }
}

/// Reads the lines, and judges them.
pub(in crate::store) struct Reader<R> {
    input: R,
    digest: Sha256,
    rows: BTreeMap<String, u64>,
    /// The number of the line that was read last.
    line: u64,
    bytes: u64,
}

impl<R: BufRead> Reader<R> {
    /// Reads the first.
    ///
    /// # Errors
    /// [`CarryError::NotAnExport`], [`CarryError::OtherTables`].
    pub(in crate::store) fn begin(input: R) -> Result<(Header, Self), CarryError> {
        let mut reader =
            Self { input, digest: Sha256::new(), rows: BTreeMap::new(), line: 0, bytes: 0 };
        let text = reader.next_line()?.ok_or(CarryError::NotAnExport)?;
        let first: Result<Map<String, serde_json::Value>, _> = serde_json::from_slice(&text);
        let mut first = first.map_err(|_| CarryError::NotAnExport)?;
        let header = first.remove("export").ok_or(CarryError::NotAnExport)?;
        // The version is judged before what it decides about.
        match header["version"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            _ => return Err(CarryError::OtherTables(format!("version {}", header["version"]))),
        }
        let header: Header =
            serde_json::from_value(header).map_err(|error| reader.wrong(error.to_string()))?;
        if let Some(difference) = difference(&header.tables, &known_tables()) {
            return Err(CarryError::OtherTables(difference));
        }
        reader.digest.update(&text);
        Ok((header, reader))
    }

    /// The next row, its values in the order of the table's columns. `None`: that was all, and it is all
    /// that was written.
    ///
    /// # Errors
    /// What is wrong, as soon as it is seen; at the end at the latest.
    pub(in crate::store) fn next(&mut self) -> Result<Option<(&'static Table, Row)>, CarryError> {
        let Some(text) = self.next_line()? else {
            return Err(CarryError::Cut { line: self.line });
        };
        let line: Map<String, serde_json::Value> =
            serde_json::from_slice(&text).map_err(|error| {
                // What is cut within a line ends without the line's own end.
                if text.ends_with(b"\n") {
                    self.wrong(error.to_string())
                } else {
                    CarryError::Cut { line: self.line }
                }
            })?;
        let mut members = line.into_iter();
        let (Some((name, content)), None) = (members.next(), members.next()) else {
            return Err(self.wrong("it is not one thing"));
        };
        if name == "end" {
            let end = serde_json::from_value(content).map_err(|e| self.wrong(e.to_string()))?;
            return self.end(&end).map(|()| None);
        }
        let table =
            Table::of(&name).ok_or_else(|| self.wrong(format!("there is no table {name:?}")))?;
        let serde_json::Value::Object(fields) = content else {
            return Err(self.wrong("a row is an object"));
        };
        let values = values(table, fields).map_err(|what| self.wrong(what))?;
        self.digest.update(&text);
        *self.rows.entry(name).or_default() += 1;
        Ok(Some((table, values)))
    }

    /// An error of the line that was read last.
    pub(in crate::store) fn wrong(&self, what: impl Into<String>) -> CarryError {
        CarryError::Line { line: self.line, what: what.into() }
    }

    /// The number of the line that was read last, from 1.
    pub(in crate::store) fn line(&self) -> u64 {
        self.line
    }

    /// How many bytes were read.
    pub(in crate::store) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn end(&mut self, end: &End) -> Result<(), CarryError> {
        let sha256 = hex(&std::mem::take(&mut self.digest).finalize());
        if *end != (End { rows: std::mem::take(&mut self.rows), sha256 }) {
            return Err(CarryError::Changed);
        }
        match self.next_line()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("it comes behind the end")),
        }
    }

    /// A line with its end; `None` behind the last.
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, CarryError> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.input).take(LONGEST_LINE);
        let read =
            bounded.read_until(b'\n', &mut line).map_err(CarryError::file("reading the export"))?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        self.bytes += read as u64;
        if read as u64 == LONGEST_LINE {
            return Err(self.wrong(format!("it is longer than {LONGEST_LINE} bytes")));
        }
        Ok(Some(line))
    }
}

/// What one knows and the other does not; `None`: they know the same.
fn difference(
    file: &BTreeMap<String, Vec<String>>,
    known: &BTreeMap<String, Vec<String>>,
) -> Option<String> {
    let names = |tables: &BTreeMap<String, Vec<String>>| -> Vec<String> {
        let of = |(table, columns): (&String, &Vec<String>)| {
            columns.iter().map(|column| format!("{table}.{column}")).collect::<Vec<_>>()
        };
        tables.iter().flat_map(of).collect()
    };
    let (theirs, ours) = (names(file), names(known));
    let more = theirs.iter().find(|name| !ours.contains(name));
    let less = ours.iter().find(|name| !theirs.contains(name));
    match (more, less) {
        (Some(name), _) => Some(format!("it holds {name}")),
        (None, Some(name)) => Some(format!("it lacks {name}")),
        (None, None) => None,
    }
}

/// The values of a row, in the order of the columns.
fn values(table: &Table, mut fields: Map<String, serde_json::Value>) -> Result<Vec<Value>, String> {
    let values = table
        .columns
        .iter()
        .map(|column| match fields.remove(column.name) {
            None => Ok(Value::Null),
            Some(field) => value(column.kind, field)
                .ok_or_else(|| format!("{}.{} is not as it is kept", table.name, column.name)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    match fields.keys().next() {
        None => Ok(values),
        Some(name) => Err(format!("{} has no column {name:?}", table.name)),
    }
}

fn value(kind: Kind, field: serde_json::Value) -> Option<Value> {
    match (kind, field) {
        (Kind::Id, serde_json::Value::String(text)) => {
            Uuid::try_parse(&text).ok().filter(|id| id.to_string() == text).map(Value::Id)
        }
        (Kind::Integer, field) => field.as_i64().map(Value::Integer),
        (Kind::Flag, field) => field.as_bool().map(Value::Flag),
        (Kind::Text, serde_json::Value::String(text)) => Some(Value::Text(text)),
        (Kind::Bytes, serde_json::Value::String(text)) => {
            STANDARD.decode(text).ok().map(Value::Bytes)
        }
        _ => None,
    }
}

/// Bytes as a checksum is written.
pub(in crate::store) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: Uuid = Uuid::from_u128(1);

    fn workspace() -> Vec<Value> {
        let card = |column: &Column| match (column.name, column.kind) {
            ("id", _) => Value::Id(ACME),
            ("display_name", _) => Value::Text("Acme\n\"Ä\"".to_owned()),
            ("created_at", _) => Value::Integer(i64::MIN),
            _ => Value::Null,
        };
        TABLES[0].columns.iter().map(card).collect()
    }

    fn key() -> Vec<Value> {
        let field = |column: &Column| match column.kind {
            Kind::Id => Value::Id(ACME),
            Kind::Bytes => Value::Bytes(vec![0, 255, 7]),
            _ => Value::Null,
        };
        Table::of("api_key").unwrap().columns.iter().map(field).collect()
    }

    fn written() -> String {
        let mut out = Vec::new();
        let header = Header::new("2026-11-25T09:00:00Z".to_owned(), None, None);
        let mut writer = Writer::begin(&mut out, &header).unwrap();
        writer.row(&TABLES[0], &workspace()).unwrap();
        writer.row(Table::of("api_key").unwrap(), &key()).unwrap();
        let carried = writer.end().unwrap();
        assert_eq!(carried, Carried { workspaces: 1, rows: 2, revoked: 0 });
        String::from_utf8(out).unwrap()
    }

    fn read(text: &str) -> Result<Vec<(&'static str, Row)>, CarryError> {
        let (_, mut reader) = Reader::begin(text.as_bytes())?;
        let mut rows = Vec::new();
        while let Some((table, row)) = reader.next()? {
            rows.push((table.name, row));
        }
        Ok(rows)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let expected = [("workspace", workspace()), ("api_key", key())];
        assert_eq!(read(&written()).unwrap(), expected);
        assert_eq!(written().lines().count(), 4, "a line each, whatever is in it");
    }

    /// Seen to fail with the end's absence taken for the end, and without the checksum.
    #[test]
    fn what_is_cut_or_changed_is_refused_whole() {
        let text = written();
        for length in 0..text.len() - 1 {
            let Some(cut) = text.get(..length) else { continue };
            assert!(read(cut).is_err(), "{length} of {} bytes", text.len());
        }
        let cut = &text[..text.find("{\"end\"").unwrap()];
        assert!(matches!(read(cut), Err(CarryError::Cut { line: 3 })));
        for (from, to) in [("Acme", "Acne"), ("AP8H", "AP8I"), ("\"api_key\":1", "\"api_key\":2")] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(matches!(read(&changed), Err(CarryError::Changed)), "{from}");
        }
        let twice = format!("{text}{text}");
        assert!(matches!(read(&twice), Err(CarryError::Line { line: 5, .. })));
    }

    #[test]
    fn what_is_no_export_of_this_version_is_refused_by_name() {
        let text = written();
        for other in ["", "{}", "{\"workspace\":{}}\n", "not JSON"] {
            assert!(matches!(read(other), Err(CarryError::NotAnExport)), "{other}");
        }
        for (from, to, named) in [
            ("\"version\":1", "\"version\":2", "version 2"),
            ("\"hint\"", "\"hunt\"", "it holds api_key.hunt"),
            ("\"hint\",", "", "it lacks api_key.hint"),
        ] {
            let refused = read(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
        let line = |line: &str| {
            let first = text.lines().next().unwrap();
            read(&format!("{first}\n{line}\n")).unwrap_err().to_string()
        };
        assert!(line("{\"nobody\":{}}").contains("no table \"nobody\""));
        assert!(line("{\"workspace\":{\"x\":1}}").contains("no column \"x\""));
        assert!(line("{\"workspace\":{\"id\":1}}").contains("workspace.id"));
        assert!(line("{\"workspace\":{\"created_at\":1.5}}").contains("workspace.created_at"));
        assert!(line("{\"workspace\":[]}").contains("an object"));
        assert!(line("{\"workspace\":{},\"user\":{}}").contains("not one thing"));
    }
}
