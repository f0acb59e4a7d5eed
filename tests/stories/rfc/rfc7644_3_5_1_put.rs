//! RFC 7644 section 3.5.1: replacing a resource.

use serde_json::{Value, json};

use super::{ENTERPRISE, group, id, user};
use crate::harness::{Nestr, nobody};

/// "HTTP PUT is used to replace a resource's attributes": readWrite ones that are not named are cleared,
/// or "assumed to be not asserted" for what the decision says: `active` and a group's `members` stay.
#[tokio::test]
async fn what_a_put_does_not_name_is_cleared_but_for_active_and_members() {
    let acme = Nestr::start().await.acme();
    let all = json!({
        "title": "x", "active": false, "name": {"givenName": "Ada"}, "externalId": "1",
        "emails": [{"value": "ada@acme.com"}], (ENTERPRISE): {"department": "Engines"}
    });
    let ada = user(&acme, "ada@acme.com", all).await;
    let put = acme.put(&ada, r#"{"userName":"ada@acme.com","nickName":"A"}"#).await.is(200).json();
    for gone in ["title", "name", "emails", ENTERPRISE] {
        assert_eq!(put.get(gone), None, "{put}");
    }
    assert_eq!((&put["nickName"], &put["active"]), (&json!("A"), &json!(false)));

    let staff = group(&acme, "Staff", &[&ada]).await;
    let put = acme.put(&staff, r#"{"displayName":"People"}"#).await.is(200);
    assert_eq!(put.text("/members/0/value"), id(&ada));
}

/// "HTTP PUT MUST NOT be used to create new resources."
#[tokio::test]
async fn a_put_makes_nothing() {
    let acme = Nestr::start().await.acme();
    let (nobody, bodies) =
        (nobody(), [r#"{"userName":"eve@acme.com"}"#, r#"{"displayName":"Eve"}"#]);
    for (endpoint, body) in ["/Users", "/Groups"].into_iter().zip(bodies) {
        acme.put(&format!("{endpoint}/{nobody}"), body).await.refused(404, "");
        acme.put(endpoint, body).await.refused(405, "");
        assert_eq!(acme.get(endpoint).await.at("/totalResults"), Value::from(0));
    }
}

/// "If an attribute is 'required', clients MUST specify the attribute in the PUT request"; a refused one
/// leaves the resource as it was.
#[tokio::test]
async fn a_put_without_a_required_attribute_changes_nothing() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"title": "x"})).await;
    let staff = group(&acme, "Staff", &[&ada]).await;
    for (path, body) in [(&ada, r#"{"title":"y"}"#), (&staff, r#"{"members":[]}"#)] {
        let before = acme.get(path).await;
        acme.put(path, body).await.refused(400, "invalidValue");
        assert_eq!(acme.get(path).await.essence(), before.essence());
    }
}
