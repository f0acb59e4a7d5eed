//! Outside addresses that an operator allowed.

use super::connection::Connection;
use super::statement::{Row, all, one, params, run};
use super::users::signed_in_by;
use super::writing::{Changed, Writing};
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::store::record::{Detail, image_of_allowed};
use crate::store::{AddressWritten, AllowedAddress, Answer, ChangeKind, Policy};

const COLUMNS: &str = "address, address_key, note, allowed_at, allowed_by";

/// Asks `decide`, and again once those of the outside addresses that it asked for are looked up which are
/// allowed.
pub(super) async fn decided<T>(
    writing: &Writing<'_>,
    mut policy: Policy,
    decide: impl Fn(&Policy) -> Result<T, Refusal>,
) -> Answer<T> {
    loop {
        let decision = decide(&policy);
        let mut is_told_more = false;
        for key in policy.asked.take() {
            if is_allowed(writing.connection, writing.workspace, &key).await? {
                is_told_more |= policy.allowed_addresses.insert(key);
            }
        }
        if !is_told_more {
            return Ok(decision?);
        }
    }
}

pub(super) async fn is_allowed(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Answer<bool> {
    let allowed = one(
        connection,
        "SELECT 1 FROM allowed_address WHERE workspace_id = $1 AND address_key = $2",
        params![workspace, key],
        |_| Ok(()),
    )
    .await?;
    Ok(allowed.is_some())
}

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: &str,
    limit: u32,
) -> Answer<Vec<AllowedAddress>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM allowed_address WHERE workspace_id = $1 AND address_key > $2 \
         ORDER BY address_key LIMIT $3"
    );
    all(connection, &sql, params![workspace, after, limit], read).await
}

pub(super) async fn change(
    writing: &Writing<'_>,
    key: &str,
    decide: &impl Fn(Option<&AllowedAddress>, u64) -> Result<Option<AllowedAddress>, Refusal>,
) -> Answer<AddressWritten> {
    let kinds = [ChangeKind::AddressAllowed, ChangeKind::AddressDisallowed];
    let repeated = writing.repeated(&kinds, Some(key)).await?;
    let (standing, holder) = (find(writing, key).await?, signed_in_by(writing, key).await?);
    let was_allowed = standing.is_some();
    if repeated.is_some() {
        return Ok(AddressWritten { allowed: standing, was_allowed, holder });
    }
    let wanted = decide(standing.as_ref(), count(writing).await?)?;
    if wanted == standing {
        return Ok(AddressWritten { allowed: standing, was_allowed, holder });
    }
    let revision = writing.next_revision();
    put(writing, key, wanted.as_ref()).await?;
    let moved = holder.filter(|_| was_allowed != wanted.is_some());
    let detail = |access| Detail::of_holder(moved, access);
    let (kind, act, detail) = match &wanted {
        Some(_) => (ChangeKind::AddressAllowed, "address.allowed", detail("granted")),
        None => (ChangeKind::AddressDisallowed, "address.disallowed", detail("revoked")),
    };
    let before = standing.as_ref().map(image_of_allowed);
    let changed = Changed { kind, subject: key, before, detail };
    writing.record_act(revision, act, changed, wanted.as_ref().map(image_of_allowed)).await?;
    Ok(AddressWritten { allowed: wanted, was_allowed, holder })
}

async fn find(writing: &Writing<'_>, key: &str) -> Answer<Option<AllowedAddress>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM allowed_address WHERE workspace_id = $1 AND address_key = $2"
    );
    one(writing.connection, &sql, params![writing.workspace, key], read).await
}

async fn count(writing: &Writing<'_>) -> Answer<u64> {
    let sql = "SELECT count(*) FROM allowed_address WHERE workspace_id = $1";
    Ok(one(writing.connection, sql, params![writing.workspace], |row| row.get(0))
        .await?
        .unwrap_or(0))
}

async fn put(writing: &Writing<'_>, key: &str, wanted: Option<&AllowedAddress>) -> Answer<()> {
    match wanted {
        Some(AllowedAddress { address, note, allowed_at, allowed_by, .. }) => run(
            writing.connection,
            "INSERT INTO allowed_address (workspace_id, address_key, address, note, \
             allowed_at, allowed_by) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, address_key) \
             DO UPDATE SET address = excluded.address, note = excluded.note, \
             allowed_at = excluded.allowed_at, allowed_by = excluded.allowed_by",
            params![writing.workspace, key, address, note, allowed_at, allowed_by],
        ).await?,
        None => run(
            writing.connection,
            "DELETE FROM allowed_address WHERE workspace_id = $1 AND address_key = $2",
            params![writing.workspace, key],
        ).await?,
    };
    Ok(())
}

fn read(row: &Row) -> Answer<AllowedAddress> {
    Ok(AllowedAddress {
        address: row.get(0)?,
        key: row.get(1)?,
        note: row.get(2)?,
        allowed_at: row.get(3)?,
        allowed_by: row.get(4)?,
    })
}
