//! RFC 7644 section 3.4.2.4: pages by index. Pages by cursor: `rfc9865_cursors.rs`.

use serde_json::json;

use super::{names, user};
use crate::harness::Nestr;

/// Table 6: "A value less than 1 SHALL be interpreted as 1"; "A negative value SHALL be interpreted as
/// '0'. A value of '0' indicates that no resource results are to be returned except for
/// 'totalResults'"; "the service provider MUST NOT return more results than specified".
#[tokio::test]
async fn what_is_too_low_means_the_lowest_and_no_page_is_longer_than_asked() {
    let acme = Nestr::start().await.acme();
    for name in ["a", "b", "c"] {
        user(&acme, name, json!({})).await;
    }
    for (query, start, found) in [
        ("startIndex=0", 1, &["a", "b", "c"] as &[&str]),
        ("startIndex=-7&count=2", 1, &["a", "b"]),
        ("startIndex=2&count=1", 2, &["b"]),
        ("startIndex=3&count=200000", 3, &["c"]),
        ("startIndex=4", 4, &[]),
        ("count=0", 1, &[]),
        ("count=-1", 1, &[]),
    ] {
        let page = acme.get(&format!("/Users?{query}")).await;
        assert_eq!(names(&page), found, "{query}");
        assert_eq!(page.at("/totalResults"), json!(3), "{query}");
        assert_eq!(page.at("/startIndex"), json!(start), "{query}");
    }
    acme.get("/Users?startIndex=two").await.refused(400, "invalidValue");
}
