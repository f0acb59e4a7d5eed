//! A small SCIM server of its own, in memory, that speaks every dialect right, or has one fault.

use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use idp_simulator::{ENTERPRISE, GROUP, USER};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::resource::{patch, value_at};

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    HangsUp,
    CreatesWith200,
    ThrottlesWithoutAWord,
    PlainJson,
    NoSchemas,
    PlainErrors,
    NoId,
    NoLocation,
    NoTimes,
    WrongEtag,
    LosesTitles,
    PatchLosesPhones,
    PatchAnswersWhatWas,
    WrongItemsPerPage,
    EmptyLookupIs404,
    IgnoresFilters,
    CaseSensitive,
    TakesDuplicates,
    EveryTextIsTrue,
    PatchesHalf,
    ShowsPasswords,
    EveryPageIsTheFirst,
    LosesAMember,
    AddReplacesMembers,
    RemoveEmptiesTheGroup,
    IgnoresExcluded,
    RefusesUnknownMembers,
    KeepsTheDeleted,
    RepeatsTheKey,
    IsBusyForEver,
    NeverAnswersAPatch,
}

#[derive(Default)]
struct State {
    users: Vec<Value>,
    groups: Vec<Value>,
    count: usize,
    heard: Vec<String>,
}

pub(crate) struct StandIn {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

/// Status, whether it is said which version, body.
type Said = (u16, Option<Value>);

impl StandIn {
    pub(crate) async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/scim", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State::default()));
        let server = Arc::new(Server { fault, url: url.clone(), state: state.clone() });
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let server = server.clone();
                let service = service_fn(move |request| server.clone().answer(request));
                let serving = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(socket), service);
                tokio::spawn(serving);
            }
        });
        Self { url, state }
    }

    /// What was asked, in its order.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.state.lock().expect("a state").heard.clone()
    }

    /// How many people and groups are there.
    pub(crate) fn left(&self) -> (usize, usize) {
        let state = self.state.lock().expect("a state");
        (state.users.len(), state.groups.len())
    }
}

struct Server {
    fault: Fault,
    url: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, std::io::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        assert_eq!(head.headers["authorization"], "Bearer key-of-the-test");
        let is_patch = head.method == "PATCH";
        if let Ok(mut state) = self.state.lock() {
            state.heard.push(format!("{} {} {body}", head.method, head.uri));
        }
        if self.fault == Fault::NeverAnswersAPatch && is_patch {
            std::future::pending::<()>().await;
        }
        if self.fault == Fault::HangsUp && is_patch {
            return Err(std::io::Error::other("gone"));
        }
        let query = head.uri.query().unwrap_or_default();
        let path = head.uri.path().trim_start_matches("/scim").trim_matches('/').to_owned();
        let (kind, id) = path.split_once('/').unwrap_or((&path, ""));
        let (status, said) = self.act(head.method.as_str(), kind, id, query, &body);
        Ok(self.written(status, said))
    }

    fn written(&self, status: u16, said: Option<Value>) -> Response<Full<Bytes>> {
        let media = match self.fault {
            Fault::PlainJson => "application/json",
            _ => "application/scim+json",
        };
        let mut response =
            Response::builder().status(StatusCode::from_u16(status).expect("a status"));
        if status == 503 {
            response = response.header("Retry-After", "0");
        }
        let Some(mut body) = said else {
            return response.body(Full::default()).expect("a response");
        };
        if let Some(location) = body["meta"]["location"].as_str()
            && status == 201
            && self.fault != Fault::NoLocation
        {
            response = response.header("Location", location);
        }
        if let Some(version) = body["meta"]["version"].as_str() {
            let etag = if self.fault == Fault::WrongEtag { "\"other\"" } else { version };
            response = response.header("ETag", etag);
        }
        if self.fault == Fault::NoSchemas
            && let Some(values) = body.as_object_mut()
        {
            values.remove("schemas");
        }
        if status >= 400 && self.fault == Fault::PlainErrors {
            return response.body(Full::from("no")).expect("a response");
        }
        response
            .header("Content-Type", media)
            .body(Full::from(body.to_string()))
            .expect("a response")
    }

    fn act(&self, method: &str, kind: &str, id: &str, query: &str, body: &Value) -> Said {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        state.count += 1;
        if self.fault == Fault::ThrottlesWithoutAWord && state.count == 3 {
            return error(429, "");
        }
        if self.fault == Fault::IsBusyForEver && method == "POST" {
            return error(503, "");
        }
        if self.fault == Fault::RepeatsTheKey && method == "POST" {
            return error(400, "key-of-the-test is no key");
        }
        let count = state.count;
        let rows = if kind == "Users" { &mut state.users } else { &mut state.groups };
        let place = rows.iter().position(|row| row["id"] == id);
        match (method, place) {
            ("GET", _) if id.is_empty() => self.list(rows, query),
            ("POST", _) => {
                let new = self.made(kind, &count.to_string(), body);
                if rows.iter().any(|row| self.is_same(row, &new)) {
                    return error(409, "uniqueness");
                }
                rows.push(new.clone());
                (if self.fault == Fault::CreatesWith200 { 200 } else { 201 }, Some(new))
            }
            (_, None) => error(404, ""),
            ("GET", Some(place)) => (200, Some(self.viewed(&rows[place], query))),
            ("PUT", Some(place)) => {
                let mut new = self.made(kind, id, body);
                new["meta"]["created"] = rows[place]["meta"]["created"].clone();
                rows[place] = new.clone();
                (200, Some(new))
            }
            ("PATCH", Some(place)) => self.patched(&mut rows[place], count, body),
            (_, Some(place)) => {
                if self.fault != Fault::KeepsTheDeleted {
                    rows.remove(place);
                }
                (204, None)
            }
        }
    }

    fn patched(&self, row: &mut Value, count: usize, body: &Value) -> Said {
        let before = row.clone();
        let known =
            |member: &str| self.fault != Fault::RefusesUnknownMembers || !member.contains('-');
        let is_good = patch(row, body, self.fault, known);
        if !is_good && self.fault != Fault::PatchesHalf {
            *row = before.clone();
        }
        if !is_good {
            return error(400, "invalidPath");
        }
        if self.fault == Fault::PatchLosesPhones && before.get("phoneNumbers").is_some() {
            row["phoneNumbers"].take();
        }
        row["meta"]["version"] = json!(format!("W/\"{count}\""));
        let answered = if self.fault == Fault::PatchAnswersWhatWas { &before } else { &*row };
        (200, Some(answered.clone()))
    }

    /// Whether two have the name that only one may have.
    fn is_same(&self, one: &Value, other: &Value) -> bool {
        if self.fault == Fault::TakesDuplicates {
            return false;
        }
        let name = |row: &Value| row["userName"].as_str().map(|name| self.folded(name));
        name(one).is_some() && name(one) == name(other)
    }

    fn folded(&self, text: &str) -> String {
        if self.fault == Fault::CaseSensitive { text.to_owned() } else { text.to_lowercase() }
    }

    /// A resource out of what was sent.
    fn made(&self, kind: &str, id: &str, body: &Value) -> Value {
        let mut made = body.as_object().cloned().unwrap_or_default();
        let read_only: &[&str] = match self.fault {
            Fault::ShowsPasswords => &["groups"],
            Fault::LosesTitles => &["groups", "password", "title"],
            _ => &["groups", "password"],
        };
        made.retain(|name, value| {
            !read_only.contains(&name.as_str()) && !value.is_null() && *value != json!([])
        });
        let version = format!("W/\"{id}.0\"");
        let mut meta = json!({
            "resourceType": kind.trim_end_matches('s'),
            "created": "2026-01-01T00:00:00Z",
            "lastModified": "2026-01-01T00:00:00Z",
            "location": format!("{}/{kind}/{id}", self.url),
            "version": version,
        });
        if self.fault == Fault::NoTimes {
            meta.as_object_mut().map(|meta| meta.remove("created"));
        }
        let schema = if kind == "Users" { USER } else { GROUP };
        let has_more = made.contains_key(ENTERPRISE);
        let schemas = if has_more { json!([schema, ENTERPRISE]) } else { json!([schema]) };
        let id = if self.fault == Fault::NoId { json!(7) } else { json!(id) };
        made.extend(Map::from_iter(
            [("schemas", schemas), ("id", id), ("meta", meta)].map(|(k, v)| (k.to_owned(), v)),
        ));
        made.into()
    }

    fn viewed(&self, row: &Value, query: &str) -> Value {
        let mut row = row.clone();
        if query.contains("excludedAttributes=members") && self.fault != Fault::IgnoresExcluded {
            row.as_object_mut().map(|values| values.remove("members"));
        }
        row
    }

    fn list(&self, rows: &[Value], query: &str) -> Said {
        let asked = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
        let found: Vec<Value> = match asked("filter=") {
            Some(filter) if self.fault != Fault::IgnoresFilters => {
                let filter = decoded(filter);
                let (path, value) = filter.rsplit_once(" eq ").expect("a filter");
                let value: String = serde_json::from_str(value).expect("a text");
                let has = |row: &&Value| {
                    let found = value_at(row, path);
                    found.is_some_and(|found| self.folded(&found) == self.folded(&value))
                };
                rows.iter().filter(has).cloned().collect()
            }
            _ => rows.to_vec(),
        };
        if found.is_empty() && self.fault == Fault::EmptyLookupIs404 && query.contains("filter") {
            return error(404, "");
        }
        let number = |name: &str| asked(name).and_then(|text| text.parse::<usize>().ok());
        let start = number("startIndex=").unwrap_or(1);
        let skipped = if self.fault == Fault::EveryPageIsTheFirst { 0 } else { start - 1 };
        let page = found.iter().skip(skipped).take(number("count=").unwrap_or(100));
        let page: Vec<Value> = page.map(|row| self.viewed(row, query)).collect();
        let per_page = if self.fault == Fault::WrongItemsPerPage { 100 } else { page.len() };
        let list = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": found.len(),
            "itemsPerPage": per_page,
            "startIndex": start,
            "Resources": page,
        });
        (200, Some(list))
    }
}

fn error(status: u16, scim_type: &str) -> Said {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": status.to_string(),
        "scimType": scim_type,
        "detail": "said by the stand-in",
    });
    (status, Some(body))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let two = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                bytes.push(u8::from_str_radix(&String::from_utf8_lossy(&two), 16).expect("hex"));
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
