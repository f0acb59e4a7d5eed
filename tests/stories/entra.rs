//! A person's life in Entra ID, from the test of the connection to the end, in both dialects: what
//! the admin reads, and whether the person gets in.

use insta::assert_snapshot;
use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Dialect, Login, Nestr, Person};

#[rstest]
#[tokio::test]
async fn the_test_of_the_connection_finds_an_empty_list(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let entra = Nestr::start().await.acme().connect_entra(dialect);
    assert_snapshot!(entra.test_connection().await.snapshot(), @r#"
    200
    content-type: application/scim+json
    x-request-id: [request]

    {
      "Resources": [],
      "itemsPerPage": 0,
      "schemas": [
        "urn:ietf:params:scim:api:messages:2.0:ListResponse"
      ],
      "startIndex": 1,
      "totalResults": 0
    }
    "#);
}

#[rstest]
#[tokio::test]
async fn an_assigned_person_is_there_and_gets_in(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let ada = Person::of("Ada@acme.com");
    assert_eq!(entra.match_by_user_name(&ada.user_name).await, None);

    let created = entra.create(&ada).await;

    assert_snapshot!("an_assigned_person", created.snapshot());
    let id = created.text("/id");
    let location = created.text("/meta/location");
    assert_eq!(created.header("location"), Some(location.as_str()));
    assert!(location.ends_with(&acme.path(&format!("/Users/{id}"))), "{location}");
    assert_eq!(created.header("etag"), Some(created.text("/meta/version").as_str()));
    let read = entra.get(&id).await.is(200);
    assert_eq!(read.json(), created.json());
    assert_eq!(read.header("etag"), created.header("etag"));
    assert_eq!(acme.resolve_login("ada@ACME.com").await, Login::Active(id));
}

/// Entra looks up with values in another letter case than it sent, and compares what it gets back.
#[rstest]
#[tokio::test]
async fn a_look_up_finds_the_person_in_any_letter_case_and_changes_nothing(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let entra = Nestr::start().await.acme().connect_entra(dialect);
    let ada = entra.create(&Person::of("Ada@acme.com")).await.is(201).json();

    let work = r#"emails[type eq "work"].value"#;
    for (attribute, value) in [
        ("userName", "Ada@acme.com"),
        ("userName", "ADA@ACME.COM"),
        ("username", "ada@acme.com"),
        (work, "aDa@acme.COM"),
        ("externalId", "ada"),
    ] {
        let rows = entra.find(attribute, value).await.rows();
        assert_eq!(rows, std::slice::from_ref(&ada), "{attribute} {value}");
    }
    for (attribute, value) in [
        ("externalId", "Ada"),
        ("userName", "ada@acme.co"),
        ("userName", "ada"),
        (work, "someone@acme.com"),
    ] {
        assert!(entra.find(attribute, value).await.rows().is_empty(), "{attribute} {value}");
    }
    assert_eq!(entra.get(ada["id"].as_str().unwrap()).await.json(), ada);
}

#[rstest]
#[tokio::test]
async fn a_renamed_person_gets_in_by_the_new_address_alone(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let ada = entra.assign("ada.byron@acme.com").await;

    let renamed = entra.rename(&ada, "Ada.Lovelace@acme.com").await.is(200);

    assert_eq!(renamed.text("/userName"), "Ada.Lovelace@acme.com");
    let emails = json!([{"primary": true, "type": "work", "value": "Ada.Lovelace@acme.com"}]);
    assert_eq!(renamed.at("/emails"), emails);
    assert_eq!(acme.resolve_login("ada.lovelace@acme.com").await, Login::Active(ada.clone()));
    assert_eq!(acme.resolve_login("ada.byron@acme.com").await, Login::Nobody);
    assert_eq!(entra.match_by_user_name("ada.byron@acme.com").await, None);
    // The old name is free, and inherits nothing.
    let other = entra.assign("ada.byron@acme.com").await;
    assert_ne!(other, ada);
    assert_eq!(acme.resolve_login("ada.byron@acme.com").await, Login::Active(other));
}

/// Seen to fail with `"False"` read as a text that is not empty, hence true.
#[rstest]
#[tokio::test]
async fn a_leaver_loses_access_at_once_and_comes_back_as_the_same_person(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let ada = entra.assign("Ada@acme.com").await;

    assert_eq!(entra.disable(&ada).await.at("/active"), json!(false));
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Inactive(ada.clone()));
    let found = entra.match_by_user_name("ada@acme.com").await.unwrap();
    assert_eq!((&found["id"], &found["active"]), (&json!(ada), &json!(false)));

    assert_eq!(entra.enable(&ada).await.is(200).at("/active"), json!(true));
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
}

/// Seen to fail with the made-up name taken for an address like others.
#[rstest]
#[tokio::test]
async fn a_soft_deleted_person_frees_name_and_address_and_takes_them_back(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let ada = entra.assign("ada@acme.com").await;

    let gone = entra.soft_delete(&ada, "ada@acme.com").await.is(200);
    assert_eq!(gone.at("/active"), json!(false));
    assert_eq!(entra.match_by_user_name("ada@acme.com").await, None);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Nobody);
    // The made-up name looks like an address of the domain, and is none that anybody signs in with.
    assert_eq!(acme.resolve_login(&gone.text("/userName")).await, Login::Nobody);

    entra.take_back(&ada, "ada@acme.com").await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
}

#[rstest]
#[tokio::test]
async fn there_is_no_way_back_to_a_name_that_another_person_took_meanwhile(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let first = entra.assign("ada@acme.com").await;
    entra.soft_delete(&first, "ada@acme.com").await.is(200);

    let second = entra.assign("ada@acme.com").await;
    assert_ne!(second, first);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(second.clone()));

    let detail = entra.take_back(&first, "ada@acme.com").await.refused(409, "uniqueness");
    assert!(detail.contains(&second), "the admin reads who holds the name: {detail}");
    assert_eq!(entra.get(&first).await.at("/active"), json!(false));
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(second));
}

/// Addresses and externalIds are handed on to other people, so nothing that an identity provider
/// sends revives a removed person. Seen to fail with the new person given the id of the one they
/// resemble.
#[rstest]
#[tokio::test]
async fn a_deleted_person_is_gone_and_a_namesake_is_somebody_else(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let ada = entra.assign("ada@acme.com").await;

    let deleted = entra.delete(&ada).await.is(204);
    assert_eq!(deleted.body, "");
    entra.get(&ada).await.refused(404, "");
    entra.delete(&ada).await.refused(404, "");
    entra.enable(&ada).await.refused(404, "");
    assert_eq!(entra.match_by_user_name("ada@acme.com").await, None);
    assert!(entra.find("externalId", "ada").await.rows().is_empty());
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Nobody);

    let namesake = entra.assign("ada@acme.com").await;
    assert_ne!(namesake, ada);
    entra.get(&ada).await.refused(404, "");
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(namesake));
}

#[tokio::test]
async fn an_operator_brings_a_deleted_person_back_unless_the_name_is_taken() {
    let acme = Nestr::start().await.acme();
    let (entra, operator) = (acme.connect_entra(Dialect::Legacy), acme.operator());
    let ada = entra.assign("ada@acme.com").await;
    entra.delete(&ada).await.is(204);

    let namesake = entra.assign("ada@acme.com").await;
    let refused = operator.restore(&acme.id, &ada).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::AlreadyExists);
    assert!(refused.message().contains(&namesake), "{}", refused.message());

    entra.delete(&namesake).await.is(204);
    let restored = operator.restore(&acme.id, &ada).await.unwrap();
    assert_eq!((restored.id.as_str(), restored.user_name.as_str()), (ada.as_str(), "ada@acme.com"));
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada.clone()));
    // The identity provider finds them by name and goes on with them.
    assert_eq!(entra.match_by_user_name("ada@acme.com").await.unwrap()["id"], ada);
    entra.disable(&ada).await;
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Inactive(ada));
}

#[tokio::test]
async fn a_restart_in_the_middle_loses_nothing() {
    let nestr = Nestr::start().await;
    let entra = nestr.acme().connect_entra(Dialect::Legacy);
    let ada = entra.assign("ada@acme.com").await;
    let gone = entra.assign("gone@acme.com").await;
    entra.set(&ada, &[("title", json!("Countess"))]).await.is(200);
    entra.delete(&gone).await.is(204);
    let before = without_location(entra.get(&ada).await.json());

    nestr.restart().await;

    assert_eq!(without_location(entra.get(&ada).await.is(200).json()), before);
    entra.get(&gone).await.refused(404, "");
    entra.create(&Person::of("ADA@acme.com")).await.refused(409, "uniqueness");
    entra.disable(&ada).await;
    assert_eq!(nestr.acme().resolve_login("ada@acme.com").await, Login::Inactive(ada));
}

/// A person without the one thing that a restart on another port changes.
fn without_location(mut person: Value) -> Value {
    person["meta"]["location"] = Value::Null;
    person
}
