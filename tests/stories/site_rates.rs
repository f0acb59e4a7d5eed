//! Four gateways before two directories on one database: who asks for much, and what is left to the others, whatever
//! becomes of the Redis between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postgres_server::Slow;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep};

use crate::harness::{Key, Site, form_encoded, unique};

/// How often directories tell each other what they let in, and how long that takes at the most; tested at five times
/// that.
const TELLING: Duration = Duration::from_millis(250);
/// For how long it is counted what is let in.
const COUNTED: Duration = Duration::from_secs(3);

/// Asks at each gateway four times as often as the rate; answers how often it was let in, and how long it asked.
async fn let_in(site: &Arc<Site>, key: &Key) -> (u32, f64) {
    let (began, mut asking) = (Instant::now(), JoinSet::new());
    for gateway in 0..site.gateways.len() {
        let (site, key) = (Arc::clone(site), key.clone());
        asking.spawn(async move {
            let mut taken = 0;
            while began.elapsed() < COUNTED {
                let answer = site.gateways[gateway].send(&key, "GET", "/ServiceProviderConfig", "");
                match answer.await.status {
                    200 => taken += 1,
                    429 => {}
                    other => panic!("{other}"),
                }
                sleep(Duration::from_millis(10)).await;
            }
            taken
        });
    }
    (asking.join_all().await.into_iter().sum(), began.elapsed().as_secs_f64())
}

/// An integration that asks at all gateways is held to one rate while Redis passes on what was let in, and to that of
/// each directory, and no less than one, while Redis stands still or is gone; afterwards to one again. Seen to fail
/// with nothing told, which gives it two rates before there is any fault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_integration_is_held_to_its_rate_whatever_becomes_of_redis() {
    const RATE: f64 = 20.0;
    const BURST: f64 = 5.0;
    let site = Arc::new(Site::start(&["--rate", "20", "--burst", "5"]).await);
    let key = site.key().await;
    let ahead = BURST.min(RATE * TELLING.as_secs_f64() * 5.0);
    let together = async |when: &str| {
        let (taken, took) = let_in(&site, &key).await;
        println!("{taken} in {took:.1} s {when}, at {RATE} a second and a burst of {BURST}");
        assert!(f64::from(taken) <= BURST + RATE * took + BURST + ahead, "{when}: {taken}");
        // A debt of the time before is paid off.
        assert!(f64::from(taken) >= RATE * took - 2.0 * BURST, "{when}: {taken}");
    };
    let each = async |when: &str| {
        let (taken, took) = let_in(&site, &key).await;
        println!("{taken} in {took:.1} s {when}");
        assert!(f64::from(taken) <= 2.0 * (BURST + RATE * took), "{when}: {taken}");
        assert!(f64::from(taken) >= RATE * took, "{when}: {taken}");
    };
    together("before").await;
    site.redis.pause();
    each("while Redis stands still").await;
    site.redis.resume();
    site.is_in_touch().await;
    together("once it goes on").await;
    site.redis.stop();
    each("without Redis").await;
    site.redis.start_again().await;
    site.is_in_touch().await;
    together("with another Redis").await;
}

/// Those who ask for too much: ten times as many at once as the directories take of such lists.
const GREEDY: usize = 160;
/// What somebody is searched for in a way that takes the database a while, and how long that is.
const SLOW: (&str, Duration) = ("nobody-of-this-title", Duration::from_millis(500));
/// How soon they ask again when they are sent away: they heed no Retry-After.
const IMPATIENCE: Duration = Duration::from_millis(500);
/// How soon the others are answered; tested at five times that.
const SOON: Duration = Duration::from_millis(200);

/// Asks for lists that no index serves, one after another, until it is over. Answers how many were answered, and how
/// many were sent away.
async fn greedy(site: Arc<Site>, key: Key, number: usize, over: Arc<AtomicBool>) -> (usize, usize) {
    let list = format!("/Users?filter={}", form_encoded(&format!(r#"title co "{}""#, SLOW.0)));
    let gateway = &site.gateways[number % site.gateways.len()];
    let (mut answered, mut sent_away) = (0, 0);
    while !over.load(Ordering::Relaxed) {
        let answer = gateway.send(&key, "GET", &list, "").await;
        match answer.status {
            200 => answered += 1,
            429 => {
                assert!(answer.header("retry-after").is_some(), "{answer}");
                sent_away += 1;
                sleep(IMPATIENCE).await;
            }
            _ => panic!("{answer}"),
        }
    }
    (answered, sent_away)
}

/// Looks somebody up three times and changes them, ten times a second, at all gateways in turn. Answers how long each
/// took that was done, and how many were asked for.
async fn steady(site: Arc<Site>, key: Key) -> (Vec<Duration>, usize) {
    let name = unique();
    let person = json!({"userName": name}).to_string();
    let made = site.gateways[0].send(&key, "POST", "/Users", &person).await.is(201);
    let endpoint = format!("/Users/{}", made.text("/id"));
    let find = format!("/Users?filter={}", form_encoded(&format!(r#"userName eq "{name}""#)));
    let (mut asked, mut tick) = (0, interval(Duration::from_millis(100)));
    let (began, mut asking) = (Instant::now(), JoinSet::new());
    while began.elapsed() < COUNTED {
        tick.tick().await;
        asked += 1;
        let (site, key, endpoint, find) =
            (Arc::clone(&site), key.clone(), endpoint.clone(), find.clone());
        asking.spawn(async move {
            let gateway = &site.gateways[asked / 4 % site.gateways.len()];
            let title = json!({"title": format!("title {asked}")});
            let change = json!({"Operations": [{"op": "replace", "value": title}]}).to_string();
            let began = Instant::now();
            let answer = if asked % 4 == 0 {
                gateway.send(&key, "PATCH", &endpoint, &change).await
            } else {
                gateway.send(&key, "GET", &find, "").await
            };
            (answer.status == 200).then(|| began.elapsed())
        });
    }
    let mut done: Vec<_> = asking.join_all().await.into_iter().flatten().collect();
    done.sort_unstable();
    (done, asked)
}

/// One workspace asks for ten times what the directories take, at all gateways at once, while Redis stands still: the
/// others have nine in ten of what they have without it. What its lists take is time and not the machine's: whether the
/// others have their rate is not decided by how fast that is. Seen to fail with capacity, share and queue without end:
/// then a look-up waits behind all of the lists for a connection to the database, and many are told 503 for want of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_workspace_leaves_the_others_their_rate_at_every_gateway() {
    let database = Slow::start(SLOW.0, SLOW.1).await;
    let site = Arc::new(Site::start_on(database.url(), &["--rate", "0"]).await);
    let acme = site.key().await;
    let others = [site.key().await, site.key().await];
    let steadily = async || {
        let asking: JoinSet<_> =
            others.iter().map(|key| steady(Arc::clone(&site), key.clone())).collect();
        asking.join_all().await
    };
    let in_time = |(done, asked): &(Vec<Duration>, usize)| {
        let in_time = done.iter().filter(|&&took| took < SOON * 5).count();
        let middle = done.get(done.len() / 2);
        println!("{in_time} of {asked} in time, half of them sooner than {middle:?}");
        (in_time, *asked)
    };
    let alone: Vec<_> = steadily().await.iter().map(in_time).collect();

    site.redis.pause();
    let (over, mut flood) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for number in 0..GREEDY {
        flood.spawn(greedy(Arc::clone(&site), acme.clone(), number, Arc::clone(&over)));
    }
    sleep(IMPATIENCE).await;
    let beside: Vec<_> = steadily().await.iter().map(in_time).collect();
    over.store(true, Ordering::Relaxed);
    let of_greedy = flood.join_all().await;
    let (answered, sent_away) =
        of_greedy.into_iter().fold((0, 0), |(a, s), (answered, sent)| (a + answered, s + sent));
    println!("{answered} of the lists answered, {sent_away} sent away");
    assert!(answered > 0 && sent_away > GREEDY, "it is no flood");
    for ((alone, of_alone), (beside, of_beside)) in alone.into_iter().zip(beside) {
        assert!(beside * of_alone * 10 >= alone * of_beside * 9, "{beside} instead of {alone}");
    }
}
