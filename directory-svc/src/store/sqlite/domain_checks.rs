//! What is known of the records by which claims are proven.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, params};

use super::domains;
use super::notices::Entrance;
use super::statement::{all, one, run};
use super::writing::Writing;
use crate::clock::Micros;
use crate::ids::WorkspaceId;
use crate::store::{Answer, Decided, Domain, DomainCheck};

const COLUMNS: &str = "begun_at, attempts, checked_at, next_at, outcome, missing_since, warned_at, \
                       proven_at, name";
/// Free at ?1: not taken, or taken by a clock that was ahead by more than it is taken for. One that is ahead by
/// less is another process's, or another request's that looked at the clock a moment later.
const DUE: &str = "SELECT workspace_id, name FROM domain_check WHERE next_at <= ?1 \
                   AND (lease_until <= ?1 OR lease_until > ?2 + (?2 - ?1)) \
                   ORDER BY next_at, workspace_id, name LIMIT ?3";

pub(super) fn list(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Answer<BTreeMap<String, DomainCheck>> {
    let sql = format!("SELECT {COLUMNS} FROM domain_check WHERE workspace_id = ?1 ORDER BY name");
    let found = all(connection, &sql, [workspace], |row| Ok((row.get(8)?, read(row)?)))?;
    Ok(found.into_iter().collect())
}

pub(super) fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
) -> Answer<Option<(Domain, DomainCheck)>> {
    let Some(claim) = domains::find(connection, workspace, name)? else { return Ok(None) };
    let check = of(connection, workspace, &claim)?;
    Ok(Some((claim, check)))
}

/// What is known of a claim's record.
pub(super) fn of(
    connection: &Connection,
    workspace: WorkspaceId,
    claim: &Domain,
) -> Answer<DomainCheck> {
    let sql = format!("SELECT {COLUMNS} FROM domain_check WHERE workspace_id = ?1 AND name = ?2");
    let check = one(connection, &sql, params![workspace, claim.name], read)?;
    Ok(check.unwrap_or_else(|| nothing_of(claim)))
}

/// What is known of a claim that was never asked about.
fn nothing_of(claim: &Domain) -> DomainCheck {
    DomainCheck { begun_at: claim.claimed_at, ..DomainCheck::default() }
}

/// Whether anything is due and free.
pub(super) fn is_any_due(connection: &Connection, now: Micros, until: Micros) -> Answer<bool> {
    let first = one(connection, DUE, params![now, until, 1], |_| Ok(()))?;
    Ok(first.is_some())
}

pub(super) fn take_due(
    connection: &Connection,
    now: Micros,
    until: Micros,
    limit: u32,
) -> Answer<Vec<(WorkspaceId, String)>> {
    let sql = format!(
        "UPDATE domain_check SET lease_until = ?2 WHERE (workspace_id, name) IN ({DUE}) \
         RETURNING workspace_id, name"
    );
    all(connection, &sql, params![now, until, limit], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn take(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
    now: Micros,
    until: Micros,
) -> Answer<bool> {
    let taken = run(
        connection,
        "INSERT INTO domain_check (workspace_id, name, begun_at, attempts, next_at, lease_until) \
         SELECT workspace_id, name, claimed_at, 0, ?4, ?4 FROM domain \
         WHERE workspace_id = ?1 AND name = ?2 \
         ON CONFLICT (workspace_id, name) DO UPDATE SET lease_until = excluded.lease_until, \
         next_at = coalesce(next_at, excluded.next_at) \
         WHERE domain_check.lease_until <= ?3 OR domain_check.lease_until > ?4 + (?4 - ?3)",
        params![workspace, name, now, until],
    )?;
    Ok(taken > 0)
}

/// A claim that is made, or made again, is due at once, and nothing is known of it. That an earlier one was
/// just asked about still counts.
pub(super) fn begin(writing: &Writing<'_>, claim: &Domain) -> Answer<()> {
    let begun = DomainCheck { next_at: Some(claim.claimed_at), ..nothing_of(claim) };
    put(writing.connection, writing.workspace, &claim.name, &begun)
}

pub(super) fn note(
    connection: &Connection,
    workspace: WorkspaceId,
    outbox: &Entrance,
    name: &str,
    decide: impl Fn(&Domain, &DomainCheck) -> Decided<DomainCheck>,
) -> Answer<Option<(Domain, DomainCheck)>> {
    let Some((claim, standing)) = find(connection, workspace, name)? else { return Ok(None) };
    let Decided { value: known, notices } = decide(&claim, &standing);
    if known != standing {
        put(connection, workspace, name, &known)?;
        outbox.keep(connection, workspace, &notices)?;
    }
    Ok(Some((claim, known)))
}

fn put(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
    check: &DomainCheck,
) -> Answer<()> {
    run(
        connection,
        "INSERT INTO domain_check (workspace_id, name, begun_at, attempts, checked_at, next_at, \
         outcome, missing_since, warned_at, proven_at, lease_until) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0) \
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
    )?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<DomainCheck> {
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
