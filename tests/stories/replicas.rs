//! Directories on one store that share a Redis: what one shuts, the others do, whatever becomes of the
//! Redis between them.

use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{House, Key, Redis, Replica};

/// By when a change holds everywhere while Redis passes it on.
const SOON: Duration = Duration::from_secs(1);
/// By when it holds everywhere whatever becomes of Redis.
const AT_THE_LATEST: Duration = Duration::from_secs(10);
/// How long a request may wait for Redis; tested at five times that.
const BUDGET: Duration = Duration::from_millis(50);
/// How long a look-up is believed.
const LIFE: Duration = Duration::from_secs(5);

/// Two directories that trust what they share, and a key that both take.
struct Pair {
    redis: Redis,
    house: House,
    one: Replica,
    two: Replica,
    key: Key,
}

impl Pair {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[&str]) -> Self {
        let (redis, house) = (Redis::start_with(settings).await, House::new());
        let (one, two) = (house.replica(&redis).await, house.replica(&redis).await);
        let key = one.key(&one.workspace().await).await;
        redis.is_settled_among(2).await;
        Self { redis, house, one, two, key }
    }

    /// Another key of the same workspace, which both directories take.
    async fn another_key(&self) -> Key {
        let key = self.one.key(&self.key.workspace_id).await;
        self.both_take(&key).await;
        key
    }

    async fn both_take(&self, key: &Key) {
        assert!(self.one.takes(key).await && self.two.takes(key).await);
    }
}

/// What one directory looked up the others need not, once they have heard all for long enough. Seen to fail
/// with nothing put into Redis, and with one believed that has only begun to hear.
#[tokio::test]
async fn a_key_that_one_directory_looked_up_is_known_to_the_other() {
    let Pair { redis, house, one, two, key } = Pair::new().await;
    assert!(one.takes(&key).await);
    until(async || redis.holds().await.len() == 1).await;
    let hits = redis.hits().await;
    house.revoke_behind_everybody(&key).await;
    assert!(two.takes(&key).await, "the store was not asked");
    assert!(redis.hits().await > hits);
    // Which shows how long a change holds back that nobody tells.
    let stranger = house.replica(&redis).await;
    redis.is_heard_by(3).await;
    sleep(Duration::from_millis(50)).await;
    assert!(!stranger.takes(&key).await, "who has not heard all believes nobody");
    assert!(two.refuses(&key).await < LIFE);
}

/// Seen to fail with no notice published, and with one that is not believed.
#[tokio::test]
async fn a_key_revoked_by_one_directory_is_refused_by_the_other_within_a_second() {
    let pair = Pair::new().await;
    let (Pair { one, two, key, .. }, other) = (&pair, pair.another_key().await);
    pair.both_take(key).await;
    one.revoke(key).await;
    assert!(!one.takes(key).await, "at once where it was done");
    assert!(two.refuses(key).await < SOON);
    pair.both_take(&other).await;

    // So it is with a switch of the integration, and back.
    one.pause(&key.workspace_id).await;
    assert!(!one.takes(&other).await);
    assert!(two.refuses(&other).await < SOON);
    two.enable(&key.workspace_id).await;
    assert!(two.takes(&other).await);
    until(async || one.takes(&other).await).await;
}

/// A change in one workspace leaves what is remembered of the others. Seen to fail with a change that
/// begins a new generation for all.
#[tokio::test]
async fn a_change_in_one_workspace_leaves_the_others_warm() {
    let Pair { redis, one, two, key, .. } = Pair::new().await;
    let globex = one.key(&one.workspace().await).await;
    assert!(one.takes(&globex).await && two.takes(&globex).await);
    one.revoke(&key).await;
    two.refuses(&key).await;
    let before = redis.calls().await;
    assert!(one.takes(&globex).await && two.takes(&globex).await);
    assert_eq!(asked(&redis.calls().await), asked(&before));
}

/// What is put in the place of a revoked key's own value, made of that and of a good key's.
type Plant = fn(own: &[u8], good: &[u8]) -> Vec<u8>;

/// What lies in Redis is good for the key, the workspace and the time it was put there for. Seen to fail
/// with workspace and key left out of what is sealed, and with no floors.
#[tokio::test]
async fn planted_swapped_and_replayed_values_open_nothing() {
    let pair = Pair::new().await;
    let Pair { redis, house, one, two, key } = &pair;
    assert!(one.takes(key).await);
    until(async || redis.holds().await.len() == 1).await;
    let (of_key, good) = redis.holds().await.pop_first().expect("what is shared of the key");

    // Each for a key of its own, so that nobody has anything of it in process.
    let plants: [Plant; 6] = [
        |_, good| good.to_vec(),
        |own, good| [&own[..12], &good[12..]].concat(),
        |own, _| own[..own.len() - 1].to_vec(),
        |own, _| [own, b"x"].concat(),
        |_, _| vec![b'x'; 100_000],
        |_, _| Vec::new(),
    ];
    let before = redis.calls().await["getrange"];
    for plant in plants {
        let revoked = one.key(&key.workspace_id).await;
        house.revoke_behind_everybody(&revoked).await;
        let known = redis.holds().await;
        assert!(!one.takes(&revoked).await);
        let added =
            async || redis.holds().await.into_iter().find(|(name, _)| !known.contains_key(name));
        until(async || added().await.is_some()).await;
        let (name, own) = added().await.expect("what is shared of the revoked key");
        let _: () = redis.tell(&[b"SET", &name, &plant(&own, &good)]).await;
        assert!(!two.takes(&revoked).await);
    }
    assert_eq!(redis.calls().await["getrange"], before + 2 * plants.len() as u64);

    // From before the revocation, back again.
    assert!(two.takes(key).await);
    one.revoke(key).await;
    assert!(two.refuses(key).await < SOON);
    let _: () = redis.tell(&[b"SET", &of_key, &good]).await;
    let end = Instant::now() + LIFE + SOON;
    while Instant::now() < end {
        assert!(!one.takes(key).await && !two.takes(key).await, "a late fill, or a replay");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Another deployment on the same Redis, or who took it over: with another secret there is nothing to
/// learn and nobody to be told. Seen to fail with one key for all secrets.
#[tokio::test]
async fn directories_of_another_secret_share_nothing() {
    let Pair { redis, house, one, two, key } = Pair::new().await;
    let foreign = house.replica_with(&redis.url(), &"foreign".repeat(6)).await;
    redis.is_settled_among(3).await;
    assert!(one.takes(&key).await && two.takes(&key).await && foreign.takes(&key).await);
    until(async || redis.holds().await.len() == 2).await;
    let victim = two.key(&key.workspace_id).await;
    assert!(two.takes(&victim).await);
    // Its notices are not believed: what it revokes is believed on until the end of its life.
    foreign.revoke(&victim).await;
    assert!(two.takes(&victim).await);
    assert!(two.refuses(&victim).await < AT_THE_LATEST);
    // Nor is what nobody sealed.
    for notice in [&b""[..], b"x", &[0; 64], &[b'x'; 4096]] {
        let _: u64 = redis.tell(&[b"PUBLISH", b"test:notices", notice]).await;
    }
    assert!(one.takes(&key).await);
}

/// What may become of a Redis.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Stopped,
    Paused,
    Restarted,
    Flushed,
    Full,
    Refusing,
}

impl Harm {
    const ALL: [Self; 6] =
        [Self::Stopped, Self::Paused, Self::Restarted, Self::Flushed, Self::Full, Self::Refusing];

    async fn befall(self, redis: &Redis) {
        match self {
            Self::Stopped => redis.stop(),
            Self::Paused => redis.pause(),
            Self::Restarted => {
                redis.stop();
                redis.start_again().await;
            }
            Self::Flushed => redis.say("FLUSHALL").await,
            Self::Full => redis.say("CONFIG SET maxmemory 1").await,
            Self::Refusing => redis.say("ACL SETUSER default -get -getrange -set -publish").await,
        }
    }

    /// Who harmed it lets it be.
    fn is_over(self, redis: &Redis) {
        if matches!(self, Self::Paused) {
            redis.resume();
        }
    }
}

/// Whatever becomes of Redis, good keys are taken without a wait to speak of, revoked ones are refused at
/// once where they were revoked, and by everybody within ten seconds. Seen to fail with look-ups that
/// live for as long as they are used, and with no bound on the wait for Redis.
#[tokio::test]
async fn whatever_becomes_of_redis_the_answers_are_the_same() {
    let (mut pairs, mut under_way) = (Vec::new(), Vec::new());
    for harm in Harm::ALL {
        pairs.push((harm, tokio::spawn(Pair::new())));
    }
    for (harm, pair) in pairs {
        let pair = pair.await.expect("two directories");
        under_way.push((harm, tokio::spawn(async move { under(harm, &pair).await })));
    }
    for (harm, ended) in under_way {
        ended.await.unwrap_or_else(|_| panic!("{harm:?}"));
    }
}

async fn under(harm: Harm, pair: &Pair) {
    let Pair { redis, one, two, key, .. } = pair;
    let other = pair.another_key().await;
    pair.both_take(key).await;
    harm.befall(redis).await;
    let (began, mut is_taken) = (Instant::now(), true);
    one.revoke(key).await;
    let mut asked = began;
    while began.elapsed() < AT_THE_LATEST {
        assert!(!one.takes(key).await, "{harm:?}");
        is_taken = two.takes(key).await;
        pair.both_take(&other).await;
        // Far from what it may cost, and near enough to find one that waits for Redis.
        assert!(asked.elapsed() < SOON * 5, "{harm:?}: {:?}", asked.elapsed());
        asked = Instant::now();
        sleep(Duration::from_millis(20)).await;
    }
    assert!(!is_taken, "{harm:?}");
    // A key made meanwhile is not hidden, and one that was made up is not taken.
    let fresh = one.key(&key.workspace_id).await;
    pair.both_take(&fresh).await;
    harm.is_over(redis);
    pair.both_take(&fresh).await;
    assert!(!one.takes(key).await && !two.takes(key).await);
}

/// A Redis that takes what it is asked and says nothing, before anybody has noticed: look-ups wait for it, and so does
/// the notice of a revocation, and go on without it. One that has said nothing from the beginning nobody waits for.
/// Seen to fail with the budget taken out: then nothing else ends the wait of the first look-up, nor that of the
/// revocation.
#[tokio::test]
async fn no_request_waits_for_a_redis_that_says_nothing_longer_than_its_budget() {
    let Pair { redis, house, one, two, key } = Pair::new().await;
    let mut keys = Vec::new();
    for _ in 0..8 {
        keys.push(one.key(&key.workspace_id).await);
    }
    redis.pause();
    let mut waits = Vec::new();
    for key in &keys {
        let began = Instant::now();
        let taken = timeout(BUDGET * 5, two.takes(key)).await;
        assert!(taken.expect("an answer within the budget"), "it is good");
        waits.push(began.elapsed());
    }
    println!("{waits:?}");
    assert!(waits[0] >= BUDGET, "nobody asked Redis: {waits:?}");
    timeout(SOON, one.revoke(&keys[0])).await.expect("a revocation within its second");
    assert!(!one.takes(&keys[0]).await);

    let mute = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = mute.local_addr().expect("an address");
    let stranger = house.replica_at(&format!("redis://{at}")).await;
    for key in &keys[1..] {
        let taken = timeout(BUDGET * 5, stranger.takes(key)).await;
        assert!(taken.expect("an answer within the budget"), "it is good");
    }
}

/// A notice that nobody heard is made up for: who hears again forgets. Seen to fail with what is
/// remembered kept.
#[tokio::test]
async fn who_hears_again_forgets_what_it_remembered() {
    let pair = Pair::new().await;
    let Pair { redis, house, two, key, .. } = &pair;
    pair.both_take(key).await;
    redis.stop();
    house.revoke_behind_everybody(key).await;
    assert!(two.takes(key).await);
    redis.start_again().await;
    // Well before its life is over.
    let took = two.refuses(key).await;
    assert!(took + SOON < LIFE, "{took:?}");
    redis.is_heard_by(2).await;
}

/// A key that was made up, in the form of one, leaves nothing anywhere, and a fresh one is taken at once
/// though it was asked for before it was there.
#[tokio::test]
async fn a_made_up_key_leaves_nothing_in_redis() {
    let Pair { redis, one, two, key, .. } = Pair::new().await;
    for bits in 0..50 {
        let text = directory_api::api_key::ApiKeyText::from_random([bits; 20]).expose().to_owned();
        let made_up = Key { text, ..key.clone() };
        assert!(!one.takes(&made_up).await && !two.takes(&made_up).await);
    }
    assert!(redis.holds().await.is_empty());
}

/// The calls that a look-up or a fill makes.
fn asked(calls: &std::collections::BTreeMap<String, u64>) -> [u64; 2] {
    ["getrange", "set"].map(|name| calls.get(name).copied().unwrap_or_default())
}

async fn until(is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + AT_THE_LATEST;
    while !is_so().await {
        assert!(Instant::now() < deadline, "it does not come to be");
        sleep(Duration::from_millis(10)).await;
    }
}
