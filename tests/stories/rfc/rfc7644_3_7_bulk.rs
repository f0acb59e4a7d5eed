//! RFC 7644 section 3.7: bulk operations. References, `failOnErrors` and limits: `bulk.rs`.

use serde_json::{Value, json};

use super::{id, user};
use crate::harness::Nestr;

/// 3.7.3: of each operation `method` and `status`, a string, are answered, `bulkId` if there was one,
/// `location` "REQUIRED ... except in the event of a POST failure", `version` where the resource has
/// one, and `response` "MUST" be there for what failed; each status is what the operation alone would
/// have had. Seen to fail while a PUT that failed had no location.
#[tokio::test]
async fn each_operation_is_answered_with_its_status_and_its_place() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let bob = user(&acme, "bob@acme.com", json!({})).await;
    let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "nickName", "value": "A"}]});
    let operations = json!([
        {"method": "POST", "path": "/Users", "bulkId": "qwerty", "data": {"userName": "cy@acme.com"}},
        {"method": "PUT", "path": ada, "data": {"userName": "ada@acme.com", "title": "x"}},
        {"method": "PATCH", "path": ada, "data": patch},
        {"method": "DELETE", "path": bob},
        {"method": "POST", "path": "/Users", "bulkId": "again", "data": {"userName": "cy@acme.com"}},
        {"method": "PUT", "path": ada, "data": {"title": "nameless"}},
        {"method": "DELETE", "path": bob},
    ]);
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
    let bulk = json!({"schemas": schemas, "Operations": operations}).to_string();
    let answer = acme.post("/Bulk", bulk).await.is(200);
    assert_eq!(answer.text("/schemas/0"), "urn:ietf:params:scim:api:messages:2.0:BulkResponse");
    let results = answer.at("/Operations");
    let statuses = ["201", "200", "200", "204", "409", "400", "404"];
    assert_eq!(results.as_array().map(Vec::len), Some(statuses.len()));
    for (at, status) in statuses.into_iter().enumerate() {
        let (asked, result) = (&operations[at], &results[at]);
        assert_eq!((&result["method"], &result["status"]), (&asked["method"], &json!(status)));
        assert_eq!(result.get("bulkId"), asked.get("bulkId"), "{result}");
        let (is_ok, is_made) = (status.starts_with('2'), asked["method"] == "POST");
        assert_eq!(result["location"].is_string(), is_ok || !is_made, "{result}");
        assert_eq!(result["response"].is_object(), !is_ok, "{result}");
        if !is_ok {
            assert_eq!(result["response"]["status"], status, "{result}");
        }
        if let Some(location) = result["location"].as_str().filter(|_| !is_made) {
            assert_eq!(id(location), id(asked["path"].as_str().unwrap()));
        }
    }
    let kept = acme.get(&ada).await.is(200);
    assert_eq!((kept.text("/title"), kept.text("/nickName")), ("x".to_owned(), "A".to_owned()));
    assert_eq!(kept.at("/meta/version"), results[2]["version"]);
    assert_eq!(acme.get("/Users").await.at("/totalResults"), Value::from(2));
}
