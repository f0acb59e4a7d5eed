//! Pages of a listing (RFC 7644 section 3.4.2.4, RFC 9865, AIP-158): sizes, beginnings and ends.

use directory_api::v1;
use tonic::Status;

use super::Services;
use super::fault::no;
use crate::ids::{IntegrationId, WorkspaceId};
use crate::store::{Mark, Start, Store};

/// The most rows of one page, as `filter.maxResults` announces it (RFC 7643 section 5).
pub(super) const MAX_PAGE: u32 = 200;

/// How many rows a page holds when the caller does not say.
pub(super) const DEFAULT_PAGE: u32 = 100;

/// How many rows to answer: absent means `default`, more than [`MAX_PAGE`] means that many, and 0
/// asks for the total alone (RFC 7644 section 3.4.2.4).
pub(super) fn size(asked: Option<u32>, default: u32) -> u32 {
    asked.unwrap_or(default).min(MAX_PAGE)
}

/// How many bytes a page holds: what a caller takes in one message, with room for what is written
/// round it.
const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;

/// The room of one page.
#[derive(Debug, Default)]
pub(super) struct Room {
    taken: usize,
    is_begun: bool,
}

impl Room {
    /// Takes room for a row of this many bytes, if there is; for the first in any case.
    pub(super) fn takes(&mut self, bytes: usize) -> bool {
        self.taken += bytes;
        !std::mem::replace(&mut self.is_begun, true) || self.taken <= MAX_PAGE_BYTES
    }
}

/// What a listing answers, in the words that its cursors are bound to.
pub(super) struct Question(String);

impl Question {
    /// What `viewer` asks of a workspace: which rows, and in what order and among which.
    pub(super) fn new(
        workspace: WorkspaceId,
        viewer: Option<IntegrationId>,
        rows: &str,
        words: &[&str],
    ) -> Self {
        let viewer = viewer.map(|viewer| viewer.to_string());
        Self(serde_json::json!([workspace.to_string(), viewer, rows, words]).to_string())
    }
}

impl<S: Store> Services<S> {
    /// Where a page begins: behind that of `token`, or else at `start_index`, which counts from 1.
    pub(super) fn start(
        &self,
        question: &Question,
        token: &str,
        start_index: u32,
    ) -> Result<Start, Status> {
        match token {
            "" => Ok(Start::Skip(u64::from(start_index.max(1)) - 1)),
            token => self.cursors.open(&question.0, token).map(Start::After).map_err(no),
        }
    }

    /// The place behind which the page of `token` begins; an empty one is that of the first page.
    pub(super) fn mark(&self, question: &Question, token: &str) -> Result<Mark, Status> {
        match token {
            "" => Ok(Mark::of(0)),
            token => self.cursors.open(&question.0, token).map_err(no),
        }
    }

    /// The token of the page behind the row of this mark, if there is one.
    pub(super) fn next_page(
        &self,
        question: &Question,
        last: Option<&Mark>,
        more: bool,
    ) -> Result<String, Status> {
        match last.filter(|_| more) {
            Some(mark) => self.cursors.seal(&question.0, mark).map_err(no),
            None => Ok(String::new()),
        }
    }
}

/// The words of an order, as they came.
pub(super) fn order(order: Option<&v1::Order>) -> [&str; 2] {
    order.map_or(["", ""], |order| [&order.sort_by, &order.sort_order])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded_in_bytes_and_goes_on() {
        let fitting = |rows: &[usize]| {
            let mut room = Room::default();
            rows.iter().take_while(|bytes| room.takes(**bytes)).count()
        };
        assert_eq!(fitting(&[10, 20, 30]), 3);
        assert_eq!(fitting(&[MAX_PAGE_BYTES, 1]), 1);
        assert_eq!(fitting(&[MAX_PAGE_BYTES - 1, 1, 1]), 2);
        assert_eq!(fitting(&[MAX_PAGE_BYTES + 1, 1]), 1);
    }

    #[test]
    fn a_page_is_never_larger_than_announced() {
        assert_eq!(size(None, 100), 100);
        assert_eq!(size(Some(0), 100), 0);
        assert_eq!(size(Some(u32::MAX), 100), MAX_PAGE);
    }
}
