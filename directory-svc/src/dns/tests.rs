//! The resolver against a real server.

#[path = "../../../tests/stories/harness/dns.rs"]
mod server;

use std::time::{Duration, Instant};

use futures_util::FutureExt;

use self::server::{Dns, Says};
use super::{DnsConfig, Found, QUESTION, RECORDS, TxtResolver};

const NAME: &str = "_nestr-scim.acme.org";

async fn start() -> (Dns, TxtResolver) {
    let dns = Dns::start().await;
    let config = DnsConfig { servers: vec![dns.at()], first_check: Duration::from_mins(1) };
    (dns, TxtResolver::open(&config))
}

fn values(of: &[&str]) -> Found {
    Found::Values(of.iter().map(|&value| value.to_owned()).collect())
}

/// Seen to fail, on the second question, with the cache at its default.
#[tokio::test]
async fn each_question_sees_what_is_there_now() {
    let (dns, resolver) = start().await;
    assert_eq!(resolver.txt(NAME).await, Found::NoRecord);
    dns.publish(NAME, &["v=spf1 -all", "a value"]);
    let Found::Values(mut found) = resolver.txt(NAME).await else { panic!() };
    found.sort();
    assert_eq!(found, ["a value", "v=spf1 -all"]);
    dns.withdraw(NAME);
    assert_eq!(resolver.txt(NAME).await, Found::NoRecord);
    assert_eq!(dns.asked().len(), 3);
}

#[tokio::test]
async fn the_strings_of_a_record_are_one_value_and_a_long_answer_comes_over_tcp() {
    let (dns, resolver) = start().await;
    let long = "0123456789".repeat(200);
    dns.publish(NAME, &[&long]);
    assert_eq!(resolver.txt(NAME).await, values(&[&long]));
    let over: Vec<_> = dns.asked().iter().map(|asked| asked.over_tcp).collect();
    assert_eq!(over, [false, true]);
}

#[tokio::test]
async fn an_alias_is_followed_and_a_ring_of_them_ends() {
    let (dns, resolver) = start().await;
    dns.says(NAME, Says::Alias("proof.elsewhere.example."));
    assert_eq!(resolver.txt(NAME).await, Found::NoRecord, "an alias of nothing");
    dns.publish("proof.elsewhere.example", &["a value"]);
    assert_eq!(resolver.txt(NAME).await, values(&["a value"]));
    dns.says("proof.elsewhere.example", Says::Alias("_nestr-scim.acme.org."));
    assert_eq!(resolver.txt(NAME).await, Found::NoRecord, "a ring");
}

/// Seen to fail with every error taken for the absence of the record.
#[tokio::test]
async fn what_says_nothing_of_the_record_is_not_its_absence() {
    let (dns, resolver) = start().await;
    dns.says(NAME, Says::Nothing);
    assert_eq!(resolver.txt(NAME).await, Found::NoRecord, "the name is there, the record is not");
    for says in [Says::Failure, Says::Referral] {
        dns.says(NAME, says.clone());
        assert!(matches!(resolver.txt(NAME).await, Found::NotAsked(_)), "{says:?}");
    }
    let gone = dns.at();
    drop(dns);
    let config = DnsConfig { servers: vec![gone], first_check: Duration::from_mins(1) };
    let nobody = TxtResolver::open(&config).txt(NAME).await;
    assert!(matches!(nobody, Found::NotAsked(_)), "{nobody:?}");
    let endless = format!("{}acme.org", "label.".repeat(50));
    assert!(matches!(resolver.txt(&endless).await, Found::NotAsked(_)), "no name");
}

/// Seen to fail, by not ending, without the time-out of the whole question.
#[tokio::test(start_paused = true)]
async fn a_question_ends_whatever_holds_it_up() {
    let resolver = TxtResolver::from_fn(|_| std::future::pending().boxed());
    assert!(matches!(resolver.txt(NAME).await, Found::NotAsked(_)));
}

#[tokio::test]
async fn silence_ends() {
    let (dns, resolver) = start().await;
    dns.says(NAME, Says::Silence);
    let began = Instant::now();
    assert!(matches!(resolver.txt(NAME).await, Found::NotAsked(_)));
    assert!(began.elapsed() < 5 * QUESTION);
}

#[tokio::test]
async fn records_are_looked_at_up_to_a_number() {
    let (dns, resolver) = start().await;
    dns.publish(NAME, &vec!["v"; RECORDS + 50]);
    let Found::Values(found) = resolver.txt(NAME).await else { panic!() };
    assert_eq!(found.len(), RECORDS);
}
