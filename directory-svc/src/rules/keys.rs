//! Whether an API key opens its workspace.

use directory_api::api_key::ApiKeyText;
use directory_api::v1::Reason;

use crate::clock::Micros;
use crate::ids::{ApiKeyId, IntegrationId};
use crate::refusal::Refusal;
use crate::store::{ApiKey, IntegrationState, KeyGrant};

/// The one answer to whoever has no key for this workspace, whatever the cause: it tells nothing.
#[must_use]
pub(crate) fn invalid() -> Refusal {
    Refusal::new(
        Reason::ApiKeyInvalid,
        "The API key is missing or not valid for this SCIM URL. Copy the SCIM API URL and a \
         current API key from Nestr into the identity provider (in Entra ID: Tenant URL and \
         Secret Token).",
    )
}

/// What is kept of a new key that never expires and has no name.
#[must_use]
pub(crate) fn made(id: ApiKeyId, of: IntegrationId, text: &ApiKeyText, at: Micros) -> ApiKey {
    ApiKey {
        id,
        integration_id: of,
        display_name: String::new(),
        hint: text.hint(),
        created_at: at,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    }
}

/// Judges a key at the time `now`.
///
/// # Errors
/// `API_KEY_INVALID` when it is unknown, revoked or expired; `INTEGRATION_PAUSED` or
/// `INTEGRATION_DISABLED` when the key is good and its integration is not on.
pub(crate) fn judge(grant: Option<&KeyGrant>, now: Micros) -> Result<&KeyGrant, Refusal> {
    let grant = grant.ok_or_else(invalid)?;
    let is_over = |end: Option<Micros>| end.is_some_and(|end| end <= now);
    if grant.key.revoked_at.is_some() || is_over(grant.key.expires_at) {
        return Err(invalid());
    }
    match grant.state {
        IntegrationState::On => Ok(grant),
        IntegrationState::Paused => Err(Refusal::new(
            Reason::IntegrationPaused,
            "This SCIM integration is paused in Nestr. An admin of the workspace can switch it on \
             again; nothing was changed.",
        )),
        IntegrationState::Off => Err(Refusal::new(
            Reason::IntegrationDisabled,
            "This SCIM integration is disabled in Nestr. An admin of the workspace can enable it \
             again; nothing was changed.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn grant(change: impl Fn(&mut KeyGrant)) -> KeyGrant {
        let text = ApiKeyText::from_random([7; 20]);
        let (id, of) = (ApiKeyId::new(Uuid::nil()), IntegrationId::new(Uuid::nil()));
        let key = made(id, of, &text, 0);
        let mut grant = KeyGrant { key, state: IntegrationState::On, revision: 0 };
        change(&mut grant);
        grant
    }

    fn refused(change: impl Fn(&mut KeyGrant)) -> Option<Reason> {
        judge(Some(&grant(change)), 100).err().map(|no| no.reason)
    }

    #[test]
    fn a_living_key_of_a_running_integration_opens() {
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|g| g.key.expires_at = Some(101)), None);
    }

    #[test]
    fn unknown_revoked_and_expired_keys_look_alike() {
        assert_eq!(judge(None, 100).unwrap_err(), invalid());
        assert_eq!(
            judge(Some(&grant(|g| g.key.revoked_at = Some(1))), 100).unwrap_err(),
            invalid()
        );
        assert_eq!(
            judge(Some(&grant(|g| g.key.expires_at = Some(100))), 100).unwrap_err(),
            invalid()
        );
    }

    #[test]
    fn a_good_key_is_told_what_is_switched_off() {
        let paused = |g: &mut KeyGrant| g.state = IntegrationState::Paused;
        assert_eq!(refused(paused), Some(Reason::IntegrationPaused));
        let off = |g: &mut KeyGrant| g.state = IntegrationState::Off;
        assert_eq!(refused(off), Some(Reason::IntegrationDisabled));
        let revoked = |g: &mut KeyGrant| {
            off(g);
            g.key.revoked_at = Some(1);
        };
        assert_eq!(refused(revoked), Some(Reason::ApiKeyInvalid));
    }
}
