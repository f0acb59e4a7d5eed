//! How often an integration may ask, and a key that is refused: a token bucket each.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use directory_api::v1::Reason;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::ids::{ApiKeyId, IntegrationId};
use crate::refusal::Refusal;

/// How much identity providers may ask.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct LimitsConfig {
    /// Requests a second that an integration may send on the average. Over it: 429 with Retry-After.
    /// 0: as many as it likes.
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
#[derive(Clone, Debug)]
pub(super) struct Rates(Option<Arc<DefaultKeyedRateLimiter<Bucket>>>);

impl Rates {
    pub(super) fn new(config: LimitsConfig) -> Self {
        let rate = NonZeroU32::new(config.rate);
        let burst = NonZeroU32::new(config.burst).unwrap_or(NonZeroU32::MIN);
        let quota = rate.map(|rate| Quota::per_second(rate).allow_burst(burst));
        Self(quota.map(|quota| Arc::new(RateLimiter::keyed(quota))))
    }

    /// Takes one request out of a bucket.
    ///
    /// # Errors
    /// `RATE_LIMITED`, with the time until the next will be taken.
    pub(super) fn take(&self, bucket: Bucket) -> Result<(), Refusal> {
        let Some(buckets) = &self.0 else { return Ok(()) };
        buckets.check_key(&bucket).map_err(|early| {
            let (limit, who) = match bucket {
                Bucket::Integration(_) => ("integration", "The integration"),
                Bucket::Refused(_) => ("refused_key", "The API key, which is refused,"),
            };
            metrics::counter!("nestr_scim_rate_limited_total", "limit" => limit).increment(1);
            let wait = early.wait_time_from(DefaultClock::default().now());
            let per_second = early.quota().replenish_interval();
            let rate = Duration::from_secs(1).as_nanos() / per_second.as_nanos().max(1);
            Refusal::new(
                Reason::RateLimited,
                format!(
                    "{who} sends more than {rate} requests a second (--rate) and has \
                     used up its burst of {} (--burst). Wait as Retry-After says, and send fewer.",
                    early.quota().burst_size()
                ),
            )
            .to_be_tried_after(wait)
        })
    }

    /// Forgets the buckets that are full again.
    pub(super) fn sweep(&self) {
        if let Some(buckets) = &self.0 {
            buckets.retain_recent();
        }
    }
}
