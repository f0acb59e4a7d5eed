//! A request and its answer, and what every answer is looked at for.

use serde_json::Value;

use crate::answer::{Answer, at};
use crate::report::{Finding, Recorder, shown};
use crate::{Check, GROUP, Request, Step, USER};

/// What is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
        }
    }

    fn schema(self) -> &'static str {
        match self {
            Self::User => USER,
            Self::Group => GROUP,
        }
    }

    pub(crate) fn endpoint(self, id: &str) -> String {
        format!("/{}s/{id}", self.name())
    }
}

/// A request that was answered. Both are shown without the key.
pub(crate) struct Exchange {
    step: Step,
    sent: String,
    body: Value,
    pub(crate) answer: Answer,
}

/// A request as a finding shows it.
pub(crate) fn shown_request(request: &Request) -> String {
    let head = format!("{} {}", request.method, request.endpoint);
    shown(&head, request.body.as_deref().unwrap_or_default())
}

impl Exchange {
    pub(crate) fn new(step: Step, request: &Request, answer: Answer) -> Self {
        let body = request.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        Self { step, sent: shown_request(request), body: body.unwrap_or_default(), answer }
    }

    pub(crate) fn is_done(&self) -> bool {
        (200..300).contains(&self.answer.status)
    }

    /// The answer is wrong: this was expected, and came as it is.
    pub(crate) fn wrong(&self, to: &mut Recorder, check: Check, expected: impl Into<String>) {
        self.wrong_in(to, check, expected, "");
    }

    /// The answer is wrong in the place that `what` names.
    pub(crate) fn wrong_in(
        &self,
        to: &mut Recorder,
        check: Check,
        expected: impl Into<String>,
        what: &str,
    ) {
        let Answer { status, body, .. } = &self.answer;
        let head = if what.is_empty() { status.to_string() } else { format!("{status}: {what}") };
        to.find(Finding {
            step: self.step,
            check,
            count: 1,
            sent: self.sent.clone(),
            expected: expected.into(),
            why: check.why(),
            came: shown(&head, body),
        });
    }

    /// Whether the act was done, with this status.
    pub(crate) fn done(&self, to: &mut Recorder, status: u16) -> bool {
        if self.answer.status != status {
            self.wrong(to, Check::Status, format!("status {status}"));
            self.error_body(to);
        }
        self.is_done()
    }

    /// The resource in the answer, which has an id at least; everything that the RFC demands of one
    /// is checked.
    pub(crate) fn resource(&self, to: &mut Recorder, status: u16, kind: Kind) -> Option<Value> {
        if !self.done(to, status) {
            return None;
        }
        self.content_type(to);
        let resource = self.answer.json();
        let has_schema = has_schema(&resource, kind.schema());
        if !has_schema {
            self.wrong(to, Check::Body, format!("JSON with schemas that list {}", kind.schema()));
        }
        let id = resource["id"].as_str().unwrap_or_default();
        if id.is_empty() {
            self.wrong(to, Check::Id, "an id, a text that is not empty");
            return None;
        }
        let meta = &resource["meta"];
        let location = meta["location"].as_str().unwrap_or_default();
        if meta["resourceType"] != kind.name()
            || !meta["created"].is_string()
            || !meta["lastModified"].is_string()
            || !location.ends_with(&kind.endpoint(id))
        {
            let expected = format!(
                "meta with resourceType {}, created, lastModified, and a location that ends in {}",
                kind.name(),
                kind.endpoint(id)
            );
            self.wrong_in(to, Check::Meta, expected, &format!("meta is {meta}"));
        }
        let header = self.answer.header("location");
        if status == 201 && header != Some(location) {
            let what = format!("Location is {header:?}, meta.location {location:?}");
            self.wrong_in(to, Check::Location, "Location, the same as meta.location", &what);
        }
        let etag = self.answer.header("etag");
        if etag.is_some_and(|etag| meta["version"] != etag) {
            let what = format!("ETag is {etag:?}, meta.version {}", meta["version"]);
            self.wrong_in(to, Check::Etag, "meta.version, the same as the ETag", &what);
        }
        if resource.get("password").is_some() {
            self.wrong(to, Check::Password, "no password");
        }
        Some(resource)
    }

    /// The values that were sent come back in `got`.
    pub(crate) fn as_sent(&self, to: &mut Recorder, got: &Value) {
        let mut sent = self.body.clone();
        if let Some(values) = sent.as_object_mut() {
            let own = ["schemas", "id", "meta", "groups", "password"];
            values.retain(|name, _| !own.contains(&name.as_str()));
        }
        let differences = crate::answer::differences(&sent, got);
        if !differences.is_empty() {
            let what = differences.join("; ");
            self.wrong_in(to, Check::AsSent, "the values that were sent", &what);
        }
    }

    /// The rows of a list that counts them right; `start` is what was asked for as startIndex.
    pub(crate) fn rows(&self, to: &mut Recorder, start: Option<usize>) -> Option<Vec<Value>> {
        if !self.done(to, 200) {
            return None;
        }
        self.content_type(to);
        let list = self.answer.json();
        if !has_schema(&list, "urn:ietf:params:scim:api:messages:2.0:ListResponse") {
            self.wrong(to, Check::List, "a ListResponse, with its schema in schemas");
            return None;
        }
        let rows = list["Resources"].as_array().cloned().unwrap_or_default();
        let total = list["totalResults"].as_u64();
        let counts = |name: &str, expected: usize| match list.get(name) {
            Some(value) => *value == expected,
            None => start.is_none(),
        };
        if total.is_none_or(|total| total < rows.len() as u64)
            || !counts("itemsPerPage", rows.len())
            || !counts("startIndex", start.unwrap_or(1))
        {
            let expected = format!(
                "totalResults of {} or more, itemsPerPage {}, startIndex {}",
                rows.len(),
                rows.len(),
                start.unwrap_or(1)
            );
            self.wrong(to, Check::List, expected);
        }
        Some(rows)
    }

    /// An empty list: nobody is there of whom the look-up speaks. Answers who is there all the same
    /// and has the value.
    pub(crate) fn nobody(&self, to: &mut Recorder, attribute: &str, value: &str) -> Vec<Value> {
        const EXPECTED: &str = "200 with an empty ListResponse";
        if self.answer.status != 200 {
            self.wrong(to, Check::EmptyLookup, EXPECTED);
            return Vec::new();
        }
        let rows = self.rows(to, None).unwrap_or_default();
        let has = |row: &&Value| {
            at(row, attribute).and_then(|v| Some(v.as_str()?.to_lowercase()))
                == Some(value.to_lowercase())
        };
        let namesakes: Vec<Value> = rows.iter().filter(has).cloned().collect();
        if namesakes.len() != rows.len() {
            let what = format!("a row without the {attribute} that was asked for");
            self.wrong_in(to, Check::Lookup, EXPECTED, &what);
        }
        namesakes
    }

    /// A refusal with one of these statuses, as a SCIM error.
    pub(crate) fn refused(&self, to: &mut Recorder, check: Check, status: u16) {
        if self.answer.status != status {
            self.wrong(to, check, format!("{status} with a SCIM error"));
        }
        self.error_body(to);
    }

    pub(crate) fn error_body(&self, to: &mut Recorder) {
        if self.answer.status < 400 {
            return;
        }
        let (body, status) = (self.answer.json(), self.answer.status.to_string());
        let is_error = has_schema(&body, "urn:ietf:params:scim:api:messages:2.0:Error")
            && body["status"].as_str() == Some(&status)
            && body["detail"].as_str().is_some_and(|detail| !detail.is_empty());
        if is_error {
            self.content_type(to);
        } else {
            let expected =
                format!("a SCIM error: its schema, status \"{status}\" as a text, detail");
            self.wrong(to, Check::ErrorBody, expected);
        }
    }

    fn content_type(&self, to: &mut Recorder) {
        let found = self.answer.header("content-type").unwrap_or_default();
        let media = found.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/scim+json") {
            let what = format!("Content-Type is {found:?}");
            self.wrong_in(to, Check::ContentType, "application/scim+json", &what);
        }
    }
}

fn has_schema(body: &Value, schema: &str) -> bool {
    let listed = body["schemas"].as_array();
    listed.is_some_and(|all| {
        all.iter().any(|one| one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(schema)))
    })
}
