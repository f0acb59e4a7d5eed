//! What directories share of a key that one of them looked up, as it lies in Redis.
//!
//! The whole is sealed for the workspace and the key's hash. It holds what the door judges by: not what
//! a key is called, nor any part of it.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::LIFE;
use crate::clock::Micros;
use crate::ids::{ApiKeyId, IntegrationId, WorkspaceId};
use crate::shared::Seal;
use crate::store::{ApiKey, IntegrationState, KeyGrant, KeyHash, Revision, Scope, Suspension};

/// The version of what is written. It changes with any field, so that directories of two versions on
/// one Redis do not misread each other: another version's is as good as none.
const VERSION: u8 = 1;

/// A grant, and until when it is believed.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u8,
    until: Micros,
    revision: Revision,
    id: ApiKeyId,
    integration_id: IntegrationId,
    state: IntegrationState,
    suspension: Option<Suspension>,
    scopes: Vec<Scope>,
    networks: Vec<IpNet>,
    expires_at: Option<Micros>,
    revoked_at: Option<Micros>,
    last_used_at: Option<Micros>,
}

/// What is sealed for a key of a workspace: `grant`, believed until `until`.
pub(super) fn sealed(
    seal: &Seal,
    (workspace, hash): (WorkspaceId, KeyHash),
    grant: &KeyGrant,
    until: Micros,
) -> Option<Vec<u8>> {
    let KeyGrant { key, state, suspension, revision } = grant;
    let record = Record {
        version: VERSION,
        until,
        revision: *revision,
        id: key.id,
        integration_id: key.integration_id,
        state: *state,
        suspension: suspension.clone(),
        scopes: key.scopes.clone(),
        networks: key.networks.clone(),
        expires_at: key.expires_at,
        revoked_at: key.revoked_at,
        last_used_at: key.last_used_at,
    };
    let text = serde_json::to_vec(&record).ok()?;
    seal.seal(&about(workspace, hash), text).ok()
}

/// What was sealed for a key of a workspace, without its name and hint, and for how long it is believed
/// at the time `now`. `None`: it was not sealed so, or its time is over, or has not come, by our clock.
pub(super) fn opened(
    seal: &Seal,
    (workspace, hash): (WorkspaceId, KeyHash),
    sealed: &[u8],
    now: Micros,
) -> Result<Option<(KeyGrant, Duration)>, NotOurs> {
    let text = seal.open(&about(workspace, hash), sealed).ok_or(NotOurs)?;
    let Ok(record) = serde_json::from_slice::<Record>(&text) else { return Ok(None) };
    let Some(left) = left(record.until, now).filter(|_| record.version == VERSION) else {
        return Ok(None);
    };
    let key = ApiKey {
        id: record.id,
        integration_id: record.integration_id,
        display_name: String::new(),
        hint: String::new(),
        scopes: record.scopes,
        networks: record.networks,
        created_at: 0,
        expires_at: record.expires_at,
        revoked_at: record.revoked_at,
        last_used_at: record.last_used_at,
        replaced_by: None,
    };
    let Record { state, suspension, revision, .. } = record;
    Ok(Some((KeyGrant { key, state, suspension, revision }, left)))
}

/// What is named and sealed: a key, in a workspace.
pub(super) fn about(workspace: WorkspaceId, KeyHash(hash): KeyHash) -> Vec<u8> {
    [&workspace.uuid().as_bytes()[..], &hash].concat()
}

/// It was made up, or moved, or sealed with another secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotOurs;

/// What is left of a life that ends at `until`. Nothing lives longer than [`LIFE`]: by whose clock it
/// would, one of two clocks is wrong, and nobody knows which.
fn left(until: Micros, now: Micros) -> Option<Duration> {
    let left = until.checked_sub(now).and_then(|left| u64::try_from(left).ok())?;
    let left = Duration::from_micros(left);
    (!left.is_zero() && left <= LIFE).then_some(left)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ClusterSecret;
    use crate::clock::Clock;

    const NOW: Micros = 1_700_000_000_000_000;

    fn seal() -> Seal {
        let secret = ClusterSecret::new(&"secret".repeat(6)).unwrap();
        Seal::new(&secret, "keys", Clock::system()).unwrap()
    }

    fn of(workspace: u128, hash: u8) -> (WorkspaceId, KeyHash) {
        (WorkspaceId::new(Uuid::from_u128(workspace)), KeyHash([hash; 32]))
    }

    fn life() -> Micros {
        i64::try_from(LIFE.as_micros()).unwrap()
    }

    fn grant() -> KeyGrant {
        let key = ApiKey {
            id: ApiKeyId::new(Uuid::from_u128(3)),
            integration_id: IntegrationId::new(Uuid::from_u128(4)),
            display_name: "Entra of Acme".to_owned(),
            hint: "nscim_…abcd".to_owned(),
            scopes: vec![Scope::Read, Scope::Groups],
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            created_at: NOW,
            expires_at: Some(NOW + 1),
            revoked_at: Some(NOW + 2),
            last_used_at: Some(NOW + 3),
            replaced_by: Some(ApiKeyId::new(Uuid::from_u128(5))),
        };
        let suspension = Suspension { at: NOW, by: "olga".to_owned(), reason: "unpaid".to_owned() };
        let (state, suspension) = (IntegrationState::Paused, Some(suspension));
        KeyGrant { key, state, suspension, revision: 7 }
    }

    #[test]
    fn a_grant_comes_back_as_it_is_judged_without_its_name() {
        let sealed = sealed(&seal(), of(1, 1), &grant(), NOW + life()).unwrap();
        let (found, left) = opened(&seal(), of(1, 1), &sealed, NOW).unwrap().unwrap();
        let nameless = ApiKey {
            display_name: String::new(),
            hint: String::new(),
            created_at: 0,
            replaced_by: None,
            ..grant().key
        };
        assert_eq!(found, KeyGrant { key: nameless, ..grant() });
        assert_eq!(left, LIFE);
    }

    /// Seen to fail with the workspace, and with the hash, left out of what is sealed.
    #[test]
    fn a_grant_of_another_key_or_workspace_opens_nothing() {
        let sealed = sealed(&seal(), of(1, 1), &grant(), NOW + life()).unwrap();
        for of in [of(2, 1), of(1, 2)] {
            assert_eq!(opened(&seal(), of, &sealed, NOW), Err(NotOurs));
        }
    }

    /// What comes from Redis lives on for what is left of its life, not for a new one. Seen to fail with
    /// a new one.
    #[test]
    fn a_grant_lives_on_for_what_is_left() {
        let sealed = sealed(&seal(), of(1, 1), &grant(), NOW + life()).unwrap();
        let left = |now| opened(&seal(), of(1, 1), &sealed, now).unwrap().map(|(_, left)| left);
        assert_eq!(left(NOW + life() - 1), Some(Duration::from_micros(1)));
        for now in [NOW + life(), NOW + life() + 1, i64::MAX, NOW - 1, 0, i64::MIN] {
            assert_eq!(left(now), None, "{now}");
        }
    }

    #[test]
    fn what_another_version_wrote_is_as_good_as_none() {
        let what = of(1, 1);
        let written = |text: &str| {
            let sealed = seal().seal(&about(what.0, what.1), text.into()).unwrap();
            opened(&seal(), what, &sealed, NOW).unwrap()
        };
        let ours = sealed(&seal(), what, &grant(), NOW + life()).unwrap();
        let ours = seal().open(&about(what.0, what.1), &ours).unwrap();
        let ours = std::str::from_utf8(&ours).unwrap();
        assert!(written(ours).is_some());
        assert_eq!(written(&ours.replace("\"version\":1", "\"version\":2")), None);
        assert_eq!(written(&ours.replace('{', "{\"colour\":[],")), None);
        assert_eq!(written(""), None);
    }
}
