//! What Nestr's services read of people and groups: several at once, how many, who belongs to what, as new as they
//! need it, and no more of each than they need.

use directory_api::v1;
use directory_api::v1::consistency::Requirement;
use directory_api::v1::{Reach, Reason};
use pbjson_types::FieldMask;
use serde_json::json;
use tonic::Status;

use crate::harness::{Nestr, Operator, nobody};
use crate::management::reason;

fn at_least(revision: u64) -> v1::Consistency {
    v1::Consistency { requirement: Some(Requirement::AtLeastRevision(revision)) }
}

fn masked(paths: &[&str]) -> v1::View {
    let paths = paths.iter().map(|&path| path.to_owned()).collect();
    v1::View { read_mask: Some(FieldMask { paths }), ..v1::View::default() }
}

async fn make_group(by: &Operator, workspace_id: &str, name: &str, members: &[&String]) -> String {
    let member = |id: &&String| v1::Member { value: (*id).clone(), ..v1::Member::default() };
    let group = v1::Group {
        display_name: name.to_owned(),
        members: members.iter().map(member).collect(),
        ..v1::Group::default()
    };
    let ask = v1::CreateGroupRequest {
        workspace_id: workspace_id.to_owned(),
        resource: Some(v1::create_group_request::Resource::Group(group)),
        ..v1::CreateGroupRequest::default()
    };
    by.groups().create_group(ask).await.expect("a group").into_inner().id
}

/// Somebody of another workspace is missing as somebody who never was.
#[tokio::test]
async fn several_people_and_groups_are_read_in_one_call() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let (ada, bob) = (acme.create("ada@acme.com").await, acme.create("bob@acme.com").await);
    let globex = operator.create_workspace("Globex").await;
    let eve = operator.create_user(&globex, r#"{"userName":"eve"}"#).await;
    let nobody = nobody();
    let staff = make_group(&operator, &acme.id, "Staff", &[&ada]).await;

    let ids = [&bob, &eve, &ada, &nobody, &bob, &"no id".to_owned()].map(Clone::clone).to_vec();
    let ask = v1::BatchGetUsersRequest {
        workspace_id: acme.id.clone(),
        ids,
        ..v1::BatchGetUsersRequest::default()
    };
    let found = operator.users().batch_get_users(ask.clone()).await.unwrap().into_inner();
    let names: Vec<_> = found.users.iter().map(|user| user.user_name.as_str()).collect();
    assert_eq!(names, ["bob@acme.com", "ada@acme.com"]);
    assert_eq!(found.missing_ids, [&eve, &nobody, "no id"]);
    assert_eq!(found.users[1].groups[0].value, staff);
    let alone = operator.get_user(&acme.id, &ada).await.unwrap();
    assert_eq!(found.users[1], alone, "as it is answered alone");
    let ids = vec![nobody.clone(); 201];
    let many = operator.users().batch_get_users(v1::BatchGetUsersRequest { ids, ..ask }).await;
    assert_eq!(reason(many), Reason::TooMany);

    let ask = v1::BatchGetGroupsRequest {
        workspace_id: acme.id.clone(),
        ids: vec![nobody.clone(), staff.clone()],
        ..v1::BatchGetGroupsRequest::default()
    };
    let found = operator.groups().batch_get_groups(ask).await.unwrap().into_inner();
    assert_eq!((found.groups.len(), &found.groups[0].id), (1, &staff));
    assert_eq!(found.missing_ids, [nobody]);
}

#[tokio::test]
async fn people_and_groups_are_counted_by_filter() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let ada = acme.create("ada@acme.com").await;
    acme.create("bob@acme.com").await;
    make_group(&operator, &acme.id, "Staff", &[&ada]).await;
    let users = async |filter: &str| {
        let (workspace_id, filter) = (acme.id.clone(), filter.to_owned());
        let ask = v1::CountUsersRequest { workspace_id, filter, consistency: None };
        Ok::<_, Status>(operator.users().count_users(ask).await?.into_inner().count)
    };
    assert_eq!(users("").await.unwrap(), 2);
    assert_eq!(users(r#"userName sw "ADA""#).await.unwrap(), 1);
    assert_eq!(users(r#"groups.display eq "staff""#).await.unwrap(), 1);
    assert_eq!(reason(users("userName").await), Reason::InvalidFilter);
    let groups = async |filter: &str| {
        let (workspace_id, filter) = (acme.id.clone(), filter.to_owned());
        let ask = v1::CountGroupsRequest { workspace_id, filter, consistency: None };
        operator.groups().count_groups(ask).await.unwrap().into_inner().count
    };
    assert_eq!((groups("").await, groups(r#"displayName eq "x""#).await), (1, 0));
}

/// A caller takes the revision of what it wrote from one answer and asks for it with the next; one that this
/// workspace never gave out is refused at once.
#[tokio::test]
async fn a_service_reads_its_own_writes() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let mut users = operator.users();
    let ada = acme.create("ada@acme.com").await;
    let staff = make_group(&operator, &acme.id, "Staff", &[&ada]).await;
    let get = |consistency| v1::GetUserRequest {
        workspace_id: acme.id.clone(),
        id: ada.clone(),
        consistency,
        ..v1::GetUserRequest::default()
    };
    let read = users.get_user(get(None)).await.unwrap().into_inner();
    let meta = read.meta.unwrap();
    assert_eq!(meta.version, format!("W/\"{}\"", meta.revision), "the version as a number");
    users.get_user(get(Some(at_least(meta.revision)))).await.unwrap();
    let strongest = Some(v1::Consistency { requirement: Some(Requirement::Strongest(true)) });
    users.get_user(get(strongest)).await.unwrap();

    let bob = operator.create_user(&acme.id, r#"{"userName":"bob"}"#).await;
    let gone = v1::DeleteUserRequest {
        workspace_id: acme.id.clone(),
        id: bob.clone(),
        operation_id: "remove bob".to_owned(),
        ..v1::DeleteUserRequest::default()
    };
    let removed = users.delete_user(gone.clone()).await.unwrap().into_inner().revision;
    assert!(removed > meta.revision);
    let bob = v1::GetUserRequest { id: bob, ..get(Some(at_least(removed))) };
    assert_eq!(reason(users.get_user(bob).await), Reason::UserNotFound);
    acme.create("eve@acme.com").await;
    let repeated = users.delete_user(gone).await.unwrap().into_inner().revision;
    assert_eq!(repeated, removed, "a repeat answers the first result");

    let ahead = Some(at_least(removed + 100));
    let refused = users.get_user(get(ahead)).await.unwrap_err();
    assert!(refused.message().contains("restored back-up"), "{refused}");
    assert_eq!(Reason::of(&refused), Some(Reason::InvalidArgument));
    let workspace_id = || acme.id.clone();
    let mut groups = operator.groups();
    for refused in [
        users
            .list_users(v1::ListUsersRequest {
                workspace_id: workspace_id(),
                consistency: ahead,
                ..Default::default()
            })
            .await
            .map(drop),
        users
            .batch_get_users(v1::BatchGetUsersRequest {
                workspace_id: workspace_id(),
                consistency: ahead,
                ..Default::default()
            })
            .await
            .map(drop),
        groups
            .list_members(v1::ListMembersRequest {
                workspace_id: workspace_id(),
                group_id: staff.clone(),
                consistency: ahead,
                ..Default::default()
            })
            .await
            .map(drop),
        groups
            .list_user_groups(v1::ListUserGroupsRequest {
                workspace_id: workspace_id(),
                user_id: ada.clone(),
                consistency: ahead,
                ..Default::default()
            })
            .await
            .map(drop),
    ] {
        assert_eq!(reason(refused), Reason::InvalidArgument);
    }
}

/// Page by page, directly and through groups, a ring among them.
#[tokio::test]
async fn who_belongs_to_what_is_told_page_by_page() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let ada = acme.create("ada@acme.com").await;
    let bob = acme.create("bob@acme.com").await;
    let team = make_group(&operator, &acme.id, "Team", &[&ada]).await;
    let unit = make_group(&operator, &acme.id, "Unit", &[&team, &bob]).await;
    let all = make_group(&operator, &acme.id, "All", &[&unit, &ada]).await;
    let ring = json!({"op": "add", "path": "members", "value": [{"value": all}]});
    let ring = v1::PatchGroupRequest {
        workspace_id: acme.id.clone(),
        id: team.clone(),
        operations: vec![v1::PatchOperation {
            op: "add".to_owned(),
            path: Some("members".to_owned()),
            operand: Some(v1::patch_operation::Operand::ValueJson(ring["value"].to_string())),
        }],
        ..v1::PatchGroupRequest::default()
    };
    operator.groups().patch_group(ring).await.unwrap();

    let members = |reach: Reach, page_token: &str, page_size| v1::ListMembersRequest {
        workspace_id: acme.id.clone(),
        group_id: all.clone(),
        page_size: Some(page_size),
        page_token: page_token.to_owned(),
        reach: reach.into(),
        consistency: None,
    };
    for (reach, mut expected) in [
        (Reach::Unspecified, vec![(&unit, "Group", false), (&ada, "User", false)]),
        (Reach::Direct, vec![(&unit, "Group", false), (&ada, "User", false)]),
        (
            Reach::Any,
            vec![
                (&unit, "Group", false),
                (&ada, "User", false),
                (&team, "Group", true),
                (&bob, "User", true),
            ],
        ),
    ] {
        expected.sort();
        for size in [1, 3, 1_000] {
            let (mut walked, mut token) = (Vec::new(), String::new());
            loop {
                let page = operator.groups().list_members(members(reach, &token, size)).await;
                let page = page.unwrap().into_inner();
                assert_eq!(page.total_size, 2, "those of the group itself");
                walked.extend(page.members);
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            let mut told: Vec<_> =
                walked.iter().map(|m| (&m.value, m.r#type.as_str(), m.indirect)).collect();
            assert!(told.is_sorted_by_key(|(id, ..)| *id));
            told.sort();
            assert_eq!(told, expected, "{reach:?}, {size} at a time");
        }
    }
    let first = operator.groups().list_members(members(Reach::Any, "", 1)).await.unwrap();
    let token = first.into_inner().next_page_token;
    let other = operator.groups().list_members(members(Reach::Direct, &token, 1)).await;
    assert_eq!(reason(other), Reason::InvalidCursor);

    let groups = |reach: Reach, page_token: &str, page_size| v1::ListUserGroupsRequest {
        workspace_id: acme.id.clone(),
        user_id: ada.clone(),
        page_size,
        page_token: page_token.to_owned(),
        reach: reach.into(),
        consistency: None,
    };
    let every = [(&team, "direct"), (&unit, "indirect"), (&all, "direct")];
    let direct = [(&team, "direct"), (&all, "direct")];
    for (reach, expected) in
        [(Reach::Unspecified, &every[..]), (Reach::Any, &every), (Reach::Direct, &direct)]
    {
        for size in [Some(1), Some(2), None] {
            let (mut walked, mut token) = (Vec::new(), String::new());
            loop {
                let page = operator.groups().list_user_groups(groups(reach, &token, size)).await;
                let page = page.unwrap().into_inner();
                assert_eq!(page.total_size as usize, expected.len());
                walked.extend(page.groups);
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            let told: Vec<_> = walked.iter().map(|g| (&g.value, g.r#type.as_str())).collect();
            assert_eq!(told, expected, "{reach:?}, {size:?} at a time");
        }
    }
}

#[tokio::test]
async fn a_mask_says_what_is_read() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let person = json!({
        "userName": "ada@acme.com", "displayName": "Ada", "title": "Countess",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Engines", "division": "2"},
    });
    let ada = operator.create_user(&acme.id, &person.to_string()).await;
    let get = async |view: Option<v1::View>| {
        let (workspace_id, id) = (acme.id.clone(), ada.clone());
        let ask = v1::GetUserRequest { workspace_id, id, view, consistency: None };
        operator.users().get_user(ask).await.map(tonic::Response::into_inner)
    };
    let whole = get(None).await.unwrap();
    let seen =
        get(Some(masked(&["display_name", "name.family_name", "enterprise.department"]))).await;
    let expected = v1::User {
        id: ada.clone(),
        schemas: whole.schemas.clone(),
        meta: whole.meta.clone(),
        management: whole.management.clone(),
        display_name: "Ada".to_owned(),
        name: Some(v1::Name { family_name: "Lovelace".to_owned(), ..v1::Name::default() }),
        enterprise: Some(v1::EnterpriseUser {
            department: "Engines".to_owned(),
            ..v1::EnterpriseUser::default()
        }),
        ..v1::User::default()
    };
    assert_eq!(seen.unwrap(), expected);
    for all in [&["*"][..], &[]] {
        assert_eq!(get(Some(masked(all))).await.unwrap(), whole);
    }
    assert_eq!(reason(get(Some(masked(&["shoe_size"]))).await), Reason::InvalidArgument);
    let both = v1::View { attributes: vec!["title".to_owned()], ..masked(&["title"]) };
    assert_eq!(reason(get(Some(both)).await), Reason::InvalidArgument);
}
