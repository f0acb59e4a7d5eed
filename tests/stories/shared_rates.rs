//! The rate of an integration, which directories keep to together.

use std::time::Duration;

use directory_svc::LimitsConfig;
use tokio::time::{Instant, sleep, timeout};

use crate::harness::{House, Key, Redis, Replica};

/// How often directories tell each other, and how long that takes at the most; tested at five times that.
const TELLING: Duration = Duration::from_millis(250);

/// Two directories that hear each other, and a key that nobody has used.
struct Pair {
    redis: Redis,
    one: Replica,
    two: Replica,
    key: Key,
}

impl Pair {
    async fn keeping_to(rate: u32, burst: u32) -> Self {
        let (redis, house) = (Redis::start().await, House::new());
        let limits = LimitsConfig { rate, burst };
        let url = redis.url();
        let one = house.replica_limited(&url, limits).await;
        let two = house.replica_limited(&url, limits).await;
        let key = one.key(&one.workspace().await).await;
        redis.is_heard_by(2).await;
        Self { redis, one, two, key }
    }
}

/// Asks until the bucket is empty; how often that was.
async fn drain(at: &Replica, key: &Key) -> u32 {
    let mut taken = 0;
    while at.is_within_rate(key).await {
        taken += 1;
    }
    taken
}

/// Two directories, each asked ten times as much as the rate: together they give a burst and the rate, and at the
/// most what one of them may take until it hears of the other. Seen to fail with nothing told, which gives all of it
/// twice.
#[tokio::test]
async fn directories_keep_to_one_rate_together() {
    const RATE: u32 = 20;
    const BURST: u32 = 20;
    let Pair { one, two, key, redis: _redis } = Pair::keeping_to(RATE, BURST).await;
    let (mut taken, began) = (0, Instant::now());
    while began.elapsed() < Duration::from_secs(6) {
        for at in [&one, &two] {
            taken += u32::from(at.is_within_rate(&key).await);
        }
        sleep(Duration::from_millis(5)).await;
    }
    let (took, rate, burst) = (began.elapsed().as_secs_f64(), f64::from(RATE), f64::from(BURST));
    let ahead = burst.min(rate * TELLING.as_secs_f64() * 5.0);
    println!("{taken} in {took:.1} s, at {RATE} a second and a burst of {BURST}");
    assert!(f64::from(taken) <= burst + rate * took + burst + ahead, "{taken}");
    assert!(f64::from(taken) >= rate * took, "{taken}: it is the rate, and no less");
}

/// What was told once counts once, and what others say counts for nothing: whoever can write to Redis shuts nobody
/// out. Seen to fail with notices that may come twice.
#[tokio::test]
async fn nobody_who_writes_to_redis_empties_a_bucket() {
    const BURST: u32 = 200;
    let Pair { redis, one, two, key } = Pair::keeping_to(1, BURST).await;
    let mut heard = redis.listens_to("test:rates").await;
    for _ in 0..80 {
        assert!(one.is_within_rate(&key).await);
    }
    let mut notices = Vec::new();
    while let Ok(notice) = timeout(TELLING * 4, heard.next()).await {
        notices.push(notice);
    }
    assert!(!notices.is_empty());
    let garbage = [Vec::new(), b"x".to_vec(), vec![0; 64], vec![b'x'; 100_000]];
    for notice in notices.iter().chain(&garbage).cycle().take(500) {
        let _: u64 = redis.tell(&[b"PUBLISH", b"test:rates", notice]).await;
    }
    let left = drain(&two, &key).await;
    // A few come back meanwhile.
    assert!((BURST - 80..BURST - 60).contains(&left), "{left}");
}

/// Nobody is refused for want of a word of the others.
#[tokio::test]
async fn without_redis_each_directory_keeps_to_the_rate_by_itself() {
    const BURST: u32 = 50;
    let Pair { redis, one, two, key } = Pair::keeping_to(1, BURST).await;
    redis.stop();
    for at in [&one, &two] {
        assert!((BURST..BURST + 20).contains(&drain(at, &key).await));
    }
}
