//! A workspace cannot tell another workspace's people from nobody.

use directory_api::v1;
use serde_json::json;

use crate::harness::{Answer, Nestr, Workspace, nobody};

/// The answers to everything that can be done with the id of a person.
async fn everything_with(workspace: &Workspace, id: &str) -> Vec<Answer> {
    let user = format!("/Users/{id}");
    let etag = |method: &str| {
        let ask = workspace.ask(method, &user).header("If-Match", "W/\"1\"");
        if method == "DELETE" { ask } else { ask.scim(r#"{"userName":"eve"}"#) }
    };
    let deactivate = r#"{"Operations":[{"op":"replace","value":{"active":false}}]}"#;
    vec![
        workspace.get(&user).await,
        workspace.get(&format!("{user}?attributes=userName")).await,
        workspace.send(workspace.ask("GET", &user).header("If-None-Match", "*")).await,
        workspace.send(workspace.ask("HEAD", &user)).await,
        workspace.put(&user, r#"{"userName":"eve@acme.com"}"#).await,
        workspace.patch(&user, deactivate).await,
        workspace.delete(&user).await,
        workspace.send(etag("PUT")).await,
        workspace.send(etag("DELETE")).await,
        workspace.find(&format!(r#"id eq "{id}""#)).await,
    ]
}

/// Status, headers and body, without the id that was asked for.
fn essence(answer: &Answer, id: &str) -> (u16, Vec<(String, String)>, String) {
    let (status, headers, body) = answer.essence();
    (status, headers, body.replace(id, "ID"))
}

/// Seen to fail with the person looked up by id alone, the workspace left out.
#[tokio::test]
async fn a_foreign_person_and_nobody_look_alike_to_the_byte() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let ada = globex.create("ada@globex.example").await;
    let before = globex.get(&format!("/Users/{ada}")).await;
    let nobody = nobody();
    let gone = acme.create("gone@acme.com").await;
    acme.delete(&format!("/Users/{gone}")).await.is(204);

    let foreign = everything_with(&acme, &ada).await;
    for absent in [&nobody, &gone] {
        for (foreign, absent_answer) in foreign.iter().zip(everything_with(&acme, absent).await) {
            assert_eq!(essence(foreign, &ada), essence(&absent_answer, absent));
        }
    }
    assert!(foreign[..foreign.len() - 1].iter().all(|answer| answer.status == 404), "{foreign:?}");
    assert_eq!(globex.get(&format!("/Users/{ada}")).await.essence(), before.essence());
}

#[tokio::test]
async fn an_id_that_was_never_one_is_nobodys_too() {
    let acme = Nestr::start().await.acme();
    let nobody = nobody();
    let absent = acme.get(&format!("/Users/{nobody}")).await;
    for id in ["1", "ada", "-", "0", "a%20b", "%F0%9F%A6%80", "me"] {
        let answer = acme.get(&format!("/Users/{id}")).await;
        answer.refused(404, "");
        assert_eq!(answer.headers.len(), absent.headers.len());
    }
}

#[tokio::test]
async fn no_filter_reaches_into_another_workspace() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let body = r#"{"userName":"ada@globex.example","externalId":"ada","displayName":"Ada"}"#;
    let ada = globex.post("/Users", body).await.is(201).text("/id");
    acme.create("bob@acme.com").await;
    for filter in [
        format!(r#"id eq "{ada}""#),
        r#"userName eq "ada@globex.example""#.to_owned(),
        r#"externalId eq "ada""#.to_owned(),
        r#"displayName sw "A""#.to_owned(),
        r#"userName co "globex" or not (userName pr)"#.to_owned(),
    ] {
        assert_eq!(acme.find(&filter).await.rows(), Vec::<serde_json::Value>::new(), "{filter}");
    }
    let everybody = acme.get("/Users").await;
    assert_eq!(everybody.at("/totalResults"), json!(1));
    assert_eq!(everybody.rows()[0]["userName"], "bob@acme.com");
}

/// Names and addresses are taken within a workspace, and nowhere else.
#[tokio::test]
async fn two_workspaces_have_a_person_of_the_same_name_each() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let body = r#"{"userName":"4711","externalId":"x"}"#;
    let here = acme.post("/Users", body).await.is(201).text("/id");
    let there = globex.post("/Users", body).await.is(201).text("/id");
    assert_ne!(here, there);
    acme.delete(&format!("/Users/{here}")).await.is(204);
    globex.get(&format!("/Users/{there}")).await.is(200);
}

/// Seen to fail with the person looked up by id alone, the workspace left out.
#[tokio::test]
async fn over_grpc_a_foreign_person_is_nobody_too() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let ada = globex.create("ada@globex.example").await;
    let nobody = nobody();
    let said = async |id: &str| {
        let (workspace_id, id) = (acme.id.clone(), id.to_owned());
        let delete = v1::DeleteUserRequest {
            workspace_id: workspace_id.clone(),
            id: id.clone(),
            ..v1::DeleteUserRequest::default()
        };
        let resource =
            Some(v1::replace_user_request::Resource::ScimJson(r#"{"userName":"e"}"#.into()));
        let replace = v1::ReplaceUserRequest {
            workspace_id: workspace_id.clone(),
            id: id.clone(),
            resource,
            ..v1::ReplaceUserRequest::default()
        };
        let errors = [
            operator.get_user(&workspace_id, &id).await.unwrap_err(),
            operator.restore(&workspace_id, &id).await.unwrap_err(),
            operator.users().delete_user(delete).await.unwrap_err(),
            operator.users().replace_user(replace).await.unwrap_err(),
        ];
        errors.map(|status| (status.code(), status.message().replace(&id, "ID")))
    };
    assert_eq!(said(&ada).await, said(&nobody).await);
    assert!(operator.get_user(&globex.id, &ada).await.is_ok());
}
