//! What the account lifecycle profile of the working group IPSIE asks for beyond the RFCs: see
//! docs/ipsie.md, which names the stories for the rest of it.

use serde_json::{Value, json};

use crate::harness::{Login, Nestr, form_encoded};

/// The filters that an application "MUST support", each as the profile writes it.
#[tokio::test]
async fn every_look_up_of_the_profile_finds_who_is_meant() {
    let acme = Nestr::start().await.acme();
    let body = json!({
        "userName": "ada@acme.com", "externalId": "u-1",
        "emails": [{"value": "ada@acme.com", "type": "work"}, {"value": "a@acme.com", "type": "home"}]
    });
    let ada = acme.post("/Users", body.to_string()).await.is(201).at("/id");
    acme.create("bob@acme.com").await;
    let staff = json!({"displayName": "Staff", "externalId": "g-1", "members": [{"value": ada}]});
    let staff = acme.post("/Groups", staff.to_string()).await.is(201).at("/id");
    acme.post("/Groups", r#"{"displayName":"Board"}"#).await.is(201);
    let member = format!("members[value eq {ada}]");
    for (endpoint, filter, id) in [
        ("/Users", r#"username eq "ada@acme.com""#, &ada),
        ("/Users", r#"externalId eq "u-1""#, &ada),
        ("/Users", r#"emails[value eq "a@acme.com"]"#, &ada),
        ("/Users", r#"emails[type eq "work" and value eq "ADA@acme.com"]"#, &ada),
        ("/Groups", r#"displayName eq "Staff""#, &staff),
        ("/Groups", r#"externalId eq "g-1""#, &staff),
        ("/Groups", &member, &staff),
    ] {
        let rows = acme.get(&format!("{endpoint}?filter={}", form_encoded(filter))).await.rows();
        assert_eq!(rows.iter().map(|row| &row["id"]).collect::<Vec<_>>(), [id], "{filter}");
    }
}

/// "The Application MUST support the inclusion of at least 50 add or remove operations on the 'members'
/// attribute in a single PATCH request", and PATCH requests "that update multiple attributes".
#[tokio::test]
async fn fifty_members_come_and_go_in_one_patch() {
    let acme = Nestr::start().await.acme();
    let mut people = Vec::new();
    for n in 0..60 {
        people.push(acme.create(&format!("p{n}@acme.com")).await);
    }
    let staff = acme.post("/Groups", r#"{"displayName":"Staff"}"#).await.is(201).text("/id");
    let patch = async |operations: Vec<Value>| {
        let body = json!({"Operations": operations}).to_string();
        let members = acme.patch(&format!("/Groups/{staff}"), body).await.is(200).at("/members");
        members.as_array().map_or(0, Vec::len)
    };
    let add = |id: &String| json!({"op": "add", "path": "members", "value": [{"value": id}]});
    let remove =
        |id: &String| json!({"op": "remove", "path": format!(r#"members[value eq "{id}"]"#)});
    assert_eq!(patch(people.iter().map(add).collect()).await, 60);
    assert_eq!(patch(people[..55].iter().map(remove).collect()).await, 5);
    let both = people[..50].iter().map(add).chain(people[50..].iter().map(remove));
    assert_eq!(patch(both.collect()).await, 50);
}

/// "The Application MUST allow reactivation of a deactivated user", and, of one that is deleted, "the
/// creation of a new user with the same username". Seen by who signs in.
#[tokio::test]
async fn who_is_deactivated_comes_back_and_who_is_deleted_makes_room() {
    let acme = Nestr::start().await.acme();
    let ada = acme.create("ada@acme.com").await;
    let path = format!("/Users/{ada}");
    let set = |active: bool| json!({"Operations": [{"op": "replace", "path": "active", "value": active}]});
    let login = || acme.resolve_login("ada@acme.com");
    acme.patch(&path, set(false).to_string()).await.is(200);
    assert_eq!(login().await, Login::Inactive(ada.clone()));
    acme.patch(&path, set(true).to_string()).await.is(200);
    assert_eq!(login().await, Login::Active(ada.clone()));
    acme.delete(&path).await.is(204);
    assert_eq!(login().await, Login::Nobody);
    let next = acme.create("ada@acme.com").await;
    assert_ne!(next, ada);
    assert_eq!(login().await, Login::Active(next));
}
