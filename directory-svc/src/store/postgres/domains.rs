//! Claims of domains, and what the rules know by them.

use super::connection::Connection;
use super::domain_checks;
use super::failure::fault;
use super::notices;
use super::refused;
use super::statement::{Row, all, one, params, run};
use super::waiting;
use super::workspaces;
use super::writing::{Changed, Writing};
use crate::clock::Micros;
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::store::record::{Detail, image_of_domain};
use crate::store::words::Word;
use crate::store::{
    Answer, ChangeKind, Decided, Decision, Domain, DomainState, OtherClaim, PendingDomain,
    PendingMark, Policy, StoreError,
};

const COLUMNS: &str = "name, state, contact_email, claimed_at, claimed_by, challenge, decided_at, \
                       decided_by, decided_how, note";
/// In the order of its index, so that the first are found without the rest.
pub(super) const PENDING: &str = "SELECT name, state, contact_email, claimed_at, claimed_by, challenge, \
     decided_at, decided_by, decided_how, note, workspace_id FROM domain WHERE state = 'pending' \
     AND (claimed_at, workspace_id, name) > ($1, $2, $3) \
     ORDER BY claimed_at, workspace_id, name LIMIT $4";
/// Who else has a domain or waits for it, from the two indexes by name.
pub(super) const OTHERS: &str = "SELECT o.workspace_id, w.display_name, o.state FROM ( \
     SELECT workspace_id, state FROM domain WHERE name = $1 AND state = 'verified' \
     UNION ALL SELECT workspace_id, state FROM domain WHERE name = $1 AND state = 'pending') o \
     JOIN workspace w ON w.id = o.workspace_id WHERE o.workspace_id <> $2 \
     ORDER BY o.workspace_id LIMIT $3";

pub(super) async fn policy(connection: &Connection, workspace: WorkspaceId) -> Answer<Policy> {
    let verified = all(
        connection,
        "SELECT name FROM domain WHERE workspace_id = $1 AND state = 'verified'",
        params![workspace],
        |row| row.get(0),
    )
    .await?;
    Ok(Policy { verified_domains: verified.into_iter().collect(), ..Policy::default() })
}

pub(super) async fn list(connection: &Connection, workspace: WorkspaceId) -> Answer<Vec<Domain>> {
    let sql = format!("SELECT {COLUMNS} FROM domain WHERE workspace_id = $1 ORDER BY name");
    all(connection, &sql, params![workspace], read).await
}

/// The claims that wait, each with its context; they are few, so one question each is.
pub(super) async fn pending(
    connection: &Connection,
    after: Option<&PendingMark>,
    limit: u32,
) -> Answer<Vec<PendingDomain>> {
    let (claimed_at, workspace, name) = match after {
        Some(mark) => (mark.claimed_at, Some(mark.workspace), mark.name.as_str()),
        None => (Micros::MIN, None, ""),
    };
    let found = all(connection, PENDING, params![claimed_at, workspace, name, limit], |row| {
        Ok((row.get::<WorkspaceId>(10)?, read(row)?))
    })
    .await?;
    let mut pending = Vec::with_capacity(found.len());
    for (id, domain) in found {
        let workspace = workspaces::card(connection, id)
            .await?
            .ok_or_else(|| fault("a domain is claimed by no workspace"))?;
        let key = params![domain.name, id, PendingDomain::OTHERS];
        let others = all(connection, OTHERS, key, |row| {
            Ok(OtherClaim { workspace: row.get(0)?, display_name: row.get(1)?, state: row.get(2)? })
        })
        .await?;
        let check = domain_checks::of(connection, id, &domain).await?;
        pending.push(PendingDomain { workspace, domain, check, others });
    }
    Ok(pending)
}

pub(super) async fn people(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
) -> Answer<u64> {
    let counted = one(
        connection,
        "SELECT count(*) FROM scim_user WHERE workspace_id = $1 AND login_email_key IS NOT NULL \
         AND right(login_email_key, length($2) + 1) = '@' || $2",
        params![workspace, name],
        |row| row.get(0),
    )
    .await?;
    Ok(counted.unwrap_or(0))
}

pub(super) async fn change(
    writing: &Writing<'_>,
    name: &str,
    decide: &impl Fn(Option<&Domain>, bool) -> Result<Decided<Domain>, Refusal>,
) -> Answer<Domain> {
    let repeated = writing.repeated(&[ChangeKind::DomainChanged], Some(name)).await?;
    let standing = find(writing.connection, writing.workspace, name).await?;
    if repeated.is_some() {
        return standing.ok_or(StoreError::OperationReused);
    }
    let Decided { value: domain, notices } =
        decide(standing.as_ref(), is_verified_elsewhere(writing, name).await?)?;
    if standing.as_ref() == Some(&domain) {
        return Ok(domain);
    }
    let revision = writing.next_revision();
    put(writing, &domain).await?;
    let was_verified = standing.as_ref().is_some_and(|was| was.state == DomainState::Verified);
    if domain.state == DomainState::Verified {
        refused::forget(writing.connection, writing.workspace, name).await?;
        if !was_verified {
            waiting::mark(writing, name).await?;
        }
    } else if was_verified {
        waiting::unmark(writing, name).await?;
    }
    if is_claimed_anew(standing.as_ref(), &domain) {
        domain_checks::begin(writing, &domain).await?;
    }
    let changed = Changed {
        kind: ChangeKind::DomainChanged,
        subject: name,
        before: standing.as_ref().map(image_of_domain),
        detail: Detail::of_state(domain.state.word()),
    };
    let act = format!("domain.{}", acted(standing.as_ref(), &domain));
    writing.record_act(revision, &act, changed, Some(image_of_domain(&domain))).await?;
    notices::keep(writing.group, writing.workspace, &notices).await?;
    Ok(domain)
}

/// What was done to the claim, as the audit names it.
fn acted(before: Option<&Domain>, after: &Domain) -> &'static str {
    match (before, after.state) {
        (_, DomainState::Pending) => "claimed",
        (Some(before), state) if before.state == state => "changed",
        (_, state) => state.word(),
    }
}

/// Whether the claim was made, or made again.
fn is_claimed_anew(before: Option<&Domain>, after: &Domain) -> bool {
    after.state == DomainState::Pending
        && before.is_none_or(|before| before.claimed_at != after.claimed_at)
}

pub(super) async fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
) -> Answer<Option<Domain>> {
    let sql = format!("SELECT {COLUMNS} FROM domain WHERE workspace_id = $1 AND name = $2");
    one(connection, &sql, params![workspace, name], read).await
}

async fn is_verified_elsewhere(writing: &Writing<'_>, name: &str) -> Answer<bool> {
    // Several workspaces are written at a time: of those that decide on a domain, one after the other does.
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";
    one(writing.connection, lock, params![name], |_| Ok(())).await?;
    let elsewhere = one(
        writing.connection,
        "SELECT 1 FROM domain WHERE name = $1 AND state = 'verified' AND workspace_id <> $2 \
         LIMIT 1",
        params![name, writing.workspace],
        |_| Ok(()),
    )
    .await?;
    Ok(elsewhere.is_some())
}

async fn put(writing: &Writing<'_>, domain: &Domain) -> Answer<()> {
    let decision = domain.decision.as_ref();
    run(
        writing.connection,
        "INSERT INTO domain (workspace_id, name, state, contact_email, claimed_at, claimed_by, \
         challenge, decided_at, decided_by, decided_how, note) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET state = excluded.state, \
         contact_email = excluded.contact_email, claimed_at = excluded.claimed_at, \
         claimed_by = excluded.claimed_by, challenge = excluded.challenge, \
         decided_at = excluded.decided_at, decided_by = excluded.decided_by, \
         decided_how = excluded.decided_how, note = excluded.note",
        params![
            writing.workspace,
            domain.name,
            domain.state,
            domain.contact_email,
            domain.claimed_at,
            domain.claimed_by,
            domain.challenge,
            decision.map(|decision| decision.at),
            decision.map(|decision| &decision.by),
            decision.map(|decision| decision.how),
            decision.map(|decision| &decision.note),
        ],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Answer<Domain> {
    let decision = match row.get(6)? {
        Some(at) => Some(Decision { at, by: row.get(7)?, how: row.get(8)?, note: row.get(9)? }),
        None => None,
    };
    Ok(Domain {
        name: row.get(0)?,
        state: row.get(1)?,
        contact_email: row.get(2)?,
        claimed_at: row.get(3)?,
        claimed_by: row.get(4)?,
        challenge: row.get(5)?,
        decision,
    })
}
