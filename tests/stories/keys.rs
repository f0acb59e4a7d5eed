//! Keys and credentials: what one opens, and that it opens nothing once it is taken back.

use directory_api::api_key::ApiKeyText;
use directory_api::v1;
use directory_api::v1::{ApiKeyScope, ApiKeyState, CreateApiKeyRequest, Reason};
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::harness::{Answer, Nestr, Operator, Workspace};

/// Seen to fail with the cache of keys left as it is on a revocation.
#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_the_other_goes_on() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let (key, id) = operator.create_key(&acme.id).await;
    let rotated = acme.with_key(&key);
    rotated.get("/Users").await.is(200);

    operator.revoke_key(&acme.id, &id).await;

    rotated.get("/Users").await.refused(401, "");
    rotated.post("/Users", r#"{"userName":"eve@acme.com"}"#).await.refused(401, "");
    acme.get("/Users").await.is(200);
}

/// A bulk of a thousand people, each of whom has the one before as manager: it is done one by one.
fn a_thousand_in_a_row() -> String {
    let person = |n: u32| {
        let manager = json!({"manager": {"value": format!("bulkId:{}", n.saturating_sub(1))}});
        let mut data = json!({"userName": format!("person{n}")});
        if n > 0 {
            data["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"] = manager;
        }
        json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": data})
    };
    json!({"Operations": (0..1_000).map(person).collect::<Vec<_>>()}).to_string()
}

async fn people(acme: &Workspace) -> u64 {
    let page = acme.get("/Users?count=0").await.is(200).at("/totalResults");
    page.as_u64().expect("a number")
}

/// What is under way when a key is revoked is not finished with it: a bulk stops at its next operation, and
/// keeps what it has written. Seen to fail with the key judged at the door alone.
#[tokio::test]
async fn a_bulk_ends_with_its_key_and_keeps_what_it_has_written() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let (key, id) = operator.create_key(&acme.id).await;
    let idp = acme.with_key(&key);
    let bulk = tokio::spawn(async move { idp.post("/Bulk", a_thousand_in_a_row()).await });
    while people(&acme).await == 0 {}

    operator.revoke_key(&acme.id, &id).await;
    let written = people(&acme).await;

    let answer = bulk.await.unwrap().is(200);
    let results = answer.at("/Operations").as_array().unwrap().clone();
    assert_eq!(results.len(), 1_000);
    let made = results.iter().take_while(|result| result["status"] == "201").count();
    let refused = acme.with_key(&key).get("/Users").await;
    let told = refused.refused(401, "");
    for result in &results[made..] {
        assert_eq!(result["status"], "401", "{result}");
        assert_eq!(result["response"]["detail"], told.as_str());
        assert_eq!(result["location"], Value::Null);
    }
    let made = made as u64;
    assert_eq!(people(&acme).await, made, "what was written stays, and nothing came after it");
    assert!(made <= written + 1, "{made}, when {written} were there: at most the one under way");
}

#[tokio::test]
async fn a_key_opens_its_own_workspace_and_no_other() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let ada = acme.create("ada@acme.com").await;
    let bad = nestr.send(globex.ask("GET", "/Users").with_key("nscim_bad")).await;
    for endpoint in ["/Users", &format!("/Users/{ada}"), "/ServiceProviderConfig"] {
        let foreign = globex.with_key(&acme.key).get(endpoint).await;
        foreign.refused(401, "");
        assert_eq!(foreign.essence(), bad.essence(), "{endpoint}");
    }
    acme.with_key(&globex.key).delete(&format!("/Users/{ada}")).await.refused(401, "");
    acme.get(&format!("/Users/{ada}")).await.is(200);
}

/// Over a socket nobody is the gateway: its metadata is believed in the process alone. Seen to fail
/// with `scim-authorization` believed of every caller.
#[tokio::test]
async fn over_grpc_only_a_credential_opens_anything() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    for credential in ["", "nop_", &acme.key] {
        let stranger = Operator::new(&nestr, credential);
        let workspace_id = || acme.id.clone();
        let get = v1::GetUserRequest {
            workspace_id: workspace_id(),
            id: ada.clone(),
            ..v1::GetUserRequest::default()
        };
        let mut get = Request::new(get);
        let key = format!("Bearer {}", acme.key).parse().unwrap();
        get.metadata_mut().insert("scim-authorization", key);
        let list = v1::ListDomainsRequest { workspace_id: workspace_id() };
        let resolve = v1::ResolveLoginRequest {
            email: "ada@acme.com".to_owned(),
            ..v1::ResolveLoginRequest::default()
        };
        let codes = [
            stranger.users().get_user(get).await.unwrap_err().code(),
            stranger.domains().list_domains(list).await.unwrap_err().code(),
            stranger.logins().resolve_login(resolve).await.unwrap_err().code(),
        ];
        assert_eq!(codes, [Code::Unauthenticated; 3], "{credential:?}");
    }
}

/// The terms of a key with these scopes.
fn with_scopes(scopes: &[ApiKeyScope]) -> CreateApiKeyRequest {
    let scopes = scopes.iter().map(|scope| (*scope).into()).collect();
    CreateApiKeyRequest { scopes, ..CreateApiKeyRequest::default() }
}

/// The terms of a key that may come from these networks.
fn from_networks(networks: &[&str]) -> CreateApiKeyRequest {
    let allowed_networks = networks.iter().map(|&network| network.to_owned()).collect();
    CreateApiKeyRequest { allowed_networks, ..CreateApiKeyRequest::default() }
}

const STAFF: &str = r#"{"displayName":"Staff"}"#;

/// Whether each of these is let through: reading people, writing people, reading groups, writing groups. Who
/// is not is told by name what is missing.
async fn reach(acme: &Workspace, n: usize) -> [bool; 4] {
    let answers = [
        acme.get("/Users").await,
        acme.post("/Users", format!(r#"{{"userName":"person{n}"}}"#)).await,
        acme.get("/Groups").await,
        acme.post("/Groups", format!(r#"{{"displayName":"Group {n}"}}"#)).await,
    ];
    let names = ["read users", "write users", "read groups", "write groups"];
    let mut reached = [true; 4];
    for (at, answer) in answers.iter().enumerate() {
        reached[at] = answer.status < 300;
        if !reached[at] {
            assert!(answer.refused(403, "").contains(names[at]), "{answer}");
        }
    }
    reached
}

/// Seen to fail with the scopes left out of the judgement.
#[tokio::test]
async fn a_key_does_what_its_scopes_say_and_no_more() {
    use ApiKeyScope::{Groups, Read, Users};
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    for (n, (scopes, expected)) in [
        (&[][..], [true; 4]),
        (&[Read], [true, false, true, false]),
        (&[Users], [true, true, false, false]),
        (&[Groups], [false, false, true, true]),
        (&[Read, Users], [true, true, true, false]),
        (&[Groups, Users, Groups], [true; 4]),
    ]
    .into_iter()
    .enumerate()
    {
        let (key, _) = operator.create_key_for(&acme.id, with_scopes(scopes)).await;
        let here = acme.with_key(&key);
        assert_eq!(reach(&here, n).await, expected, "{scopes:?}");
        // Whatever a key is for, an identity provider may ask what the service is.
        here.get("/ServiceProviderConfig").await.is(200);
        here.get("/Schemas").await.is(200);
    }
}

/// The scope holds however it is asked: by a search of everything, by a body, in a bulk. Seen to fail with a
/// bulk judged by its own message alone.
#[tokio::test]
async fn a_scope_has_no_way_round() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let staff = acme.post("/Groups", STAFF).await.is(201).text("/id");
    let (key, _) =
        acme.operator().create_key_for(&acme.id, with_scopes(&[ApiKeyScope::Users])).await;
    let people = acme.with_key(&key);
    let group = format!("/Groups/{staff}");
    let search = r#"{"filter":"displayName pr"}"#;
    for refused in [
        people.get("?filter=displayName+pr").await,
        people.get("").await,
        people.post("/.search", search).await,
        people.post("/Groups/.search", search).await,
        people.get(&group).await,
        people.put(&group, STAFF).await,
        people
            .patch(&group, r#"{"Operations":[{"op":"replace","path":"displayName","value":"x"}]}"#)
            .await,
        people.delete(&group).await,
    ] {
        assert!(refused.refused(403, "").contains("GROUPS"), "{refused}");
    }
    assert_eq!(
        people.get("?filter=userName+pr").await.is(200).rows(),
        Vec::<serde_json::Value>::new()
    );
    let bulk = r#"{"Operations":[
        {"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"ada@acme.com"}},
        {"method":"POST","path":"/Groups","bulkId":"b","data":{"displayName":"Other"}},
        {"method":"PATCH","path":"/Groups/GROUP","data":{"Operations":[
            {"op":"add","path":"members","value":[{"value":"bulkId:a"}]}]}}
    ]}"#;
    let done = people.post("/Bulk", bulk.replace("GROUP", &staff)).await.is(200);
    assert_eq!(done.text("/Operations/0/status"), "201");
    assert_eq!(done.text("/Operations/1/status"), "403");
    assert_eq!(done.text("/Operations/2/status"), "403");
    assert!(done.text("/Operations/1/response/detail").contains("write groups"));
    let refused = acme.operator().integration(&acme.id, "").await.status.unwrap().last_refusal;
    assert_eq!(refused.unwrap().cause(), v1::ApiKeyRefusal::Scope);
    let log = nestr.log();
    let told = log.lines().filter(|line| line.contains("key was refused")).count();
    assert_eq!(told, 1, "a key and a cause once a minute, however often it was refused:\n{log}");
    let read = acme.get(&format!("{group}?attributes=displayName,members")).await.is(200);
    assert_eq!(
        (read.text("/displayName"), read.at("/members")),
        ("Staff".into(), serde_json::Value::Null)
    );
}

/// Seen to fail with the networks left out of the judgement, and with X-Forwarded-For believed of anybody.
#[tokio::test]
async fn a_key_opens_from_its_networks_alone() {
    let acme = Nestr::start().await.acme();
    let key = async |networks: &[&str]| {
        let (key, _) = acme.operator().create_key_for(&acme.id, from_networks(networks)).await;
        acme.with_key(&key)
    };
    key(&["192.0.2.0/24", "127.0.0.0/8"]).await.get("/Users").await.is(200);
    key(&["127.0.0.1"]).await.get("/Users").await.is(200);
    let elsewhere = key(&["192.0.2.0/24", "2001:db8::/32"]).await;
    elsewhere.get("/Users").await.refused(401, "");
    let ask = elsewhere.ask("GET", "/Users").header("X-Forwarded-For", "192.0.2.7");
    let ask = ask.header("scim-client-address", "192.0.2.7");
    elsewhere.send(ask).await.refused(401, "");
}

/// Seen to fail with the first address of the header believed.
#[tokio::test]
async fn behind_a_trusted_proxy_the_clients_address_counts() {
    let settings = ["--demo", "acme.com", "--trusted-proxies", "127.0.0.0/8,10.0.0.0/8"];
    let acme = Nestr::start_with(&settings).await.acme();
    let (key, _) = acme.operator().create_key_for(&acme.id, from_networks(&["192.0.2.0/24"])).await;
    let acme = acme.with_key(&key);
    let from = async |said: &str| {
        acme.send(acme.ask("GET", "/Users").header("X-Forwarded-For", said)).await.status
    };
    assert_eq!(from("192.0.2.7").await, 200);
    assert_eq!(from("203.0.113.9, 192.0.2.7, 10.1.1.1").await, 200);
    assert_eq!(from("192.0.2.7, 203.0.113.9").await, 401, "the last one that is no proxy");
    acme.get("/Users").await.refused(401, "");
}

/// Seen to fail with the old key ended at once, and with the scopes of the new one forgotten.
#[tokio::test]
async fn a_rotated_key_goes_on_until_the_new_one_is_in_place() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let (key, id) = operator.create_key_for(&acme.id, with_scopes(&[ApiKeyScope::Read])).await;
    let old = acme.with_key(&key);

    let rotated = operator.rotate_key(&acme.id, &id, None).await;
    let new = acme.with_key(&rotated.key);
    for key in [&old, &new] {
        assert_eq!(reach(key, 0).await, [true, false, true, false]);
    }
    let (made, replaced) = (rotated.api_key.unwrap(), rotated.replaced.unwrap());
    assert_eq!((&made.display_name, &made.scopes), (&replaced.display_name, &replaced.scopes));
    assert_eq!((replaced.id.as_str(), &replaced.replaced_by), (id.as_str(), &made.id));
    let day = replaced.expire_time.unwrap().seconds - made.create_time.unwrap().seconds;
    assert_eq!(day, 24 * 60 * 60);

    let again = operator.rotate_key(&acme.id, &made.id, Some(0)).await;
    new.get("/Users").await.refused(401, "");
    acme.with_key(&again.key).get("/Users").await.is(200);
    let ended = again.replaced.unwrap();
    assert_eq!(ended.state(), ApiKeyState::Expired);
    let (workspace_id, api_key_id) = (acme.id.clone(), ended.id);
    let ask = v1::RotateApiKeyRequest { workspace_id, api_key_id, ..Default::default() };
    let refused = operator.integrations().rotate_api_key(ask).await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::ApiKeyState));
    let workspace_id = acme.id.clone();
    let list = v1::ListApiKeysRequest { workspace_id, ..Default::default() };
    let listed = operator.integrations().list_api_keys(list).await.unwrap().into_inner();
    let shown = format!("{listed:?}");
    for key in [&key, &rotated.key, &again.key] {
        assert!(!shown.contains(&key[6..]), "a list shows no key");
        assert!(shown.contains(&format!("nscim_...{}", &key[key.len() - 4..])));
    }
}

/// Whatever is wrong with a key that opens nothing, the answer is the same to the byte, and the log knows
/// better. Seen to fail with a word of its own for a wrong network.
#[tokio::test]
async fn a_stranger_never_learns_why_and_the_log_does() {
    let nestr = Nestr::start_with(&["--demo", "acme.com", "--wrong-key-rate", "0"]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let (revoked, id) = operator.create_key(&acme.id).await;
    operator.revoke_key(&acme.id, &id).await;
    let (ended, id) = operator.create_key(&acme.id).await;
    operator.rotate_key(&acme.id, &id, Some(0)).await;
    let (elsewhere, _) = operator.create_key_for(&acme.id, from_networks(&["192.0.2.0/24"])).await;
    let unknown = ApiKeyText::from_random([7; 20]).expose().to_owned();
    let mut first: Option<Answer> = None;
    for key in [&unknown, &revoked, &ended, &elsewhere] {
        let answer = acme.with_key(key).get("/Users").await;
        answer.refused(401, "");
        let first = first.get_or_insert_with(|| answer.clone());
        assert_eq!(answer.essence(), first.essence());
    }
    let log = nestr.log();
    for cause in ["revoked", "expired", "network"] {
        let told = |line: &&str| line.contains("key was refused") && line.contains(cause);
        let line = log.lines().find(told).unwrap_or_else(|| panic!("{cause} in:\n{log}"));
        assert!(line.contains(&acme.id), "{line}");
        assert!(!line.contains("127.0.0.1") && !line.contains("nscim_"), "{line}");
    }
}

/// A key that is known and refused has a bucket of its own: it is held back, and takes nothing from the good
/// keys of its integration. To one that opens nothing even that is not said: it hears 401, as an unknown key
/// does. Seen to fail with the bucket of the integration.
#[tokio::test]
async fn refused_keys_are_held_back_by_themselves() {
    let settings = ["--demo", "acme.com", "--rate", "1", "--burst", "20", "--wrong-key-rate", "0"];
    let nestr = Nestr::start_with(&settings).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let (reading, _) = operator.create_key_for(&acme.id, with_scopes(&[ApiKeyScope::Read])).await;
    let (revoked, id) = operator.create_key(&acme.id).await;
    operator.revoke_key(&acme.id, &id).await;
    let statuses = async |key: &str| {
        let (acme, mut statuses) = (acme.with_key(key), Vec::new());
        for _ in 0..60 {
            statuses.push(acme.post("/Groups", STAFF).await.status);
        }
        statuses
    };
    let of_reading = statuses(&reading).await;
    assert_eq!(of_reading[..20], [403; 20]);
    assert!(of_reading.contains(&429), "{of_reading:?}");
    assert_eq!(statuses(&revoked).await, [401; 60]);
    for _ in 0..20 {
        acme.get("/Users").await.is(200);
    }
    let log = nestr.log();
    for cause in ["scope", "revoked"] {
        let told = |line: &&str| line.contains("key was refused") && line.contains(cause);
        assert_eq!(log.lines().filter(told).count(), 1, "{cause}: once a minute:\n{log}");
    }
}

#[tokio::test]
async fn what_is_no_scope_or_network_is_refused_and_so_is_the_twenty_first_key() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let refused = async |terms: CreateApiKeyRequest| {
        let ask = CreateApiKeyRequest { workspace_id: acme.id.clone(), ..terms };
        let made = operator.integrations().create_api_key(ask).await;
        made.err().map(|status| (Reason::of(&status).unwrap(), status.message().to_owned()))
    };
    let (reason, detail) = refused(from_networks(&["acme.com"])).await.unwrap();
    assert_eq!(reason, Reason::InvalidArgument);
    assert!(detail.contains("allowed_networks") && detail.contains("192.0.2.0/24"), "{detail}");
    let unspecified = with_scopes(&[ApiKeyScope::Unspecified]);
    assert_eq!(refused(unspecified).await.unwrap().0, Reason::InvalidArgument);
    // The demo's own is the first.
    for _ in 1..20 {
        assert_eq!(refused(CreateApiKeyRequest::default()).await, None);
    }
    let (reason, detail) = refused(CreateApiKeyRequest::default()).await.unwrap();
    assert_eq!(reason, Reason::TooMany);
    assert!(detail.contains("RevokeApiKey"), "{detail}");
}
