//! An operator's day, with stock grpcurl and what reflection tells it.

use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::{Value, json};

use crate::harness::{Login, Nestr, Terminal};

fn listed(nestr: &Nestr, command: &[&str]) -> String {
    let output = Terminal::run(nestr, &[], command);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn reflection_tells_whoever_asks_what_there_is_and_what_it_means() {
    let nestr = Nestr::start().await;
    let services = listed(&nestr, &["list"]);
    for service in ["Discovery", "Domain", "Integration", "Login", "User", "Workspace"] {
        let name = format!("nestr.directory.v1.{service}Service");
        assert!(services.lines().any(|line| line == name), "{name} in:\n{services}");
    }
    let described = listed(&nestr, &["describe", "nestr.directory.v1.VerifyDomainRequest"]);
    assert!(described.contains("allow_shared"), "{described}");
    let method = listed(&nestr, &["describe", "nestr.directory.v1.DomainService.VerifyDomain"]);
    assert!(method.contains("//"), "comments come along:\n{method}");
}

#[tokio::test]
async fn health_answers_for_the_whole_and_for_each_service() {
    let nestr = Nestr::start().await;
    let files = FileDescriptorSet::decode(directory_api::FILE_DESCRIPTOR_SET).unwrap().file;
    let services = files.iter().flat_map(|file| &file.service);
    let named = services.map(|service| format!("nestr.directory.v1.{}", service.name()));
    for service in named.chain([String::new()]) {
        let message = json!({"service": service}).to_string();
        let output = Terminal::run(&nestr, &["-d", &message], &["grpc.health.v1.Health/Check"]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("\"SERVING\""), "{service}: {said}");
    }
}

#[tokio::test]
async fn a_claim_is_decided_by_hand() {
    let nestr = Nestr::start().await;
    let (acme, terminal) = (nestr.acme(), Terminal::of(&nestr));
    let claim = json!({
        "workspace_id": acme.id,
        "domains": "@Acme.org, acme.net;acme.net localhost",
        "contact_email": "it@acme.com",
    });
    let claimed = terminal.call("DomainService/ClaimDomains", &claim).unwrap();
    let outcomes = claimed["outcomes"].as_array().unwrap();
    let states: Vec<_> = outcomes.iter().map(|o| (&o["domain"], &o["state"])).collect();
    assert_eq!(states[0], (&json!("acme.org"), &json!("DOMAIN_STATE_PENDING")));
    assert_eq!(states[1], (&json!("acme.net"), &json!("DOMAIN_STATE_PENDING")));
    assert_eq!(outcomes.len(), 3);
    assert!(!outcomes[2]["reason"].as_str().unwrap().is_empty(), "{claimed}");

    let pending = terminal.call("DomainService/ListPendingDomains", &json!({})).unwrap();
    let names: Vec<_> =
        pending["domains"].as_array().unwrap().iter().map(|d| &d["domain"]).collect();
    assert_eq!(names, ["acme.org", "acme.net"]);

    let verify = json!({"workspaceId": acme.id, "domain": "acme.org", "note": "seen the invoice"});
    let verified = terminal.call("DomainService/VerifyDomain", &verify).unwrap();
    assert_eq!(verified["state"], "DOMAIN_STATE_VERIFIED");
    assert_eq!(
        (&verified["decidedBy"], &verified["note"]),
        (&json!("operator"), &json!("seen the invoice"))
    );
    let without_reason = json!({"workspace_id": acme.id, "domain": "acme.net"});
    let refused = terminal.call("DomainService/RejectDomain", &without_reason).unwrap_err();
    assert!(refused.contains("InvalidArgument"), "{refused}");
    let reject = json!({"workspace_id": acme.id, "domain": "acme.net", "reason": "not theirs"});
    let rejected = terminal.call("DomainService/RejectDomain", &reject).unwrap();
    assert_eq!(rejected["state"], "DOMAIN_STATE_REJECTED");
    let refused = terminal.call(
        "DomainService/VerifyDomain",
        &json!({"workspace_id": acme.id, "domain": "acme.net"}),
    );
    assert!(refused.unwrap_err().contains("FailedPrecondition"));

    let ada = acme.create("ada@acme.org").await;
    assert_eq!(acme.resolve_login("ada@acme.org").await, Login::Active(ada));
    acme.post("/Users", r#"{"userName":"ada@acme.net"}"#).await.refused(400, "invalidValue");
}

#[tokio::test]
async fn a_claim_without_a_contact_has_that_of_the_workspace() {
    let nestr = Nestr::start().await;
    let (acme, terminal) = (nestr.acme(), Terminal::of(&nestr));
    let claim = json!({"workspace_id": acme.id, "domains": "acme.org"});
    terminal.call("DomainService/ClaimDomains", &claim).unwrap();
    let pending = terminal.call("DomainService/ListPendingDomains", &json!({})).unwrap();
    assert_eq!(pending["domains"][0]["contactEmail"], "admin@acme.com");
    let nobody = json!({"workspace_id": acme.id, "domains": "acme.net", "contact_email": "it"});
    let refused = terminal.call("DomainService/ClaimDomains", &nobody).unwrap_err();
    assert!(refused.contains("contact_email"), "{refused}");
}

/// Seen to fail with a claim verified whoever else has the domain.
#[tokio::test]
async fn a_domain_that_another_workspace_has_is_shared_only_on_purpose() {
    let nestr = Nestr::start().await;
    let terminal = Terminal::of(&nestr);
    let made = json!({"display_name": "Globex", "contact_email": "it@globex.example"});
    let globex = terminal.call("WorkspaceService/CreateWorkspace", &made).unwrap()["id"].clone();
    nestr.operator().claim(globex.as_str().unwrap(), "acme.com").await;
    let verify = |shared: bool| json!({"workspace_id": globex, "domain": "acme.com", "allow_shared": shared});
    let refused = terminal.call("DomainService/VerifyDomain", &verify(false)).unwrap_err();
    assert!(refused.contains("allow_shared"), "the operator reads the fix: {refused}");
    let verified = terminal.call("DomainService/VerifyDomain", &verify(true)).unwrap();
    assert_eq!(verified["state"], "DOMAIN_STATE_VERIFIED");
}

#[tokio::test]
async fn a_key_is_made_shown_once_and_revoked() {
    let nestr = Nestr::start().await;
    let (acme, terminal) = (nestr.acme(), Terminal::of(&nestr));
    let wanted = json!({"workspace_id": acme.id, "display_name": "second key"});
    let made = terminal.call("IntegrationService/CreateApiKey", &wanted).unwrap();
    let key = made["key"].as_str().unwrap();
    let rotated = acme.with_key(key);
    rotated.get("/Users").await.is(200);

    let all = json!({"workspace_id": acme.id});
    let keys = terminal.call("IntegrationService/ListApiKeys", &all).unwrap();
    assert!(!keys.to_string().contains(key), "a key is shown once: {keys}");
    let names: Vec<_> =
        keys["apiKeys"].as_array().unwrap().iter().map(|k| &k["displayName"]).collect();
    assert_eq!(names, ["demo", "second key"]);
    let hint = made["apiKey"]["hint"].as_str().unwrap();
    assert!(hint.ends_with(&key[key.len() - 4..]), "{hint}");

    let unwanted = json!({"workspace_id": acme.id, "api_key_id": made["apiKey"]["id"]});
    let taken_back = terminal.call("IntegrationService/RevokeApiKey", &unwanted).unwrap();
    assert!(taken_back["revokeTime"].is_string(), "{taken_back}");
    rotated.get("/Users").await.refused(401, "");
    acme.get("/Users").await.is(200);
}

#[tokio::test]
async fn scim_is_enabled_once_a_domain_is_verified_and_tells_its_url() {
    let nestr = Nestr::start().await;
    let terminal = Terminal::of(&nestr);
    let made = json!({"display_name": "Globex", "contact_email": "it@globex.example"});
    let globex = terminal.call("WorkspaceService/CreateWorkspace", &made).unwrap()["id"].clone();
    let enable = json!({"workspace_id": globex, "kind": "IDP_KIND_OKTA"});
    let refused = terminal.call("IntegrationService/EnableIntegration", &enable).unwrap_err();
    assert!(refused.contains("FailedPrecondition"), "{refused}");

    let operator = nestr.operator();
    let id = globex.as_str().unwrap();
    operator.claim(id, "globex.example").await;
    operator.verify(id, "globex.example").await;
    let enabled = terminal.call("IntegrationService/EnableIntegration", &enable).unwrap();
    assert_eq!(
        (&enabled["kind"], &enabled["state"]),
        (&json!("IDP_KIND_OKTA"), &json!("INTEGRATION_STATE_ON"))
    );
    assert_eq!(enabled["scimUrl"], format!("http://{}/scim/v2/{id}", nestr.http()));
}

/// An operator sees a person by the names that the identity provider uses.
#[tokio::test]
async fn a_person_is_read_and_a_login_resolved() {
    let nestr = Nestr::start().await;
    let (acme, terminal) = (nestr.acme(), Terminal::of(&nestr));
    let body = r#"{"userName":"Ada@acme.com","name":{"givenName":"Ada"},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Engines","manager":{"value":"m-1","$ref":"../Users/m-1"}}}"#;
    let id = acme.post("/Users", body).await.is(201).text("/id");
    let person = json!({"workspace_id": acme.id, "id": id});
    let read = terminal.call("UserService/GetUser", &person).unwrap();
    assert_eq!(read["userName"], "Ada@acme.com");
    assert_eq!(read["name"]["givenName"], "Ada");
    let enterprise = &read["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"];
    assert_eq!(enterprise["department"], "Engines");
    assert_eq!(enterprise["manager"], json!({"value": "m-1", "$ref": "../Users/m-1"}));

    let list = json!({"workspace_id": acme.id, "filter": r#"userName eq "ada@acme.com""#});
    let listed = terminal.call("UserService/ListUsers", &list).unwrap();
    assert_eq!((&listed["totalSize"], &listed["users"][0]["id"]), (&json!(1), &json!(id)));

    let resolve = json!({"email": "ADA@acme.com"});
    let login = terminal.call("LoginService/ResolveLogin", &resolve).unwrap();
    assert_eq!(login["accounts"], json!([{"workspaceId": acme.id, "userId": id, "active": true}]));
    acme.patch(
        &format!("/Users/{id}"),
        r#"{"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#,
    )
    .await
    .is(200);
    let login = terminal.call("LoginService/ResolveLogin", &resolve).unwrap();
    let reason = json!("INACTIVE_REASON_USER_INACTIVE");
    assert_eq!(
        login["accounts"],
        json!([{"workspaceId": acme.id, "userId": id, "reason": reason}])
    );
}

/// A person whom nobody provisioned is written in words that the contract types.
#[tokio::test]
async fn people_are_listed_page_by_page() {
    let nestr = Nestr::start().await;
    let (acme, terminal) = (nestr.acme(), Terminal::of(&nestr));
    let mut all = Vec::new();
    for name in ["ada", "grace", "edsger", "barbara", "tony"] {
        all.push(acme.create(&format!("{name}@acme.com")).await);
    }
    let (mut found, mut token) = (Vec::new(), String::new());
    for size in [2, 2, 1] {
        let page = json!({"workspace_id": acme.id, "page_size": 2, "page_token": token});
        let page = terminal.call("UserService/ListUsers", &page).unwrap();
        let users = page["users"].as_array().unwrap();
        assert_eq!((users.len(), &page["totalSize"]), (size, &json!(5)));
        found.extend(users.iter().map(|user| user["id"].as_str().unwrap().to_owned()));
        token = page["nextPageToken"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!((found, token), (all, String::new()));
    let made_up = json!({"workspace_id": acme.id, "page_token": "made-up"});
    let refused = terminal.call("UserService/ListUsers", &made_up).unwrap_err();
    assert!(refused.contains("page_token"), "{refused}");
}

/// As the documents tell operators to write it, and as grpcurl does not read it.
#[tokio::test]
async fn a_field_mask_is_written_as_the_message_that_it_is() {
    let nestr = Nestr::start().await;
    let (acme, terminal) = (nestr.acme(), Terminal::of(&nestr));
    let ada = nestr.operator().create_user(&acme.id, r#"{"userName":"ada","title":"x"}"#).await;
    let update = |name: &str, update_mask: Value| {
        let user = json!({"displayName": name, "active": false});
        let ask =
            json!({"workspace_id": acme.id, "id": ada, "user": user, "update_mask": update_mask});
        terminal.call("UserService/UpdateUser", &ask)
    };
    for (name, path) in [("Ada", "display_name"), ("A. L.", "displayName")] {
        let user = update(name, json!({"paths": [path]})).unwrap();
        let expected = json!([name, "x", null]);
        assert_eq!(json!([user["displayName"], user["title"], user["active"]]), expected);
    }
    let unread = update("Ada", json!("displayName")).unwrap_err();
    assert!(unread.contains("error getting request data"), "{unread}");
}

#[tokio::test]
async fn a_person_is_made_changed_removed_and_restored_by_hand() {
    let nestr = Nestr::start().await;
    let (acme, terminal) = (nestr.acme(), Terminal::of(&nestr));
    let user = json!({
        "userName": "grace@acme.com",
        "displayName": "Grace",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Navy"},
    });
    let made =
        terminal.call("UserService/CreateUser", &json!({"workspace_id": acme.id, "user": user}));
    let made = made.unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    let shown = acme.get(&format!("/Users/{id}")).await.is(200);
    assert_eq!(shown.text("/displayName"), "Grace");

    let operation = json!({"op": "replace", "path": "title", "value": "Rear Admiral"});
    let patch = json!({"workspace_id": acme.id, "id": id, "operations": [operation]});
    let patched = terminal.call("UserService/PatchUser", &patch).unwrap();
    assert_eq!(patched["title"], "Rear Admiral");

    let person = json!({"workspace_id": acme.id, "id": id});
    terminal.call("UserService/DeleteUser", &person).unwrap();
    assert!(terminal.call("UserService/GetUser", &person).unwrap_err().contains("NotFound"));
    let gone = json!({"workspace_id": acme.id});
    let removed = terminal.call("UserService/ListDeletedUsers", &gone).unwrap();
    assert_eq!(removed["users"][0]["user"]["userName"], "grace@acme.com");
    let restored = terminal.call("UserService/RestoreUser", &person).unwrap();
    assert_eq!((&restored["id"], &restored["title"]), (&json!(id), &json!("Rear Admiral")));
    assert_eq!(acme.resolve_login("grace@acme.com").await, Login::Active(id));
}

#[tokio::test]
async fn without_the_credential_nothing_is_told() {
    let nestr = Nestr::start().await;
    let stranger = Terminal::with(&nestr, "nop_guess");
    for (method, message) in [
        ("WorkspaceService/ListWorkspaces", json!({})),
        ("DomainService/ListPendingDomains", json!({})),
        ("LoginService/ResolveLogin", json!({"email": "ada@acme.com"})),
    ] {
        let refused = stranger.call(method, &message).unwrap_err();
        assert!(refused.contains("Unauthenticated"), "{refused}");
    }
}
