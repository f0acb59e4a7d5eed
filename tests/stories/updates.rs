//! How Nestr's services write the people and groups of a workspace that has no identity provider, under the same rules.

use directory_api::v1;
use directory_api::v1::Reason;
use pbjson_types::FieldMask;
use serde_json::json;

use crate::harness::{Login, Nestr};
use crate::management::reason;

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask { paths: paths.iter().map(|&path| path.to_owned()).collect() }
}

#[tokio::test]
async fn a_service_changes_the_fields_that_it_names() {
    let nestr = Nestr::start().await;
    let operator = nestr.operator();
    let globex = operator.create_workspace("Globex").await;
    operator.claim(&globex, "globex.example").await;
    operator.verify(&globex, "globex.example").await;
    let person = json!({
        "userName": "ada@globex.example", "title": "Countess",
        "name": {"givenName": "Ada", "familyName": "King"},
    });
    let ada = operator.create_user(&globex, &person.to_string()).await;
    let mut users = operator.users();
    let ask = |user: v1::User, update_mask| v1::UpdateUserRequest {
        workspace_id: globex.clone(),
        id: ada.clone(),
        user: Some(user),
        update_mask,
        ..v1::UpdateUserRequest::default()
    };
    let married = v1::User {
        name: Some(v1::Name { family_name: "Lovelace".to_owned(), ..v1::Name::default() }),
        ..v1::User::default()
    };
    let named =
        users.update_user(ask(married.clone(), Some(mask(&["name.family_name", "title"])))).await;
    let named = named.unwrap().into_inner();
    let name = named.name.clone().unwrap();
    assert_eq!((name.given_name.as_str(), name.family_name.as_str()), ("Ada", "Lovelace"));
    assert_eq!((named.title.as_str(), named.user_name.as_str()), ("", "ada@globex.example"));
    let same = users.update_user(ask(married, None)).await.unwrap().into_inner();
    assert_eq!(same, named, "what is filled stands already");

    // By the rules that hold for everybody.
    let moved = |address: &str| v1::User { user_name: address.to_owned(), ..v1::User::default() };
    let elsewhere = users.update_user(ask(moved("ada@elsewhere.example"), None)).await;
    assert_eq!(reason(elsewhere), Reason::DomainNotVerified);
    let etag = Some("W/\"1\"".to_owned());
    let stale = v1::UpdateUserRequest { etag, ..ask(moved("a@globex.example"), None) };
    assert_eq!(reason(users.update_user(stale).await), Reason::RevisionMismatch);
    users.update_user(ask(moved("countess@globex.example"), None)).await.unwrap();
    let accounts = operator.resolve_login("countess@globex.example").await;
    assert!(accounts.len() == 1 && accounts[0].active, "{accounts:?}");
    for wrong in ["shoe_size", "emails.value"] {
        let wrong = users.update_user(ask(v1::User::default(), Some(mask(&[wrong])))).await;
        assert_eq!(reason(wrong), Reason::InvalidArgument);
    }
    let nameless = users.update_user(ask(v1::User::default(), Some(mask(&["user_name"])))).await;
    assert_eq!(reason(nameless), Reason::InvalidValue);
    let whole =
        users.update_user(ask(moved("ada@globex.example"), Some(mask(&["*"])))).await.unwrap();
    assert_eq!(whole.into_inner().name, None, "all of it is put");
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_repeated_safely() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let operator = nestr.operator();
    let mut users = operator.users();
    let create = v1::CreateUserRequest {
        workspace_id: acme.id.clone(),
        resource: Some(v1::create_user_request::Resource::User(v1::User {
            user_name: "bob@acme.com".to_owned(),
            ..v1::User::default()
        })),
        operation_id: "create".to_owned(),
        ..v1::CreateUserRequest::default()
    };
    let bob = users.create_user(create.clone()).await.unwrap().into_inner();
    let update = v1::UpdateUserRequest {
        workspace_id: acme.id.clone(),
        id: bob.id.clone(),
        user: Some(v1::User { title: "Builder".to_owned(), ..v1::User::default() }),
        etag: Some(bob.meta.clone().unwrap().version),
        operation_id: "update".to_owned(),
        ..v1::UpdateUserRequest::default()
    };
    let delete = v1::DeleteUserRequest {
        workspace_id: acme.id.clone(),
        id: bob.id.clone(),
        operation_id: "delete".to_owned(),
        ..v1::DeleteUserRequest::default()
    };
    let restore = v1::RestoreUserRequest {
        workspace_id: acme.id.clone(),
        id: bob.id.clone(),
        operation_id: "restore".to_owned(),
        ..v1::RestoreUserRequest::default()
    };
    let again = users.create_user(create).await.unwrap().into_inner();
    assert_eq!(again, bob);
    let first = users.update_user(update.clone()).await.unwrap().into_inner();
    // The version that it names is gone, by this very write.
    let second = users.update_user(update.clone()).await.unwrap().into_inner();
    assert_eq!((first.title.as_str(), &second), ("Builder", &first));
    let other = v1::UpdateUserRequest { operation_id: "create".to_owned(), etag: None, ..update };
    assert_eq!(reason(users.update_user(other).await), Reason::InvalidArgument);
    let first = users.delete_user(delete.clone()).await.unwrap().into_inner();
    let second = users.delete_user(delete).await.unwrap().into_inner();
    assert_eq!(first, second);
    let first = users.restore_user(restore.clone()).await.unwrap().into_inner();
    let second = users.restore_user(restore).await.unwrap().into_inner();
    assert_eq!(first, second);
    assert_eq!(acme.resolve_login("bob@acme.com").await, Login::Active(bob.id));
}

#[tokio::test]
async fn a_group_is_changed_by_the_fields_that_are_named() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let mut groups = operator.groups();
    let ada = acme.create("ada@acme.com").await;
    let create = v1::CreateGroupRequest {
        workspace_id: acme.id.clone(),
        resource: Some(v1::create_group_request::Resource::Group(v1::Group {
            display_name: "Staff".to_owned(),
            members: vec![v1::Member { value: ada, ..v1::Member::default() }],
            ..v1::Group::default()
        })),
        ..v1::CreateGroupRequest::default()
    };
    let staff = groups.create_group(create).await.unwrap().into_inner().id;
    let ask = |name: &str, update_mask| v1::UpdateGroupRequest {
        workspace_id: acme.id.clone(),
        id: staff.clone(),
        group: Some(v1::Group { display_name: name.to_owned(), ..v1::Group::default() }),
        update_mask,
        ..v1::UpdateGroupRequest::default()
    };
    for (name, update_mask) in [("Crew", None), ("All", Some(mask(&["display_name"])))] {
        let renamed = groups.update_group(ask(name, update_mask)).await.unwrap().into_inner();
        assert_eq!(renamed.display_name, name);
    }
    let shown = acme.get(&format!("/Groups/{staff}")).await.is(200);
    assert_eq!(shown.at("/members").as_array().map(Vec::len), Some(1), "the members stay");
    let members = groups.update_group(ask("All", Some(mask(&["members"])))).await;
    assert_eq!(reason(members), Reason::InvalidArgument);
}
