//! Several Redis that belong together: a cluster, and a master with a replica that sentinels watch.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Redis;
use super::binary::A_MOMENT;

/// Longer than the servers take to agree. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many slots a cluster has.
const SLOTS: usize = 16_384;
/// The name of the master that sentinels watch.
const NAME: &str = "nestr-master";

/// A cluster of three masters, of which the first has a replica.
pub(crate) struct Cluster {
    /// The masters, as they were at first.
    pub(crate) masters: Vec<Redis>,
    /// The replica of the first.
    pub(crate) replica: Redis,
}

impl Cluster {
    /// Starts one.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with these settings of its own for each node.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        let replica = Redis::start_node(settings).await;
        let mut masters = Vec::new();
        for number in 0..3 {
            let (master, next) = (Redis::start_node(settings).await, number + 1);
            let (first, last) = (number * SLOTS / 3, next * SLOTS / 3 - 1);
            let _: () = master.say(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")).await;
            let _: () = master.say(&format!("CLUSTER SET-CONFIG-EPOCH {next}")).await;
            let (host, port) = (master.there().ip(), master.there().port());
            let _: () = replica.say(&format!("CLUSTER MEET {host} {port}")).await;
            masters.push(master);
        }
        let cluster = Self { masters, replica };
        cluster.agrees().await;
        let id: String = cluster.masters[0].say("CLUSTER MYID").await;
        // It has to have heard of it.
        until(async || cluster.replica.say::<String>("CLUSTER NODES").await.contains(&id)).await;
        let _: () = cluster.replica.say(&format!("CLUSTER REPLICATE {id}")).await;
        until(async || cluster.replica.is_replica_in_touch().await).await;
        cluster
    }

    /// Its URL, which names two of its nodes.
    pub(crate) fn url(&self) -> String {
        format!("{},{}", self.masters[1].urls("-cluster"), self.masters[2].there())
    }

    /// Waits until all nodes know each other and that every slot is served.
    async fn agrees(&self) {
        for node in self.masters.iter().chain([&self.replica]) {
            until(async || {
                let info: String = node.say("CLUSTER INFO").await;
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:4")
            })
            .await;
        }
    }

    /// Gives a slot that holds nothing to another master.
    pub(crate) async fn move_slot(&self, slot: u16, to: &Redis) {
        let id: String = to.say("CLUSTER MYID").await;
        // Who gets it says so to the others; it goes first.
        for node in [to].into_iter().chain(&self.masters) {
            let _: () = node.say(&format!("CLUSTER SETSLOT {slot} NODE {id}")).await;
        }
    }
}

/// A master and its replica, and three sentinels that watch them.
pub(crate) struct Watched {
    /// The one that is the master at first.
    pub(crate) master: Redis,
    /// The one that is its replica at first.
    pub(crate) replica: Redis,
    /// Those that watch.
    pub(crate) sentinels: Vec<Redis>,
}

impl Watched {
    /// Starts them.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts them, with these settings of its own for each of the two.
    pub(crate) async fn start_with(settings: &[&str]) -> Self {
        let (master, replica) =
            (Redis::start_with(settings).await, Redis::start_with(settings).await);
        let (host, port) = (master.there().ip(), master.there().port());
        let _: () = replica.say(&format!("REPLICAOF {host} {port}")).await;
        until(async || replica.is_replica_in_touch().await).await;
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Redis::start_sentinel(NAME, &master, 2, settings).await);
        }
        for sentinel in &sentinels {
            until(async || {
                let known: String = sentinel.say("INFO sentinel").await;
                known.contains("status=ok") && known.contains("slaves=1,sentinels=3")
            })
            .await;
        }
        Self { master, replica, sentinels }
    }

    /// The URL that names the sentinels.
    pub(crate) fn url(&self) -> String {
        let [first, second, third] = &self.sentinels[..] else { unreachable!("three") };
        let hosts =
            [first.urls("-sentinel"), second.there().to_string(), third.there().to_string()];
        format!("{}/{NAME}", hosts.join(","))
    }

    /// The sentinels give the other server the master's part, though nothing is wrong with that.
    pub(crate) async fn fail_over(&self) {
        // The sentinel has to know well enough how the other is.
        let words = [&b"SENTINEL"[..], b"FAILOVER", NAME.as_bytes()];
        until(async || self.sentinels[0].try_to_tell::<()>(&words).await.is_ok()).await;
    }
}

impl Redis {
    async fn is_replica_in_touch(&self) -> bool {
        self.say::<String>("INFO replication").await.contains("master_link_status:up")
    }
}

async fn until(is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "they do not agree");
        sleep(A_MOMENT).await;
    }
}
