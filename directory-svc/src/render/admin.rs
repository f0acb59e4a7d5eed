//! Workspaces and domains as typed messages.

use directory_api::v1;
use pbjson_types::{Duration, Timestamp};

use crate::clock::{Micros, SECOND};
use crate::ids::WorkspaceId;
use crate::rules::dns_proof;
use crate::store::{
    AuditRecord, CheckOutcome, DecidedHow, Domain, DomainCheck, DomainState, EmailJoin,
    PendingDomain, Workspace,
};

/// A point in time.
pub(crate) fn timestamp(at: Micros) -> Timestamp {
    let nanos = i32::try_from(at.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
    Timestamp { seconds: at.div_euclid(1_000_000), nanos }
}

/// A workspace.
pub(crate) fn workspace(workspace: &Workspace) -> v1::Workspace {
    let suspension = workspace.suspension.as_ref();
    v1::Workspace {
        id: workspace.id.to_string(),
        display_name: workspace.display_name.clone(),
        contact_email: workspace.contact_email.clone(),
        create_time: Some(timestamp(workspace.created_at)),
        email_join: match workspace.email_join {
            EmailJoin::Off => v1::EmailJoin::Off,
            EmailJoin::Open => v1::EmailJoin::Open,
        }
        .into(),
        state: match suspension {
            None => v1::WorkspaceState::Active,
            Some(_) => v1::WorkspaceState::Suspended,
        }
        .into(),
        suspend_time: suspension.map(|suspension| timestamp(suspension.at)),
        suspend_reason: suspension.map(|s| s.reason.clone()).unwrap_or_default(),
        suspended_by: suspension.map(|s| s.by.clone()).unwrap_or_default(),
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
