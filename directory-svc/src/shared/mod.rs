//! What the directories on one store share beside it: a Redis, which makes things faster and decides
//! nothing.
//!
//! One connection carries questions, notices, and the subscription to notices: all of it is there, or
//! none. No request waits for it longer than [`BUDGET`], and none at all while it is known to be away.
//! Nothing here knows what is shared; whoever shares it seals it, as others may write here too. A single
//! Redis it is: names of one workspace have one hash tag, so that a cluster can be put in its place.

mod breaker;
mod config;
mod seal;

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, Msg, PushInfo, PushKind};
use tokio::time::timeout;

use breaker::{Breaker, Held};
pub use config::{NoRedis, Redis, RedisConfig, RedisUrl};
pub(crate) use seal::Seal;

/// How long an answer is waited for.
pub(crate) const BUDGET: Duration = Duration::from_millis(50);
/// How long a connection may take to be made, and to give a sign of life.
const CONNECTING: Duration = Duration::from_millis(250);
/// The largest value. What others put there that is larger is read no further.
const VALUE_BYTES: usize = 16 * 1024;
/// The channel of notices, behind the prefix.
const CHANNEL: &str = "notices";

/// The connection to a Redis. Clones share it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    redis: Redis,
    breaker: Breaker<MultiplexedConnection>,
}

/// What is told to whoever listens.
pub(crate) enum Heard<'a> {
    /// From now on notices are heard; before, some may not have been.
    Begun,
    /// A notice, from whomever.
    Notice(&'a [u8]),
}

impl Shared {
    /// A connection that is not made yet.
    pub(crate) fn new(redis: Redis) -> Self {
        Self(Arc::new(Inner { redis, breaker: Breaker::default() }))
    }

    /// Whether every notice of this long was heard.
    pub(crate) fn has_heard_for(&self, long: Duration) -> bool {
        self.0.breaker.held().is_some_and(|held| held.since.elapsed() >= long)
    }

    /// The name of something that belongs to `group`: what belongs to one group lies together.
    pub(crate) fn name(&self, kind: &str, group: &str, name: &str) -> String {
        format!("{}:{kind}:{{{group}}}:{name}", self.0.redis.prefix)
    }

    /// What lies under a name, cut to [`VALUE_BYTES`]. `None`: nothing, or Redis does not say in time.
    pub(crate) async fn get(&self, name: &str) -> Option<Vec<u8>> {
        let mut command = redis::cmd("GETRANGE");
        let value = self.ask::<Vec<u8>>("get", command.arg(name).arg(0).arg(VALUE_BYTES - 1)).await;
        value.filter(|value| !value.is_empty())
    }

    /// Lays a value of at most [`VALUE_BYTES`] down for `life`. That it lies there is not promised.
    pub(crate) async fn set(&self, name: &str, value: &[u8], life: Duration) {
        if value.len() > VALUE_BYTES {
            return;
        }
        let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX);
        let mut command = redis::cmd("SET");
        self.ask::<()>("set", command.arg(name).arg(value).arg("PX").arg(life)).await;
    }

    /// Tells everybody who listens. That they hear it is not promised.
    pub(crate) async fn publish(&self, notice: &[u8]) {
        let mut command = redis::cmd("PUBLISH");
        self.ask::<u64>("publish", command.arg(self.channel()).arg(notice)).await;
    }

    /// Keeps the connection and listens, for as long as it is polled.
    pub(crate) async fn keep(&self, hear: impl Fn(Heard<'_>) + Send + Sync + 'static) {
        let hear = Arc::new(hear);
        let connect = || self.connect(Arc::clone(&hear));
        self.0.breaker.keep(connect, is_alive).await;
    }

    async fn connect(
        &self,
        hear: Arc<impl Fn(Heard<'_>) + Send + Sync + 'static>,
    ) -> Result<MultiplexedConnection, String> {
        let (heard, channel) = (Arc::clone(&hear), self.channel());
        let pushed = move |push: PushInfo| {
            if push.kind == PushKind::Message
                && let Some(message) = Msg::from_push_info(push)
                && message.get_channel_name() == channel
            {
                heard(Heard::Notice(message.get_payload_bytes()));
            }
            Ok::<(), ()>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(CONNECTING))
            .set_push_sender(pushed);
        let connecting = async {
            let client = &self.0.redis.client;
            let mut connection =
                client.get_multiplexed_async_connection_with_config(&config).await?;
            connection.subscribe(self.channel()).await?;
            Ok(connection)
        };
        // The name is looked up, too.
        let connected = timeout(CONNECTING * 2, connecting).await;
        let connection = connected
            .map_err(|_| "it takes too long to connect".to_owned())?
            .map_err(|error: redis::RedisError| cause(&error))?;
        hear(Heard::Begun);
        Ok(connection)
    }

    /// What Redis answers, if it does in time. Whether or not it does is counted.
    async fn ask<T: FromRedisValue>(&self, call: &'static str, command: &Cmd) -> Option<T> {
        let Some(held) = self.0.breaker.held() else {
            count(call, "away");
            return None;
        };
        let mut connection = held.connection.clone();
        match timeout(BUDGET, command.query_async(&mut connection)).await {
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

    fn channel(&self) -> String {
        format!("{}:{CHANNEL}", self.0.redis.prefix)
    }
}

fn failed(held: &Held<MultiplexedConnection>, error: &redis::RedisError) {
    if error.is_connection_dropped() || error.is_unrecoverable_error() {
        held.give_up();
    } else {
        tracing::debug!(cause = cause(error), "Redis refuses");
        held.failed();
    }
}

async fn is_alive(mut connection: MultiplexedConnection) -> bool {
    let pong = timeout(CONNECTING, redis::cmd("PING").query_async::<String>(&mut connection)).await;
    matches!(pong, Ok(Ok(_)))
}

fn count(call: &'static str, outcome: &'static str) {
    metrics::counter!("nestr_scim_redis_calls_total", "call" => call, "outcome" => outcome)
        .increment(1);
}

/// What is wrong: a kind of error, and the word by which Redis calls it, such as `WRONGPASS`. What else
/// it says may hold anything.
fn cause(error: &redis::RedisError) -> String {
    let is_word = |code: &&str| code.len() <= 20 && code.bytes().all(|b| b.is_ascii_uppercase());
    match error.code().filter(is_word) {
        Some(code) => format!("{} ({code})", error.category()),
        None => error.category().to_owned(),
    }
}
