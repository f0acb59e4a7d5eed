//! Directories that share a cluster, or the master that sentinels name: as with a Redis by itself, also when
//! another server takes over.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::harness::{Cluster, House, Key, Redis, Replica, Watched};

/// By when a change holds everywhere while Redis passes it on.
const SOON: Duration = Duration::from_secs(1);
/// By when it holds everywhere whatever becomes of Redis.
const AT_THE_LATEST: Duration = Duration::from_secs(10);
/// How long a look-up is believed, and how long a directory has to have heard before it believes Redis.
const LIFE: Duration = Duration::from_secs(5);
/// Longer than servers take to agree and directories to find them. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(40);

/// Two directories on one store.
struct Pair {
    house: House,
    one: Replica,
    two: Replica,
}

impl Pair {
    async fn beside(url: &str) -> Self {
        let house = House::new();
        let (one, two) = (house.replica_at(url).await, house.replica_at(url).await);
        Self { house, one, two }
    }

    async fn new_key(&self) -> Key {
        self.one.key(&self.one.workspace().await).await
    }

    async fn both_take(&self, key: &Key) {
        assert!(self.one.takes(key).await && self.two.takes(key).await);
    }

    /// What is revoked by one the other refuses in this time, and one itself at once, while both go on to
    /// take another key. Nobody waits for Redis.
    async fn shuts_out(&self, key: &Key, good: &Key, within: Duration) {
        self.both_take(key).await;
        self.one.revoke(key).await;
        let (began, mut refused) = (Instant::now(), false);
        while began.elapsed() < within && !refused {
            let asked = Instant::now();
            assert!(!self.one.takes(key).await);
            refused = !self.two.takes(key).await;
            self.both_take(good).await;
            assert!(asked.elapsed() < SOON * 5, "{:?}", asked.elapsed());
            sleep(Duration::from_millis(20)).await;
        }
        assert!(refused, "still taken after {within:?}");
    }

    /// Waits until what one looks up of a key's workspace the other finds in Redis. Between, both look up what
    /// belongs to another, so that not everything that they ask fails.
    async fn share_again(&self, key: &Key, beside: &Key) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let other = self.one.key(&beside.workspace_id).await;
            self.both_take(&other).await;
            self.house.revoke_behind_everybody(&other).await;
            let key = self.one.key(&key.workspace_id).await;
            assert!(self.one.takes(&key).await);
            sleep(Duration::from_millis(100)).await;
            self.house.revoke_behind_everybody(&key).await;
            if self.two.takes(&key).await {
                return;
            }
            assert!(Instant::now() < deadline, "nothing is shared");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Waits until two directories hear what is told on each of these servers, and have for long enough.
async fn settled(servers: impl IntoIterator<Item = &Redis>) {
    for server in servers {
        server.is_heard_by(2).await;
    }
    sleep(LIFE + Duration::from_millis(100)).await;
}

/// What is shared lies on all of them, and what is told of a key is heard wherever that lies. Seen to fail with
/// everything asked of the first master.
#[tokio::test]
async fn a_cluster_is_shared_as_a_redis_by_itself_is() {
    let cluster = Cluster::start().await;
    let pair = Pair::beside(&cluster.url()).await;
    let mut keys = Vec::new();
    for _ in 0..12 {
        keys.push(pair.new_key().await);
    }
    settled(&cluster.masters).await;
    for key in &keys {
        assert!(pair.one.takes(key).await);
    }
    sleep(Duration::from_millis(200)).await;
    for master in &cluster.masters {
        let held = master.say::<usize>("DBSIZE").await;
        assert!((1..12).contains(&held), "all have some of twelve workspaces: {held}");
    }
    let (good, others) = keys.split_last().expect("twelve");
    for key in others {
        pair.shuts_out(key, good, SOON).await;
    }
    pair.share_again(&others[0], good).await;
}

/// A slot that is given to another master while directories know nothing of it. Seen to fail with a refusal that says
/// so taken for any other.
#[tokio::test]
async fn a_slot_that_moves_is_found_again() {
    let cluster = Cluster::start().await;
    let pair = Pair::beside(&cluster.url()).await;
    let (moving, good) = (pair.new_key().await, pair.new_key().await);
    settled(&cluster.masters).await;
    pair.both_take(&moving).await;
    sleep(Duration::from_millis(200)).await;
    let (mut from, mut slot) = (0, 0);
    for (number, master) in cluster.masters.iter().enumerate() {
        if let Some((name, _)) = master.holds().await.pop_first() {
            slot = master.tell(&[b"CLUSTER", b"KEYSLOT", &name]).await;
            from = number;
        }
        let _: () = master.say("FLUSHALL").await;
    }
    cluster.move_slot(slot, &cluster.masters[(from + 1) % 3]).await;
    pair.shuts_out(&moving, &good, AT_THE_LATEST).await;
    pair.share_again(&moving, &good).await;
    settled(&cluster.masters).await;
    let other = pair.one.key(&moving.workspace_id).await;
    pair.shuts_out(&other, &good, SOON).await;
}

/// A master that dies takes nobody in, and its replica takes its place. Seen to fail with connections that
/// are kept when one of them breaks.
#[tokio::test]
async fn a_cluster_loses_a_master_and_goes_on_with_its_replica() {
    let cluster = Cluster::start().await;
    let pair = Pair::beside(&cluster.url()).await;
    let (key, good) = (pair.new_key().await, pair.new_key().await);
    settled(&cluster.masters).await;
    pair.both_take(&key).await;
    cluster.masters[0].stop();
    pair.shuts_out(&key, &good, AT_THE_LATEST).await;
    cluster.replica.is_heard_by(2).await;
    pair.share_again(&key, &good).await;
    pair.share_again(&good, &key).await;
    let other = pair.new_key().await;
    pair.shuts_out(&other, &good, SOON).await;
}

/// The master dies, and the sentinels name another. Seen to fail with the address that was found kept.
#[tokio::test]
async fn sentinels_name_another_master_when_theirs_dies() {
    let watched = Watched::start().await;
    let pair = Pair::beside(&watched.url()).await;
    let (key, good) = (pair.new_key().await, pair.new_key().await);
    settled([&watched.master]).await;
    pair.share_again(&key, &good).await;
    pair.both_take(&key).await;
    watched.sentinels[0].stop();
    watched.master.stop();
    pair.shuts_out(&key, &good, AT_THE_LATEST).await;
    settled([&watched.replica]).await;
    pair.share_again(&key, &good).await;
    let other = pair.new_key().await;
    pair.shuts_out(&other, &good, SOON).await;
    // Who was the master comes back, and is none.
    watched.master.start_again().await;
    pair.share_again(&key, &good).await;
    let last = pair.new_key().await;
    pair.shuts_out(&last, &good, SOON).await;
}

/// A master that serves another is left at once, though it answers and nobody has named another yet: whoever told it
/// of a change would not be heard by those who ask the next one. Seen to fail with a master that need not be one
/// any more.
#[tokio::test]
async fn a_master_that_becomes_a_replica_is_left() {
    let watched = Watched::start().await;
    let pair = Pair::beside(&watched.url()).await;
    let (key, good) = (pair.new_key().await, pair.new_key().await);
    settled([&watched.master]).await;
    pair.both_take(&key).await;
    let to = watched.replica.there();
    let _: () = watched.replica.say("REPLICAOF NO ONE").await;
    let _: () = watched.master.say(&format!("REPLICAOF {} {}", to.ip(), to.port())).await;
    watched.master.is_heard_by(0).await;
    pair.shuts_out(&key, &good, AT_THE_LATEST).await;
}

/// Nothing is wrong with the master, and another takes its place, as when a machine is to be mended.
#[tokio::test]
async fn an_orderly_failover_is_followed() {
    let watched = Watched::start().await;
    let pair = Pair::beside(&watched.url()).await;
    let (key, good) = (pair.new_key().await, pair.new_key().await);
    settled([&watched.master]).await;
    pair.both_take(&key).await;
    watched.fail_over().await;
    pair.shuts_out(&key, &good, AT_THE_LATEST).await;
    settled([&watched.replica]).await;
    pair.share_again(&key, &good).await;
    let other = pair.new_key().await;
    pair.shuts_out(&other, &good, SOON).await;
}
