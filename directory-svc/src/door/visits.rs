//! What integrations are seen to do: gathered in the process, written at most once a minute each, and read
//! with what is kept of other processes. No answer waits for it, and nothing is decided by it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use directory_api::v1::Reason;
use http::HeaderMap;
use tonic::{Code, Request, Status};

use crate::clock::{MINUTE, Micros};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::refusal::cut;
use crate::rules::dialects;
use crate::store::{IntegrationStatus, SeenError, SeenRefusal};

use super::rights::InWorkspace;

/// How much is kept of an error's detail, in characters.
const DETAIL_CHARS: usize = 500;

/// What the gateway says of a request besides what is asked. Nobody else is believed on it.
pub(super) struct Origin {
    /// Where it comes from; `None`: nobody knows.
    pub(super) address: Option<IpAddr>,
    user_agent: String,
    /// The status with which the gateway refuses it by itself.
    complaint: Option<u16>,
}

impl Origin {
    pub(super) fn of<T>(request: &Request<T>) -> Self {
        let said = |name| request.metadata().get(name).and_then(|value| value.to_str().ok());
        let address = said(directory_api::SCIM_CLIENT_ADDRESS).and_then(|text| text.parse().ok());
        let mut user_agent = said(directory_api::SCIM_USER_AGENT).unwrap_or_default().to_owned();
        user_agent.truncate(directory_api::USER_AGENT_BYTES);
        let complaint = said(directory_api::SCIM_COMPLAINT).and_then(|text| text.parse().ok());
        Self {
            address: address.map(|address: IpAddr| address.to_canonical()),
            user_agent,
            complaint,
        }
    }
}

/// Where the door notes whose a call is, for whoever sees how it is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slip(Arc<OnceLock<Visit>>);

/// A call by an integration.
#[derive(Debug)]
struct Visit {
    of: (WorkspaceId, IntegrationId),
    seen: IntegrationStatus,
    /// Whether it was let in.
    is_let_in: bool,
    /// Whether it asks for something alone, of which it may be that there is none.
    only_reads: bool,
    /// That the key was refused a part of it.
    refused_in_part: OnceLock<SeenRefusal>,
}

impl Slip {
    /// Notes that an integration was let in.
    pub(super) fn let_in<T: InWorkspace>(
        &self,
        of: (WorkspaceId, IntegrationId),
        now: Micros,
        ask: &T,
        origin: &Origin,
    ) {
        let shown = ask.shows();
        let dialect = dialects::dialect(&origin.user_agent, shown);
        let complaint = origin.complaint.map(|http_status| SeenError {
            at: now,
            http_status,
            reason: 0,
            detail: String::new(),
        });
        let seen = IntegrationStatus {
            first_request_at: Some(now),
            last_request_at: Some(now),
            dialect: dialect.map_or(0, Into::into),
            test_at: (shown.is_test && complaint.is_none()).then_some(now),
            last_error: complaint,
            last_refusal: None,
        };
        let only_reads = !ask.needs().iter().any(|right| right.writes);
        self.note(Visit {
            of,
            seen,
            is_let_in: true,
            only_reads,
            refused_in_part: OnceLock::new(),
        });
    }

    /// Notes that a key was refused: all of the call, or a part of one that was let in, of which the first
    /// counts.
    pub(super) fn refused(&self, of: (WorkspaceId, IntegrationId), refusal: SeenRefusal) {
        if let Some(visit) = self.0.get() {
            let _ = visit.refused_in_part.set(refusal);
            return;
        }
        let seen = IntegrationStatus { last_refusal: Some(refusal), ..Default::default() };
        let refused_in_part = OnceLock::new();
        self.note(Visit { of, seen, is_let_in: false, only_reads: true, refused_in_part });
    }

    fn note(&self, visit: Visit) {
        // There is one door, and a call goes through it once.
        let _ = self.0.set(visit);
    }

    /// What was seen of whom, once the call is answered.
    pub(super) fn read(
        &self,
        now: Micros,
        answer: &HeaderMap,
    ) -> Option<((WorkspaceId, IntegrationId), IntegrationStatus)> {
        let visit = self.0.get()?;
        let mut seen = visit.seen.clone();
        if visit.is_let_in {
            seen.last_error = error(now, answer, visit.only_reads).or(seen.last_error);
            seen.last_refusal = visit.refused_in_part.get().cloned();
        }
        Some((visit.of, seen))
    }
}

/// The error that an answer is.
fn error(at: Micros, answer: &HeaderMap, only_reads: bool) -> Option<SeenError> {
    let status = Status::from_header_map(answer).filter(|status| status.code() != Code::Ok)?;
    if only_reads && status.code() == Code::NotFound {
        return None;
    }
    let reason = Reason::of(&status);
    let detail = reason.map(|_| cut(status.message(), DETAIL_CHARS)).unwrap_or_default();
    let http_status = match (reason, status.code()) {
        (Some(reason), _) => reason.row().http,
        (None, Code::DeadlineExceeded | Code::Unavailable | Code::Cancelled) => 503,
        (None, _) => 500,
    };
    Some(SeenError { at, http_status, reason: reason.map_or(0, Into::into), detail })
}

/// What this process has seen, by integration.
#[derive(Default)]
pub(super) struct Visits(Mutex<HashMap<(WorkspaceId, IntegrationId), Seen>>);

struct Seen {
    status: IntegrationStatus,
    /// Whether there is something that is not written.
    is_news: bool,
    written_at: Micros,
}

impl Visits {
    /// Adds to what was seen. Answers all of it when it is to be written now: what is there for the first
    /// time, or what is there a minute after it was written last.
    pub(super) fn note(
        &self,
        of: (WorkspaceId, IntegrationId),
        now: Micros,
        seen: IntegrationStatus,
    ) -> Option<IntegrationStatus> {
        let mut all = self.all();
        let Some(known) = all.get_mut(&of) else {
            all.insert(of, Seen { status: seen.clone(), is_news: false, written_at: now });
            return Some(seen);
        };
        let before = std::mem::take(&mut known.status);
        let (was_asked, was_tested) = (before.first_request_at.is_some(), before.test_at.is_some());
        let dialect = before.dialect;
        known.status = before.and(seen);
        let is_first = was_asked != known.status.first_request_at.is_some()
            || was_tested != known.status.test_at.is_some()
            || (dialect == 0 && known.status.dialect != 0);
        let is_due = now.abs_diff(known.written_at) >= MINUTE.unsigned_abs();
        known.is_news = !(is_first || is_due);
        if known.is_news {
            return None;
        }
        known.written_at = now;
        Some(known.status.clone())
    }

    /// What this process has seen of an integration.
    pub(super) fn of(&self, of: (WorkspaceId, IntegrationId)) -> IntegrationStatus {
        self.all().get(&of).map(|known| known.status.clone()).unwrap_or_default()
    }

    /// What is not written yet, taken as written now.
    pub(super) fn news(
        &self,
        now: Micros,
    ) -> Vec<((WorkspaceId, IntegrationId), IntegrationStatus)> {
        let mut all = self.all();
        let news = all.iter_mut().filter(|(_, known)| known.is_news).map(|(of, known)| {
            (known.is_news, known.written_at) = (false, now);
            (*of, known.status.clone())
        });
        news.collect()
    }

    /// Has it written again, because it was not kept.
    pub(super) fn not_kept(&self, of: (WorkspaceId, IntegrationId)) {
        if let Some(known) = self.all().get_mut(&of) {
            known.is_news = true;
        }
    }

    /// Forgets those of whom everything is written and who have not been here since `before`.
    pub(super) fn forget(&self, before: Micros) {
        self.all().retain(|_, known| known.is_news || known.written_at >= before);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<(WorkspaceId, IntegrationId), Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::clock::SECOND;

    const OF: (WorkspaceId, IntegrationId) =
        (WorkspaceId::new(Uuid::nil()), IntegrationId::new(Uuid::nil()));

    fn asked(at: Micros) -> IntegrationStatus {
        let at = Some(at);
        IntegrationStatus { first_request_at: at, last_request_at: at, ..Default::default() }
    }

    /// Seen to fail with everything written at once, and with nothing written at once.
    #[test]
    fn what_is_new_is_written_at_once_and_the_rest_once_a_minute() {
        let visits = Visits::default();
        let note = |at, seen| visits.note(OF, at, seen).is_some();
        assert!(note(0, asked(0)), "the first request");
        assert!(!note(SECOND, asked(SECOND)));
        assert!(note(2 * SECOND, IntegrationStatus { test_at: Some(2 * SECOND), ..asked(2) }));
        assert!(!note(3 * SECOND, IntegrationStatus { test_at: Some(3 * SECOND), ..asked(3) }));
        assert!(note(4 * SECOND, IntegrationStatus { dialect: 2, ..asked(4) }));
        assert!(!note(5 * SECOND, IntegrationStatus { dialect: 2, ..asked(5) }));
        // Else a client that is of two minds has a write with each request.
        assert!(!note(6 * SECOND, IntegrationStatus { dialect: 1, ..asked(6) }));
        assert!(!note(60 * SECOND, asked(60 * SECOND)));

        let seen = visits.of(OF);
        assert_eq!((seen.first_request_at, seen.last_request_at), (Some(0), Some(60 * SECOND)));
        assert_eq!((seen.dialect, seen.test_at), (1, Some(3 * SECOND)));
        assert_eq!(visits.news(66 * SECOND), [(OF, seen)]);
        assert_eq!(visits.news(66 * SECOND), []);
        visits.not_kept(OF);
        assert_eq!(visits.news(66 * SECOND).len(), 1);
        assert!(note(126 * SECOND, asked(126 * SECOND)), "a minute later");
        visits.forget(126 * SECOND);
        assert_eq!(visits.of(OF).dialect, 1);
        visits.forget(127 * SECOND);
        assert_eq!(visits.of(OF), IntegrationStatus::default());
    }

    /// Seen to fail with a look-up of nobody taken for an error.
    #[test]
    fn an_error_is_what_came_of_it_and_to_find_nobody_is_none() {
        let answer = |status: Status| status.into_http::<axum::body::Body>().headers().clone();
        let no = |reason: Reason| answer(reason.status("Cause. Fix.", HashMap::new()));
        let taken = error(5, &no(Reason::UserNameTaken), false).unwrap();
        assert_eq!((taken.at, taken.http_status, taken.detail.as_str()), (5, 409, "Cause. Fix."));
        assert_eq!(taken.reason, i32::from(Reason::UserNameTaken));
        assert_eq!(error(5, &no(Reason::UserNotFound), true), None);
        assert!(error(5, &no(Reason::UserNotFound), false).is_some());
        assert_eq!(error(5, &HeaderMap::new(), false), None);
        let fault = error(5, &answer(Status::internal("at line 7")), true).unwrap();
        assert_eq!((fault.http_status, fault.reason, fault.detail.as_str()), (500, 0, ""));
    }
}
