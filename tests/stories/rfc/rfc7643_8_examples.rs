//! RFC 7643 section 8: what its examples show is taken, and comes back as sent.

use serde_json::{Value, json};

use super::{ENTERPRISE, USER, id, user};
use crate::harness::Nestr;

/// 8.2 and 8.3, with the workspace's own manager; `groups`, `meta` and `id` are the service's, and the
/// password is dropped.
#[tokio::test]
async fn the_full_user_of_the_rfc_comes_back_as_sent() {
    let nestr = Nestr::start().await;
    let example = nestr.workspace_with_verified_domain("example.com").await;
    let boss = user(&example, "boss@example.com", json!({})).await;
    let mut sent = json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": "701984",
        "userName": "bjensen@example.com",
        "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara",
            "middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III"},
        "displayName": "Babs Jensen",
        "nickName": "Babs",
        "profileUrl": "https://login.example.com/bjensen",
        "emails": [{"value": "bjensen@example.com", "type": "work", "primary": true},
            {"value": "babs@jensen.org", "type": "home"}],
        "addresses": [
            {"streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
                "postalCode": "91608", "country": "USA", "type": "work", "primary": true,
                "formatted": "100 Universal City Plaza\nHollywood, CA 91608 USA"},
            {"streetAddress": "456 Hollywood Blvd", "locality": "Hollywood", "region": "CA",
                "postalCode": "91608", "country": "USA", "type": "home",
                "formatted": "456 Hollywood Blvd\nHollywood, CA 91608 USA"}],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}, {"value": "555-555-4444", "type": "mobile"}],
        "ims": [{"value": "someaimhandle", "type": "aim"}],
        "photos": [{"value": "https://photos.example.com/profilephoto/72930000000Ccne/F", "type": "photo"},
            {"value": "https://photos.example.com/profilephoto/72930000000Ccne/T", "type": "thumbnail"}],
        "userType": "Employee",
        "title": "Tour Guide",
        "preferredLanguage": "en-US",
        "locale": "en-US",
        "timezone": "America/Los_Angeles",
        "active": true,
        "password": "t1meMa$heen",
        "groups": [{"value": "e9e30dba-f08f-4109-8486-d5c6a331660a", "display": "Tour Guides"}],
        "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjELMAkGA1UEBhMCVVM="}],
        (ENTERPRISE): {"employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
            "division": "Theme Park", "department": "Tour Operations",
            "manager": {"value": id(&boss), "displayName": "John Smith"}},
        "id": "2819c223-7f76-453a-919d-413861904646",
        "meta": {"resourceType": "User", "version": "W/\"a330bc54f0671c9\""}
    });
    let mut kept = example.post("/Users", sent.to_string()).await.is(201).json();
    for own in ["password", "groups", "id", "meta"] {
        sent.as_object_mut().unwrap().remove(own);
        kept.as_object_mut().unwrap().remove(own);
    }
    sent[ENTERPRISE]["manager"].as_object_mut().unwrap().remove("displayName");
    // The address of the manager is filled in.
    kept[ENTERPRISE]["manager"].as_object_mut().unwrap().remove("$ref");
    assert_eq!(kept, sent);
}

/// 8.4. `display` of a member is in no schema, so it is not kept.
#[tokio::test]
async fn the_group_of_the_rfc_comes_back_with_its_members() {
    let acme = Nestr::start().await.acme();
    let babs = user(&acme, "babs@acme.com", json!({})).await;
    let mandy = user(&acme, "mandy@acme.com", json!({})).await;
    let member = |path: &str, display: &str| json!({"value": id(path), "$ref": format!("https://example.com/v2{path}"), "display": display});
    let sent = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "e9e30dba-f08f-4109-8486-d5c6a331660a",
        "displayName": "Tour Guides",
        "members": [member(&babs, "Babs Jensen"), member(&mandy, "Mandy Pepperidge")],
        "meta": {"resourceType": "Group", "version": "W/\"3694e05e9dff592\""}
    });
    let kept = acme.post("/Groups", sent.to_string()).await.is(201);
    let members = kept.at("/members");
    let values: Vec<&Value> = members.as_array().unwrap().iter().map(|row| &row["value"]).collect();
    assert_eq!(values, [id(&babs), id(&mandy)]);
    assert_ne!(kept.at("/id"), sent["id"]);
    assert!(!kept.body.contains("example.com"), "{kept}");
}
