//! The connections over which directories share: one to each server that holds a part of it, which is one,
//! or the masters of a cluster.
//!
//! Each carries questions and the subscription to notices, so that whoever can be asked is heard, too. They
//! are made together and given up together: a cluster is asked while all its masters answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, PushInfo, RedisError, RedisResult, Value,
};
use tokio::time::timeout;

use super::address::{Kind, Redis};
use super::cause;
use super::slots::{Address, Slots};

/// How long a connection may take to be made, and to give a sign of life.
const CONNECTING: Duration = Duration::from_millis(250);

/// What is called with what Redis says without having been asked.
pub(super) type Push = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// Connections to all that is shared. Clones share them.
#[derive(Clone)]
pub(super) struct Link(Arc<Made>);

struct Made {
    nodes: Vec<MultiplexedConnection>,
    slots: Slots,
    /// What was found as the master has to be it still.
    is_found: bool,
}

/// Why there is no link. It repeats nothing of what was said to whom.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoLink {
    #[error("it takes too long to connect")]
    Late,
    #[error("{}", cause(.0))]
    Refused(#[from] RedisError),
    #[error("a sentinel knows no master of this name")]
    NoMaster,
    #[error("what a sentinel names is no master")]
    NotMaster,
    #[error("the cluster does not serve all slots")]
    Gap,
}

impl Link {
    /// Connects, and listens to `channels`.
    ///
    /// # Errors
    /// When none of the hosts helps; what is wrong with the last.
    pub(super) async fn make(
        redis: &Redis,
        channels: &[String],
        push: &Push,
    ) -> Result<Self, NoLink> {
        let mut wrong = NoLink::Late;
        for host in &redis.hosts {
            match Self::make_through(redis, host, channels, push).await {
                Ok(made) => return Ok(Self(Arc::new(made))),
                Err(cause) => wrong = cause,
            }
        }
        Err(wrong)
    }

    async fn make_through(
        redis: &Redis,
        host: &Address,
        channels: &[String],
        push: &Push,
    ) -> Result<Made, NoLink> {
        let open = |at: &Address| {
            let client = redis.at(at);
            async move { listening(client?, channels, push).await }
        };
        match &redis.kind {
            Kind::Server => {
                let nodes = vec![open(host).await?];
                Ok(Made { nodes, slots: Slots::of_one(), is_found: false })
            }
            Kind::Sentinel(name) => {
                let mut node = open(&master(redis, host, name).await?).await?;
                // Sentinels may not have heard yet that it is not.
                if !is_master(&mut node).await {
                    return Err(NoLink::NotMaster);
                }
                Ok(Made { nodes: vec![node], slots: Slots::of_one(), is_found: true })
            }
            Kind::Cluster => {
                let (masters, slots) = masters(redis, host).await?;
                let nodes = try_join_all(masters.iter().map(open)).await?;
                Ok(Made { nodes, slots, is_found: false })
            }
        }
    }

    /// The connection to the one that has a slot.
    pub(super) fn node(&self, slot: u16) -> MultiplexedConnection {
        self.0.nodes[self.0.slots.node(slot)].clone()
    }
}

/// Whether each gives a sign of life, and is what it was found as.
pub(super) async fn is_alive(link: Link) -> bool {
    let Made { nodes, is_found, .. } = &*link.0;
    let signs = nodes.iter().map(async |node| {
        let mut node = node.clone();
        if *is_found {
            is_master(&mut node).await
        } else {
            answer::<String>(&mut node, &redis::cmd("PING")).await.is_ok()
        }
    });
    join_all(signs).await.into_iter().all(|sign| sign)
}

/// A connection that hears what is told on the channels.
async fn listening(
    client: Client,
    channels: &[String],
    push: &Push,
) -> Result<MultiplexedConnection, NoLink> {
    let push = Arc::clone(push);
    let config = config().set_push_sender(move |told| {
        push(told);
        Ok::<(), ()>(())
    });
    in_time(async {
        let mut node = client.get_multiplexed_async_connection_with_config(&config).await?;
        node.subscribe(channels).await?;
        Ok(node)
    })
    .await
}

/// Where the master of this name is, as a sentinel says: one that asks for credentials is shown those for Redis.
async fn master(redis: &Redis, sentinel: &Address, name: &str) -> Result<Address, NoLink> {
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    let plain = asked(redis.sentinel(sentinel, false)?, &question).await;
    let found: Option<Address> = match plain {
        Err(NoLink::Refused(refused)) if refused.code() == Some("NOAUTH") => {
            asked(redis.sentinel(sentinel, true)?, &question).await?
        }
        plain => plain?,
    };
    found.ok_or(NoLink::NoMaster)
}

/// The masters of the cluster that a node belongs to, and who has what.
async fn masters(redis: &Redis, node: &Address) -> Result<(Vec<Address>, Slots), NoLink> {
    let mut question = redis::cmd("CLUSTER");
    question.arg("SLOTS");
    let answer: Vec<Value> = asked(redis.at(node)?, &question).await?;
    Slots::read(&answer, &node.0).ok_or(NoLink::Gap)
}

async fn is_master(node: &mut MultiplexedConnection) -> bool {
    let role = answer::<Vec<Value>>(node, &redis::cmd("ROLE")).await;
    let name = role.as_ref().ok().and_then(|role| role.first());
    name.is_some_and(|name| {
        redis::from_redis_value_ref::<String>(name).is_ok_and(|n| n == "master")
    })
}

/// The answer of whoever is asked this once.
async fn asked<T: FromRedisValue>(client: Client, question: &Cmd) -> Result<T, NoLink> {
    in_time(async {
        let config = config();
        let mut node = client.get_multiplexed_async_connection_with_config(&config).await?;
        question.query_async(&mut node).await
    })
    .await
}

async fn answer<T: FromRedisValue>(
    node: &mut MultiplexedConnection,
    question: &Cmd,
) -> Result<T, NoLink> {
    in_time(question.query_async(node)).await
}

/// The name of the host is looked up in this time, too.
async fn in_time<T>(asking: impl Future<Output = RedisResult<T>>) -> Result<T, NoLink> {
    timeout(CONNECTING, asking).await.map_err(|_| NoLink::Late)?.map_err(NoLink::Refused)
}

/// The library ends no wait: who asks knows for how long.
fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None)
}
