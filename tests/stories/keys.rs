//! Keys and credentials: what one opens, and that it opens nothing once it is taken back.

use directory_api::v1;
use tonic::{Code, Request};

use crate::harness::{Dialect, Login, Nestr, Operator, Person};

/// Seen to fail with the cache of keys left as it is on a revocation.
#[tokio::test]
async fn a_revoked_key_is_refused_at_once_and_the_other_goes_on() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let (key, id) = operator.create_key(&acme.id).await;
    let rotated = acme.with_key(&key);
    rotated.get("/Users").await.is(200);

    operator.revoke_key(&acme.id, &id).await;

    rotated.get("/Users").await.refused(401, "");
    rotated.post("/Users", r#"{"userName":"eve@acme.com"}"#).await.refused(401, "");
    acme.get("/Users").await.is(200);
}

#[tokio::test]
async fn a_key_opens_its_own_workspace_and_no_other() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let ada = acme.create("ada@acme.com").await;
    let bad = nestr.send(globex.ask("GET", "/Users").with_key("nscim_bad")).await;
    for endpoint in ["/Users", &format!("/Users/{ada}"), "/ServiceProviderConfig"] {
        let foreign = globex.with_key(&acme.key).get(endpoint).await;
        foreign.refused(401, "");
        assert_eq!(foreign.essence(), bad.essence(), "{endpoint}");
    }
    acme.with_key(&globex.key).delete(&format!("/Users/{ada}")).await.refused(401, "");
    acme.get(&format!("/Users/{ada}")).await.is(200);
}

#[tokio::test]
async fn a_paused_integration_takes_nothing_and_goes_on_where_it_was() {
    let acme = Nestr::start().await.acme();
    let (entra, operator) = (acme.connect_entra(Dialect::Legacy), acme.operator());
    let ada = entra.assign("ada@acme.com").await;
    let workspace_id = acme.id.clone();
    let pause = v1::PauseIntegrationRequest { workspace_id, ..Default::default() };

    operator.integrations().pause_integration(pause).await.unwrap();
    assert!(entra.get(&ada).await.refused(403, "").contains("paused"));
    // Nobody is thrown out by it.
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada.clone()));

    operator.enable_scim(&acme.id).await;
    assert_eq!(entra.get(&ada).await.is(200).text("/externalId"), "ada");
}

#[tokio::test]
async fn a_disabled_integration_lets_go_of_its_people_and_adopts_them_again() {
    let acme = Nestr::start().await.acme();
    let (entra, operator) = (acme.connect_entra(Dialect::Legacy), acme.operator());
    let ada = entra.assign("ada@acme.com").await;
    let workspace_id = acme.id.clone();
    let disable = v1::DisableIntegrationRequest { workspace_id, ..Default::default() };

    operator.integrations().disable_integration(disable).await.unwrap();
    assert!(entra.get(&ada).await.refused(403, "").contains("disabled"));
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada.clone()));

    operator.enable_scim(&acme.id).await;
    assert_eq!(entra.get(&ada).await.is(200).at("/externalId"), serde_json::Value::Null);
    let adopted = entra.create(&Person::of("ada@acme.com")).await.is(201);
    assert_eq!((adopted.text("/id"), adopted.text("/externalId")), (ada, "ada".to_owned()));
}

/// Over a socket nobody is the gateway: its metadata is believed in the process alone. Seen to fail
/// with `scim-authorization` believed of every caller.
#[tokio::test]
async fn over_grpc_only_a_credential_opens_anything() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    for credential in ["", "nop_", &acme.key] {
        let stranger = Operator::new(&nestr, credential);
        let workspace_id = || acme.id.clone();
        let get = v1::GetUserRequest { workspace_id: workspace_id(), id: ada.clone(), view: None };
        let mut get = Request::new(get);
        let key = format!("Bearer {}", acme.key).parse().unwrap();
        get.metadata_mut().insert("scim-authorization", key);
        let list = v1::ListDomainsRequest { workspace_id: workspace_id() };
        let resolve = v1::ResolveLoginRequest {
            email: "ada@acme.com".to_owned(),
            ..v1::ResolveLoginRequest::default()
        };
        let codes = [
            stranger.users().get_user(get).await.unwrap_err().code(),
            stranger.domains().list_domains(list).await.unwrap_err().code(),
            stranger.logins().resolve_login(resolve).await.unwrap_err().code(),
        ];
        assert_eq!(codes, [Code::Unauthenticated; 3], "{credential:?}");
    }
}
