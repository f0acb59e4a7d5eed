//! RFC 7644 section 3.4.2: list responses. Queries at the root: `lists.rs`.

use serde_json::{Value, json};

use super::{group, user};
use crate::harness::Nestr;

/// `totalResults` is REQUIRED, `Resources` "REQUIRED if 'totalResults' is non-zero", `startIndex` and
/// `itemsPerPage` "REQUIRED when partial results are returned due to pagination", wherever one asks.
#[tokio::test]
async fn a_list_response_has_each_required_attribute_at_every_endpoint() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    user(&acme, "bob@acme.com", json!({})).await;
    group(&acme, "Staff", &[&ada]).await;
    for (endpoint, total) in
        [("/Users", 2), ("/Groups", 1), ("", 3), ("/Schemas", 3), ("/ResourceTypes", 2)]
    {
        let list = acme.get(endpoint).await;
        assert_eq!(list.rows().len(), total, "{endpoint}");
        assert_eq!(list.at("/totalResults"), json!(total), "{endpoint}");
        assert_eq!(list.at("/startIndex"), json!(1), "{endpoint}");
    }
    let page = acme.get("/Users?count=1&startIndex=2").await;
    assert_eq!(
        (page.at("/totalResults"), page.at("/startIndex"), page.at("/itemsPerPage")),
        (json!(2), json!(2), json!(1))
    );
}

/// "A query that does not return any matches SHALL return success (HTTP status code 200) with
/// 'totalResults' set to a value of 0."
#[tokio::test]
async fn a_query_without_a_match_is_a_success() {
    let acme = Nestr::start().await.acme();
    for endpoint in ["/Users", "/Groups", ""] {
        for query in
            ["", "?filter=id+eq+%22x%22", "?startIndex=7", "?count=0", "?sortBy=displayName"]
        {
            let list = acme.get(&format!("{endpoint}{query}")).await;
            assert_eq!(list.rows(), [] as [Value; 0], "{endpoint}{query}");
            assert_eq!(list.at("/totalResults"), json!(0), "{endpoint}{query}");
        }
    }
}
