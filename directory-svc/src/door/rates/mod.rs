//! How often an integration may ask, and a key that is refused: a token bucket each.
//!
//! Directories on one store share a bucket by telling each other what they took out of it, several times a second, off
//! the requests' way. What that bounds stands in docs/decisions/0037-redis-of-several-servers.md.

mod levels;
mod others;

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use directory_api::v1::Reason;
use tokio::time::sleep;

use self::levels::Levels;
use self::others::Others;
use crate::clock::Clock;
use crate::ids::{ApiKeyId, IntegrationId};
use crate::refusal::Refusal;
use crate::secret::ClusterSecret;
use crate::shared::Shared;

/// How often others are told what was taken.
const TELLING: Duration = Duration::from_millis(200);

/// How much identity providers may ask.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct LimitsConfig {
    /// Requests a second that an integration may send on the average, to all directories that share a Redis
    /// together. Over it: 429 with Retry-After. 0: as many as it likes.
    #[arg(long, env = "NESTR_SCIM_RATE", value_name = "COUNT", default_value_t = 50)]
    pub rate: u32,

    /// Requests that an integration may send at once after a pause, beyond the rate.
    #[arg(
        long,
        env = "NESTR_SCIM_BURST",
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub burst: u32,
}

/// Whose bucket a request is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bucket {
    /// An integration's, whose good keys share it.
    Integration(IntegrationId),
    /// That of a key which is refused: it takes nothing from the good ones of its integration.
    Refused(ApiKeyId),
}

/// The buckets. Only keys that are known have one, so there are no more than integrations and keys.
#[derive(Clone)]
pub(super) struct Rates(Option<Arc<Kept>>);

/// Rates that are to be kept to.
struct Kept {
    config: LimitsConfig,
    levels: Levels,
    others: Option<Others>,
}

impl Rates {
    /// Buckets of this directory's own, or of all that share the Redis.
    ///
    /// # Errors
    /// When no keys can be made of the cluster secret.
    pub(super) fn new(
        config: LimitsConfig,
        clock: &Clock,
        secret: &ClusterSecret,
        redis: Option<Shared>,
    ) -> Result<Self, Unspecified> {
        let Some(levels) = Levels::new(config) else { return Ok(Self(None)) };
        let others = redis.map(|redis| Others::new(redis, secret, clock.clone())).transpose()?;
        Ok(Self(Some(Arc::new(Kept { config, levels, others }))))
    }

    /// Takes one request out of a bucket.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the time until the next will be taken.
    pub(super) fn take(&self, bucket: Bucket) -> Result<(), Refusal> {
        let Some(kept) = &self.0 else { return Ok(()) };
        kept.levels.take(bucket, kept.others.is_some()).map_err(|wait| {
            let (limit, who) = match bucket {
                Bucket::Integration(_) => ("integration", "The integration"),
                Bucket::Refused(_) => ("refused_key", "The API key, which is refused,"),
            };
            metrics::counter!("nestr_scim_rate_limited_total", "limit" => limit).increment(1);
            let LimitsConfig { rate, burst } = kept.config;
            Refusal::new(
                Reason::RateLimited,
                format!(
                    "{who} sends more than {rate} requests a second (--rate) and has \
                     used up its burst of {burst} (--burst). Wait as Retry-After says, and send fewer.",
                ),
            )
            .to_be_tried_after(wait)
        })
    }

    /// Tells the other directories what was taken, for as long as it is polled. What cannot be told, as Redis is
    /// away, is not told later: until it is back each directory keeps to the rate by itself.
    pub(super) async fn tell(&self) {
        let Some(Kept { levels, others: Some(others), .. }) = self.0.as_deref() else { return };
        loop {
            sleep(TELLING).await;
            others.tell(&levels.untold()).await;
        }
    }

    /// Takes out what another directory says that it took.
    pub(super) fn hear(&self, notice: &[u8]) {
        let Some(Kept { levels, others: Some(others), .. }) = self.0.as_deref() else { return };
        let Some((taken, directories)) = others.hear(notice) else { return };
        for (bucket, count) in taken {
            levels.take_for(bucket, count, directories);
        }
    }

    /// Forgets the buckets that are full again.
    pub(super) fn sweep(&self) {
        if let Some(kept) = &self.0 {
            kept.levels.sweep();
        }
    }
}
