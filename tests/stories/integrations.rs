//! Integrations: several of a workspace, each switched by itself, and what is seen of each.

use directory_api::v1;
use directory_api::v1::{ApiKeyRefusal, IdpKind, IntegrationState, Reason};
use serde_json::json;

use crate::harness::{Dialect, Login, Nestr, Operator, Person, Workspace, nobody};

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

/// Makes an integration of this kind; answers its id.
async fn another(operator: &Operator, workspace_id: &str, kind: IdpKind) -> String {
    let ask = v1::CreateIntegrationRequest {
        workspace_id: workspace_id.to_owned(),
        display_name: "Another".to_owned(),
        kind: kind.into(),
        operation_id: "another".to_owned(),
    };
    let made = operator.integrations().create_integration(ask).await.unwrap().into_inner();
    assert_eq!(made.state(), IntegrationState::Off);
    made.id
}

fn enable(workspace_id: &str, integration_id: &str) -> v1::EnableIntegrationRequest {
    let (workspace_id, integration_id) = (workspace_id.to_owned(), integration_id.to_owned());
    v1::EnableIntegrationRequest { workspace_id, integration_id, ..Default::default() }
}

/// The workspace with a key of this integration.
async fn with_key_of(acme: &Workspace, integration_id: &str) -> Workspace {
    let integration_id = integration_id.to_owned();
    let terms = v1::CreateApiKeyRequest { integration_id, ..Default::default() };
    let (key, _) = acme.operator().create_key_for(&acme.id, terms).await;
    acme.with_key(&key)
}

/// What the admin sees of the first integration.
async fn status(acme: &Workspace) -> v1::IntegrationStatus {
    acme.operator().integration(&acme.id, "").await.status.expect("a status")
}

/// Seen to fail with the integration of a key taken for the workspace's first one.
#[tokio::test]
async fn each_of_several_integrations_has_its_own_people_keys_and_switch() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let ada = acme.post("/Users", r#"{"userName":"ada@acme.com","externalId":"E1"}"#).await.is(201);
    let ada = format!("/Users/{}", ada.text("/id"));
    let okta = another(&operator, &acme.id, IdpKind::Okta).await;
    assert_eq!(another(&operator, &acme.id, IdpKind::Okta).await, okta, "a repeat makes no other");
    let there = with_key_of(&acme, &okta).await;
    assert!(there.get("/Users").await.refused(403, "").contains("disabled"));

    operator.integrations().enable_integration(enable(&acme.id, &okta)).await.unwrap();
    let seen = there.get(&ada).await.is(200);
    assert_eq!(seen.at("/externalId"), json!(null), "that is the other one's name for her");
    there.put(&ada, r#"{"userName":"eve@acme.com"}"#).await.refused(409, "uniqueness");
    let bob =
        there.post("/Users", r#"{"userName":"bob@acme.com","externalId":"E1"}"#).await.is(201);

    let (workspace_id, integration_id) = (acme.id.clone(), okta.clone());
    let pause = v1::PauseIntegrationRequest { workspace_id, integration_id };
    operator.integrations().pause_integration(pause).await.unwrap();
    assert!(there.get("/Users").await.refused(403, "").contains("paused"));
    acme.get(&format!("/Users/{}", bob.text("/id"))).await.is(200);
    let listed = v1::ListIntegrationsRequest { workspace_id: acme.id.clone() };
    let listed = operator.integrations().list_integrations(listed).await.unwrap().into_inner();
    let shown: Vec<_> = listed.integrations.iter().map(|one| (one.state(), one.kind())).collect();
    let expected =
        [(IntegrationState::On, IdpKind::Entra), (IntegrationState::Paused, IdpKind::Okta)];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn an_integration_is_named_and_its_kind_declared_anew_and_nothing_else_changes() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let workspace_id = acme.id.clone();
    let update = |display_name: Option<&str>, kind: Option<IdpKind>| v1::UpdateIntegrationRequest {
        workspace_id: workspace_id.clone(),
        display_name: display_name.map(str::to_owned),
        kind: kind.map(Into::into),
        ..Default::default()
    };
    let renamed = operator.integrations().update_integration(update(Some(" HR "), None)).await;
    let renamed = renamed.unwrap().into_inner();
    assert_eq!((renamed.display_name.as_str(), renamed.kind()), ("HR", IdpKind::Entra));
    let google = update(None, Some(IdpKind::Google));
    let changed = operator.integrations().update_integration(google).await.unwrap().into_inner();
    assert_eq!((changed.display_name.as_str(), changed.kind()), ("HR", IdpKind::Google));
    assert_eq!(changed.state(), IntegrationState::On);
    // Enabled again without a word of it, the kind stays.
    let enabled = operator.integrations().enable_integration(enable(&acme.id, "")).await.unwrap();
    assert_eq!(enabled.into_inner().kind(), IdpKind::Google);
    let refused = operator.integrations().update_integration(update(Some(" "), None)).await;
    assert_eq!(Reason::of(&refused.unwrap_err()), Some(Reason::InvalidArgument));
}

/// Seen to fail with any claim taken for a verified one.
#[tokio::test]
async fn enabling_names_the_domains_that_wait() {
    let operator = Nestr::start().await.operator();
    let id = operator.create_workspace("Globex").await;
    operator.claim(&id, "globex.example, globex.test").await;
    let refused = operator.try_enable_scim(&id).await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::NoVerifiedDomain));
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    let detail = refused.message();
    assert!(detail.contains("globex.example, globex.test"), "{detail}");
}

/// Seen to fail with the answer not looked at, and with what a process has seen forgotten at its end.
#[tokio::test]
async fn the_admin_sees_what_the_identity_provider_does() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let before = status(&acme).await;
    assert_eq!((before.good_keys, before.expiring_keys), (1, 0));
    assert_eq!((before.first_request_time, before.test_connection_time), (None, None));

    let entra = acme.connect_entra(Dialect::Legacy);
    entra.test_connection().await.is(200);
    let tested = status(&acme).await;
    assert!(tested.test_connection_time.is_some() && tested.first_request_time.is_some());
    assert_eq!(tested.dialect_seen(), IdpKind::Unspecified, "a test shows nothing of it");
    assert_eq!(tested.last_error, None);

    let ada = entra.assign("ada@acme.com").await;
    entra.disable(&ada).await.is(200);
    let seen = status(&acme).await;
    assert_eq!((seen.dialect_seen(), seen.dialect_differs), (IdpKind::Entra, false));
    assert_eq!(seen.first_request_time, tested.first_request_time);

    // To look for what is not there is no error; to be refused is one, whoever refuses.
    entra.get(&nobody()).await.is(404);
    assert_eq!(status(&acme).await.last_error, None);
    entra.create(&Person::of("ada@acme.com")).await.is(409);
    let error = status(&acme).await.last_error.unwrap();
    assert_eq!((error.http_status, error.reason()), (409, Reason::AlreadyProvisioned));
    assert!(!error.detail.is_empty());
    acme.post("/Users", "{").await.is(400);
    assert_eq!(status(&acme).await.last_error.unwrap().http_status, 400);

    let okta = acme.ask("GET", "/Users?count=2").header("User-Agent", "Okta SCIM Client 1.0.0");
    acme.send(okta).await.is(200);
    let differs = status(&acme).await;
    assert_eq!((differs.dialect_seen(), differs.dialect_differs), (IdpKind::Okta, true));

    nestr.restart().await;
    let kept = status(&acme).await;
    assert_eq!(kept.first_request_time, seen.first_request_time);
    assert_eq!(kept.dialect_seen(), IdpKind::Okta);
}

/// Each cause is the operators' to see, and the key that it was. Seen to fail with the causes changed round.
#[tokio::test]
async fn the_admin_sees_why_a_key_was_refused() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let seen = async |key: &str, id: &str| {
        acme.with_key(key).get("/Groups").await;
        let refusal = status(&acme).await.last_refusal.expect("a refusal");
        assert_eq!(refusal.api_key_id, id);
        refusal.cause()
    };
    let (revoked, id) = operator.create_key(&acme.id).await;
    operator.revoke_key(&acme.id, &id).await;
    assert_eq!(seen(&revoked, &id).await, ApiKeyRefusal::Revoked);
    let (ended, id) = operator.create_key(&acme.id).await;
    operator.rotate_key(&acme.id, &id, Some(0)).await;
    assert_eq!(seen(&ended, &id).await, ApiKeyRefusal::Expired);
    let allowed_networks = vec!["192.0.2.0/24".to_owned()];
    let terms = v1::CreateApiKeyRequest { allowed_networks, ..Default::default() };
    let (elsewhere, id) = operator.create_key_for(&acme.id, terms).await;
    assert_eq!(seen(&elsewhere, &id).await, ApiKeyRefusal::Network);
    let scopes = vec![v1::ApiKeyScope::Users.into()];
    let terms = v1::CreateApiKeyRequest { scopes, ..Default::default() };
    let (people, id) = operator.create_key_for(&acme.id, terms).await;
    assert_eq!(seen(&people, &id).await, ApiKeyRefusal::Scope);
    let workspace_id = acme.id.clone();
    let pause = v1::PauseIntegrationRequest { workspace_id, ..Default::default() };
    operator.integrations().pause_integration(pause).await.unwrap();
    assert_eq!(seen(&people, &id).await, ApiKeyRefusal::IntegrationPaused);
    let (workspace_id, reason) = (acme.id.clone(), "unpaid".to_owned());
    let suspend = v1::SuspendWorkspaceRequest { workspace_id, reason };
    operator.workspaces().suspend_workspace(suspend).await.unwrap();
    assert_eq!(seen(&people, &id).await, ApiKeyRefusal::WorkspaceSuspended);
    assert_eq!(status(&acme).await.last_error, None, "a refused key is no request of the IdP's");
}
