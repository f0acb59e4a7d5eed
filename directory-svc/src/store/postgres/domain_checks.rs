//! What is known of the records by which claims are proven.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::domains;
use super::group::Group;
use super::notices;
use super::readers::point;
use super::statement::{Row, all, one, params, run};
use super::workspace::PostgresWorkspace;
use super::writing::Writing;
use crate::clock::Micros;
use crate::ids::WorkspaceId;
use crate::store::{Answer, Decided, Domain, DomainCheck, DomainCheckStore};

const COLUMNS: &str = "begun_at, attempts, checked_at, next_at, outcome, missing_since, warned_at, \
                       proven_at, name";
/// Free at $1: not taken, or taken by a clock that was ahead by more than it is taken for. One that is ahead by
/// less is another process's, or another request's that looked at the clock a moment later.
const DUE: &str = "SELECT workspace_id, name FROM domain_check WHERE next_at <= $1 \
                   AND (lease_until <= $1 OR lease_until > $2 + ($2 - $1)) \
                   ORDER BY next_at, workspace_id, name LIMIT $3";

impl DomainCheckStore for PostgresWorkspace {
    async fn domain_checks(&self) -> Answer<BTreeMap<String, DomainCheck>> {
        point!(self.shared, |connection| list(connection, self.id))
    }

    async fn domain_check(&self, name: String) -> Answer<Option<(Domain, DomainCheck)>> {
        point!(self.shared, |connection| find(connection, self.id, &name))
    }

    async fn take_domain_check(&self, name: String, now: Micros, until: Micros) -> Answer<bool> {
        let workspace = self.id;
        self.note(async move |group: &Group| {
            take(group.connection()?, workspace, &name, now, until).await
        })
        .await
    }

    async fn note_domain_check<D>(
        &self,
        name: String,
        decide: D,
    ) -> Answer<Option<(Domain, DomainCheck)>>
    where
        D: Fn(&Domain, &DomainCheck) -> Decided<DomainCheck> + Send + 'static,
    {
        let workspace = self.id;
        self.note(async move |group: &Group| note(group, workspace, &name, &decide).await).await
    }
}

async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Answer<BTreeMap<String, DomainCheck>> {
    let sql = format!("SELECT {COLUMNS} FROM domain_check WHERE workspace_id = $1 ORDER BY name");
    let found =
        all(connection, &sql, params![workspace], |row| Ok((row.get(8)?, read(row)?))).await?;
    Ok(found.into_iter().collect())
}

async fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
) -> Answer<Option<(Domain, DomainCheck)>> {
    let Some(claim) = domains::find(connection, workspace, name).await? else { return Ok(None) };
    let check = of(connection, workspace, &claim).await?;
    Ok(Some((claim, check)))
}

/// What is known of a claim's record.
pub(super) async fn of(
    connection: &Connection,
    workspace: WorkspaceId,
    claim: &Domain,
) -> Answer<DomainCheck> {
    let sql = format!("SELECT {COLUMNS} FROM domain_check WHERE workspace_id = $1 AND name = $2");
    let check = one(connection, &sql, params![workspace, claim.name], read).await?;
    Ok(check.unwrap_or_else(|| nothing_of(claim)))
}

/// What is known of a claim that was never asked about.
fn nothing_of(claim: &Domain) -> DomainCheck {
    DomainCheck { begun_at: claim.claimed_at, ..DomainCheck::default() }
}

/// Whether anything is due and free.
pub(super) async fn is_any_due(
    connection: &Connection,
    now: Micros,
    until: Micros,
) -> Answer<bool> {
    let first = one(connection, DUE, params![now, until, 1], |_| Ok(())).await?;
    Ok(first.is_some())
}

pub(super) async fn take_due(
    connection: &Connection,
    now: Micros,
    until: Micros,
    limit: u32,
) -> Answer<Vec<(WorkspaceId, String)>> {
    let sql = format!(
        "WITH due AS MATERIALIZED ({DUE} FOR UPDATE SKIP LOCKED) \
         UPDATE domain_check c SET lease_until = $2 FROM due \
         WHERE c.workspace_id = due.workspace_id AND c.name = due.name \
         RETURNING c.workspace_id, c.name"
    );
    all(connection, &sql, params![now, until, limit], |row| Ok((row.get(0)?, row.get(1)?))).await
}

async fn take(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
    now: Micros,
    until: Micros,
) -> Answer<bool> {
    let taken = run(
        connection,
        "INSERT INTO domain_check (workspace_id, name, begun_at, attempts, next_at, lease_until) \
         SELECT workspace_id, name, claimed_at, 0, $4, $4 FROM domain \
         WHERE workspace_id = $1 AND name = $2 \
         ON CONFLICT (workspace_id, name) DO UPDATE SET lease_until = excluded.lease_until, \
         next_at = coalesce(domain_check.next_at, excluded.next_at) \
         WHERE domain_check.lease_until <= $3 OR domain_check.lease_until > $4 + ($4 - $3)",
        params![workspace, name, now, until],
    )
    .await?;
    Ok(taken > 0)
}

/// A claim that is made, or made again, is due at once, and nothing is known of it. That an earlier one was
/// just asked about still counts.
pub(super) async fn begin(writing: &Writing<'_>, claim: &Domain) -> Answer<()> {
    let begun = DomainCheck { next_at: Some(claim.claimed_at), ..nothing_of(claim) };
    put(writing.connection, writing.workspace, &claim.name, &begun).await
}

async fn note(
    group: &Group,
    workspace: WorkspaceId,
    name: &str,
    decide: &impl Fn(&Domain, &DomainCheck) -> Decided<DomainCheck>,
) -> Answer<Option<(Domain, DomainCheck)>> {
    let connection = group.connection()?;
    let Some((claim, standing)) = find(connection, workspace, name).await? else { return Ok(None) };
    let Decided { value: known, notices } = decide(&claim, &standing);
    if known != standing {
        put(connection, workspace, name, &known).await?;
        notices::keep(group, workspace, &notices).await?;
    }
    Ok(Some((claim, known)))
}

async fn put(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
    check: &DomainCheck,
) -> Answer<()> {
    run(
        connection,
        "INSERT INTO domain_check (workspace_id, name, begun_at, attempts, checked_at, next_at, \
         outcome, missing_since, warned_at, proven_at, lease_until) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0) \
         ON CONFLICT (workspace_id, name) DO UPDATE SET begun_at = excluded.begun_at, \
         attempts = excluded.attempts, checked_at = excluded.checked_at, \
         next_at = excluded.next_at, outcome = excluded.outcome, \
         missing_since = excluded.missing_since, warned_at = excluded.warned_at, \
         proven_at = excluded.proven_at",
        params![
            workspace,
            name,
            check.begun_at,
            check.attempts,
            check.checked_at,
            check.next_at,
            check.outcome,
            check.missing_since,
            check.warned_at,
            check.proven_at,
        ],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Answer<DomainCheck> {
    Ok(DomainCheck {
        begun_at: row.get(0)?,
        attempts: row.get(1)?,
        checked_at: row.get(2)?,
        next_at: row.get(3)?,
        outcome: row.get(4)?,
        missing_since: row.get(5)?,
        warned_at: row.get(6)?,
        proven_at: row.get(7)?,
    })
}
