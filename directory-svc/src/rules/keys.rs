//! Whether an API key opens its workspace, what for, and how one takes the place of another.

use std::net::IpAddr;

use directory_api::api_key::ApiKeyText;
use directory_api::v1::Reason;

use crate::clock::{DAY, Micros};
use crate::ids::{ApiKeyId, IntegrationId};
use crate::refusal::Refusal;
use crate::store::{ApiKey, KeyGrant, Kind, RefusedFor, Right, Rotation, Scope, Suspension, ended};

/// How many keys of an integration may be good at a time.
pub(crate) const LIVING_KEYS: usize = 20;
/// How long the key whose place is taken stays good, unless something else is said.
pub(crate) const OVERLAP: Micros = DAY;
/// The longest that it may.
pub(crate) const LONGEST_OVERLAP: Micros = 30 * DAY;

/// What a request needs of the key that makes it, besides being good.
pub(crate) const READ_USERS: &[Right] = &[Right { kind: Kind::User, writes: false }];
/// To write people.
pub(crate) const WRITE_USERS: &[Right] = &[Right { kind: Kind::User, writes: true }];
/// To read groups.
pub(crate) const READ_GROUPS: &[Right] = &[Right { kind: Kind::Group, writes: false }];
/// To write groups.
pub(crate) const WRITE_GROUPS: &[Right] = &[Right { kind: Kind::Group, writes: true }];
/// To read both.
pub(crate) const READ_BOTH: &[Right] =
    &[Right { kind: Kind::User, writes: false }, Right { kind: Kind::Group, writes: false }];

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

/// What is kept of a new key that never expires, has no name, and may be used for everything from anywhere.
#[must_use]
pub(crate) fn made(id: ApiKeyId, of: IntegrationId, text: &ApiKeyText, at: Micros) -> ApiKey {
    ApiKey {
        id,
        integration_id: of,
        display_name: String::new(),
        hint: text.hint(),
        scopes: vec![Scope::Users, Scope::Groups],
        networks: Vec::new(),
        created_at: at,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
        replaced_by: None,
    }
}

/// Whether a key is good at a time, whatever becomes of its integration.
///
/// # Errors
/// [`RefusedFor::Revoked`] or [`RefusedFor::Expired`].
pub(crate) fn is_good(key: &ApiKey, now: Micros) -> Result<(), RefusedFor> {
    ended(key.revoked_at, key.expires_at, now).map_or(Ok(()), Err)
}

/// Judges a key that is presented at the time `now`, from `address` (`None`: nobody knows from where), for
/// what the request `needs`.
///
/// # Errors
/// Why it is refused. Whoever has a key that is good where they are hears the rest.
pub(crate) fn judge(
    grant: &KeyGrant,
    now: Micros,
    address: Option<IpAddr>,
    needs: &[Right],
) -> Result<(), RefusedFor> {
    is_good(&grant.key, now)?;
    let networks = &grant.key.networks;
    let is_within = |address: IpAddr| networks.iter().any(|network| network.contains(&address));
    if !networks.is_empty() && !address.is_some_and(is_within) {
        return Err(RefusedFor::Network);
    }
    match grant.state.shuts_out(grant.suspension.is_some()) {
        Some(cause) => Err(cause),
        None if reach(&grant.key.scopes, needs) => Ok(()),
        None => Err(RefusedFor::Scope),
    }
}

/// Whether scopes are enough for all that is needed.
#[must_use]
pub(crate) fn reach(scopes: &[Scope], needs: &[Right]) -> bool {
    needs.iter().all(|right| scopes.iter().any(|scope| scope.grants(*right)))
}

/// What the identity provider is told of a refused key, of these scopes: nothing, unless the key is good. It
/// hears the same of a write that was under way when it was shut out.
#[must_use]
pub(crate) fn told(
    cause: RefusedFor,
    suspension: Option<&Suspension>,
    scopes: &[Scope],
    needs: &[Right],
) -> Refusal {
    match cause {
        RefusedFor::Expired | RefusedFor::Revoked | RefusedFor::Network => invalid(),
        RefusedFor::Suspended => suspended(suspension),
        RefusedFor::Paused => Refusal::new(
            Reason::IntegrationPaused,
            "This SCIM integration is paused in Nestr. An admin of the workspace can switch it on \
             again; nothing was changed.",
        ),
        RefusedFor::Disabled => Refusal::new(
            Reason::IntegrationDisabled,
            "This SCIM integration is disabled in Nestr. An admin of the workspace can enable it \
             again; nothing was changed.",
        ),
        RefusedFor::Scope => out_of_scope(scopes, needs),
    }
}

/// Whether a refusal for this reason holds for all that is asked with the same key, and not for one thing alone.
#[must_use]
pub(crate) const fn shuts_out(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::ApiKeyInvalid
            | Reason::WorkspaceSuspended
            | Reason::IntegrationPaused
            | Reason::IntegrationDisabled
    )
}

fn suspended(suspension: Option<&Suspension>) -> Refusal {
    let reason = suspension.map_or("", |suspension| suspension.reason.as_str());
    Refusal::new(
        Reason::WorkspaceSuspended,
        format!(
            "The workspace is suspended by Nestr: {} Nothing was changed; settle it with Nestr's \
             support, who can resume the workspace.",
            sentence(reason)
        ),
    )
}

/// An operator's words with a full stop behind them.
fn sentence(words: &str) -> String {
    let words = words.trim();
    if words.ends_with(['.', '!', '?']) { words.to_owned() } else { format!("{words}.") }
}

/// The refusal of what the scopes of a good key do not reach.
#[must_use]
pub(crate) fn out_of_scope(scopes: &[Scope], needs: &[Right]) -> Refusal {
    let missing = needs.iter().find(|right| !scopes.iter().any(|scope| scope.grants(**right)));
    let (act, scope) = match missing {
        Some(Right { kind: Kind::User, writes: true }) => ("write users", "USERS"),
        Some(Right { kind: Kind::User, writes: false }) => ("read users", "READ or USERS"),
        Some(Right { kind: Kind::Group, writes: true }) => ("write groups", "GROUPS"),
        Some(Right { kind: Kind::Group, writes: false }) | None => {
            ("read groups", "READ or GROUPS")
        }
    };
    Refusal::new(
        Reason::ApiKeyScope,
        format!(
            "This API key may not {act}. An admin of the workspace can make one in Nestr with the \
             scope {scope}; nothing was changed."
        ),
    )
}

/// Whether another key may be made beside those that an integration has.
///
/// # Errors
/// `TOO_MANY`.
pub(crate) fn admit_another(siblings: &[ApiKey], now: Micros) -> Result<(), Refusal> {
    let living = siblings.iter().filter(|key| is_good(key, now).is_ok()).count();
    if living < LIVING_KEYS {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::TooMany,
        format!(
            "The integration has {living} good keys, and {LIVING_KEYS} is the most (LIVING_KEYS). \
             Revoke those that are not used first (IntegrationService.RevokeApiKey)."
        ),
    ))
}

/// Lets the key `new` take the place of `standing`, whose name, scopes and networks it takes too, and which
/// stays good for the `overlap` and never longer than it would have.
///
/// # Errors
/// `API_KEY_NOT_FOUND`; `API_KEY_STATE` for one that is not good any more; `TOO_MANY`.
pub(crate) fn rotate(
    standing: Option<&ApiKey>,
    siblings: &[ApiKey],
    new: &ApiKey,
    overlap: Micros,
) -> Result<Rotation, Refusal> {
    let (standing, now) = (standing.ok_or_else(not_found)?, new.created_at);
    if is_good(standing, now).is_err() {
        return Err(Refusal::new(
            Reason::ApiKeyState,
            "The key was revoked or has expired, so there is nothing to take over. Make a new one \
             (IntegrationService.CreateApiKey).",
        ));
    }
    let ends_at = now.saturating_add(overlap);
    let old = ApiKey {
        expires_at: Some(standing.expires_at.map_or(ends_at, |end| end.min(ends_at))),
        replaced_by: Some(new.id),
        ..standing.clone()
    };
    let others = siblings.iter().filter(|key| key.id != old.id).cloned();
    admit_another(&others.chain([old.clone()]).collect::<Vec<_>>(), now)?;
    let new = ApiKey {
        integration_id: old.integration_id,
        display_name: old.display_name.clone(),
        scopes: old.scopes.clone(),
        networks: old.networks.clone(),
        ..new.clone()
    };
    Ok(Rotation { old, new })
}

/// There is no such key in the workspace.
#[must_use]
pub(crate) fn not_found() -> Refusal {
    Refusal::new(
        Reason::ApiKeyNotFound,
        "The workspace has no API key of this id (IntegrationService.ListApiKeys shows them). The id \
         is wanted, not the key.",
    )
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::IntegrationState;

    fn key(n: u128) -> ApiKey {
        let text = ApiKeyText::from_random([7; 20]);
        made(ApiKeyId::new(Uuid::from_u128(n)), IntegrationId::new(Uuid::nil()), &text, 100)
    }

    fn grant(change: impl Fn(&mut KeyGrant)) -> KeyGrant {
        let state = IntegrationState::On;
        let mut grant = KeyGrant { key: key(1), state, suspension: None, revision: 0 };
        change(&mut grant);
        grant
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn judged(change: impl Fn(&mut KeyGrant)) -> Result<(), RefusedFor> {
        judge(&grant(change), 100, Some(address("192.0.2.1")), WRITE_USERS)
    }

    fn told(cause: RefusedFor, grant: &KeyGrant, needs: &[Right]) -> Refusal {
        super::told(cause, grant.suspension.as_ref(), &grant.key.scopes, needs)
    }

    fn suspend(grant: &mut KeyGrant) {
        let (by, reason) = ("olga".to_owned(), "unpaid".to_owned());
        grant.suspension = Some(Suspension { at: 0, by, reason });
    }

    /// Seen to fail with the suspension left out, and with the first two changed round.
    #[test]
    fn the_first_of_all_causes_is_the_one_that_counts() {
        type Change = fn(&mut KeyGrant);
        let causes: [(RefusedFor, Change); 6] = [
            (RefusedFor::Revoked, |g| g.key.revoked_at = Some(1)),
            (RefusedFor::Expired, |g| g.key.expires_at = Some(100)),
            (RefusedFor::Network, |g| g.key.networks = vec!["10.0.0.0/8".parse().unwrap()]),
            (RefusedFor::Suspended, suspend),
            (RefusedFor::Disabled, |g| g.state = IntegrationState::Off),
            (RefusedFor::Scope, |g| g.key.scopes = vec![Scope::Read, Scope::Groups]),
        ];
        for (at, (cause, _)) in causes.iter().enumerate() {
            let this_and_later = |grant: &mut KeyGrant| {
                causes[at..].iter().for_each(|(_, change)| change(grant));
            };
            assert_eq!(judged(this_and_later), Err(*cause));
        }
        assert_eq!(judged(|g| g.state = IntegrationState::Paused), Err(RefusedFor::Paused));
        assert_eq!(judged(|g| g.key.expires_at = Some(101)), Ok(()));
    }

    /// Without a key that is good where it is, nothing is told. Seen to fail with a word of its own for any.
    #[test]
    fn only_whoever_has_a_good_key_is_told_why() {
        let suspended = grant(suspend);
        for cause in [RefusedFor::Expired, RefusedFor::Revoked, RefusedFor::Network] {
            assert_eq!(told(cause, &suspended, WRITE_USERS), invalid());
        }
        for (cause, reason, word) in [
            (RefusedFor::Suspended, Reason::WorkspaceSuspended, "unpaid."),
            (RefusedFor::Paused, Reason::IntegrationPaused, "paused"),
            (RefusedFor::Disabled, Reason::IntegrationDisabled, "disabled"),
        ] {
            let no = told(cause, &suspended, WRITE_USERS);
            assert_eq!(no.reason, reason);
            // A write that was under way then hears the same, of whatever key it was.
            assert_eq!(super::told(cause, suspended.suspension.as_ref(), &[], &[]), no);
            assert!(no.detail.contains(word), "{no}");
        }
        let no =
            told(RefusedFor::Scope, &grant(|g| g.key.scopes = vec![Scope::Users]), WRITE_GROUPS);
        assert_eq!(no.reason, Reason::ApiKeyScope);
        assert!(no.detail.contains("write groups") && no.detail.contains("GROUPS"), "{no}");
    }

    #[test]
    fn a_scope_reaches_what_it_is_called() {
        let all = [READ_USERS, WRITE_USERS, READ_GROUPS, WRITE_GROUPS, READ_BOTH];
        for (scopes, expected) in [
            (&[Scope::Read][..], [true, false, true, false, true]),
            (&[Scope::Users], [true, true, false, false, false]),
            (&[Scope::Groups], [false, false, true, true, false]),
            (&[Scope::Read, Scope::Users], [true, true, true, false, true]),
            (&[Scope::Users, Scope::Groups], [true; 5]),
            (&[], [false; 5]),
        ] {
            assert_eq!(all.map(|needs| reach(scopes, needs)), expected, "{scopes:?}");
            assert!(reach(scopes, &[]), "what needs nothing");
        }
    }

    /// Seen to fail with an unknown address let in.
    #[test]
    fn a_key_with_networks_opens_from_there_alone() {
        let grant = grant(|g| {
            let networks = ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"];
            g.key.networks = networks.map(|network| network.parse().unwrap()).to_vec();
        });
        let is_let_in = |address| judge(&grant, 100, address, WRITE_USERS).is_ok();
        for text in ["192.0.2.255", "2001:db8:ffff::1", "198.51.100.7"] {
            assert!(is_let_in(Some(address(text))), "{text}");
        }
        for text in ["192.0.3.0", "2001:db9::1", "198.51.100.8", "::1"] {
            assert!(!is_let_in(Some(address(text))), "{text}");
        }
        assert!(!is_let_in(None), "nobody knows from where");
    }

    /// Seen to fail with the earlier end of the old key forgotten.
    #[test]
    fn a_rotated_key_ends_with_the_overlap_and_never_later_than_it_would_have() {
        let standing = ApiKey {
            display_name: "Entra".to_owned(),
            scopes: vec![Scope::Read],
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            expires_at: Some(150),
            ..key(1)
        };
        let new = ApiKey { expires_at: Some(900), ..key(2) };
        let rotated = |overlap| {
            rotate(Some(&standing), std::slice::from_ref(&standing), &new, overlap).unwrap()
        };
        assert_eq!(rotated(20).old.expires_at, Some(120));
        assert_eq!(rotated(0).old.expires_at, Some(100));
        let Rotation { old, new } = rotated(OVERLAP);
        assert_eq!((old.expires_at, old.replaced_by), (Some(150), Some(new.id)));
        assert_eq!(new, ApiKey { id: new.id, expires_at: Some(900), ..standing.clone() });

        let lasting = ApiKey { expires_at: None, ..standing.clone() };
        let old = rotate(Some(&lasting), &[], &new, 20).unwrap().old;
        assert_eq!(old.expires_at, Some(120));
        for (standing, reason) in [
            (None, Reason::ApiKeyNotFound),
            (Some(ApiKey { revoked_at: Some(1), ..standing.clone() }), Reason::ApiKeyState),
            (Some(ApiKey { expires_at: Some(100), ..standing }), Reason::ApiKeyState),
        ] {
            assert_eq!(rotate(standing.as_ref(), &[], &new, 20).unwrap_err().reason, reason);
        }
    }

    /// Seen to fail with the ended ones counted.
    #[test]
    fn twenty_keys_are_good_at_a_time() {
        let keys: Vec<_> = (1..=20).map(key).collect();
        assert_eq!(admit_another(&keys, 100).unwrap_err().reason, Reason::TooMany);
        assert!(admit_another(&keys[1..], 100).is_ok());
        let mut one_ended = keys.clone();
        one_ended[3].expires_at = Some(100);
        assert!(admit_another(&one_ended, 100).is_ok());

        let rotated = |overlap| rotate(Some(&keys[0]), &keys, &key(21), overlap);
        assert_eq!(rotated(1).unwrap_err().reason, Reason::TooMany);
        assert!(rotated(0).is_ok(), "one goes, one comes");
    }
}
