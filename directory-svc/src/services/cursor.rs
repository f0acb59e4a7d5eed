//! Places in a listing, given out to go on from: opaque, sealed, bound to what was asked, and good for
//! an hour (RFC 9865; AIP-158 for page tokens); and places in the feed of changes, which last.
//!
//! A cursor is encrypted, as it may hold what rows are sorted by, and authenticated together with the
//! question: with another filter, in another workspace or by another integration it opens nothing.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use directory_api::v1::Reason;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::{Clock, MINUTE, Micros};
use crate::refusal::Refusal;
use crate::secret::ClusterSecret;
use crate::store::Mark;

/// How long a cursor is good, in microseconds.
pub(super) const LIFETIME: Micros = 60 * MINUTE;

/// Seals cursors and opens them again.
#[derive(Clone)]
pub(crate) struct Cursors {
    key: Arc<LessSafeKey>,
    clock: Clock,
}

impl Cursors {
    /// With a key of its own, made of the secret.
    pub(crate) fn new(
        secret: &ClusterSecret,
        clock: Clock,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let key = UnboundKey::new(&AES_256_GCM, secret.key_for("cursors").as_ref())?;
        Ok(Self { key: Arc::new(LessSafeKey::new(key)), clock })
    }

    /// The cursor of a place in the listing that answers `question`.
    pub(super) fn seal(&self, question: &str, mark: &Mark) -> Result<String, Refusal> {
        self.seal_lasting(question, &(self.clock.now() + LIFETIME, mark))
    }

    /// The cursor of any place, good for as long as the secret is.
    pub(super) fn seal_lasting<T: Serialize>(
        &self,
        question: &str,
        place: &T,
    ) -> Result<String, Refusal> {
        let nonce: [u8; NONCE_LEN] = self.clock.random();
        let mut sealed = serde_json::to_vec(place).map_err(|_| fault())?;
        self.key
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(question.as_bytes()),
                &mut sealed,
            )
            .map_err(|_| fault())?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// The place of a cursor that was given out for `question`.
    ///
    /// # Errors
    /// `INVALID_CURSOR`, `CURSOR_EXPIRED`.
    pub(super) fn open(&self, question: &str, cursor: &str) -> Result<Mark, Refusal> {
        let (expires_at, mark): (Micros, Mark) =
            self.open_lasting(question, cursor).ok_or_else(invalid)?;
        if self.clock.now() >= expires_at {
            return Err(expired());
        }
        Ok(mark)
    }

    /// The place of a cursor that [`Cursors::seal_lasting`] gave out for `question`; `None`: it did not.
    pub(super) fn open_lasting<T: DeserializeOwned>(
        &self,
        question: &str,
        cursor: &str,
    ) -> Option<T> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let (nonce, question) =
            (Nonce::assume_unique_for_key(*nonce), Aad::from(question.as_bytes()));
        let opened = self.key.open_in_place(nonce, question, &mut sealed).ok()?;
        serde_json::from_slice(opened).ok()
    }
}

fn invalid() -> Refusal {
    Refusal::new(
        Reason::InvalidCursor,
        "The cursor (page_token) is not one that an earlier answer to the same question gave: \
         filter, sorting, workspace and API key have to stay the same. Begin again without it.",
    )
    .at("page_token")
}

fn expired() -> Refusal {
    Refusal::new(
        Reason::CursorExpired,
        "The cursor (page_token) is older than an hour. Begin again without it.",
    )
    .at("page_token")
}

fn fault() -> Refusal {
    Refusal::new(Reason::Unspecified, "internal error")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::store::SortKey;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn cursors(secret: &str, now: &Arc<AtomicI64>) -> Cursors {
        let now = Arc::clone(now);
        let clock = Clock::from_fn(move || now.load(Ordering::Relaxed));
        Cursors::new(&ClusterSecret::new(secret).unwrap(), clock).unwrap()
    }

    fn reason(opened: Result<Mark, Refusal>) -> Reason {
        opened.unwrap_err().reason
    }

    #[test]
    fn a_cursor_is_read_back_by_every_replica_and_shows_nothing() {
        let now = Arc::default();
        let (one, two) = (cursors(SECRET, &now), cursors(SECRET, &now));
        for mark in [
            Mark::of(0),
            Mark::of(u64::MAX),
            Mark { key: SortKey::Text("ada@acme.com".to_owned()), seq: 7 },
            Mark { key: SortKey::Decimal(0.1), seq: 7 },
        ] {
            let cursor = one.seal("all", &mark).unwrap();
            assert_eq!(two.open("all", &cursor).unwrap(), mark);
            let bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
            assert!(!String::from_utf8_lossy(&bytes).contains("ada"));
        }
    }

    /// Seen to fail with the question left out of what is authenticated.
    #[test]
    fn a_cursor_opens_nothing_but_what_it_was_given_for() {
        let now = Arc::default();
        let given = cursors(SECRET, &now);
        let cursor = given.seal("all of acme", &Mark::of(7)).unwrap();
        assert_eq!(reason(given.open("all of evil", &cursor)), Reason::InvalidCursor);
        let other = cursors("another secret of thirty-two chars", &now);
        assert_eq!(reason(other.open("all of acme", &cursor)), Reason::InvalidCursor);
        for made_up in ["", "x", "AAAA", "////////////", &cursor[1..], &cursor.repeat(2)] {
            assert_eq!(reason(given.open("all of acme", made_up)), Reason::InvalidCursor);
        }
        let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let turned = URL_SAFE_NO_PAD.encode(&bytes);
            assert_eq!(reason(given.open("all of acme", &turned)), Reason::InvalidCursor, "{at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn a_cursor_is_good_for_an_hour() {
        let now = Arc::new(AtomicI64::new(0));
        let given = cursors(SECRET, &now);
        let cursor = given.seal("all", &Mark::of(7)).unwrap();
        now.store(LIFETIME - 1, Ordering::Relaxed);
        assert!(given.open("all", &cursor).is_ok());
        now.store(LIFETIME, Ordering::Relaxed);
        assert_eq!(reason(given.open("all", &cursor)), Reason::CursorExpired);
    }
}
