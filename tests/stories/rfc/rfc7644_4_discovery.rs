//! RFC 7644 section 4: discovery. What it says: `discovery.rs` and the sections 5 to 7 of RFC 7643.

use crate::harness::Nestr;

const ENDPOINTS: [&str; 5] = [
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
];

/// "If a 'filter' is provided, the service provider SHOULD respond with HTTP status code 403 (Forbidden)
/// to ensure that clients cannot incorrectly assume that any matching conditions specified in a filter
/// are true." Seen to fail while every parameter was ignored.
#[tokio::test]
async fn a_filter_on_what_describes_the_service_is_forbidden() {
    let acme = Nestr::start().await.acme();
    for endpoint in ENDPOINTS {
        for query in ["filter=id+pr", "FILTER=", "count=1&filter=name+eq+%22User%22"] {
            let detail = acme.get(&format!("{endpoint}?{query}")).await.refused(403, "");
            assert!(detail.contains("filter"), "{detail}");
        }
    }
}

/// "Query parameters described in Section 3.4.2, such as filtering, sorting, and pagination, SHALL be
/// ignored."
#[tokio::test]
async fn every_other_parameter_is_ignored_there() {
    let acme = Nestr::start().await.acme();
    for endpoint in ENDPOINTS {
        let whole = acme.get(endpoint).await.is(200);
        for query in [
            "attributes=name",
            "excludedAttributes=attributes,patch",
            "sortBy=id&sortOrder=descending",
            "startIndex=2&count=0",
            "count=ten&cursor=made-up",
        ] {
            let found = acme.get(&format!("{endpoint}?{query}")).await;
            assert_eq!(found.essence(), whole.essence(), "{endpoint}?{query}");
        }
    }
}
