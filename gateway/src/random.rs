//! Randomness as a value: the ids that the gateway gives have one answer in a test.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// Fills bytes with random bits.
type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Where the gateway takes randomness from.
#[derive(Clone)]
pub struct Random(Arc<Fill>);

impl Random {
    /// The system's generator of random bits.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that takes random bits")]
    pub fn system() -> Self {
        Self::from_fn(|bytes| rand::Rng::fill_bytes(&mut rand::rng(), bytes))
    }

    /// The random bits that `fill` fills in. Two requests are told apart by them, so a test that
    /// sends more than one fills in others each time.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// A new id: UUID version 4.
    pub(crate) fn new_id(&self) -> Uuid {
        let mut bytes = [0; 16];
        (self.0)(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}
