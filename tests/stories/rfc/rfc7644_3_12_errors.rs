//! RFC 7644 section 3.12: errors.

use serde_json::json;

use super::{patch, user};
use crate::harness::Nestr;

/// Tables 8 and 9: each status and each `scimType` comes for its cause, in the error's schema, with the
/// status as a string and a text for people. The words that are never given, `invalidVers` and
/// `sensitive`, have no cause here: see docs/conformance.md.
#[tokio::test]
async fn each_status_and_each_scim_type_is_given_for_its_cause() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let operation = |op: &str, path: &str| json!([{"op": op, "path": path, "value": "x"}]);
    let tagged = acme.ask("PUT", &ada).header("If-Match", "W/\"0\"").scim(r#"{"userName":"x"}"#);
    let stranger = acme.with_key("nscim_nobodys");
    for (answer, status, scim_type) in [
        (acme.find("title is x").await, 400, "invalidFilter"),
        (acme.find(&vec!["title pr"; 201].join(" or ")).await, 400, "tooMany"),
        (acme.post("/Users", r#"{"userName":"ada@acme.com"}"#).await, 409, "uniqueness"),
        (patch(&acme, &ada, operation("replace", "id")).await, 400, "mutability"),
        (acme.post("/Users", "{").await, 400, "invalidSyntax"),
        (patch(&acme, &ada, operation("add", "emails[")).await, 400, "invalidPath"),
        (
            patch(&acme, &ada, operation("replace", r#"roles[value eq "x"].display"#)).await,
            400,
            "noTarget",
        ),
        (patch(&acme, &ada, operation("replace", "active")).await, 400, "invalidValue"),
        (acme.get("/Users?cursor=made-up").await, 400, "invalidCursor"),
        (acme.get("/Users?count=ten").await, 400, "invalidCount"),
        (stranger.get("/Users").await, 401, ""),
        (acme.get("/Schemas?filter=id+pr").await, 403, ""),
        (acme.get("/Users/nobody").await, 404, ""),
        (acme.send(tagged).await, 412, ""),
        (acme.post("/Users", " ".repeat(1024 * 1024 + 1)).await, 413, ""),
        (acme.get("/Me").await, 501, ""),
    ] {
        answer.refused(status, scim_type);
    }
}
