//! Okta: imports by pages, whole users by PUT, deactivation by PATCH without a path.

use idp_simulator::{Dialect as _, Okta, Person};
use serde_json::json;

use crate::harness::{Login, Nestr};

/// What Okta puts is what it read, its own changes in it: readOnly parts come along.
#[tokio::test]
async fn a_put_replaces_the_person_and_takes_no_word_of_what_is_read_only() {
    let acme = Nestr::start().await.acme();
    let ada = Person {
        given_name: "Ada".to_owned(),
        family_name: "Byron".to_owned(),
        external_id: "00u1".to_owned(),
        ..Person::of("ada@acme.com")
    };
    let created = acme.say(Okta.create(&ada)).await.is(201);
    let id = created.text("/id");
    assert_eq!(created.at("/password"), json!(null));

    let mut put = created.json();
    put["name"]["familyName"] = json!("Lovelace");
    put["displayName"] = json!("Ada Lovelace");
    put["locale"] = json!(null);
    put["id"] = json!("somebody-else");
    put["meta"]["created"] = json!("1999-12-31T23:59:59Z");
    put["groups"] = json!([{"value": "admins"}]);
    put["unknown"] = json!("ignored");
    let replaced = acme.put(&format!("/Users/{id}"), put.to_string()).await.is(200);

    let mut expected = created.json();
    expected["name"]["familyName"] = json!("Lovelace");
    expected["displayName"] = json!("Ada Lovelace");
    expected.as_object_mut().unwrap().remove("locale");
    let mut found = replaced.json();
    for member in ["version", "lastModified"] {
        assert_ne!(found["meta"][member], json!(null));
        found["meta"][member] = expected["meta"][member].clone();
    }
    assert_eq!(found, expected);
    assert_ne!(replaced.header("etag"), created.header("etag"));
    assert_eq!(acme.get(&format!("/Users/{id}")).await.json(), replaced.json());
}

/// Some clients put no more than what they map. Seen to fail while a PUT took `active` away: who says
/// nothing of it is active.
#[tokio::test]
async fn a_put_that_says_nothing_of_active_lets_no_leaver_back_in() {
    let acme = Nestr::start().await.acme();
    let ada = acme.create("ada@acme.com").await;
    let (path, put) =
        (format!("/Users/{ada}"), r#"{"userName":"ada@acme.com","title":"Countess"}"#);
    acme.put(&path, put).await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada.clone()));
    acme.patch(&path, r#"{"Operations":[{"op":"replace","path":"active","value":false}]}"#)
        .await
        .is(200);
    let replaced = acme.put(&path, put).await.is(200);
    assert_eq!(replaced.at("/active"), json!(false));
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Inactive(ada));
}

#[tokio::test]
async fn a_deactivation_without_a_path_takes_access_away() {
    let acme = Nestr::start().await.acme();
    let ada = acme.create("ada@acme.com").await;
    acme.say(Okta.activate(&ada, false)).await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Inactive(ada));
}

#[tokio::test]
async fn an_import_reads_every_person_once_in_the_order_they_came() {
    let acme = Nestr::start().await.acme();
    let mut ids = Vec::new();
    for number in 0..7 {
        ids.push(acme.create(&format!("p{number}@acme.com")).await);
    }
    let mut read = Vec::new();
    for start_index in [1, 4, 7, 10] {
        let page = acme.say(Okta.import(start_index, 3).unwrap()).await;
        assert_eq!(page.at("/totalResults"), json!(7));
        assert_eq!(page.at("/startIndex"), json!(start_index));
        read.extend(page.rows().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(read, ids);
    let total = acme.get("/Users?startIndex=1&count=0").await;
    assert_eq!((total.at("/totalResults"), total.rows().len()), (json!(7), 0));
}

/// Seen to fail with If-Match not compared.
#[tokio::test]
async fn a_write_on_an_older_version_is_refused() {
    let acme = Nestr::start().await.acme();
    let ada = format!("/Users/{}", acme.create("ada@acme.com").await);
    let old = acme.get(&ada).await.header("etag").unwrap().to_owned();
    let put = |etag: &str, title: &str| {
        let body = json!({"userName": "ada@acme.com", "title": title}).to_string();
        acme.ask("PUT", &ada).header("If-Match", etag).scim(body)
    };
    acme.send(put(&old, "one")).await.is(200);
    acme.send(put(&old, "two")).await.refused(412, "");
    acme.send(acme.ask("DELETE", &ada).header("If-Match", &old)).await.refused(412, "");
    let current = acme.get(&ada).await.is(200);
    assert_eq!(current.text("/title"), "one");
    let held = current.header("etag").unwrap();
    let unchanged = acme.send(acme.ask("GET", &ada).header("If-None-Match", held)).await.is(304);
    assert_eq!((unchanged.body.as_str(), unchanged.header("etag")), ("", Some(held)));
    acme.send(put("*", "three")).await.is(200);
}
