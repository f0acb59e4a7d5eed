//! Making, naming and switching integrations.

use directory_api::v1::Reason;
use sha2::{Digest, Sha256};

use crate::clock::Micros;
use crate::ids::{IntegrationId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::{Domain, DomainState, Integration, IntegrationState, OperationId};

/// How many integrations a workspace may have.
pub(crate) const INTEGRATIONS: usize = 20;
/// How many domains that wait a refusal names.
const NAMED: usize = 10;

/// The id of a workspace's first integration: the workspace's own, so that two who enable SCIM at
/// once make one.
#[must_use]
pub(crate) fn first(workspace: WorkspaceId) -> IntegrationId {
    IntegrationId::new(workspace.uuid())
}

/// The id of the integration that a write of this name makes, so that a repeated one makes no other.
#[must_use]
pub(crate) fn made_by(workspace: WorkspaceId, operation: &OperationId) -> IntegrationId {
    let mut digest = Sha256::new();
    digest.update(workspace.uuid().as_bytes());
    digest.update(&operation.0);
    let digest = digest.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    IntegrationId::new(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// What an admin says of an integration; what is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// Its name for people.
    pub display_name: Option<String>,
    /// The kind of identity provider, as the contract's enum numbers it.
    pub kind: Option<i32>,
}

/// A new integration beside `all` others, off until it is enabled.
///
/// # Errors
/// `TOO_MANY`.
pub(crate) fn make(
    all: &[Integration],
    id: IntegrationId,
    said: &Said,
    now: Micros,
) -> Result<Integration, Refusal> {
    if let Some(standing) = find(all, id) {
        return Ok(standing.clone());
    }
    if all.len() >= INTEGRATIONS {
        return Err(Refusal::new(
            Reason::TooMany,
            format!(
                "The workspace has {INTEGRATIONS} integrations, which is the most (INTEGRATIONS). \
                 Rename and enable one that is off (IntegrationService.UpdateIntegration)."
            ),
        ));
    }
    Ok(Integration {
        id,
        display_name: said.display_name.clone().unwrap_or_else(|| "SCIM".to_owned()),
        kind: said.kind.unwrap_or_default(),
        state: IntegrationState::Off,
        created_at: now,
    })
}

/// How an integration is to be once it is described so.
///
/// # Errors
/// `INTEGRATION_NOT_FOUND`.
pub(crate) fn describe(
    all: &[Integration],
    id: IntegrationId,
    said: &Said,
) -> Result<Integration, Refusal> {
    let standing = find(all, id).ok_or_else(not_found)?.clone();
    Ok(Integration {
        display_name: said.display_name.clone().unwrap_or(standing.display_name),
        kind: said.kind.unwrap_or(standing.kind),
        ..standing
    })
}

/// How an integration is to be once enabled: made when it is not there, of the declared `kind` (`None`: of
/// the one that was declared before).
///
/// # Errors
/// `NO_VERIFIED_DOMAIN` while the workspace has none, with those that wait; `TOO_MANY`.
pub(crate) fn enable(
    claims: &[Domain],
    all: &[Integration],
    id: IntegrationId,
    kind: Option<i32>,
    now: Micros,
) -> Result<Integration, Refusal> {
    if !claims.iter().any(|domain| domain.state == DomainState::Verified) {
        return Err(no_verified_domain(claims));
    }
    let said = Said { display_name: None, kind };
    let integration = make(all, id, &said, now)?;
    let kind = kind.unwrap_or(integration.kind);
    Ok(Integration { kind, state: IntegrationState::On, ..integration })
}

fn no_verified_domain(claims: &[Domain]) -> Refusal {
    let pending = claims.iter().filter(|domain| domain.state == DomainState::Pending);
    let pending: Vec<_> = pending.map(|domain| domain.name.as_str()).collect();
    let detail = if pending.is_empty() {
        "SCIM needs at least one verified e-mail domain, and none is claimed. Claim the company's \
         domains (DomainService.ClaimDomains) and have them verified first."
            .to_owned()
    } else {
        let more = match pending.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "SCIM needs at least one verified e-mail domain. Pending: {}{more}. Have one of them \
             verified first: by its DNS record (DomainService.CheckDomain), or by Nestr's operators.",
            pending[..pending.len().min(NAMED)].join(", ")
        )
    };
    Refusal::new(Reason::NoVerifiedDomain, detail)
}

/// How an integration is to be once switched to `state`.
///
/// # Errors
/// `INTEGRATION_NOT_FOUND`.
pub(crate) fn switch(
    all: &[Integration],
    id: IntegrationId,
    state: IntegrationState,
) -> Result<Integration, Refusal> {
    let integration = find(all, id).ok_or_else(not_found)?.clone();
    Ok(Integration { state, ..integration })
}

fn find(all: &[Integration], id: IntegrationId) -> Option<&Integration> {
    all.iter().find(|integration| integration.id == id)
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id(n: u128) -> IntegrationId {
        IntegrationId::new(Uuid::from_u128(n))
    }

    fn claim(name: &str, state: DomainState) -> Domain {
        Domain {
            name: name.to_owned(),
            state,
            contact_email: String::new(),
            claimed_at: 0,
            claimed_by: String::new(),
            challenge: String::new(),
            decision: None,
        }
    }

    fn said(display_name: &str, kind: i32) -> Said {
        Said { display_name: Some(display_name.to_owned()), kind: Some(kind) }
    }

    /// Seen to fail with any claim taken for a verified one, and with the rejected among those that wait.
    #[test]
    fn enabling_needs_a_verified_domain_and_names_those_that_wait() {
        let refused = |claims: &[Domain]| enable(claims, &[], id(1), None, 0).unwrap_err();
        let no = refused(&[claim("no.example", DomainState::Rejected)]);
        assert_eq!(no.reason, Reason::NoVerifiedDomain);
        assert!(no.detail.contains("none is claimed"), "{no}");
        let mut claims = vec![claim("no.example", DomainState::Revoked)];
        claims.extend((0..12).map(|n| claim(&format!("d{n}.example"), DomainState::Pending)));
        let no = refused(&claims);
        assert!(no.detail.contains("d0.example, d1.example") && no.detail.contains(" and 2 more"));
        assert!(!no.detail.contains("no.example") && !no.detail.contains("d10.example"), "{no}");

        claims.push(claim("acme.com", DomainState::Verified));
        let on = enable(&claims, &[], id(1), Some(2), 5).unwrap();
        assert_eq!((on.state, on.kind, on.created_at), (IntegrationState::On, 2, 5));
        let again = enable(&claims, &[on.clone()], id(1), None, 9).unwrap();
        assert_eq!(again, on, "what is not said stays");
    }

    #[test]
    fn a_new_integration_is_off_and_twenty_are_the_most() {
        let okta = make(&[], id(1), &said("Okta", 2), 5).unwrap();
        assert_eq!((okta.state, okta.display_name.as_str()), (IntegrationState::Off, "Okta"));
        assert_eq!(make(&[okta.clone()], id(1), &said("Other", 3), 9).unwrap(), okta);
        let all: Vec<_> = (1..=20).map(|n| Integration { id: id(n), ..okta.clone() }).collect();
        let one_more = |all: &[Integration]| make(all, id(21), &said("More", 1), 5);
        assert_eq!(one_more(&all).unwrap_err().reason, Reason::TooMany);
        assert!(one_more(&all[1..]).is_ok());
    }

    #[test]
    fn what_is_said_of_an_integration_leaves_its_state() {
        let okta = make(&[], id(1), &said("Okta", 2), 5).unwrap();
        let all = [Integration { state: IntegrationState::Paused, ..okta }];
        let named = describe(&all, id(1), &Said { display_name: Some("HR".into()), kind: None });
        let expected = Integration { display_name: "HR".into(), ..all[0].clone() };
        assert_eq!(named.unwrap(), expected);
        let missing = describe(&all, id(2), &Said::default()).unwrap_err();
        assert_eq!(missing.reason, Reason::IntegrationNotFound);
        assert_eq!(switch(&all, id(2), IntegrationState::On).unwrap_err(), missing);
    }

    #[test]
    fn the_name_of_a_write_makes_one_integration() {
        let acme = WorkspaceId::new(Uuid::from_u128(1));
        let made = |workspace, name: &str| made_by(workspace, &OperationId(name.to_owned()));
        assert_eq!(made(acme, "a"), made(acme, "a"));
        assert_ne!(made(acme, "a"), made(acme, "b"));
        assert_ne!(made(acme, "a"), made(WorkspaceId::new(Uuid::from_u128(2)), "a"));
    }
}
