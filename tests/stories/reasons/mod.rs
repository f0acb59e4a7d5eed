//! Every reason of the contract, as a caller meets it: by grpcurl, with all that the status says beside
//! its words.
//!
//! A new reason needs an example here. Where one call cannot show it, a test of its own does and is named
//! in [`SHOWN_ELSEWHERE`].

mod scene;
mod told;
mod waits;

use std::collections::BTreeSet;

use directory_api::v1::Reason;
use insta::assert_snapshot;
use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::{Value, json};
use tonic_types::StatusExt;

use crate::harness::{Nestr, Terminal};
use scene::{By, Scene};
use told::{detail, told};

/// A call, as grpcurl makes it.
type Call = (&'static str, Value);

/// An example of a reason: who asks what, and what is told of it: the field that is at fault, or the kind
/// and the name of what it is about. Which of them follows from the reason.
struct Example(&'static str, By, fn(&Scene) -> Call, fn(&Scene) -> String);

/// The name of what there is not.
const NONE: &str = "00000000-0000-7000-8000-000000000000";

fn create(s: &Scene, scim_json: &Value) -> Call {
    of_acme(s, "UserService/CreateUser", json!({"scim_json": scim_json.to_string()}))
}

/// A patch of Ada with this one operation.
fn patch(s: &Scene, operation: &Value) -> Call {
    let ask = json!({"workspace_id": s.acme.id, "id": s.ada, "operations": [operation]});
    ("UserService/PatchUser", ask)
}

fn get(s: &Scene, key: &str) -> Call {
    let workspace_id = &s.key(key).id;
    ("UserService/GetUser", json!({"workspace_id": workspace_id, "id": s.ada}))
}

fn of_acme(s: &Scene, method: &'static str, mut ask: Value) -> Call {
    ask["workspace_id"] = json!(s.acme.id);
    (method, ask)
}

#[rustfmt::skip]
const EXAMPLES: &[Example] = &[
    Example("API_KEY_INVALID", By::Key("none"), |s| get(s, "acme"), |_| String::new()),
    Example("CREDENTIAL_INVALID", By::Nobody, |s| get(s, "acme"), |_| String::new()),
    Example("PERMISSION_DENIED_ROLE", By::Reader, |s| of_acme(s, "UserService/DeleteUser", json!({"id": s.ada})), |_| String::new()),
    Example("INTEGRATION_DISABLED", By::Key("disabled"), |s| get(s, "disabled"), |_| String::new()),
    Example("INTEGRATION_PAUSED", By::Key("paused"), |s| get(s, "paused"), |_| String::new()),
    Example("WORKSPACE_SUSPENDED", By::Key("suspended"), |s| get(s, "suspended"), |_| String::new()),
    Example("API_KEY_SCOPE", By::Key("groups"), |s| create(s, &json!({"userName": "eve"})), |_| String::new()),
    Example("API_KEY_STATE", By::Operator, |s| of_acme(s, "IntegrationService/RotateApiKey", json!({"api_key_id": s.revoked_key})), |s| format!("ApiKey {}", s.revoked_key)),

    Example("WORKSPACE_NOT_FOUND", By::Operator, |_| ("WorkspaceService/GetWorkspace", json!({"workspace_id": NONE})), |_| format!("Workspace {NONE}")),
    Example("USER_NOT_FOUND", By::Operator, |s| of_acme(s, "UserService/GetUser", json!({"id": NONE})), |_| format!("User {NONE}")),
    Example("USER_NOT_FOUND", By::Operator, |s| of_acme(s, "UserService/RestoreUser", json!({"id": NONE})), |_| format!("User {NONE}")),
    Example("GROUP_NOT_FOUND", By::Operator, |s| of_acme(s, "GroupService/GetGroup", json!({"id": NONE})), |_| format!("Group {NONE}")),
    Example("GROUP_NOT_FOUND", By::Operator, |s| of_acme(s, "GroupService/RestoreGroup", json!({"id": NONE})), |_| format!("Group {NONE}")),
    Example("DOMAIN_NOT_FOUND", By::Operator, |s| of_acme(s, "DomainService/VerifyDomain", json!({"domain": "Nobody.example"})), |_| "Domain nobody.example".to_owned()),
    Example("DOMAIN_NOT_FOUND", By::Operator, |s| of_acme(s, "DomainService/CheckDomain", json!({"domain": "nobody.example"})), |_| "Domain nobody.example".to_owned()),
    Example("INTEGRATION_NOT_FOUND", By::Operator, |s| of_acme(s, "IntegrationService/GetIntegration", json!({"integration_id": NONE})), |_| format!("Integration {NONE}")),
    Example("API_KEY_NOT_FOUND", By::Operator, |s| of_acme(s, "IntegrationService/RevokeApiKey", json!({"api_key_id": NONE})), |_| format!("ApiKey {NONE}")),
    Example("RESOURCE_NOT_FOUND", By::Key("acme"), |s| of_acme(s, "DiscoveryService/GetSchema", json!({"id": "urn:none"})), |_| "ScimDocument urn:none".to_owned()),

    Example("DOMAIN_NOT_VERIFIED", By::Operator, |s| create(s, &json!({"userName": "eve@elsewhere.example"})), |_| "userName".to_owned()),
    Example("DOMAIN_NOT_VERIFIED", By::Operator, |s| create(s, &json!({"userName": "eve@acme.com", "emails": [{"value": "eve@elsewhere.example"}]})), |_| "emails".to_owned()),
    Example("DOMAIN_HELD_ELSEWHERE", By::Operator, |s| ("DomainService/VerifyDomain", json!({"workspace_id": s.globex, "domain": "acme.com"})), |_| "Domain acme.com".to_owned()),
    Example("DOMAIN_STATE", By::Operator, |s| of_acme(s, "DomainService/RejectDomain", json!({"domain": "acme.com", "reason": "why not"})), |_| "Domain acme.com".to_owned()),
    Example("NO_VERIFIED_DOMAIN", By::Operator, |s| ("IntegrationService/EnableIntegration", json!({"workspace_id": s.globex})), |s| format!("Workspace {}", s.globex)),

    Example("USER_NAME_TAKEN", By::Operator, |s| create(s, &json!({"userName": "ADA@acme.com"})), |s| format!("User {}", s.ada)),
    Example("LOGIN_EMAIL_TAKEN", By::Operator, |s| create(s, &json!({"userName": "eve", "emails": [{"value": "ada@acme.com"}]})), |s| format!("User {}", s.ada)),
    Example("ALREADY_PROVISIONED", By::Key("acme"), |s| create(s, &json!({"userName": "ada@acme.com"})), |s| format!("User {}", s.ada)),
    Example("BOUND_ELSEWHERE", By::Key("second"), |s| patch(s, &json!({"op": "replace", "path": "title", "value_json": "\"x\""})), |s| format!("User {}", s.ada)),
    Example("BOUND_ELSEWHERE", By::Key("second"), |s| of_acme(s, "GroupService/DeleteGroup", json!({"id": s.group})), |s| format!("Group {}", s.group)),
    Example("IDENTITY_CONFLICT", By::Key("acme"), |s| create(s, &json!({"userName": "staff", "emails": [{"value": "ada@acme.com"}]})), |s| format!("User {}", s.ada)),
    Example("GROUP_NAME_TAKEN", By::Key("acme"), |s| of_acme(s, "GroupService/CreateGroup", json!({"scim_json": r#"{"displayName": "STAFF"}"#})), |s| format!("Group {}", s.group)),
    Example("PERSON_LEFT", By::Operator, |s| of_acme(s, "UserService/PatchUser", json!({"id": s.staff, "operations": [{"op": "add", "path": "emails", "value_json": r#"[{"value": "bob@acme.com"}]"#}]})), |s| format!("User {}", s.left)),
    Example("MANAGED_BY_IDP", By::Operator, |s| patch(s, &json!({"op": "replace", "path": "userName", "value_json": "\"x\""})), |s| format!("User {}", s.ada)),
    Example("MANAGED_BY_IDP", By::Operator, |s| of_acme(s, "GroupService/PatchGroup", json!({"id": s.group, "operations": [{"op": "replace", "path": "displayName", "value_json": "\"x\""}]})), |s| format!("Group {}", s.group)),
    Example("USER_PROTECTED", By::Key("acme"), |s| of_acme(s, "UserService/DeleteUser", json!({"id": s.admin})), |s| format!("User {}", s.admin)),
    Example("REVISION_MISMATCH", By::Operator, |s| of_acme(s, "UserService/DeleteUser", json!({"id": s.ada, "etag": "W/\"1\""})), |s| format!("User {}", s.ada)),
    Example("REVISION_MISMATCH", By::Operator, |s| of_acme(s, "GroupService/DeleteGroup", json!({"id": s.group, "etag": "W/\"1\""})), |s| format!("Group {}", s.group)),

    Example("INVALID_SYNTAX", By::Operator, |s| of_acme(s, "UserService/CreateUser", json!({"scim_json": "{"})), |_| "scim_json".to_owned()),
    Example("INVALID_SYNTAX", By::Operator, |s| patch(s, &json!({"op": "mend"})), |_| "operations".to_owned()),
    Example("INVALID_FILTER", By::Operator, |s| of_acme(s, "UserService/ListUsers", json!({"filter": "userName eq"})), |_| "filter".to_owned()),
    Example("INVALID_PATH", By::Operator, |s| patch(s, &json!({"op": "replace", "path": "shoe.size", "value_json": "1"})), |_| "shoe.size".to_owned()),
    Example("NO_TARGET", By::Operator, |s| patch(s, &json!({"op": "remove"})), |_| "operations".to_owned()),
    Example("NO_TARGET", By::Operator, |s| patch(s, &json!({"op": "replace", "path": "emails[not (type eq \"x\")].display", "value_json": "\"x\""})), |_| "emails".to_owned()),
    Example("MUTABILITY", By::Operator, |s| patch(s, &json!({"op": "replace", "path": "meta.version", "value_json": "\"x\""})), |_| "meta.version".to_owned()),
    Example("INVALID_VALUE", By::Operator, |s| create(s, &json!({"userName": "eve", "name": {"givenName": {}, "familyName": []}, "active": "perhaps"})), |_| "active".to_owned()),
    Example("INVALID_VALUE", By::Operator, |s| create(s, &json!({"displayName": "Eve"})), |_| "userName".to_owned()),
    Example("TOO_MANY", By::Operator, |s| of_acme(s, "UserService/ListUsers", json!({"filter": "x".repeat(9_000)})), |_| "filter".to_owned()),
    Example("INVALID_ARGUMENT", By::Operator, |_| ("WorkspaceService/CreateWorkspace", json!({"display_name": "Acme", "contact_email": "x"})), |_| "contact_email".to_owned()),
    Example("INVALID_ARGUMENT", By::Operator, |s| of_acme(s, "UserService/UpdateUser", json!({"id": s.ada, "user": {}, "update_mask": {"paths": ["shoeSize"]}})), |_| "update_mask".to_owned()),
    Example("INVALID_ARGUMENT", By::Operator, |s| of_acme(s, "UserService/GetUser", json!({"id": s.ada, "consistency": {"at_least_revision": "1000000"}})), |_| "consistency.at_least_revision".to_owned()),
    Example("TOO_MANY", By::Operator, |s| of_acme(s, "UserService/BatchGetUsers", json!({"ids": vec![NONE; 201]})), |_| "ids".to_owned()),
    Example("INVALID_CURSOR", By::Operator, |s| of_acme(s, "UserService/ListUsers", json!({"page_token": "x"})), |_| "page_token".to_owned()),
    Example("INVALID_CURSOR", By::Operator, |s| of_acme(s, "WatchService/Watch", json!({"cursor": "x"})), |_| "cursor".to_owned()),
];

/// Reasons that take more than one call.
const SHOWN_ELSEWHERE: &[(&str, &str)] = &[
    ("CURSOR_EXPIRED", "a_token_that_is_too_old_is_named"),
    ("RATE_LIMITED", "what_may_pass_by_itself_says_when"),
    ("UNAVAILABLE", "what_may_pass_by_itself_says_when"),
    ("OVERLOADED", "a_directory_that_has_too_much_to_do_says_when"),
];

/// A reason without an example fails, and so does one whose status says more or less than is meant. What each
/// says to people is kept, to be looked at when it changes: the cause, and the fix.
#[tokio::test]
async fn every_reason_says_what_is_meant() {
    let scene = Scene::set().await;
    let mut said = Vec::new();
    for Example(name, by, call, expected) in EXAMPLES {
        let reason = Reason::from_str_name(name).unwrap_or_else(|| panic!("{name}: no reason"));
        let (method, message) = call(&scene);
        let metadata = scene.metadata(by);
        let metadata: Vec<_> = metadata.iter().map(String::as_str).collect();
        let status = Terminal::refused(&scene.nestr, &metadata, method, &message);
        let message = status["message"].as_str().expect("a message");
        said.push(format!("{name}: {}", without_ids(message)));
        assert_eq!(told(&status, reason), expected(&scene), "{name}: {status}");
    }
    assert_snapshot!(said.join("\n"));
    let bound = scene.metadata(&By::Key("second"));
    let bound: Vec<_> = bound.iter().map(String::as_str).collect();
    let (method, message) = of_acme(&scene, "UserService/DeleteUser", json!({"id": scene.ada}));
    let status = Terminal::refused(&scene.nestr, &bound, method, &message);
    let owner = detail(&status, "ResourceInfo").expect("a ResourceInfo")["owner"].clone();
    let first = scene.nestr.operator().integration(&scene.acme.id, "").await.id;
    assert_eq!(owner, first, "the integration that manages them: {status}");

    let waits = include_str!("waits.rs");
    let is_there = |(_, test): &&(&str, &str)| waits.contains(&format!("async fn {test}()"));
    assert_eq!(SHOWN_ELSEWHERE.iter().find(|other| !is_there(other)), None, "no such test");
    let shown = EXAMPLES.iter().map(|example| example.0);
    let shown: BTreeSet<_> = shown.chain(SHOWN_ELSEWHERE.iter().map(|other| other.0)).collect();
    let files = FileDescriptorSet::decode(directory_api::FILE_DESCRIPTOR_SET).unwrap().file;
    let enums = files.iter().flat_map(|file| &file.enum_type);
    let reasons = enums.filter(|found| found.name() == "Reason").flat_map(|found| &found.value);
    for reason in reasons.skip(1).map(prost_types::EnumValueDescriptorProto::name) {
        assert!(shown.contains(reason), "{reason} has no example");
    }
}

/// A message, with ids that are others in the next run left out.
fn without_ids(message: &str) -> String {
    let words = message.split_inclusive(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
    let shown = words.map(|word| match word.get(..36).map(uuid::Uuid::parse_str) {
        Some(Ok(_)) => word.replacen(&word[..36], "ID", 1),
        _ => word.to_owned(),
    });
    shown.collect()
}

/// A caller that names no request finds it by the id that it is told; so is a fault found in the log.
#[tokio::test]
async fn a_request_without_an_id_is_given_one() {
    let nestr = Nestr::start().await;
    let refused = nestr.operator().get_user(&nestr.acme().id, NONE).await.unwrap_err();
    let id = refused.get_details_request_info().expect("a RequestInfo").request_id;
    assert!(uuid::Uuid::parse_str(&id).is_ok(), "{id}");
}
