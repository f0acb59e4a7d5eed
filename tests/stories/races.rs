//! What happens at the same time.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Answer, Ask, Nestr, Workspace};

/// Sends all requests at once; the answers come in no order.
async fn at_once(acme: &Workspace, requests: Vec<Ask>) -> Vec<Answer> {
    let mut sending = JoinSet::new();
    for request in requests {
        let acme = acme.clone();
        sending.spawn(async move { acme.send(request).await });
    }
    sending.join_all().await
}

/// `name` in the `number`th of its letter cases.
fn spelt(name: &str, number: usize) -> String {
    let letter = |(at, letter): (usize, char)| {
        if number >> (at % 7) & 1 == 1 { letter.to_ascii_uppercase() } else { letter }
    };
    name.char_indices().map(letter).collect()
}

/// By userName alone, and by userName and login e-mail. Seen to fail without the unique index where
/// creation does not look who is there.
#[rstest]
#[tokio::test]
async fn one_of_a_hundred_creations_of_a_name_wins(#[values("ada", "ada@acme.com")] name: &str) {
    let acme = Nestr::start().await.acme();
    let requests = (0..100).map(|number| {
        let body = json!({"userName": spelt(name, number)}).to_string();
        acme.ask("POST", "/Users").scim(body)
    });
    let answers = at_once(&acme, requests.collect()).await;
    let created: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(created.len(), 1, "{answers:?}");
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.refused(409, "uniqueness");
    }
    let everybody = acme.get("/Users").await;
    assert_eq!(everybody.rows(), [created[0].json()]);
}

/// Seen to fail with an id of its own for whatever an enabling makes.
#[tokio::test]
async fn enabling_scim_many_times_at_once_makes_one_integration() {
    let nestr = Nestr::start().await;
    let operator = nestr.operator();
    let globex = operator.create_workspace("Globex").await;
    operator.claim(&globex, "globex.example").await;
    operator.verify(&globex, "globex.example").await;
    let mut enabling = JoinSet::new();
    for _ in 0..20 {
        let (operator, globex) = (operator.clone(), globex.clone());
        enabling.spawn(async move { operator.enable_scim(&globex).await.id });
    }
    let ids: BTreeSet<_> = enabling.join_all().await.into_iter().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

/// Seen to fail with the person read before the transaction in which they are written.
#[tokio::test]
async fn patches_at_the_same_time_lose_nothing() {
    const ATTRIBUTES: [&str; 8] = [
        "displayName",
        "nickName",
        "title",
        "userType",
        "locale",
        "timezone",
        "preferredLanguage",
        "externalId",
    ];
    let acme = Nestr::start().await.acme();
    let ada = format!("/Users/{}", acme.create("ada@acme.com").await);
    let single = ATTRIBUTES.map(|name| json!({"op": "replace", "path": name, "value": name}));
    let phones = (0..24).map(|number| {
        json!({"op": "add", "path": "phoneNumbers", "value": [{"value": number.to_string()}]})
    });
    let requests = single.into_iter().chain(phones).map(|operation| {
        acme.ask("PATCH", &ada).scim(json!({"Operations": [operation]}).to_string())
    });
    for answer in at_once(&acme, requests.collect()).await {
        answer.is(200);
    }
    let person = acme.get(&ada).await.json();
    for name in ATTRIBUTES {
        assert_eq!(person[name], name, "{person}");
    }
    let phones = person["phoneNumbers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut numbers: Vec<u32> =
        phones.iter().filter_map(|phone| phone["value"].as_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..24).collect::<Vec<_>>());
}

/// Seen to fail with If-Match compared before the transaction.
#[tokio::test]
async fn one_of_many_writes_on_the_same_version_wins() {
    let acme = Nestr::start().await.acme();
    let ada = format!("/Users/{}", acme.create("ada@acme.com").await);
    let version = acme.get(&ada).await.text("/meta/version");
    let requests = (0..20).map(|number| {
        let body = json!({"userName": "ada@acme.com", "title": number.to_string()}).to_string();
        acme.ask("PUT", &ada).header("If-Match", &version).scim(body)
    });
    let answers = at_once(&acme, requests.collect()).await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 200);
    assert_eq!(won.len(), 1, "{won:?}");
    for answer in lost {
        answer.refused(412, "");
    }
    assert_eq!(acme.get(&ada).await.json(), won[0].json());
}

/// A removal and a change that meet leave the person whole or gone, never in between.
#[tokio::test]
async fn a_removal_and_a_change_that_meet_agree_on_the_end() {
    let acme = Nestr::start().await.acme();
    for round in 0..10 {
        let name = format!("p{round}@acme.com");
        let user = format!("/Users/{}", acme.create(&name).await);
        let body = json!({"Operations": [{"op": "replace", "value": {"title": "x"}}]}).to_string();
        let requests = vec![acme.ask("DELETE", &user), acme.ask("PATCH", &user).scim(body)];
        let answers = at_once(&acme, requests).await;
        assert!(answers.iter().any(|answer| answer.status == 204), "{answers:?}");
        acme.get(&user).await.refused(404, "");
        let rows: Vec<Value> = acme.find(&format!(r#"userName eq "{name}""#)).await.rows();
        assert!(rows.is_empty(), "{rows:?}");
    }
}
