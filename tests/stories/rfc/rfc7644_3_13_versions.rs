//! RFC 7644 sections 3.13 and 3.14: versions of the protocol and of resources. Refused writes and
//! unchanged reads of a person: `okta.rs`.

use serde_json::json;

use super::{group, patch, user};
use crate::harness::{Ask, Nestr};

/// 3.14: "ETags MUST be specified as an HTTP header and SHOULD be specified within the 'version'
/// attribute contained in the resource's 'meta' attribute"; If-None-Match on a read is 304 while nothing
/// has changed, If-Match on a write is 412 once something has.
#[tokio::test]
async fn a_version_guards_the_writes_and_spares_the_reads_of_every_type() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    for (path, named) in
        [(&ada, "nickName"), (&group(&acme, "Staff", &[&ada]).await, "displayName")]
    {
        let first = acme.get(path).await.header("etag").unwrap().to_owned();
        assert!(first.starts_with("W/\"") && first.ends_with('"'), "{first}");
        let read = |etags: &str| acme.send(acme.ask("GET", path).header("If-None-Match", etags));
        assert_eq!(read(&format!("\"other\", {first}")).await.is(304).body, "");
        read("*").await.is(304);
        read("W/\"other\"").await.is(200);

        let body =
            json!({"Operations": [{"op": "add", "path": named, "value": "New"}]}).to_string();
        let write =
            |etag: &str| acme.ask("PATCH", path).header("If-Match", etag).scim(body.clone());
        let second = acme.send(write(&first)).await.is(200).header("etag").unwrap().to_owned();
        assert_ne!(first, second);
        acme.send(write(&first)).await.refused(412, "");
        acme.send(acme.ask("DELETE", path).header("If-Match", &first)).await.refused(412, "");
        read(&first).await.is(200);
        acme.send(acme.ask("DELETE", path).header("If-Match", &second)).await.is(204);
    }
}

/// 3.13: the base URL may have a version identifier, which a service must use or reject: ours is `v2`,
/// always there, and no other is answered.
#[tokio::test]
async fn the_protocol_has_one_version_and_it_stands_in_the_path() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    assert!(acme.path("").starts_with("/scim/v2/"));
    for other in ["/scim/v1/", "/scim/v3/", "/scim/"] {
        let path = acme.path("/Users").replace("/scim/v2/", other);
        nestr.send(Ask::new("GET", path).bearer(&acme.key)).await.refused(404, "");
    }
}

/// A change that changes nothing is none: the version stays, for groups as for people.
#[tokio::test]
async fn a_version_moves_with_a_change_and_with_nothing_else() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"title": "x"})).await;
    let staff = group(&acme, "Staff", &[&ada]).await;
    for (path, named, whole) in [
        (&ada, "title", json!({"userName": "ada@acme.com", "title": "x"})),
        (&staff, "displayName", json!({"displayName": "Staff"})),
    ] {
        let before = acme.get(path).await;
        let same =
            json!([{"op": "replace", "path": named, "value": before.at(&format!("/{named}"))}]);
        assert_eq!(patch(&acme, path, same).await.header("etag"), before.header("etag"));
        assert_eq!(acme.put(path, whole.to_string()).await.header("etag"), before.header("etag"));
        assert_eq!(acme.get(path).await.essence(), before.essence());
    }
}
