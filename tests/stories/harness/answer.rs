//! An HTTP answer, and what the stories ask of it.

use std::fmt::{self, Write as _};

use serde_json::Value;
use uuid::Uuid;

/// An answer as it came over the wire. Names of headers are in lower case.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The one value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(n, _)| n == name);
        let first = values.next();
        assert!(values.next().is_none(), "{name} is there more than once:\n{self}");
        first.map(|(_, value)| value.as_str())
    }

    /// The answer itself, which has this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "the answer:\n{self}");
        self
    }

    /// The body, which is JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in:\n{self}"))
    }

    /// The value at a JSON pointer; null when there is none.
    #[track_caller]
    pub(crate) fn at(&self, pointer: &str) -> Value {
        self.json().pointer(pointer).cloned().unwrap_or_default()
    }

    /// The text at a JSON pointer; empty when there is none.
    #[track_caller]
    pub(crate) fn text(&self, pointer: &str) -> String {
        self.at(pointer).as_str().unwrap_or_default().to_owned()
    }

    /// The rows of a `ListResponse` whose counts agree with them.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<Value> {
        let list = self.clone().is(200).json();
        let schemas = &list["schemas"];
        assert_eq!(schemas[0], "urn:ietf:params:scim:api:messages:2.0:ListResponse", "{self}");
        let rows = list["Resources"].as_array().cloned().unwrap_or_default();
        assert_eq!(list["itemsPerPage"], rows.len(), "{self}");
        rows
    }

    /// The detail of a SCIM error (RFC 7644 section 3.12) that has this status and scimType (empty:
    /// none).
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, scim_type: &str) -> String {
        let body = self.clone().is(status).json();
        assert_eq!(self.header("content-type"), Some("application/scim+json"), "{self}");
        assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error", "{self}");
        assert_eq!(body["status"], status.to_string(), "{self}");
        assert_eq!(body["scimType"].as_str().unwrap_or_default(), scim_type, "{self}");
        let detail = body["detail"].as_str().unwrap_or_default();
        assert!(!detail.is_empty(), "an error tells cause and fix:\n{self}");
        detail.to_owned()
    }

    /// What two answers must have alike for nobody to tell them apart: everything but the date and
    /// the request's own id.
    pub(crate) fn essence(&self) -> (u16, Vec<(String, String)>, String) {
        let own = |name: &str| name == "date" || name == "x-request-id";
        let headers = self.headers.iter().filter(|(name, _)| !own(name)).cloned().collect();
        let request_id = self.header("x-request-id").unwrap_or_default();
        (self.status, headers, self.body.replace(request_id, "[request]"))
    }

    /// The answer for a snapshot: what differs from run to run stands in brackets.
    pub(crate) fn snapshot(&self) -> String {
        let mut text = format!("{}\n", self.status);
        for (name, value) in &self.headers {
            let shown = match name.as_str() {
                "date" | "content-length" | "connection" => continue,
                "x-request-id" => "[request]".to_owned(),
                _ => masked(value),
            };
            let _ = writeln!(text, "{name}: {shown}");
        }
        if !self.body.is_empty() {
            let mut body = self.json();
            mask(&mut body);
            let pretty = serde_json::to_string_pretty(&body).expect("JSON is written");
            let _ = write!(text, "\n{pretty}");
        }
        text
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        write!(f, "\n{}", self.body)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = masked(text),
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Object(members) => members.values_mut().for_each(mask),
        _ => {}
    }
}

/// A text without what differs from run to run: ids, times, versions, ports, request ids.
fn masked(text: &str) -> String {
    let is_version = |tag: &str| tag.strip_prefix("W/\"").is_some_and(|rest| rest.ends_with('"'));
    let is_time = text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
    if is_version(text) {
        return "W/\"[version]\"".to_owned();
    }
    if is_time {
        return "[time]".to_owned();
    }
    let masked: Vec<String> = text
        .split_inclusive(['/', ' ', ')'])
        .map(|piece| {
            let word = piece.trim_end_matches(['/', ' ', ')']);
            let rest = &piece[word.len()..];
            if Uuid::try_parse(word).is_ok() {
                format!("[id]{rest}")
            } else if let Some(port) = word.strip_prefix("127.0.0.1:")
                && port.parse::<u16>().is_ok()
            {
                format!("[address]{rest}")
            } else {
                piece.to_owned()
            }
        })
        .collect();
    masked.concat()
}
