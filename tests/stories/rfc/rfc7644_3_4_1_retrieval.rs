//! RFC 7644 section 3.4.1: retrieving a known resource.

use serde_json::json;

use super::{follow, group, user};
use crate::harness::{Nestr, nobody};

/// "If the resource exists, the server responds with HTTP status code 200 (OK) and includes the result
/// in the body"; HEAD is answered as GET, without the body.
#[tokio::test]
async fn a_resource_is_read_where_its_location_says() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    for path in [&ada, &group(&acme, "Staff", &[&ada]).await] {
        let read = acme.get(path).await.is(200);
        assert_eq!(follow(&acme, &read.at("/meta/location")).await.json(), read.json());
        let head = acme.send(acme.ask("HEAD", path)).await.is(200);
        assert_eq!((head.header("etag"), head.body.as_str()), (read.header("etag"), ""));
    }
}

/// Who is not there is 404 with a SCIM error (3.12), whatever the id looks like and whatever the type.
#[tokio::test]
async fn who_is_not_there_is_not_found() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let of_the_other_type = ada.replace("/Users/", "/Groups/");
    for path in [&of_the_other_type, &format!("/Users/{}", nobody()), "/Users/1", "/Groups/x"] {
        acme.get(path).await.refused(404, "");
    }
}
