//! RFC 7644 section 3.4.3: queries by POST. What they find at each level: `lists.rs`.

use serde_json::{Value, json};

use super::{group, user};
use crate::harness::{Nestr, form_encoded};

/// A `SearchRequest` of each parameter of table 7 answers what the query of the same words does.
#[tokio::test]
async fn a_search_by_body_answers_what_the_query_does() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"title": "x", "displayName": "Ada"})).await;
    user(&acme, "bob@acme.com", json!({"title": "y", "displayName": "Bob"})).await;
    group(&acme, "Staff", &[&ada]).await;
    group(&acme, "Board", &[&ada]).await;
    for (body, query) in [
        (json!({}), String::new()),
        (json!({"filter": "displayName pr"}), format!("filter={}", form_encoded("displayName pr"))),
        (
            json!({"sortBy": "displayName", "sortOrder": "descending", "startIndex": 2, "count": 1}),
            "sortBy=displayName&sortOrder=descending&startIndex=2&count=1".to_owned(),
        ),
        (
            json!({"attributes": ["displayName", "meta.location"]}),
            "attributes=displayName,meta.location".to_owned(),
        ),
        (
            json!({"excludedAttributes": ["members", "meta", "title"]}),
            "excludedAttributes=members,meta,title".to_owned(),
        ),
        (json!({"count": 0}), "count=0".to_owned()),
    ] {
        for level in ["/Users", "/Groups", ""] {
            let mut search = body.clone();
            search["schemas"] = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]);
            let searched = acme.post(&format!("{level}/.search"), search.to_string()).await.is(200);
            let queried = acme.get(&format!("{level}?{query}")).await.is(200);
            assert_eq!(searched.json(), queried.json(), "{level} {body}");
            assert_eq!(searched.header("location"), None);
        }
    }
    assert_eq!(acme.get("").await.at("/totalResults"), Value::from(4), "a search makes nothing");
}
