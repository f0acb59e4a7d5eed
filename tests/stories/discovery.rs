//! What the service says of itself, and that it is true.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::{Nestr, Workspace};

#[tokio::test]
async fn the_documents_say_what_they_said_before() {
    let acme = Nestr::start().await.acme();
    for (name, endpoint) in [
        ("service_provider_config", "/ServiceProviderConfig"),
        ("resource_types", "/ResourceTypes"),
        ("schemas", "/Schemas"),
    ] {
        assert_snapshot!(name, acme.get(endpoint).await.is(200).snapshot());
    }
}

/// Each document of a list is found by its id, the same.
#[tokio::test]
async fn each_schema_and_resource_type_is_found_by_its_id() {
    let acme = Nestr::start().await.acme();
    for endpoint in ["/Schemas", "/ResourceTypes"] {
        let rows = acme.get(endpoint).await.rows();
        assert!(!rows.is_empty());
        for row in rows {
            let one = format!("{endpoint}/{}", row["id"].as_str().unwrap());
            assert_eq!(acme.get(&one).await.is(200).json(), row);
            let location = row["meta"]["location"].as_str().unwrap();
            assert!(location.ends_with(&acme.path(&one)), "{location}");
        }
        acme.get(&format!("{endpoint}/nonsense")).await.refused(404, "");
    }
}

#[tokio::test]
async fn nobody_writes_to_what_describes_the_service() {
    let acme = Nestr::start().await.acme();
    for endpoint in ["/ServiceProviderConfig", "/Schemas", "/ResourceTypes", "/Schemas/x"] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = acme.send(acme.ask(method, endpoint).scim("{}")).await;
            answer.refused(405, "");
            assert!(answer.header("allow").unwrap_or_default().contains("GET"), "{answer}");
        }
    }
}

/// authentik reads the document and believes it, so each line of it is tried. A feature that is
/// announced later fails here until it is tried too.
#[tokio::test]
async fn every_feature_that_is_announced_works_and_no_other_is_announced() {
    let acme = Nestr::start().await.acme();
    let config = acme.get("/ServiceProviderConfig").await.json();
    let features = config.as_object().unwrap().iter();
    let supported: Vec<&str> = features
        .filter(|(_, value)| value["supported"] == true)
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(!supported.is_empty());
    for feature in &supported {
        match *feature {
            "patch" => patch_works(&acme).await,
            "filter" => filter_works(&acme).await,
            "etag" => etag_works(&acme).await,
            "sort" => sort_works(&acme).await,
            "bulk" => bulk_works(&acme).await,
            other => panic!("{other} is announced and not tried here"),
        }
    }
    assert_eq!(config["changePassword"]["supported"], false);
    let pages = &config["pagination"];
    assert_eq!((&pages["cursor"], &pages["index"]), (&json!(true), &json!(true)));
    let first = acme.get("/Users?count=1&cursor").await;
    let next = first.text("/nextCursor");
    assert_eq!(acme.get(&format!("/Users?count=1&cursor={next}")).await.rows().len(), 1);
    let schemes = config["authenticationSchemes"].as_array().unwrap();
    assert_eq!(schemes.len(), 1);
    assert_eq!(schemes[0]["type"], "oauthbearertoken");
}

async fn patch_works(acme: &Workspace) {
    let user = format!("/Users/{}", acme.create("patched@acme.com").await);
    let body = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","path":"title","value":"x"}]}"#;
    assert_eq!(acme.patch(&user, body).await.is(200).text("/title"), "x");
}

async fn filter_works(acme: &Workspace) {
    let id = acme.create("filtered@acme.com").await;
    for filter in [
        r#"userName eq "filtered@acme.com""#,
        r#"userName sw "FILT" and userName ew ".com""#,
        r#"userName co "tered" and not (title pr)"#,
        r#"userName ne "x" and userName gt "filt" and userName le "filtered@acme.com" and userName ge "filtered""#,
        r#"meta.created gt "2001-01-01T00:00:00Z" and userName lt "filtered@acme.con" and userName co "filtered""#,
    ] {
        let rows = acme.find(filter).await.rows();
        let ids: Vec<&Value> = rows.iter().map(|row| &row["id"]).collect();
        assert_eq!(ids, [&json!(id)], "{filter}");
    }
}

async fn bulk_works(acme: &Workspace) {
    let bulk = r#"{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"bulk@acme.com"}}]}"#;
    assert_eq!(acme.post("/Bulk", bulk).await.is(200).text("/Operations/0/status"), "201");
}

async fn sort_works(acme: &Workspace) {
    let (up, down) = ("/Users?sortBy=userName", "/Users?sortBy=userName&sortOrder=descending");
    let mut rows = acme.get(down).await.rows();
    rows.reverse();
    assert!(rows.len() > 1);
    assert_eq!(acme.get(up).await.rows(), rows);
}

async fn etag_works(acme: &Workspace) {
    let user = format!("/Users/{}", acme.create("tagged@acme.com").await);
    let etag = acme.get(&user).await.text("/meta/version");
    acme.send(acme.ask("GET", &user).header("If-None-Match", &etag)).await.is(304);
    let put = r#"{"userName":"tagged@acme.com","title":"x"}"#;
    acme.send(acme.ask("PUT", &user).header("If-Match", &etag).scim(put)).await.is(200);
    acme.send(acme.ask("PUT", &user).header("If-Match", &etag).scim(put)).await.is(412);
}

/// The schema is the promise of what is kept: each attribute that a client may write is kept as
/// written, and none that it may not.
#[tokio::test]
async fn what_the_schema_offers_is_kept() {
    let acme = Nestr::start().await.acme();
    let core = acme.get("/Schemas/urn:ietf:params:scim:schemas:core:2.0:User").await.json();
    let mut sent = json!({"userName": "ada@acme.com"});
    for attribute in core["attributes"].as_array().unwrap() {
        let name = attribute["name"].as_str().unwrap();
        assert_ne!(name, "password");
        if attribute["mutability"] != "readOnly" && name != "userName" && name != "emails" {
            sent[name] = written(attribute);
        }
    }
    let kept = acme.post("/Users", sent.to_string()).await.is(201).json();
    for (name, value) in sent.as_object().unwrap() {
        assert_eq!(&kept[name], value, "{name}");
    }
}

/// A value of an attribute's type.
fn written(attribute: &Value) -> Value {
    let one = match attribute["type"].as_str().expect("a type") {
        "string" => json!("text"),
        "boolean" => json!(true),
        "integer" => json!(1),
        "decimal" => json!(1.5),
        "dateTime" => json!("2011-05-13T04:42:34Z"),
        "reference" => json!("https://acme.example/x"),
        "binary" => json!("TUlJ"),
        "complex" => {
            let subs = attribute["subAttributes"].as_array().expect("sub-attributes").iter();
            let subs = subs.filter(|sub| sub["mutability"] != "readOnly");
            subs.map(|sub| (sub["name"].as_str().expect("a name").to_owned(), written(sub)))
                .collect()
        }
        other => panic!("no such type: {other}"),
    };
    if attribute["multiValued"] == true { json!([one]) } else { one }
}
