//! RFC 7644 section 3.6: deleting resources.

use serde_json::{Value, json};

use super::{group, id, patch, user};
use crate::harness::{Nestr, form_encoded};

/// "A successful DELETE ... HTTP status code 204 (No Content)"; the service "MUST return a 404 (Not
/// Found) error code for all operations associated with the previously deleted resource", "MUST also omit
/// the resource from future query results", and "SHOULD NOT consider the deleted resource in conflict
/// calculation".
#[tokio::test]
async fn a_deleted_resource_is_nowhere_and_its_name_is_free() {
    let acme = Nestr::start().await.acme();
    let body = json!({"externalId": "1", "emails": [{"value": "ada@acme.com"}]});
    let ada = user(&acme, "ada@acme.com", body.clone()).await;
    let staff = group(&acme, "Staff", &[&ada]).await;
    let named = json!([{"op": "add", "path": "displayName", "value": "x"}]);
    for (path, whole) in
        [(&ada, r#"{"userName":"ada@acme.com"}"#), (&staff, r#"{"displayName":"Staff"}"#)]
    {
        let gone = acme.delete(path).await.is(204);
        assert_eq!((gone.body.as_str(), gone.header("content-type")), ("", None));
        acme.get(path).await.refused(404, "");
        acme.put(path, whole).await.refused(404, "");
        patch(&acme, path, named.clone()).await.refused(404, "");
        acme.delete(path).await.refused(404, "");
    }
    for filter in [format!(r#"id eq "{}" or id eq "{}""#, id(&ada), id(&staff)), "id pr".to_owned()]
    {
        for level in ["/Users", "/Groups", ""] {
            let query = format!("{level}?filter={}", form_encoded(&filter));
            assert_eq!(acme.get(&query).await.rows(), [] as [Value; 0], "{query}");
        }
    }
    let next = user(&acme, "ada@acme.com", body).await;
    assert_ne!(next, ada);
    let again = group(&acme, "Staff", &[&ada, &next]).await;
    let members = acme.get(&again).await.at("/members");
    assert_eq!(
        (members.as_array().map(Vec::len), members[0]["value"].as_str()),
        (Some(1), Some(id(&next)))
    );
}
