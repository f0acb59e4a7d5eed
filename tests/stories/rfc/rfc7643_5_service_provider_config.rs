//! RFC 7643 section 5: the service provider's configuration. That each line of it is true:
//! `discovery.rs`.

use crate::harness::Nestr;

/// The attributes that the section calls REQUIRED, and their types.
#[tokio::test]
async fn the_configuration_has_every_required_attribute() {
    let acme = Nestr::start().await.acme();
    let config = acme.get("/ServiceProviderConfig").await.is(200);
    let schema = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    assert_eq!(config.text("/schemas/0"), schema);
    for feature in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        assert!(config.at(&format!("/{feature}/supported")).is_boolean(), "{feature}\n{config}");
    }
    for number in ["/bulk/maxOperations", "/bulk/maxPayloadSize", "/filter/maxResults"] {
        assert!(config.at(number).is_u64(), "{number}\n{config}");
    }
    let schemes = config.at("/authenticationSchemes");
    assert!(!schemes.as_array().unwrap().is_empty());
    for scheme in schemes.as_array().unwrap() {
        for text in ["type", "name", "description"] {
            assert!(!scheme[text].as_str().unwrap_or_default().is_empty(), "{text}\n{scheme}");
        }
    }
    assert_eq!(config.text("/meta/resourceType"), "ServiceProviderConfig");
}
