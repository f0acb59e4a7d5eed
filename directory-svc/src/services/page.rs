//! Pages of a listing (AIP-158): sizes and tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory_api::v1::Reason;
use tonic::Status;

use super::fault::no;
use crate::refusal::Refusal;
use crate::store::Revision;

/// The most rows of one page, as `filter.maxResults` announces it (RFC 7643 section 5).
pub(super) const MAX_PAGE: u32 = 200;

/// How many rows to answer: absent means `default`, more than [`MAX_PAGE`] means that many, and 0
/// asks for the total alone (RFC 7644 section 3.4.2.4).
pub(super) fn size(asked: Option<u32>, default: u32) -> u32 {
    asked.unwrap_or(default).min(MAX_PAGE)
}

/// How many bytes of documents a page holds: what a caller takes in one message, with room for what
/// is written round them.
const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;

/// How many of the rows, of these lengths in bytes, fit into a page: the first in any case.
pub(super) fn fitting(lengths: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0;
    let fits = |length: &usize| {
        sum += length;
        sum <= MAX_PAGE_BYTES
    };
    lengths.take_while(fits).count().max(1)
}

/// The token of the page behind the row of this number.
pub(super) fn token(last: Revision) -> String {
    URL_SAFE_NO_PAD.encode(last.to_be_bytes())
}

/// Behind which row the page of `token` begins. Whatever it says, it stays in the workspace.
pub(super) fn read(token: &str) -> Result<Revision, Status> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let bytes = bytes.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    bytes.map(u64::from_be_bytes).filter(|row| i64::try_from(*row).is_ok()).ok_or_else(|| {
        no(Refusal::new(
            Reason::InvalidArgument,
            "page_token is not one that an earlier answer gave. Begin again without it.",
        ))
    })
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
        assert_eq!(fitting([10, 20, 30].into_iter()), 3);
        assert_eq!(fitting([MAX_PAGE_BYTES, 1].into_iter()), 1);
        assert_eq!(fitting([MAX_PAGE_BYTES - 1, 1, 1].into_iter()), 2);
        assert_eq!(fitting([MAX_PAGE_BYTES + 1, 1].into_iter()), 1);
    }

    #[test]
    fn a_page_is_never_larger_than_announced() {
        assert_eq!(size(None, 100), 100);
        assert_eq!(size(Some(0), 100), 0);
        assert_eq!(size(Some(u32::MAX), 100), MAX_PAGE);
    }
}
