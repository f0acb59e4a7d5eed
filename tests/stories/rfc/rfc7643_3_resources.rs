//! RFC 7643 section 3: what all resources have, and extensions of them.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{ENTERPRISE, GROUP, USER, found, group, id, patch, user};
use crate::harness::Nestr;

/// Section 3: "The 'schemas' attribute is a REQUIRED attribute", names the base schema, "MUST" name the
/// extensions in use and "Duplicate values MUST NOT be included"; 3.3: an extension's attributes
/// stand under its URN.
#[tokio::test]
async fn schemas_names_each_schema_of_the_resource_once() {
    let acme = Nestr::start().await.acme();
    let twice = json!({"schemas": [USER, USER, ENTERPRISE]});
    let ada = user(&acme, "ada@acme.com", twice).await;
    assert_eq!(acme.get(&ada).await.at("/schemas"), json!([USER]));
    let path = format!("{ENTERPRISE}:department");
    let add = json!([{"op": "add", "path": path, "value": "Engines"}]);
    let extended = patch(&acme, &ada, add).await.is(200).json();
    assert_eq!(extended["schemas"], json!([USER, ENTERPRISE]));
    assert_eq!(extended[ENTERPRISE], json!({"department": "Engines"}));
    assert_eq!(found(&acme, &format!(r#"schemas eq "{ENTERPRISE}""#)).await, ["ada"]);
    let gone = patch(&acme, &ada, json!([{"op": "remove", "path": path}])).await.is(200).json();
    assert_eq!((&gone["schemas"], gone.get(ENTERPRISE)), (&json!([USER]), None));
    let staff = group(&acme, "Staff", &[&ada]).await;
    assert_eq!(acme.get(&staff).await.at("/schemas"), json!([GROUP]));
}

/// 3.1, `id`: "MUST include a non-empty 'id' value", "MUST be unique across the SCIM service provider's
/// entire set of resources", "MUST be a stable, non-reassignable identifier", "MUST NOT be specified by the client", and is
/// never `bulkId`.
#[tokio::test]
async fn an_id_is_the_services_own_unique_and_never_given_again() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"id": "bulkId"})).await;
    let staff = group(&acme, "Staff", &[]).await;
    let put = json!({"id": id(&staff), "userName": "ada@acme.com", "title": "x"});
    let changed = acme.put(&ada, put.to_string()).await.is(200);
    assert_eq!(changed.text("/id"), id(&ada));
    acme.delete(&ada).await.is(204);
    let next = user(&acme, "ada@acme.com", json!({"id": id(&ada)})).await;
    let ids = HashSet::from([id(&ada), id(&staff), id(&next)]);
    assert_eq!(ids.len(), 3);
    assert!(!ids.contains("bulkId") && !ids.contains(""));
}

/// 3.1, `externalId`: "issued by the client", "MUST NOT be specified by the service provider", and case
/// exact.
#[tokio::test]
async fn an_external_id_is_the_clients_and_kept_to_the_letter() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"externalId": "BJensen"})).await;
    let bob = user(&acme, "bob@acme.com", json!({})).await;
    assert_eq!(acme.get(&ada).await.text("/externalId"), "BJensen");
    assert_eq!(acme.get(&bob).await.at("/externalId"), Value::Null);
    assert_eq!(found(&acme, r#"externalId eq "BJensen""#).await, ["ada"]);
    assert_eq!(found(&acme, r#"externalId eq "bjensen""#).await, [] as [&str; 0]);
}

/// 3.1, `meta`: "All 'meta' sub-attributes are assigned by the service provider"; what a client sends
/// of it "SHALL be ignored"; `lastModified` "MUST be the same as the value of 'created'" until a
/// change; `location` is the resource's address and `version` its ETag.
#[tokio::test]
async fn meta_is_the_services_own_and_true() {
    let acme = Nestr::start().await.acme();
    let lie = json!({"meta": {
        "resourceType": "Robot", "created": "1999-12-31T00:00:00Z", "location": "x", "version": "x"}});
    let staff = json!({"displayName": "Staff", "meta": lie["meta"]}).to_string();
    let staff = format!("/Groups/{}", acme.post("/Groups", staff).await.is(201).text("/id"));
    for (path, kind, change) in
        [(user(&acme, "ada@acme.com", lie).await, "User", "title"), (staff, "Group", "displayName")]
    {
        let made = acme.get(&path).await.is(200);
        assert_eq!(made.text("/meta/resourceType"), kind);
        assert_eq!(made.at("/meta/created"), made.at("/meta/lastModified"));
        assert!(made.text("/meta/created").as_str() > "2020");
        assert_eq!(made.header("location"), Some(made.text("/meta/location").as_str()));
        assert!(made.text("/meta/location").ends_with(&acme.path(&path)));
        assert_eq!(made.header("etag"), Some(made.text("/meta/version").as_str()));

        let operations = json!([{"op": "replace", "path": change, "value": "New"}]);
        let changed = patch(&acme, &path, operations).await.is(200);
        assert_eq!(changed.at("/meta/created"), made.at("/meta/created"));
        assert!(changed.text("/meta/lastModified") > made.text("/meta/lastModified"));
        assert_eq!(changed.at("/meta/location"), made.at("/meta/location"));
        assert_ne!(changed.at("/meta/version"), made.at("/meta/version"));
    }
}
