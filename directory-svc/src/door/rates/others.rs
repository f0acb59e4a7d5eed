//! What directories on one store tell each other of their buckets: how much each took out of which.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use tokio::time::Instant;
use uuid::Uuid;

use super::Bucket;
use crate::clock::{Clock, Micros};
use crate::ids::{ApiKeyId, IntegrationId};
use crate::secret::ClusterSecret;
use crate::shared::{Seal, Shared, Topic, unbelieved};

/// How far the time at which something was told may lie from that at which it is heard: by what clocks
/// differ, and no longer than it could be kept back to be told again.
const FRESH: Duration = Duration::from_secs(10);
/// Of how many buckets one notice tells, so that it stays below what Redis is given at a time.
const BUCKETS: usize = 700;
/// The bytes of one bucket in a notice: whose it is, its id, and how much was taken.
const BUCKET_BYTES: usize = 1 + 16 + 4;
/// By way of whom in a cluster notices go.
const GROUP: &str = "rates";

/// The other directories, as far as they are heard.
pub(super) struct Others {
    redis: Shared,
    seal: Seal,
    clock: Clock,
    /// By what others know this one, until it ends.
    me: u64,
    told: AtomicU64,
    heard: Mutex<Heard>,
}

/// Of each directory the number of its last notice, and when it came. Those that are not heard any more are
/// forgotten, after every notice of theirs has become too old.
#[derive(Debug, Default)]
struct Heard(HashMap<u64, (u64, Instant)>);

/// A notice.
#[derive(Debug, PartialEq, Eq)]
struct Notice {
    from: u64,
    number: u64,
    at: Micros,
    taken: Vec<(Bucket, u32)>,
}

impl Others {
    /// # Errors
    /// When no keys can be made of the cluster secret.
    pub(super) fn new(
        redis: Shared,
        secret: &ClusterSecret,
        clock: Clock,
    ) -> Result<Self, Unspecified> {
        let (seal, me) =
            (Seal::new(secret, "rates", clock.clone())?, u64::from_be_bytes(clock.random()));
        Ok(Self { redis, seal, clock, me, told: AtomicU64::new(0), heard: Mutex::default() })
    }

    /// Tells what was taken here.
    pub(super) async fn tell(&self, taken: &[(Bucket, u32)]) {
        for taken in taken.chunks(BUCKETS) {
            let number = self.told.fetch_add(1, Ordering::Relaxed) + 1;
            let (at, taken) = (self.clock.now(), taken.to_vec());
            let notice = Notice { from: self.me, number, at, taken };
            if let Ok(sealed) = self.seal.seal(&[], notice.bytes()) {
                self.redis.publish(Topic::Rates, GROUP, &sealed).await;
            }
        }
    }

    /// What another took, and how many others there are. `None`: it is heard already, or nobody's with our secret.
    pub(super) fn hear(&self, sealed: &[u8]) -> Option<(Vec<(Bucket, u32)>, usize)> {
        let notice = self.seal.open(&[], sealed).and_then(|bytes| Notice::read(&bytes));
        let Some(notice) = notice else {
            unbelieved("rate");
            return None;
        };
        if notice.from == self.me {
            return None;
        }
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.is_news(&notice, self.clock.now()).then(|| (notice.taken, heard.0.len()))
    }
}

impl Heard {
    fn is_news(&mut self, notice: &Notice, now: Micros) -> bool {
        if Duration::from_micros(now.abs_diff(notice.at)) >= FRESH {
            return false;
        }
        let came = Instant::now();
        self.0.retain(|_, (_, heard)| came.duration_since(*heard) < FRESH * 2);
        let last = self.0.entry(notice.from).or_insert((0, came));
        let is_news = notice.number > last.0;
        if is_news {
            *last = (notice.number, came);
        }
        is_news
    }
}

impl Notice {
    fn bytes(&self) -> Vec<u8> {
        let head = [self.from.to_be_bytes(), self.number.to_be_bytes(), self.at.to_be_bytes()];
        let taken = self.taken.iter().flat_map(|(bucket, count)| {
            let (kind, id) = match bucket {
                Bucket::Integration(id) => (0, id.uuid()),
                Bucket::Refused(id) => (1, id.uuid()),
            };
            [&[kind][..], id.as_bytes(), &count.to_be_bytes()].concat()
        });
        head.concat().into_iter().chain(taken).collect()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (from, rest) = bytes.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (at, rest) = rest.split_first_chunk()?;
        let (taken, rest) = rest.as_chunks::<BUCKET_BYTES>();
        let bucket = |bytes: &[u8; BUCKET_BYTES]| {
            let ([kind], rest) = bytes.split_first_chunk()?;
            let (id, count) = rest.split_first_chunk()?;
            let id = Uuid::from_bytes(*id);
            let bucket = match kind {
                0 => Bucket::Integration(IntegrationId::new(id)),
                1 => Bucket::Refused(ApiKeyId::new(id)),
                _ => return None,
            };
            Some((bucket, u32::from_be_bytes(count.try_into().ok()?)))
        };
        let taken = taken.iter().map(bucket).collect::<Option<_>>().filter(|_| rest.is_empty())?;
        let (from, number) = (u64::from_be_bytes(*from), u64::from_be_bytes(*number));
        Some(Self { from, number, at: Micros::from_be_bytes(*at), taken })
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const NOW: Micros = 1_700_000_000_000_000;

    fn notice(from: u64, number: u64, at: Micros) -> Notice {
        let id = Uuid::from_u128(7);
        let taken = vec![
            (Bucket::Integration(IntegrationId::new(id)), 3),
            (Bucket::Refused(ApiKeyId::new(id)), u32::MAX),
        ];
        Notice { from, number, at, taken }
    }

    #[test]
    fn a_notice_is_read_as_it_was_written_and_nothing_else_is() {
        let notice = notice(1, 2, NOW);
        let bytes = notice.bytes();
        assert_eq!(Notice::read(&bytes), Some(notice));
        for length in (0..bytes.len()).filter(|length| (length + 18) % BUCKET_BYTES != 0) {
            assert_eq!(Notice::read(&bytes[..length]), None, "{length}");
        }
        let mut other = bytes;
        other[24] = 2;
        assert_eq!(Notice::read(&other), None);
    }

    /// Seen to fail with numbers and with times that are not looked at.
    #[tokio::test(start_paused = true)]
    async fn a_notice_counts_once_and_soon_or_not_at_all() {
        let (mut heard, fresh) = (Heard::default(), i64::try_from(FRESH.as_micros()).unwrap());
        assert!(heard.is_news(&notice(1, 1, NOW), NOW));
        assert!(!heard.is_news(&notice(1, 1, NOW), NOW), "told again");
        assert!(heard.is_news(&notice(2, 1, NOW), NOW));
        assert!(heard.is_news(&notice(1, 3, NOW), NOW));
        assert!(
            !heard.is_news(&notice(1, 2, NOW), NOW),
            "one was overtaken, which may be a repetition"
        );
        for far in [-fresh, fresh] {
            assert!(!heard.is_news(&notice(3, 1, NOW + far), NOW), "kept back, or of another time");
        }
        assert_eq!(heard.0.len(), 2);

        // Whoever is forgotten has said nothing that is still fresh.
        advance(FRESH * 2).await;
        let later = NOW + 2 * fresh;
        assert!(!heard.is_news(&notice(1, 3, NOW), later));
        assert!(heard.is_news(&notice(4, 1, later), later));
        assert_eq!(heard.0.len(), 1);
    }
}
