//! Integrations, their keys, and what they were seen to do, as typed messages.

use directory_api::v1;

use super::{Links, timestamp};
use crate::clock::{DAY, Micros};
use crate::ids::WorkspaceId;
use crate::rules::keys;
use crate::store::{
    ApiKey, Integration, IntegrationState, IntegrationStatus, RefusedFor, Scope, SeenError,
    SeenRefusal,
};

/// From how long before its end on a key counts as one that is about to expire.
const EXPIRING: Micros = 30 * DAY;

/// An integration, with the URL that the admin copies, and what is known of it at `now`.
pub(crate) fn integration(
    links: &Links,
    workspace: WorkspaceId,
    integration: &Integration,
    keys: &[ApiKey],
    seen: IntegrationStatus,
    now: Micros,
) -> v1::Integration {
    v1::Integration {
        workspace_id: workspace.to_string(),
        id: integration.id.to_string(),
        display_name: integration.display_name.clone(),
        kind: integration.kind,
        state: integration_state(integration.state).into(),
        scim_url: links.scim(workspace),
        create_time: Some(timestamp(integration.created_at)),
        status: Some(status(integration.kind, keys, seen, now)),
    }
}

/// A state of integrations.
pub(super) fn integration_state(state: IntegrationState) -> v1::IntegrationState {
    match state {
        IntegrationState::On => v1::IntegrationState::On,
        IntegrationState::Paused => v1::IntegrationState::Paused,
        IntegrationState::Off => v1::IntegrationState::Off,
    }
}

fn status(
    declared: i32,
    keys: &[ApiKey],
    seen: IntegrationStatus,
    now: Micros,
) -> v1::IntegrationStatus {
    let count = |is: &dyn Fn(&&ApiKey) -> bool| {
        u32::try_from(keys.iter().filter(is).count()).unwrap_or(u32::MAX)
    };
    let is_good = |key: &&ApiKey| keys::is_good(key, now).is_ok();
    let is_expiring = |key: &&ApiKey| {
        is_good(key) && key.expires_at.is_some_and(|end| end <= now.saturating_add(EXPIRING))
    };
    v1::IntegrationStatus {
        good_keys: count(&is_good),
        expiring_keys: count(&is_expiring),
        first_request_time: seen.first_request_at.map(timestamp),
        last_request_time: seen.last_request_at.map(timestamp),
        dialect_seen: seen.dialect,
        dialect_differs: seen.dialect != 0 && declared != 0 && seen.dialect != declared,
        test_connection_time: seen.test_at.map(timestamp),
        last_error: seen.last_error.map(error),
        last_refusal: seen.last_refusal.as_ref().map(refusal),
    }
}

fn error(error: SeenError) -> v1::IntegrationError {
    v1::IntegrationError {
        time: Some(timestamp(error.at)),
        http_status: error.http_status.into(),
        reason: error.reason,
        detail: error.detail,
    }
}

fn refusal(refusal: &SeenRefusal) -> v1::ApiKeyRefused {
    v1::ApiKeyRefused {
        time: Some(timestamp(refusal.at)),
        cause: match refusal.cause {
            RefusedFor::Expired => v1::ApiKeyRefusal::Expired,
            RefusedFor::Revoked => v1::ApiKeyRefusal::Revoked,
            RefusedFor::Network => v1::ApiKeyRefusal::Network,
            RefusedFor::Suspended => v1::ApiKeyRefusal::WorkspaceSuspended,
            RefusedFor::Paused => v1::ApiKeyRefusal::IntegrationPaused,
            RefusedFor::Disabled => v1::ApiKeyRefusal::IntegrationDisabled,
            RefusedFor::Scope => v1::ApiKeyRefusal::Scope,
        }
        .into(),
        api_key_id: refusal.key_id.to_string(),
    }
}

/// A key as it is at `now`, never its secret.
pub(crate) fn api_key(key: &ApiKey, now: Micros) -> v1::ApiKey {
    v1::ApiKey {
        id: key.id.to_string(),
        integration_id: key.integration_id.to_string(),
        display_name: key.display_name.clone(),
        hint: key.hint.clone(),
        create_time: Some(timestamp(key.created_at)),
        expire_time: key.expires_at.map(timestamp),
        revoke_time: key.revoked_at.map(timestamp),
        last_use_time: key.last_used_at.map(timestamp),
        scopes: key.scopes.iter().map(|scope| scope_of(*scope).into()).collect(),
        allowed_networks: key.networks.iter().map(ToString::to_string).collect(),
        state: match keys::is_good(key, now) {
            Ok(()) => v1::ApiKeyState::Good,
            Err(RefusedFor::Expired) => v1::ApiKeyState::Expired,
            Err(_) => v1::ApiKeyState::Revoked,
        }
        .into(),
        replaced_by: key.replaced_by.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn scope_of(scope: Scope) -> v1::ApiKeyScope {
    match scope {
        Scope::Read => v1::ApiKeyScope::Read,
        Scope::Users => v1::ApiKeyScope::Users,
        Scope::Groups => v1::ApiKeyScope::Groups,
    }
}
