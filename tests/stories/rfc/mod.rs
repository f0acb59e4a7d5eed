//! RFC 7643, 7644 and 9865, requirement by requirement, over the wire: a file for each section. What a
//! story or a crate shows elsewhere is not shown again here; `docs/conformance.md` names the test of
//! each requirement, wherever it is.

use serde_json::{Value, json};

use crate::harness::{Answer, Workspace, form_encoded};

mod rfc7643_2_3_attribute_types;
mod rfc7643_2_4_multi_valued;
mod rfc7643_2_5_unassigned;
mod rfc7643_3_resources;
mod rfc7643_4_1_user;
mod rfc7643_4_2_group;
mod rfc7643_4_3_enterprise_user;
mod rfc7643_5_service_provider_config;
mod rfc7643_6_resource_types;
mod rfc7643_7_schemas;
mod rfc7643_8_examples;
mod rfc7644_3_11_me;
mod rfc7644_3_12_errors;
mod rfc7644_3_13_versions;
mod rfc7644_3_3_creation;
mod rfc7644_3_4_1_retrieval;
mod rfc7644_3_4_2_2_filtering;
mod rfc7644_3_4_2_3_sorting;
mod rfc7644_3_4_2_4_pagination;
mod rfc7644_3_4_2_query;
mod rfc7644_3_4_3_search;
mod rfc7644_3_5_1_put;
mod rfc7644_3_5_2_1_patch_add;
mod rfc7644_3_5_2_2_patch_remove;
mod rfc7644_3_5_2_3_patch_replace;
mod rfc7644_3_5_2_patch;
mod rfc7644_3_6_delete;
mod rfc7644_3_7_bulk;
mod rfc7644_3_8_formats;
mod rfc7644_3_9_attributes;
mod rfc7644_4_discovery;
mod rfc7644_5_international_strings;
mod rfc9865_cursors;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Creates a user of this userName and these attributes; answers their path.
async fn user(acme: &Workspace, user_name: &str, mut more: Value) -> String {
    more["userName"] = json!(user_name);
    let made = acme.post("/Users", more.to_string()).await.is(201);
    format!("/Users/{}", made.text("/id"))
}

/// Creates a group with these members; answers its path.
async fn group(acme: &Workspace, display_name: &str, members: &[&str]) -> String {
    let members: Vec<Value> = members.iter().map(|path| json!({"value": id(path)})).collect();
    let body = json!({"schemas": [GROUP], "displayName": display_name, "members": members});
    let made = acme.post("/Groups", body.to_string()).await.is(201);
    format!("/Groups/{}", made.text("/id"))
}

/// The id at the end of a path or an address.
fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// A PATCH of these operations.
async fn patch(acme: &Workspace, path: &str, operations: Value) -> Answer {
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];
    acme.patch(path, json!({"schemas": schemas, "Operations": operations}).to_string()).await
}

/// The names of those in a list: userName, or displayName of groups.
fn names(answer: &Answer) -> Vec<String> {
    let name =
        |row: &Value| row["userName"].as_str().or(row["displayName"].as_str()).map(str::to_owned);
    answer.rows().iter().filter_map(name).collect()
}

/// The userNames of those who match a filter, without what stands behind the `@`.
async fn found(acme: &Workspace, filter: &str) -> Vec<String> {
    let answer = acme.get(&format!("/Users?filter={}", form_encoded(filter))).await;
    assert_eq!(answer.status, 200, "{filter}\n{answer}");
    let before_at = |name: String| name.split('@').next().unwrap_or_default().to_owned();
    names(&answer).into_iter().map(before_at).collect()
}

/// What an address leads to: GET of the path in an absolute URL of this workspace.
async fn follow(acme: &Workspace, address: &Value) -> Answer {
    let address = address.as_str().unwrap_or_default();
    let (_, endpoint) = address.split_once(&acme.path("")).unwrap_or_default();
    assert!(address.starts_with("http") && !endpoint.is_empty(), "{address:?} is no address here");
    acme.get(endpoint).await
}
