//! What a connection has been doing, and when that is enough.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::Patience;

/// What is seen of one connection: the socket, the requests and the answers note it here.
#[derive(Debug)]
pub(crate) struct Activity {
    patience: Patience,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// Requests that were taken and whose answers are not out.
    under_way: usize,
    /// Whether a request was ever taken, and whether it spoke HTTP/2.
    taken: Option<Protocol>,
    /// Since when nothing is under way.
    quiet_since: Instant,
    /// Since when the head of a request is awaited of which something has come; from the connection
    /// on for the first.
    head_since: Option<Instant>,
    /// Since when the socket takes nothing of what there is.
    blocked_since: Option<Instant>,
    /// Answers of which a piece was handed over, and when: the next is asked for once the client
    /// takes it.
    handed: HashMap<u64, Instant>,
    next_answer: u64,
}

/// In which tongue a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may go on; look again then, at the latest.
    LookAgain(Instant),
    /// It has been idle long enough: a polite end.
    Close,
    /// The client is too slow: an end without a word. Named as metrics name it.
    Cut(&'static str),
}

impl Activity {
    pub(crate) fn new(patience: Patience, accepted: Instant) -> Self {
        let seen = Seen {
            under_way: 0,
            taken: None,
            quiet_since: accepted,
            head_since: Some(accepted),
            blocked_since: None,
            handed: HashMap::new(),
            next_answer: 0,
        };
        Self { patience, seen: Mutex::new(seen) }
    }

    /// Bytes came in.
    pub(crate) fn read(&self) {
        let mut seen = self.seen();
        // HTTP/2 has more to say than requests, and says its heads whole.
        let may_be_head = seen.under_way == 0 && seen.taken != Some(Protocol::Http2);
        if may_be_head && seen.head_since.is_none() {
            seen.head_since = Some(Instant::now());
        }
    }

    /// The socket took bytes, or has none to take.
    pub(crate) fn written(&self) {
        self.seen().blocked_since = None;
    }

    /// The socket takes nothing now.
    pub(crate) fn blocked(&self) {
        self.seen().blocked_since.get_or_insert_with(Instant::now);
    }

    /// A request was taken. Answers the number of its answer.
    pub(crate) fn taken(&self, protocol: Protocol) -> u64 {
        let mut seen = self.seen();
        seen.under_way += 1;
        (seen.taken, seen.head_since) = (Some(protocol), None);
        seen.next_answer += 1;
        seen.next_answer
    }

    /// A piece of an answer was handed over.
    pub(crate) fn handed(&self, answer: u64) {
        self.seen().handed.insert(answer, Instant::now());
    }

    /// The next piece of an answer is asked for.
    pub(crate) fn asked(&self, answer: u64) {
        self.seen().handed.remove(&answer);
    }

    /// An answer is out, or nobody will take it.
    pub(crate) fn ended(&self, answer: u64) {
        let mut seen = self.seen();
        seen.handed.remove(&answer);
        seen.under_way -= 1;
        if seen.under_way == 0 {
            seen.quiet_since = Instant::now();
        }
    }

    /// Whether it speaks HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.seen().taken == Some(Protocol::Http2)
    }

    /// What is to become of the connection `now`.
    pub(crate) fn verdict(&self, now: Instant) -> Verdict {
        let (seen, patience) = (self.seen(), &self.patience);
        let oldest = seen.handed.values().min().copied();
        let stalled = [seen.blocked_since, oldest].into_iter().flatten().min();
        let stalled_at = stalled.map(|since| since + patience.stalled);
        if stalled_at.is_some_and(|at| at <= now) {
            return Verdict::Cut("stalled");
        }
        // Somebody who does nothing is looked at as often as somebody who is slow: a head that begins
        // meanwhile needs no alarm of its own.
        let mut look_again = now + patience.head;
        if let Some(at) = stalled_at {
            look_again = look_again.min(at);
        }
        if seen.under_way > 0 {
            return Verdict::LookAgain(look_again);
        }
        match seen.head_since {
            Some(since) if since + patience.head <= now => Verdict::Cut("head"),
            Some(since) => Verdict::LookAgain(look_again.min(since + patience.head)),
            None if seen.quiet_since + patience.idle <= now => Verdict::Close,
            None => Verdict::LookAgain(look_again.min(seen.quiet_since + patience.idle)),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
