//! What the directories on one store share beside it: a Redis, which makes things faster and decides
//! nothing.
//!
//! Each connection carries questions, notices, and the subscription to notices: all of it is there, or
//! none. No request waits for it longer than [`BUDGET`], and none at all while it is known to be away.
//! Nothing here knows what is shared; whoever shares it seals it, as others may write here too.

mod address;
mod config;
mod link;
mod seal;
mod slots;

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Msg, PushInfo, PushKind, RedisError};
use tokio::time::timeout;

pub use address::{NoRedis, Redis, RedisUrl};
pub use config::RedisConfig;
use link::{Link, NoLink, Push};
pub(crate) use seal::Seal;

use crate::breaker::{Breaker, Held, Told};

/// How long an answer is waited for.
pub(crate) const BUDGET: Duration = Duration::from_millis(50);
/// The largest value. What others put there that is larger is read no further.
const VALUE_BYTES: usize = 16 * 1024;

/// What notices are about. Each has a channel of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// What keys open.
    Keys,
    /// How much was asked.
    Rates,
}

impl Topic {
    const ALL: [Self; 2] = [Self::Keys, Self::Rates];

    /// The name of its channel, behind the prefix.
    const fn channel(self) -> &'static str {
        match self {
            Self::Keys => "notices",
            Self::Rates => "rates",
        }
    }
}

/// The connection to a Redis. Clones share it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    redis: Redis,
    breaker: Breaker<Link>,
}

/// The name of something that is shared, and the slot of a cluster that it falls into.
pub(crate) struct Name {
    text: String,
    slot: u16,
}

/// What is told to whoever listens.
pub(crate) enum Heard<'a> {
    /// From now on notices are heard; before, some may not have been.
    Begun,
    /// A notice, from whomever.
    Notice(Topic, &'a [u8]),
}

impl Shared {
    /// A connection that is not made yet.
    pub(crate) fn new(redis: Redis) -> Self {
        let up = |is_there| metrics::gauge!("nestr_scim_redis_up").set(u8::from(is_there));
        let told = Told { name: "Redis".to_owned(), instead: "the store", up };
        Self(Arc::new(Inner { redis, breaker: Breaker::new(told) }))
    }

    /// Whether every notice of this long was heard.
    pub(crate) fn has_heard_for(&self, long: Duration) -> bool {
        self.0.breaker.held().is_some_and(|held| held.since.elapsed() >= long)
    }

    /// The name of something that belongs to `group`: what belongs to one group lies together.
    pub(crate) fn name(&self, kind: &str, group: &str, name: &str) -> Name {
        let text = format!("{}:{kind}:{{{group}}}:{name}", self.0.redis.prefix);
        Name { text, slot: slots::slot_of(group) }
    }

    /// What lies under a name, cut to [`VALUE_BYTES`]. `None`: nothing, or Redis does not say in time.
    pub(crate) async fn get(&self, name: &Name) -> Option<Vec<u8>> {
        let mut command = redis::cmd("GETRANGE");
        command.arg(&name.text).arg(0).arg(VALUE_BYTES - 1);
        self.ask::<Vec<u8>>("get", name.slot, &command).await.filter(|value| !value.is_empty())
    }

    /// Lays a value of at most [`VALUE_BYTES`] down for `life`. That it lies there is not promised.
    pub(crate) async fn set(&self, name: &Name, value: &[u8], life: Duration) {
        if value.len() > VALUE_BYTES {
            return;
        }
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let mut command = redis::cmd("SET");
        command.arg(&name.text).arg(value).arg("PX").arg(life);
        self.ask::<()>("set", name.slot, &command).await;
    }

    /// Tells everybody who listens of something of `group`, by way of who has what belongs to that. That they
    /// hear it is not promised.
    pub(crate) async fn publish(&self, topic: Topic, group: &str, notice: &[u8]) {
        let mut command = redis::cmd("PUBLISH");
        command.arg(self.channel(topic)).arg(notice);
        self.ask::<u64>("publish", slots::slot_of(group), &command).await;
    }

    /// Keeps the connections and listens, for as long as it is polled. A notice may be heard several times.
    pub(crate) async fn keep(&self, hear: impl Fn(Heard<'_>) + Send + Sync + 'static) {
        let hear = Arc::new(hear);
        let connect = || self.connect(Arc::clone(&hear));
        self.0.breaker.keep(connect, link::is_alive).await;
    }

    async fn connect(
        &self,
        hear: Arc<impl Fn(Heard<'_>) + Send + Sync + 'static>,
    ) -> Result<Link, NoLink> {
        let (heard, channels) = (Arc::clone(&hear), Topic::ALL.map(|topic| self.channel(topic)));
        let names = channels.clone();
        let push: Push = Arc::new(move |push: PushInfo| {
            if push.kind == PushKind::Message
                && let Some(message) = Msg::from_push_info(push)
                && let Some(topic) =
                    names.iter().position(|name| name == message.get_channel_name())
            {
                heard(Heard::Notice(Topic::ALL[topic], message.get_payload_bytes()));
            }
        });
        let link = Link::make(&self.0.redis, &channels, &push).await?;
        hear(Heard::Begun);
        Ok(link)
    }

    /// What the one that has a slot answers, if it does in time. Whether or not it does is counted.
    async fn ask<T: FromRedisValue>(
        &self,
        call: &'static str,
        slot: u16,
        command: &Cmd,
    ) -> Option<T> {
        let Some(held) = self.0.breaker.held() else {
            count(call, "away");
            return None;
        };
        let mut node = held.connection.node(slot);
        match timeout(BUDGET, command.query_async(&mut node)).await {
            Ok(Ok(answer)) => {
                held.succeeded();
                count(call, "ok");
                Some(answer)
            }
            Ok(Err(error)) => {
                failed(&held, &error);
                count(call, "failed");
                None
            }
            Err(_) => {
                held.failed();
                count(call, "late");
                None
            }
        }
    }

    fn channel(&self, topic: Topic) -> String {
        format!("{}:{}", self.0.redis.prefix, topic.channel())
    }
}

fn failed(held: &Held<Link>, error: &RedisError) {
    // Others have to be asked now: what moves between nodes is for a while with neither, and not missed.
    let is_elsewhere = matches!(error.code(), Some("MOVED" | "READONLY"));
    if is_elsewhere || error.is_connection_dropped() || error.is_unrecoverable_error() {
        held.give_up();
    } else if error.code() != Some("ASK") {
        tracing::debug!(cause = cause(error), "Redis refuses");
        held.failed();
    }
}

fn count(call: &'static str, outcome: &'static str) {
    metrics::counter!("nestr_scim_redis_calls_total", "call" => call, "outcome" => outcome)
        .increment(1);
}

/// Counts what was found in Redis, or heard there, and nobody with our secret put there.
pub(crate) fn unbelieved(what: &'static str) {
    metrics::counter!("nestr_scim_redis_unbelieved_total", "what" => what).increment(1);
}

/// What is wrong: a kind of error, and the word by which Redis calls it, such as `WRONGPASS`. What else
/// it says may hold anything.
fn cause(error: &RedisError) -> String {
    let is_word = |code: &&str| code.len() <= 20 && code.bytes().all(|b| b.is_ascii_uppercase());
    match error.code().filter(is_word) {
        Some(code) => format!("{} ({code})", error.category()),
        None => error.category().to_owned(),
    }
}
