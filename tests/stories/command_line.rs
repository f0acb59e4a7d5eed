//! `nestr-scim operator`: what grpcurl does, in fewer words.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::audit::calls;
use crate::harness::{Login, Nestr, Terminal};

/// The id of what was made.
fn id(answer: &serde_json::Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("an id: {answer}")).to_owned()
}

/// What nobody does by hand: what identity providers and services send of people and groups, what tells of the
/// schemas, pieces of a group for the gateway, and the feed for services.
const WITHOUT_A_VERB: [&str; 24] = [
    "CreateUser",
    "BatchGetUsers",
    "CountUsers",
    "ReplaceUser",
    "UpdateUser",
    "PatchUser",
    "CreateGroup",
    "BatchGetGroups",
    "CountGroups",
    "ReplaceGroup",
    "UpdateGroup",
    "PatchGroup",
    "DeleteGroup",
    "GetGroup",
    "ReadGroup",
    "BulkWrite",
    "ListResources",
    "GetServiceProviderConfig",
    "ListResourceTypes",
    "GetResourceType",
    "ListSchemas",
    "GetSchema",
    "Watch",
    "Acknowledge",
];

/// Seen to fail with the verb of a call taken out.
#[test]
fn every_call_that_operators_make_has_a_verb() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fs::read_dir(root.join("src/operator")).unwrap();
    let source: String =
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    for call in calls().iter().filter(|call| !WITHOUT_A_VERB.contains(&call.as_str())) {
        let snake = call.chars().fold(String::new(), |text, c| {
            let split = if c.is_uppercase() && !text.is_empty() { "_" } else { "" };
            format!("{text}{split}{}", c.to_ascii_lowercase())
        });
        assert!(source.contains(&format!(".{snake}(")), "no verb makes {call}");
    }
}

/// From nothing to a person who signs in, and back.
#[tokio::test]
async fn a_workspace_is_taken_from_nothing_to_a_provisioned_person() {
    let nestr = Nestr::start().await;
    let olga = Terminal::of(&nestr);
    let create = ["workspace", "create", "Globex", "--contact", "it@globex.example", "--json"];
    let workspace = id(&olga.operate(&create).json());
    let w = workspace.as_str();
    let claimed = olga.operate(&["domain", "claim", w, "@Globex.example,", "localhost"]).done();
    assert!(claimed.contains("globex.example  pending"), "{claimed}");
    assert!(claimed.contains("localhost       refused"), "{claimed}");
    let too_early = olga.operate(&["integration", "enable", w]);
    assert_eq!(too_early.code, 1);
    assert!(too_early.err.contains("NO_VERIFIED_DOMAIN"), "{}", too_early.err);
    let pending = olga.operate(&["domain", "pending"]).done();
    assert!(pending.contains("it@globex.example"), "{pending}");
    let verify = ["domain", "verify", w, "globex.example", "--note", "contract 4711"];
    let verified = olga.operate(&verify).done();
    assert!(verified.starts_with("Verified: addresses at globex.example sign in.\n"), "{verified}");

    let enabled = olga.operate(&["integration", "enable", w, "--kind", "entra", "--json"]).json();
    assert_eq!(enabled["kind"], "IDP_KIND_ENTRA");
    assert_eq!(enabled["scimUrl"], format!("http://{}/scim/v2/{w}", nestr.http()));
    let key = ["key", "create", w, "--name", "Entra ID", "--expires", "2099-01-01", "--json"];
    let key = olga.operate(&key).json();
    assert_eq!(key["apiKey"]["expireTime"], "2099-01-01T00:00:00Z");
    let secret = key["key"].as_str().unwrap();
    let globex = crate::harness::Workspace::new(&nestr, workspace.clone(), secret.to_owned());
    let ada = globex.create("Ada@globex.example").await;

    let found = olga.operate(&["user", "find", w, "ADA@globex.example"]).done();
    assert!(found.contains(&ada) && found.contains("Ada@globex.example"), "{found}");
    assert_eq!(olga.operate(&["user", "find", w, "grace@globex.example"]).done(), "none\n");
    let resolved = olga.operate(&["user", "resolve-login", "ada@globex.example", "--json"]).json();
    let account = json!({"workspaceId": workspace, "userId": ada, "active": true});
    assert_eq!(resolved, json!({"accounts": [account]}));
    globex.delete(&format!("/Users/{ada}")).await.is(204);
    let deleted = olga.operate(&["user", "deleted", w]).done();
    assert!(deleted.contains(&ada), "{deleted}");
    let restored = olga.operate(&["restore", "user", w, &ada]).done();
    assert!(restored.starts_with("Restored"), "{restored}");
    assert_eq!(globex.resolve_login("ada@globex.example").await, Login::Active(ada));

    let revoke = ["domain", "revoke", w, "globex.example", "--reason", "sold", "--dry-run"];
    let tried = olga.operate(&revoke).done();
    assert!(tried.starts_with("Nothing was changed. 1 person signs in by "), "{tried}");
    assert!(matches!(globex.resolve_login("ada@globex.example").await, Login::Active(_)));
    let revoked = olga.operate(&revoke[..6]).done();
    assert!(revoked.starts_with("Revoked: 1 person signs in no more by "), "{revoked}");
    assert_eq!(globex.resolve_login("ada@globex.example").await, Login::Nobody);

    olga.operate(&["domain", "verify", w, "globex.example"]).done();
    let suspended = olga.operate(&["workspace", "suspend", w, "--reason", "unpaid"]).done();
    assert!(suspended.contains("unpaid"), "{suspended}");
    assert!(globex.get("/Users").await.refused(403, "").contains("unpaid"));
    olga.operate(&["workspace", "resume", w]).done();
    globex.get("/Users").await.is(200);
    let status = olga.operate(&["integration", "get", w]).done();
    assert!(status.contains("last refusal") && status.contains("workspace-suspended"), "{status}");

    let keys = olga.operate(&["key", "list", w]).done();
    assert!(!keys.contains(secret), "a key is shown once: {keys}");
    let key_id = key["apiKey"]["id"].as_str().unwrap();
    let rotated = olga.operate(&["key", "rotate", w, key_id, "--overlap", "7d"]).done();
    assert!(
        rotated.starts_with("Made: the key is shown this once. The old one ends "),
        "{rotated}"
    );
    let next = rotated.lines().find_map(|line| line.strip_prefix("key")).unwrap().trim();
    globex.with_key(next).get("/Users").await.is(200);
    globex.get("/Users").await.is(200);
    olga.operate(&["key", "revoke", w, key_id]).done();
    globex.get("/Users").await.refused(401, "");
    let acts = olga.operate(&["audit", "list", w, "--act", "key"]).done();
    let acts: Vec<_> = acts.lines().map(|line| line.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(acts, ["ACT", "key.revoked", "key.rotated", "key.made"]);
}

/// The same answer as grpcurl's. Seen to fail with times as the library writes them.
#[tokio::test]
async fn scripts_are_answered_as_grpcurl_is() {
    let nestr = Nestr::start().await;
    let (acme, olga) = (nestr.acme(), Terminal::of(&nestr));
    let ada = acme.create("ada@acme.com").await;
    let w = acme.id.as_str();
    let in_acme = json!({"workspace_id": w});
    let person = json!({"workspace_id": w, "id": ada});
    for (words, method, ask) in [
        (vec!["workspace", "list"], "WorkspaceService/ListWorkspaces", json!({})),
        (vec!["workspace", "get", w], "WorkspaceService/GetWorkspace", in_acme.clone()),
        (vec!["domain", "pending"], "DomainService/ListPendingDomains", json!({})),
        (vec!["domain", "list", w], "DomainService/ListDomains", in_acme.clone()),
        (vec!["integration", "list", w], "IntegrationService/ListIntegrations", in_acme.clone()),
        (vec!["key", "list", w], "IntegrationService/ListApiKeys", in_acme.clone()),
        (vec!["user", "get", w, &ada], "UserService/GetUser", person),
        (vec!["user", "deleted", w], "UserService/ListDeletedUsers", in_acme.clone()),
        (vec!["group", "find", w], "GroupService/ListGroups", in_acme.clone()),
        (vec!["audit", "list", w], "AuditService/ListAuditRecords", in_acme),
    ] {
        let said = olga.operate(&[&words[..], &["--json"]].concat()).json();
        assert_eq!(said, olga.call(method, &ask).unwrap(), "{words:?}");
    }
}

/// A script can tell a directory that says no from one that is not there.
#[tokio::test]
async fn what_goes_wrong_is_told_with_its_fix_and_a_code() {
    let nestr = Nestr::start().await;
    let (acme, olga) = (nestr.acme(), Terminal::of(&nestr));
    let refused = olga.operate(&["user", "get", &acme.id, "nobody"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.starts_with("refused: User nobody not found. "), "{}", refused.err);
    assert!(refused.err.contains("USER_NOT_FOUND"), "{}", refused.err);

    let stranger = Terminal::with(&nestr, "nop_guess").operate(&["workspace", "list"]);
    assert_eq!(stranger.code, 1);
    assert!(stranger.err.contains("--credential-file"), "{}", stranger.err);
    assert!(!stranger.err.contains("nop_guess"), "{}", stranger.err);

    for (words, cause) in [
        (vec!["workspace", "list", "--credential-file", "/nowhere"], "--credential-file"),
        (vec!["workspace", "list", "--directory", "127.0.0.1:50051"], "--directory"),
        (vec!["integration", "enable", &acme.id, "--kind", "ldap"], "jumpcloud"),
        (vec!["domain", "reject", &acme.id, "acme.com"], "--reason"),
    ] {
        let wrong = olga.operate(&words);
        assert_eq!((wrong.code, wrong.out.as_str()), (2, ""), "{words:?}");
        assert!(wrong.err.contains(cause), "{words:?}: {}", wrong.err);
    }
    nestr.terminate().await;
    let gone = olga.operate(&["workspace", "list"]);
    assert_eq!((gone.code, gone.out.as_str()), (2, ""));
    assert!(gone.err.contains("--directory"), "{}", gone.err);
}
