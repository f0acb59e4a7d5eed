//! RFC 9865: pages by cursor. That everybody is read once whoever comes and goes, and that a cursor
//! serves its own question alone: `lists.rs`; that it expires: `services/cursor.rs` of the directory.

use serde_json::{Value, json};

use super::{names, user};
use crate::harness::{Nestr, Workspace, form_encoded};

async fn five(acme: &Workspace) {
    for name in ["ada", "bob", "cy", "dee", "eve"] {
        user(acme, name, json!({"title": "x"})).await;
    }
}

/// Section 2: "The cursor value MUST be empty or omitted for the first request"; `nextCursor` MUST be in
/// every response but that of the last page, and "may only contain characters from the unreserved
/// characters set"; `previousCursor` is OPTIONAL and not offered. The answer counts all, and has no
/// startIndex.
#[tokio::test]
async fn every_page_but_the_last_tells_where_the_next_begins() {
    let acme = Nestr::start().await.acme();
    five(&acme).await;
    for begin in ["cursor", "cursor=", "CURSOR="] {
        let mut page = acme.get(&format!("/Users?count=2&{begin}")).await;
        for expected in [&["ada", "bob"] as &[&str], &["cy", "dee"], &["eve"]] {
            assert_eq!(names(&page), expected);
            assert_eq!(page.at("/totalResults"), json!(5));
            for absent in ["/startIndex", "/previousCursor"] {
                assert_eq!(page.at(absent), Value::Null, "{page}");
            }
            let cursor = page.text("/nextCursor");
            let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            assert!(cursor.chars().all(is_unreserved), "{cursor}");
            assert_eq!(cursor.is_empty(), expected == ["eve"], "{page}");
            page = acme.get(&format!("/Users?count=2&cursor={cursor}")).await;
        }
    }
    let exact = acme.get("/Users?count=5&cursor").await;
    assert_eq!(exact.at("/nextCursor"), Value::Null, "{exact}");
}

/// Section 2, `count`: "A negative value SHALL be interpreted as '0'", which asks for the total alone;
/// "MUST NOT return more although it MAY return fewer"; 2.1: what is no number is `invalidCount`. Seen to fail
/// while it was `invalidValue`.
#[tokio::test]
async fn a_page_is_as_long_as_was_asked_at_most() {
    let acme = Nestr::start().await.acme();
    five(&acme).await;
    for (count, rows) in [("0", 0), ("-1", 0), ("3", 3), ("100000", 5)] {
        let page = acme.get(&format!("/Users?cursor&count={count}")).await;
        assert_eq!((page.rows().len(), page.at("/totalResults")), (rows, json!(5)), "{count}");
    }
    for count in ["ten", "", "1.5"] {
        let page = acme.get(&format!("/Users?cursor&count={count}")).await;
        let detail = page.refused(400, "invalidCount");
        assert!(detail.contains("count"), "{detail}");
    }
    acme.post("/Users/.search", r#"{"cursor":"","count":"ten"}"#)
        .await
        .refused(400, "invalidCount");
}

/// 2.4: "service providers supporting both pagination methods MUST choose a default": here the index, so
/// that no client meets a cursor that it did not ask for.
#[tokio::test]
async fn who_asks_for_no_cursor_gets_none() {
    let acme = Nestr::start().await.acme();
    five(&acme).await;
    for query in ["", "?count=2", "?startIndex=2&count=2", "?sortBy=userName"] {
        let page = acme.get(&format!("/Users{query}")).await;
        assert_eq!(page.at("/nextCursor"), Value::Null, "{query}");
        assert!(page.at("/startIndex").is_u64(), "{query}");
    }
    let config = acme.get("/ServiceProviderConfig").await;
    assert_eq!(config.text("/pagination/defaultPaginationMethod"), "index");
    let first = acme.get("/Users?cursor").await;
    assert_eq!(first.rows().len(), 5, "the default page size is announced and larger");
    for number in ["defaultPageSize", "maxPageSize", "cursorTimeout"] {
        assert!(config.at(&format!("/pagination/{number}")).as_u64() > Some(0), "{number}");
    }
}

/// Section 3: "When posting to /.search, the client would pass the parameters ... in the body"; 2.2: the
/// pages "should be sorted".
#[tokio::test]
async fn a_search_by_body_goes_on_by_cursor_in_its_order() {
    let acme = Nestr::start().await.acme();
    five(&acme).await;
    let mut search = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": r#"title eq "x" and not (userName eq "cy")"#, "attributes": ["userName"],
        "sortBy": "userName", "sortOrder": "descending", "cursor": "", "count": 3
    });
    let first = acme.post("/Users/.search", search.to_string()).await;
    assert_eq!(names(&first), ["eve", "dee", "bob"]);
    assert_eq!(first.at("/totalResults"), json!(4));
    search["cursor"] = first.at("/nextCursor");
    let last = acme.post("/Users/.search", search.to_string()).await;
    assert_eq!((names(&last), last.at("/nextCursor")), (vec!["ada".to_owned()], Value::Null));
    // The same question as a query goes on from the same place.
    let filter = form_encoded(search["filter"].as_str().unwrap());
    let query = format!("filter={filter}&sortBy=userName&sortOrder=descending&count=3");
    let page = acme.get(&format!("/Users?{query}&cursor={}", first.text("/nextCursor"))).await;
    assert_eq!(names(&page), ["ada"]);
}
