//! Many writes in one request (RFC 7644 section 3.7).

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::harness::{Answer, Nestr, Workspace};

async fn bulk(acme: &Workspace, operations: Value) -> Answer {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
    acme.post("/Bulk", json!({"schemas": schemas, "Operations": operations}).to_string()).await
}

#[expect(clippy::needless_pass_by_value, reason = "made where it is passed")]
fn post(endpoint: &str, bulk_id: &str, data: Value) -> Value {
    json!({"method": "POST", "path": endpoint, "bulkId": bulk_id, "data": data})
}

fn statuses(answer: &Answer) -> Vec<String> {
    let operations = answer.at("/Operations");
    let status = |operation: &Value| operation["status"].as_str().unwrap_or_default().to_owned();
    operations.as_array().map(|all| all.iter().map(status).collect()).unwrap_or_default()
}

/// The path of the resource of an operation.
fn path(answer: &Answer, at: usize) -> String {
    let location = answer.text(&format!("/Operations/{at}/location"));
    let from = location.rfind("/Users/").or(location.rfind("/Groups/")).unwrap_or_default();
    location[from..].to_owned()
}

async fn members(acme: &Workspace, group: &str) -> Vec<String> {
    let members = acme.get(group).await.is(200).at("/members");
    let id = |member: &Value| member["value"].as_str().unwrap_or_default().to_owned();
    members.as_array().map(|members| members.iter().map(id).collect()).unwrap_or_default()
}

/// The group comes before those whom it refers to.
#[tokio::test]
async fn a_reference_is_resolved_wherever_what_it_means_stands() {
    let acme = Nestr::start().await.acme();
    let of = |id: &str| json!({"value": format!("bulkId:{id}")});
    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let answer = bulk(
        &acme,
        json!([
            post("/Groups", "staff", json!({"displayName": "Staff", "members": [of("ada"), of("bob")]})),
            post("/Users", "ada", json!({"userName": "ada@acme.com"})),
            post("/Users", "bob", json!({"userName": "bob@acme.com", (manager): {"manager": of("ada")}})),
            {"method": "PATCH", "path": "/Users/bulkId:bob", "data": {"Operations": [{"op": "add", "path": "title", "value": "Dr"}]}},
        ]),
    )
    .await
    .is(200);
    assert_eq!(statuses(&answer), ["201", "201", "201", "200"]);
    assert_snapshot!("a_bulk", answer.snapshot());
    let id = |at: usize| path(&answer, at).rsplit('/').next().unwrap().to_owned();
    assert_eq!(members(&acme, &path(&answer, 0)).await, [id(1), id(2)]);
    let bob = acme.get(&path(&answer, 2)).await;
    assert_eq!(
        (bob.text("/title"), bob.at(&format!("/{manager}/manager/value"))),
        ("Dr".into(), json!(id(1)))
    );
    assert_eq!(bob.text("/meta/version"), answer.text("/Operations/3/version"));
}

/// RFC 7644 section 3.7.1. Seen to fail with a ring taken for an error.
#[tokio::test]
async fn groups_that_belong_to_each_other_are_made() {
    let acme = Nestr::start().await.acme();
    let group = |name: &str, of: &str| json!({"displayName": name, "members": [{"value": format!("bulkId:{of}")}]});
    let answer = bulk(
        &acme,
        json!([
            post("/Groups", "a", group("A", "b")),
            post("/Groups", "b", group("B", "c")),
            post("/Groups", "c", group("C", "a")),
            post("/Groups", "self", group("Self", "self")),
        ]),
    )
    .await
    .is(200);
    assert_eq!(statuses(&answer), ["201", "201", "201", "201"]);
    for (of, member) in [(0, 1), (1, 2), (2, 0), (3, 3)] {
        let id = path(&answer, member).trim_start_matches("/Groups/").to_owned();
        let group = path(&answer, of);
        assert_eq!(members(&acme, &group).await, [id], "{of}");
        let version = acme.get(&group).await.text("/meta/version");
        assert_eq!(version, answer.text(&format!("/Operations/{of}/version")), "{of}");
    }
}

#[tokio::test]
async fn each_operation_is_kept_or_refused_by_itself() {
    let acme = Nestr::start().await.acme();
    let ada = acme.create("ada@acme.com").await;
    let gone = acme.create("gone@acme.com").await;
    let answer = bulk(
        &acme,
        json!([
            post("/Users", "1", json!({"userName": "ADA@acme.com"})),
            post("/Users", "2", json!({"userName": "eve@evil.example"})),
            post("/Users", "3", json!({"userName": "bob@acme.com"})),
            post("/Groups", "4", json!({"displayName": "Staff", "members": [{"value": "bulkId:1"}]})),
            {"method": "put", "path": format!("/Users/{ada}"), "version": "W/\"99999\"", "data": {"userName": "ada@acme.com"}},
            {"method": "DELETE", "path": format!("/Users/{gone}")},
            {"method": "DELETE", "path": "/Users/nobody"},
            {"method": "GET", "path": "/Users"},
            post("/Robots", "9", json!({})),
            post("/Users", "3", json!({"userName": "cy@acme.com"})),
            {"method": "PATCH", "path": "/Users/bulkId:nothing", "data": {"Operations": []}},
        ]),
    )
    .await
    .is(200);
    assert_eq!(
        statuses(&answer),
        ["409", "400", "201", "400", "412", "204", "404", "400", "400", "400", "400"]
    );
    for (at, scim_type) in
        [(0, "uniqueness"), (1, "invalidValue"), (3, "invalidValue"), (7, "invalidSyntax")]
    {
        let response = answer.at(&format!("/Operations/{at}/response"));
        assert_eq!(response["scimType"], scim_type, "{at}");
        assert_eq!(response["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        assert!(!response["detail"].as_str().unwrap_or_default().is_empty());
    }
    assert_eq!(answer.at("/Operations/0/location"), Value::Null, "a POST that failed made nothing");
    acme.get(&format!("/Users/{gone}")).await.refused(404, "");
    assert_eq!(acme.find("userName pr").await.rows().len(), 2);
}

/// Seen to fail with the errors counted after the operations are done.
#[tokio::test]
async fn after_so_many_errors_nothing_more_is_done() {
    let acme = Nestr::start().await.acme();
    acme.create("ada@acme.com").await;
    let mut operations = Vec::new();
    for n in 0..10 {
        let name = if n % 2 == 0 { "ada@acme.com".to_owned() } else { format!("p{n}@acme.com") };
        operations.push(post("/Users", &n.to_string(), json!({"userName": name})));
    }
    let body = json!({"failOnErrors": 3, "Operations": operations});
    let answer = acme.post("/Bulk", body.to_string()).await.is(200);
    assert_eq!(statuses(&answer), ["409", "201", "409", "201", "409"]);
    assert_eq!(acme.find("userName pr").await.rows().len(), 3);
    let body = json!({"failOnErrors": 0, "Operations": operations});
    assert_eq!(statuses(&acme.post("/Bulk", body.to_string()).await).len(), 10);
}

#[tokio::test]
async fn a_bulk_is_bounded_as_it_is_announced() {
    let acme = Nestr::start().await.acme();
    let config = acme.get("/ServiceProviderConfig").await.at("/bulk");
    let (most, bytes) =
        (config["maxOperations"].as_u64().unwrap(), config["maxPayloadSize"].as_u64().unwrap());
    let delete = |n: u64| json!({"method": "DELETE", "path": format!("/Users/{n}")});
    let full: Vec<_> = (0..most).map(delete).collect();
    let answer = bulk(&acme, full.into()).await.is(200);
    assert!(statuses(&answer).iter().all(|status| status == "404"));
    let over: Vec<_> = (0..=most).map(delete).collect();
    let detail = bulk(&acme, over.into()).await.refused(413, "");
    assert!(detail.contains("maxOperations"), "{detail}");
    let long = " ".repeat(usize::try_from(bytes).unwrap());
    acme.post("/Bulk", format!("{{}}{long}")).await.refused(413, "");
    acme.post("/Bulk", "{}").await.refused(400, "invalidSyntax");
    acme.get("/Bulk").await.refused(405, "");
}
