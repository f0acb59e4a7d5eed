//! Groups, where they are answered otherwise than people; and searches.

use axum::body::{Body, to_bytes};
use axum::http::StatusCode;
use serde_json::Value;
use tonic::Status;

use crate::stand_in::{Asked, Nestr, Next, PATCH, key, request};
use crate::stand_in_groups::{STAFF, piece};

const LOCATION: &str = "https://nestr.example/scim/v2/acme/Groups/1";

#[tokio::test]
async fn a_group_is_asked_for_and_answered_as_a_person_is() {
    let nestr = Nestr::new();
    for (method, path, body, status) in [
        ("POST", "/Groups?attributes=members", r#"{"displayName":1}"#, StatusCode::CREATED),
        ("GET", "/Groups/1?attributes=members", "", StatusCode::OK),
        ("PUT", "/Groups/1?attributes=members", r#"{"displayName":1}"#, StatusCode::OK),
        ("PATCH", "/Groups/1?attributes=members", PATCH, StatusCode::OK),
    ] {
        let answer = nestr.ask_with(method, path, body, &[("if-match", "*")]).await;
        assert_eq!((answer.status, answer.body.as_str()), (status, STAFF), "{method}");
        assert_eq!(answer.header("etag"), r#"W/"5""#, "{method}");
        assert_eq!(answer.header("location"), LOCATION, "{method}");
        assert_eq!(answer.header("content-type"), "application/scim+json", "{method}");
        let view = match nestr.asked().remove(0) {
            Asked::CreateGroup(ask) => ask.view,
            Asked::ReadGroup(ask) => ask.view,
            Asked::ReplaceGroup(ask) => {
                assert_eq!(ask.etag.as_deref(), Some("*"));
                ask.view
            }
            Asked::PatchGroup(ask) => {
                assert_eq!((ask.operations.len(), ask.etag.as_deref()), (1, Some("*")));
                ask.view
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(view.unwrap().attributes, ["members"], "{method}");
    }
    let gone = nestr.ask("DELETE", "/Groups/1", "").await;
    assert_eq!((gone.status, gone.body.as_str()), (StatusCode::NO_CONTENT, ""));
    let list = nestr.get("/Groups?excludedAttributes=members").await;
    assert!(list.body.ends_with(&format!(r#""Resources":[{STAFF}]}}"#)), "{list:?}");
}

#[tokio::test]
async fn a_group_that_comes_in_pieces_is_passed_on_whole() {
    let nestr = Nestr::new();
    let pieces = |texts: &[&str]| {
        let pieces = texts.iter().enumerate().map(|(at, text)| Ok(piece(text, at == 0)));
        Next::Pieces(pieces.collect())
    };
    for texts in [&["{}"][..], &["{", "}"], &["{", "\"a\":", "1", "}"]] {
        nestr.next(pieces(texts));
        let answer = nestr.get("/Groups/1").await;
        assert_eq!((answer.status, &answer.body), (StatusCode::OK, &texts.concat()));
        assert_eq!(answer.header("location"), LOCATION);
    }
    nestr.next(pieces(&["{", "}"]));
    let held = nestr.ask_with("GET", "/Groups/1", "", &[("if-none-match", r#"W/"5""#)]).await;
    assert_eq!((held.status, held.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
}

/// Seen to fail with the stream ended at its first error: half a group then looks like all of it.
#[tokio::test]
async fn a_group_that_breaks_off_is_no_whole_answer() {
    let nestr = Nestr::new();
    let broken = || Err(Status::unavailable("away"));
    nestr.next(Next::Pieces(vec![broken()]));
    assert_eq!(nestr.get("/Groups/1").await.status, StatusCode::SERVICE_UNAVAILABLE);

    nestr.next(Next::Pieces(vec![Ok(piece("{", true)), Ok(piece("", false)), broken()]));
    let mut ask = request("GET", "/scim/v2/acme/Groups/1", "");
    ask.headers_mut().insert("authorization", format!("Bearer {}", key()).parse().unwrap());
    let answer = nestr.answer(ask).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(to_bytes(Body::new(answer.into_body()), usize::MAX).await.is_err());
}

#[tokio::test]
async fn a_group_too_large_for_the_answer_to_a_write_is_204_with_its_version() {
    let nestr = Nestr::new();
    nestr.next(Next::WithoutDocument);
    let answer = nestr.ask("PATCH", "/Groups/1", PATCH).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!((answer.header("etag"), answer.header("location")), (r#"W/"5""#, LOCATION));
    assert_eq!(answer.header("content-type"), "");
}

/// RFC 7644 sections 3.4.2.1 and 3.4.3, RFC 9865 section 2.
#[tokio::test]
async fn a_search_is_asked_for_alike_by_query_and_by_body() {
    let nestr = Nestr::new();
    let query = r#"?filter=displayName+sw+"a"&sortBy=displayName&sortOrder=descending&count=5&cursor=c&attributes=userName"#;
    let body = r#"{"filter":"displayName sw \"a\"","sortBy":"displayName","sortOrder":"descending",
        "count":5,"cursor":"c","attributes":["userName"]}"#;
    for endpoint in ["", "/Users", "/Groups"] {
        let listed = nestr.get(&format!("{endpoint}{query}")).await;
        assert_eq!(listed.status, StatusCode::OK, "{endpoint}: {listed:?}");
        let by_query = nestr.asked();
        let searched = nestr.ask("POST", &format!("{endpoint}/.search"), body).await;
        assert_eq!((searched.status, &searched.body), (StatusCode::OK, &listed.body), "{endpoint}");
        assert_eq!(nestr.asked(), by_query, "{endpoint}");
    }
    let both = nestr.get("?cursor").await.json();
    assert_eq!((&both["nextCursor"], &both["startIndex"]), (&"next".into(), &Value::Null));
    assert_eq!(both["Resources"].as_array().map(Vec::len), Some(2));
    let by_index = nestr.get("?startIndex=1").await.json();
    assert_eq!((&by_index["nextCursor"], &by_index["startIndex"]), (&Value::Null, &1.into()));
}

#[tokio::test]
async fn me_is_nobody_and_says_so_to_who_has_a_key() {
    let nestr = Nestr::new();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = nestr.ask(method, "/Me", "{}").await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{method}");
        assert!(answer.detail().contains("/Users"), "{method}");
    }
}
