//! Identities, guests and refused domains as typed messages.

use directory_api::v1;

use super::admin::{domain_state, timestamp};
use crate::store::{AllowedAddress, Domain, Link, RefusedDomain};

/// An identity by which a person signs in.
pub(crate) fn identity(link: Link) -> v1::Identity {
    v1::Identity {
        issuer: link.identity.issuer,
        subject: link.identity.subject,
        link_time: Some(timestamp(link.linked_at)),
    }
}

/// An outside address that is allowed.
pub(crate) fn allowed_address(allowed: AllowedAddress) -> v1::AllowedAddress {
    v1::AllowedAddress {
        email: allowed.address,
        note: allowed.note,
        allow_time: Some(timestamp(allowed.allowed_at)),
        allowed_by: allowed.allowed_by,
    }
}

/// A refused domain, with how far the workspace's claim of it has come.
pub(crate) fn refused_domain(refused: RefusedDomain, claim: Option<&Domain>) -> v1::RefusedDomain {
    v1::RefusedDomain {
        domain: refused.domain,
        count: refused.count,
        sample_addresses: refused.samples,
        first_time: Some(timestamp(refused.first_at)),
        last_time: Some(timestamp(refused.last_at)),
        claim_state: claim
            .map_or(v1::DomainState::Unspecified, |claim| domain_state(claim.state))
            .into(),
    }
}
