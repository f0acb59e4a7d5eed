//! Pages of a listing (AIP-158): sizes and tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory_api::v1::Reason;
use tonic::Status;

use super::fault::no;
use crate::refusal::Refusal;
use crate::store::{Revision, Start};

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

/// Where a page begins: behind that of `token`, or else at `start_index`, which counts from 1 (RFC 7644
/// section 3.4.2.4).
pub(super) fn start(token: &str, start_index: u32) -> Result<Start, Status> {
    match token {
        "" => Ok(Start::Skip(u64::from(start_index) - 1)),
        token => read(token).map(Start::After),
    }
}

/// The token of the page behind the row of this number.
pub(super) fn token(last: Revision) -> String {
    URL_SAFE_NO_PAD.encode(last.to_be_bytes())
}

/// Behind which row the page of `token` begins. Whatever it says, it stays in the workspace.
pub(super) fn read(token: &str) -> Result<Revision, Status> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    bytes
        .map(u64::from_be_bytes)
        .filter(|row| i64::try_from(*row).is_ok())
        .ok_or_else(|| no(not_a_token()))
}

/// The refusal of a token that no answer gave.
pub(super) fn not_a_token() -> Refusal {
    Refusal::new(
        Reason::InvalidArgument,
        "page_token is not one that an earlier answer gave. Begin again without it.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back() {
        for row in [0, 1, 255, 1 << 40, i64::MAX.unsigned_abs()] {
            assert_eq!(read(&token(row)).unwrap(), row);
        }
    }

    #[test]
    fn what_was_never_a_token_is_refused() {
        for made_up in ["", "x", "AAAA", "////////////", &token(u64::MAX), &token(1).repeat(2)] {
            let refused = read(made_up).unwrap_err();
            assert_eq!(Reason::of(&refused), Some(Reason::InvalidArgument), "{made_up}");
        }
    }

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
