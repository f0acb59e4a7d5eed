//! Workspaces, domains, integrations and keys as typed messages.

use directory_api::v1;
use pbjson_types::{Duration, Timestamp};

use super::Links;
use crate::clock::{Micros, SECOND};
use crate::ids::WorkspaceId;
use crate::rules::dns_proof;
use crate::store::{
    ApiKey, AuditRecord, CheckOutcome, DecidedHow, Domain, DomainCheck, DomainState, Integration,
    IntegrationState, PendingDomain, Workspace,
};

/// A point in time.
pub(crate) fn timestamp(at: Micros) -> Timestamp {
    let nanos = i32::try_from(at.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
    Timestamp { seconds: at.div_euclid(1_000_000), nanos }
}

/// A workspace.
pub(crate) fn workspace(workspace: &Workspace) -> v1::Workspace {
    v1::Workspace {
        id: workspace.id.to_string(),
        display_name: workspace.display_name.clone(),
        contact_email: workspace.contact_email.clone(),
        create_time: Some(timestamp(workspace.created_at)),
    }
}

/// A claim of a domain.
pub(crate) fn domain(workspace: WorkspaceId, domain: &Domain) -> v1::Domain {
    let decision = domain.decision.as_ref();
    v1::Domain {
        workspace_id: workspace.to_string(),
        domain: domain.name.clone(),
        state: domain_state(domain.state).into(),
        contact_email: domain.contact_email.clone(),
        claim_time: Some(timestamp(domain.claimed_at)),
        decide_time: decision.map(|decision| timestamp(decision.at)),
        decided_by: decision.map(|decision| decision.by.clone()).unwrap_or_default(),
        note: decision.map(|decision| decision.note.clone()).unwrap_or_default(),
        claimed_by: domain.claimed_by.clone(),
        decided_how: decision
            .map_or(v1::DecidedHow::Unspecified, |decision| match decision.how {
                DecidedHow::Operator => v1::DecidedHow::Operator,
                DecidedHow::Dns => v1::DecidedHow::Dns,
                DecidedHow::Claimant => v1::DecidedHow::Claimant,
            })
            .into(),
        dns: dns_proof::purpose(domain).map(|_| proof(domain)),
        ..v1::Domain::default()
    }
}

/// The same, with what is known of its record.
pub(crate) fn checked(workspace: WorkspaceId, claim: &Domain, check: &DomainCheck) -> v1::Domain {
    let rendered = domain(workspace, claim);
    let dns = rendered.dns.map(|proof| v1::DomainProof {
        last_check_time: check.checked_at.map(timestamp),
        next_check_time: check.next_at.map(timestamp),
        outcome: match check.outcome {
            None => v1::ProofOutcome::Unspecified,
            Some(CheckOutcome::Proven) => v1::ProofOutcome::Proven,
            Some(CheckOutcome::NoRecord) => v1::ProofOutcome::NoRecord,
            Some(CheckOutcome::OtherValue) => v1::ProofOutcome::OtherValue,
            Some(CheckOutcome::NotAsked) => v1::ProofOutcome::NotAsked,
        }
        .into(),
        missing_time: check.missing_since.map(timestamp),
        proven_time: check.proven_at.map(timestamp),
        detail: dns_proof::detail(claim, check),
        ..proof
    });
    v1::Domain { dns, ..rendered }
}

/// The record that proves a claim of which nothing else is known.
fn proof(claim: &Domain) -> v1::DomainProof {
    v1::DomainProof {
        record_name: dns_proof::record_name(&claim.name),
        record_value: dns_proof::record_value(claim),
        detail: dns_proof::detail(claim, &DomainCheck::default()),
        ..v1::DomainProof::default()
    }
}

/// A claim that waits, at the time `now`, with what an operator needs to decide.
pub(crate) fn pending_domain(pending: &PendingDomain, now: Micros) -> v1::Domain {
    let PendingDomain { workspace, domain, check, others } = pending;
    let waiting = now.saturating_sub(domain.claimed_at).max(0);
    let others = others.iter().map(|other| v1::OtherClaim {
        workspace_id: other.workspace.to_string(),
        workspace_display_name: other.display_name.clone(),
        state: domain_state(other.state).into(),
    });
    let context = v1::DomainContext {
        workspace_display_name: workspace.display_name.clone(),
        workspace_contact_email: workspace.contact_email.clone(),
        others: others.collect(),
        age: Some(Duration { seconds: waiting / SECOND, nanos: 0 }),
    };
    v1::Domain { context: Some(context), ..checked(workspace.id, domain, check) }
}

/// How far a claim has come, in the contract's word.
pub(crate) fn domain_state(state: DomainState) -> v1::DomainState {
    match state {
        DomainState::Pending => v1::DomainState::Pending,
        DomainState::Verified => v1::DomainState::Verified,
        DomainState::Rejected => v1::DomainState::Rejected,
        DomainState::Revoked => v1::DomainState::Revoked,
        DomainState::Withdrawn => v1::DomainState::Withdrawn,
    }
}

/// An integration, with the URL that the admin copies.
pub(crate) fn integration(
    links: &Links,
    workspace: WorkspaceId,
    integration: &Integration,
) -> v1::Integration {
    v1::Integration {
        workspace_id: workspace.to_string(),
        id: integration.id.to_string(),
        display_name: integration.display_name.clone(),
        kind: integration.kind,
        state: match integration.state {
            IntegrationState::On => v1::IntegrationState::On,
            IntegrationState::Paused => v1::IntegrationState::Paused,
            IntegrationState::Off => v1::IntegrationState::Off,
        }
        .into(),
        scim_url: links.scim(workspace),
        create_time: Some(timestamp(integration.created_at)),
    }
}

/// An administrative act.
pub(crate) fn audit_record(record: AuditRecord) -> v1::AuditRecord {
    v1::AuditRecord {
        act_time: Some(timestamp(record.at)),
        actor: record.actor,
        act: record.act,
        subject: record.subject,
        before_json: record.before.unwrap_or_default(),
        after_json: record.after.unwrap_or_default(),
        revision: record.revision,
    }
}

/// A key, never its secret.
pub(crate) fn api_key(key: &ApiKey) -> v1::ApiKey {
    v1::ApiKey {
        id: key.id.to_string(),
        integration_id: key.integration_id.to_string(),
        display_name: key.display_name.clone(),
        hint: key.hint.clone(),
        create_time: Some(timestamp(key.created_at)),
        expire_time: key.expires_at.map(timestamp),
        revoke_time: key.revoked_at.map(timestamp),
        last_use_time: key.last_used_at.map(timestamp),
    }
}
