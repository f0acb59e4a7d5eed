//! What the directory is asked, for each way in which an identity provider may say it.

use std::sync::atomic::{AtomicU8, Ordering};

use axum::http::StatusCode;
use directory_api::v1::patch_operation::Operand;
use directory_api::v1::view::Format;
use directory_api::v1::{create_user_request, replace_user_request};
use gateway::Random;
use uuid::Uuid;

use crate::stand_in::{Asked, Nestr, PATCH, key, request};

async fn listed(nestr: &Nestr, query: &str) -> directory_api::v1::ListUsersRequest {
    let answer = nestr.get(&format!("/Users{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{query}: {answer:?}");
    match nestr.asked().as_slice() {
        [Asked::List(list)] => list.clone(),
        asked => panic!("{query}: {asked:?}"),
    }
}

/// Seen to fail without `without_flag`.
#[tokio::test]
async fn a_flag_pasted_with_the_tenant_url_disturbs_nothing() {
    let nestr = Nestr::new();
    let plain = listed(&nestr, r#"?filter=userName eq "x""#).await;
    assert_eq!(plain.filter, r#"userName eq "x""#);
    for query in [
        r#"?aadOptscim062020&filter=userName eq "x""#,
        r#"?aadOptSCIM062020=true&filter=userName+eq+"x""#,
        r#"?aadOptscim062020?filter=userName eq "x""#,
        r#"?filter=userName eq "x"?aadOptscim062020"#,
        r#"?filter=userName eq "x"&aadoptscim062020"#,
        r#"/?filter=userName eq "x""#,
    ] {
        assert_eq!(listed(&nestr, query).await, plain, "{query}");
    }
}

#[tokio::test]
async fn a_page_is_asked_for_by_index_and_count() {
    let nestr = Nestr::new();
    let page = listed(&nestr, "?startIndex=0&count=-1").await;
    assert_eq!((page.start_index, page.page_size), (Some(1), Some(0)));
    let page = listed(&nestr, "?STARTINDEX=201&Count=100").await;
    assert_eq!((page.start_index, page.page_size), (Some(201), Some(100)));
    let page = listed(&nestr, "").await;
    assert_eq!((page.start_index, page.page_size), (None, None));
}

#[tokio::test]
async fn the_view_travels_with_every_request_that_answers_a_resource() {
    let nestr = Nestr::new();
    let query = "?attributes=userName,emails.value&attributes=name&excludedAttributes=roles";
    nestr.get(&format!("/Users{query}")).await;
    nestr.get(&format!("/Users/1{query}")).await;
    nestr.ask("POST", &format!("/Users{query}"), "{}").await;
    nestr.ask("PUT", &format!("/Users/1{query}"), "{}").await;
    nestr.ask("PATCH", &format!("/Users/1{query}"), PATCH).await;
    let asked = nestr.asked();
    assert_eq!(asked.len(), 5);
    for asked in asked {
        let view = match asked {
            Asked::List(ask) => ask.view,
            Asked::Get(ask) => ask.view,
            Asked::Create(ask) => ask.view,
            Asked::Replace(ask) => ask.view,
            Asked::Patch(ask) => ask.view,
            other => panic!("{other:?}"),
        };
        let view = view.expect("a view");
        assert_eq!(view.format(), Format::ScimJson);
        assert_eq!(view.attributes, ["userName", "emails.value", "name"]);
        assert_eq!(view.excluded_attributes, ["roles"]);
    }
}

#[tokio::test]
async fn a_resource_travels_as_it_was_written() {
    let nestr = Nestr::new();
    let text = "{ \"userName\": \"Ada\", \"userName\": 1.0 }\n";
    for content_type in
        ["application/scim+json", "application/json", "application/scim+json; charset=utf-8"]
    {
        let headers = [("content-type", content_type)];
        nestr.ask_with("POST", "/Users", text, &headers).await;
        let [Asked::Create(create)] = &nestr.asked()[..] else { panic!("{content_type}") };
        assert_eq!(create.workspace_id, "acme");
        let sent = create_user_request::Resource::ScimJson(text.to_owned());
        assert_eq!(create.resource, Some(sent));
    }
    nestr.ask("PUT", "/Users/1", text).await;
    let [Asked::Replace(replace)] = &nestr.asked()[..] else { panic!("no replacement") };
    let sent = replace_user_request::Resource::ScimJson(text.to_owned());
    assert_eq!((replace.id.as_str(), &replace.resource), ("1", &Some(sent)));
}

#[tokio::test]
async fn operations_travel_as_they_were_written() {
    let nestr = Nestr::new();
    let body = r#"{
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "add", "value": {"name.givenName": "Ada"}},
            {"op": "Remove", "path": "title"}
        ]
    }"#;
    nestr.ask("PATCH", "/Users/1", body).await;
    let [Asked::Patch(patch)] = &nestr.asked()[..] else { panic!("no patch") };
    let operations: Vec<_> = patch
        .operations
        .iter()
        .map(|operation| {
            let value = match &operation.operand {
                Some(Operand::ValueJson(text)) => Some(text.as_str()),
                Some(other) => panic!("{other:?}"),
                None => None,
            };
            (operation.op.as_str(), operation.path.as_deref(), value)
        })
        .collect();
    assert_eq!(
        operations,
        [
            ("Replace", Some("active"), Some("\"False\"")),
            ("add", None, Some(r#"{"name.givenName":"Ada"}"#)),
            ("Remove", Some("title"), None),
        ]
    );
}

#[tokio::test]
async fn every_write_has_an_operation_id_of_its_own() {
    let nestr = Nestr::new();
    for _ in 0..2 {
        nestr.ask("POST", "/Users", "{}").await;
        nestr.ask("PUT", "/Users/1", "{}").await;
        nestr.ask("PATCH", "/Users/1", PATCH).await;
        nestr.ask("DELETE", "/Users/1", "").await;
    }
    let ids: std::collections::HashSet<Uuid> = nestr
        .asked()
        .into_iter()
        .map(|asked| match asked {
            Asked::Create(ask) => ask.operation_id,
            Asked::Replace(ask) => ask.operation_id,
            Asked::Patch(ask) => ask.operation_id,
            Asked::Delete(ask) => ask.operation_id,
            other => panic!("{other:?}"),
        })
        .map(|id| id.parse().expect("a UUID"))
        .collect();
    assert_eq!(ids.len(), 8);
}

/// Seen to fail when `Gateway::operation_id`, or `RequestId::of`, makes its own randomness; clippy
/// refuses that too.
#[tokio::test]
async fn ids_are_made_of_the_randomness_that_is_given() {
    let drawn = AtomicU8::new(0);
    let random = Random::from_fn(move |bytes| bytes.fill(drawn.fetch_add(1, Ordering::Relaxed)));
    let nestr = Nestr::made_of(Nestr::config(), random);
    let answer = nestr.ask("DELETE", "/Users/1", "").await;
    assert_eq!(answer.header("x-request-id"), "00000000-0000-4000-8000-000000000000");
    let [Asked::Delete(delete)] = &nestr.asked()[..] else { panic!("no removal") };
    assert_eq!(delete.operation_id, "01010101-0101-4101-8101-010101010101");
}

#[tokio::test]
async fn the_version_to_be_changed_travels_as_it_was_sent() {
    let nestr = Nestr::new();
    for etag in [r#"W/"5""#, "*"] {
        let headers = [("if-match", etag)];
        nestr.ask_with("PUT", "/Users/1", "{}", &headers).await;
        nestr.ask_with("PATCH", "/Users/1", PATCH, &headers).await;
        nestr.ask_with("DELETE", "/Users/1", "", &headers).await;
        let asked = nestr.asked();
        assert_eq!(asked.len(), 3);
        for asked in asked {
            let sent = match asked {
                Asked::Replace(ask) => ask.etag,
                Asked::Patch(ask) => ask.etag,
                Asked::Delete(ask) => ask.etag,
                other => panic!("{other:?}"),
            };
            assert_eq!(sent.as_deref(), Some(etag));
        }
    }
}

#[tokio::test]
async fn key_request_id_and_time_left_travel_as_metadata() {
    let nestr = Nestr::new();
    nestr.ask_with("GET", "/Users/1", "", &[("x-request-id", "run-7.a_b")]).await;
    let metadata = nestr.metadata();
    assert_eq!(metadata["scim-authorization"], format!("Bearer {}", key()));
    assert_eq!(metadata["x-request-id"], "run-7.a_b");
    let timeout = metadata["grpc-timeout"].to_str().expect("ASCII");
    let micros: u64 = timeout.strip_suffix('u').and_then(|t| t.parse().ok()).expect(timeout);
    assert!((29_000_000..=30_000_000).contains(&micros), "{timeout}");
    assert!(!metadata.contains_key("authorization"), "that is for the gateway's own credential");
}

#[tokio::test]
async fn what_comes_along_with_a_pasted_key_is_forgiven() {
    let nestr = Nestr::new();
    let key = key();
    for value in [format!("bearer {key}"), format!("Bearer Bearer {key} "), key.clone()] {
        let mut request = request("GET", "/scim/v2/acme/Users/1", "");
        request.headers_mut().insert("authorization", value.parse().expect("a value"));
        assert_eq!(nestr.send(request).await.status, StatusCode::OK, "{value}");
        assert_eq!(nestr.metadata()["scim-authorization"], format!("Bearer {key}"));
    }
}

#[tokio::test]
async fn a_path_is_decoded_once() {
    let nestr = Nestr::new();
    for (path, id) in [
        ("/Users/1/", "1"),
        ("/%55sers/%31", "1"),
        ("/Users/%2531", "%31"),
        ("/Users/a%252Fb", "a%2Fb"),
        ("/Users/x%5c%3F%C3%A9", "x\\?é"),
    ] {
        assert_eq!(nestr.get(path).await.status, StatusCode::OK, "{path}");
        let [Asked::Get(get)] = &nestr.asked()[..] else { panic!("{path}") };
        assert_eq!((get.workspace_id.as_str(), get.id.as_str()), ("acme", id), "{path}");
    }
}

#[tokio::test]
async fn discovery_is_asked_of_the_directory() {
    let nestr = Nestr::new();
    let urn = "urn:ietf:params:scim:schemas:core:2.0:User";
    for (path, rpc, id) in [
        ("/ServiceProviderConfig", "get_service_provider_config", ""),
        ("/ResourceTypes", "list_resource_types", ""),
        ("/ResourceTypes/User", "get_resource_type", "User"),
        ("/Schemas?aadOptscim062020", "list_schemas", ""),
        (&format!("/Schemas/{urn}"), "get_schema", urn),
    ] {
        let answer = nestr.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(answer.body, format!(r#"{{"rpc":"{rpc}"}}"#));
        assert_eq!(answer.header("content-type"), "application/scim+json");
        assert_eq!(nestr.asked(), [Asked::Discovery(rpc, id.to_owned())]);
    }
}
