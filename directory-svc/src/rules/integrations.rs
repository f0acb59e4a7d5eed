//! Switching integrations.

use directory_api::v1::Reason;

use crate::clock::Micros;
use crate::ids::{IntegrationId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::{Integration, IntegrationState, Policy};

/// The id of a workspace's first integration: the workspace's own, so that two who enable SCIM at
/// once make one.
#[must_use]
pub(crate) fn first(workspace: WorkspaceId) -> IntegrationId {
    IntegrationId::new(workspace.uuid())
}

/// How an integration is to be once enabled: made when it is not there, of the declared `kind`.
///
/// # Errors
/// `NO_VERIFIED_DOMAIN` while the workspace has none.
pub(crate) fn enable(
    policy: &Policy,
    standing: Option<&Integration>,
    id: IntegrationId,
    kind: i32,
    now: Micros,
) -> Result<Integration, Refusal> {
    if policy.verified_domains.is_empty() {
        return Err(Refusal::new(
            Reason::NoVerifiedDomain,
            "SCIM needs at least one verified e-mail domain. Claim the company's domains and have \
             them verified first.",
        ));
    }
    let integration = standing.cloned().unwrap_or_else(|| Integration {
        id,
        display_name: "SCIM".to_owned(),
        kind,
        state: IntegrationState::On,
        created_at: now,
    });
    Ok(Integration { kind, state: IntegrationState::On, ..integration })
}

/// How an integration is to be once switched to `state`.
///
/// # Errors
/// `INTEGRATION_NOT_FOUND`.
pub(crate) fn switch(
    standing: Option<&Integration>,
    state: IntegrationState,
) -> Result<Integration, Refusal> {
    let integration = standing.cloned().ok_or_else(not_found)?;
    Ok(Integration { state, ..integration })
}

/// There is no such integration in the workspace.
#[must_use]
pub(crate) fn not_found() -> Refusal {
    Refusal::new(
        Reason::IntegrationNotFound,
        "The workspace has no such integration. Enable one first \
         (IntegrationService.EnableIntegration).",
    )
}
