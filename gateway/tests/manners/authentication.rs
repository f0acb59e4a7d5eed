//! Nobody is let in, and who is not let in learns nothing.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use gateway::ROUTES;

use crate::stand_in::{Answered, Asked, Nestr, foreign_key, key, request};

/// Every route of the SCIM side, as method and path.
fn scim_routes(workspace: &str) -> impl Iterator<Item = (String, String)> {
    ROUTES.iter().filter(|route| route.path.starts_with("/scim/")).map(move |route| {
        let path = route.path.replace("{workspace}", workspace).replace("{id}", "1");
        (route.method.to_string(), path)
    })
}

fn with_key(mut request: Request<Body>, value: &str) -> Request<Body> {
    request.headers_mut().insert("authorization", value.parse().expect("a value"));
    request
}

/// Seen to fail when `ScimError::refused` passes on the directory's own words for a foreign key. A
/// handler without a `Call` does not compile: it has nothing to ask the directory with.
#[tokio::test]
async fn every_route_answers_the_same_401_to_every_key_that_opens_nothing() {
    let nestr = Nestr::new();
    let mut bodies = std::collections::BTreeSet::new();
    let malformed = format!("Bearer {}x", &key()[..38]);
    let foreign = format!("Bearer {}", foreign_key());
    for workspace in ["acme", "nowhere", "%20"] {
        for (method, path) in scim_routes(workspace) {
            let ask = || request(&method, &path, "{}");
            let absent = nestr.send(ask()).await;
            let empty = nestr.send(with_key(ask(), "")).await;
            let no_key = nestr.send(with_key(ask(), "Bearer ")).await;
            let malformed = nestr.send(with_key(ask(), &malformed)).await;
            assert_eq!(nestr.asked(), [], "{method} {path}: no look-up for what cannot be a key");
            let foreign = nestr.send(with_key(ask(), &foreign)).await;
            assert_eq!(nestr.asked().len(), 1, "{method} {path}: one call asks for all");
            for answer in [absent, empty, no_key, malformed, foreign] {
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
                answer.detail();
                bodies.insert(answer.body);
            }
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

/// What is wrong with each of these requests, if its key opens the workspace.
fn bad_requests() -> Vec<(Request<Body>, StatusCode, &'static str)> {
    let users = "/scim/v2/acme/Users";
    let user = "/scim/v2/acme/Users/1";
    let with = |mut request: Request<Body>, name: &'static str, value: &str| {
        request.headers_mut().insert(name, value.parse().expect("a value"));
        request
    };
    let mut bytes = request("POST", users, "");
    *bytes.body_mut() = Body::from(vec![0xff, 0xfe]);
    vec![
        (
            with(request("POST", users, "{}"), "content-type", "text/plain"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "",
        ),
        (request("PUT", user, &"x".repeat(1_001)), StatusCode::PAYLOAD_TOO_LARGE, ""),
        (bytes, StatusCode::BAD_REQUEST, "invalidSyntax"),
        (request("POST", users, " \n"), StatusCode::BAD_REQUEST, "invalidSyntax"),
        (request("PATCH", user, "{"), StatusCode::BAD_REQUEST, "invalidSyntax"),
        (
            request("GET", &format!("{users}?count=ten"), ""),
            StatusCode::BAD_REQUEST,
            "invalidCount",
        ),
        (
            request("GET", &format!("{user}?attributes=%ff"), ""),
            StatusCode::BAD_REQUEST,
            "invalidSyntax",
        ),
        (request("GET", &format!("{users}?filter="), ""), StatusCode::BAD_REQUEST, "invalidFilter"),
        (
            with(request("DELETE", user, ""), "if-match", r#"W/"1", W/"2""#),
            StatusCode::BAD_REQUEST,
            "invalidValue",
        ),
    ]
}

/// Seen to fail when `Gateway::complain` answers the complaint without its call.
#[tokio::test]
async fn a_bad_request_hears_first_that_its_key_opens_nothing() {
    let nestr = Nestr::new();
    for (request, ..) in bad_requests() {
        let answer = nestr.send(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    for (request, ..) in bad_requests() {
        let answer = nestr.send(with_key(request, &format!("Bearer {}", foreign_key()))).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_bad_request_with_a_good_key_hears_what_is_wrong_at_the_price_of_one_call() {
    let nestr = Nestr::new();
    for (request, status, scim_type) in bad_requests() {
        let line = format!("{} {}", request.method(), request.uri());
        let answer = nestr.send(with_key(request, &format!("Bearer {}", key()))).await;
        assert_eq!(answer.status, status, "{line}: {answer:?}");
        assert_eq!(answer.json()["scimType"].as_str().unwrap_or_default(), scim_type, "{line}");
        let request_id = answer.header("x-request-id");
        assert!(answer.detail().ends_with(&format!(" (request {request_id})")), "{answer:?}");
        let check = Asked::Discovery("get_service_provider_config", String::new());
        assert_eq!(nestr.asked(), [check], "{line}");
    }
}

async fn no_route(nestr: &Nestr, method: &str, path: &str) -> Answered {
    let answer = nestr.send(request(method, path, "")).await;
    answer.detail();
    assert_eq!(nestr.asked(), []);
    answer
}

#[tokio::test]
async fn what_is_no_route_is_404_without_a_look_at_the_key() {
    let nestr = Nestr::new();
    for path in [
        "/",
        "/scim/v2",
        "/scim/v2/acme/search",
        "/scim/v2/acme/groups",
        "/scim/v2/acme/users",
        "/scim/v2/acme/USERS",
        "/scim/v2/acme/Users/1/2",
        "/scim/v2/acme//Users",
        "/scim/v2/acme/Users//1",
        "/scim/v2/acme/Users/Users",
        "/scim/v2/acme/Users/Groups/1",
        "/scim/v2/acme/Groups/Groups",
        "/scim/v2/acme/Users%2F1",
        "/scim/v2/acme/Users/a%2fb",
        "/scim/v2/acme/Users/a%00",
        "/scim/v2/acme/x/../Users",
        "/scim/v2/acme/%2e%2e/acme/Users",
        "/scim/v2/./acme/Users",
        "/scim/v2/acme/%2555sers",
        "/scim/v2/acme/Users/%zz",
        "/HEALTHZ",
    ] {
        for method in ["GET", "POST", "BREW"] {
            let answer = no_route(&nestr, method, path).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_and_the_answer_names_the_right_ones() {
    let nestr = Nestr::new();
    for route in ROUTES {
        let path = route.path.replace("{workspace}", "acme").replace("{id}", "1");
        let mut takes: Vec<&str> =
            ROUTES.iter().filter(|r| r.path == route.path).map(|r| r.method.as_str()).collect();
        if takes.contains(&"GET") {
            takes.push("HEAD");
        }
        takes.sort_unstable();
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            if !takes.contains(&method) {
                let answer = no_route(&nestr, method, &path).await;
                assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                let mut allowed: Vec<&str> = answer.header("allow").split(',').collect();
                allowed.sort_unstable();
                assert_eq!(allowed, takes, "{method} {path}");
            }
        }
    }
}
