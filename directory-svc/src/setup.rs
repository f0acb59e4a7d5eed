//! The demo workspace of an empty directory.

use directory_api::api_key::ApiKeyText;
use directory_api::v1::IdpKind;

use crate::door::hash;
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::refusal::Refusal;
use crate::rules::claims::{self, Claim};
use crate::rules::domains::{self, Claimant};
use crate::rules::{integrations, keys};
use crate::services::Services;
use crate::store::{
    ApiKey, Author, DecidedHow, Decision, Store, StoreError, Workspace, WorkspaceStore,
};

/// What a demo workspace is opened with. It is made, and kept by whoever starts the directory, before
/// the workspace is: a start that was cut short then finishes it.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The API key of its integration.
    pub api_key: ApiKeyText,
}

/// Why there is no demo workspace.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The text names something that is no domain.
    #[error("{0} cannot be a demo domain: {1}")]
    NotADomain(String, &'static str),
    /// The rules said no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// A demo workspace to be made; `None` when the directory holds workspaces already.
pub(crate) async fn plan<S: Store>(services: &Services<S>) -> Result<Option<Demo>, SetupError> {
    if !services.store.workspaces(None, 1).await?.is_empty() {
        return Ok(None);
    }
    let workspace_id = WorkspaceId::new(services.clock.new_id());
    Ok(Some(Demo { workspace_id, api_key: ApiKeyText::from_random(services.clock.random()) }))
}

/// Makes the demo workspace, or what is missing of it. One that was whole once is left as it is.
pub(crate) async fn make<S: Store>(
    services: &Services<S>,
    demo: &Demo,
    domain_names: &[String],
) -> Result<(), SetupError> {
    let (store, clock) = (&services.store, &services.clock);
    let workspace = store.workspace(demo.workspace_id);
    let hash = hash(demo.api_key.expose());
    if workspace.key_grant(hash).await?.is_some() {
        return Ok(());
    }
    let now = clock.now();
    let by = "demo".to_owned();
    let write = || services.write(Author::Service(by.clone()));
    let names = claims::read_claims(&domain_names.join(","))
        .into_iter()
        .map(|claim| match claim {
            Claim::Domain(name) => Ok(name),
            Claim::Refused(text, why) => Err(SetupError::NotADomain(text, why)),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let contact_email = format!("admin@{}", names.first().map_or("example.com", String::as_str));
    store
        .create_workspace(write(), Workspace::new(demo.workspace_id, "Demo", &contact_email, now))
        .await?;
    for name in names {
        let (how, note) = (DecidedHow::Operator, "demo".to_owned());
        let decision = Decision { at: now, by: by.clone(), how, note };
        let claimant = Claimant {
            at: now,
            by: by.clone(),
            contact_email: contact_email.clone(),
            challenge: services.challenge(),
        };
        let wanted = name.clone();
        workspace
            .change_domain(write(), name, move |standing, _| {
                let claim = domains::claim(standing, &wanted, &claimant);
                // Nobody is behind the address of a demo.
                Ok(domains::verify(Some(&claim), false, true, decision.clone())?.into())
            })
            .await?;
    }
    let integration_id = integrations::first(demo.workspace_id);
    let kind = IdpKind::Entra.into();
    workspace
        .change_integration(write(), integration_id, move |policy, standing| {
            integrations::enable(policy, standing, integration_id, kind, now)
        })
        .await?;
    let id = ApiKeyId::new(clock.new_id());
    let key =
        ApiKey { display_name: by.clone(), ..keys::made(id, integration_id, &demo.api_key, now) };
    workspace.add_api_key(write(), key, hash).await?;
    Ok(())
}
