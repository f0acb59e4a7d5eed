//! The ways in: addresses that are barred, and those that let somebody in all the same.

use rusqlite::{Connection, params};

use super::statement::{one, run};
use super::writing::{Changed, Writing};
use crate::ids::{UserId, WorkspaceId};
use crate::store::record::Detail;
use crate::store::{Answer, Barred, ChangeKind, LoginEmail, Passage, StoreError, Unique};

pub(super) fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Answer<Option<Barred>> {
    one(
        connection,
        "SELECT user_id, since, is_firm FROM barred_address \
         WHERE workspace_id = ?1 AND address_key = ?2",
        params![workspace, key],
        |row| Ok(Barred { user_id: row.get(0)?, since: row.get(1)?, is_firm: row.get(2)? }),
    )
}

/// Does what a write to a person says about the ways in. Of somebody whom an integration manages it is for the
/// identity provider to say which addresses are theirs.
///
/// # Errors
/// [`StoreError::Barred`]; [`StoreError::Taken`] when the person would enter by an address that is another
/// living person's, if not the one that signs them in.
pub(super) fn keep(
    writing: &Writing<'_>,
    id: UserId,
    passage: &Passage,
    is_bound: bool,
) -> Answer<()> {
    if passage.wakes && has_left(writing, id)? {
        return Err(StoreError::Barred { user_id: id });
    }
    if let Some(email) = &passage.enters_by {
        enter(writing, id, email, passage.readmits, is_bound)?;
    }
    for key in &passage.bars {
        run(
            writing.connection,
            "INSERT INTO barred_address (workspace_id, address_key, user_id, since, is_firm) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (workspace_id, address_key) DO UPDATE SET \
             user_id = excluded.user_id, since = excluded.since, is_firm = excluded.is_firm \
             WHERE excluded.is_firm > is_firm",
            params![writing.workspace, key, id, writing.write.at, passage.is_firm],
        )?;
    }
    Ok(())
}

/// Keeps the identity provider's word on a person, who is here now.
pub(super) fn mark(writing: &Writing<'_>, id: UserId, passage: &Passage) -> Answer<()> {
    if let Some(has_left) = passage.has_left {
        run(
            writing.connection,
            "UPDATE user SET has_left = ?3 WHERE workspace_id = ?1 AND id = ?2 AND has_left <> ?3",
            params![writing.workspace, id, has_left],
        )?;
    }
    Ok(())
}

fn enter(
    writing: &Writing<'_>,
    id: UserId,
    email: &LoginEmail,
    readmits: bool,
    is_bound: bool,
) -> Answer<()> {
    let (connection, workspace) = (writing.connection, writing.workspace);
    if !readmits {
        let barred = find(connection, workspace, &email.key)?.filter(|barred| barred.is_firm);
        if let Some(Barred { user_id, .. }) = barred {
            return Err(StoreError::Barred { user_id });
        }
        if has_left(writing, id)? {
            return Err(StoreError::Barred { user_id: id });
        }
        let other = if is_bound { None } else { other_owner(writing, id, email)? };
        if let Some(holder) = other {
            return Err(StoreError::Taken { unique: Unique::LoginEmail, holder: holder.into() });
        }
    }
    lift(connection, workspace, &email.key)?;
    Ok(())
}

fn has_left(writing: &Writing<'_>, id: UserId) -> Answer<bool> {
    let left = one(
        writing.connection,
        "SELECT has_left FROM user WHERE workspace_id = ?1 AND id = ?2",
        params![writing.workspace, id],
        |row| row.get(0),
    )?;
    Ok(left.unwrap_or(false))
}

/// Another living person who has the address as their userName or among their e-mail addresses.
fn other_owner(writing: &Writing<'_>, id: UserId, email: &LoginEmail) -> Answer<Option<UserId>> {
    let [key, sent, shown] = email.spellings();
    one(
        writing.connection,
        "SELECT user_id FROM user_email WHERE workspace_id = ?1 AND value_key IN (?3, ?4, ?5) \
         AND user_id <> ?2 UNION ALL SELECT id FROM user WHERE workspace_id = ?1 \
         AND user_name_key IN (?3, ?4, ?5) AND id <> ?2 LIMIT 1",
        params![writing.workspace, id, key, sent, shown],
        |row| row.get(0),
    )
}

fn lift(connection: &Connection, workspace: WorkspaceId, key: &str) -> Answer<bool> {
    let lifted = run(
        connection,
        "DELETE FROM barred_address WHERE workspace_id = ?1 AND address_key = ?2",
        params![workspace, key],
    )?;
    Ok(lifted > 0)
}

pub(super) fn readmit(writing: &Writing<'_>, key: &str) -> Answer<bool> {
    if writing.repeated(&[ChangeKind::AddressReadmitted], Some(key))?.is_some() {
        return Ok(true);
    }
    let Some(barred) = find(writing.connection, writing.workspace, key)? else { return Ok(false) };
    let revision = writing.next_revision()?;
    lift(writing.connection, writing.workspace, key)?;
    mark(writing, barred.user_id, &Passage { has_left: Some(false), ..Passage::default() })?;
    let changed = Changed {
        kind: ChangeKind::AddressReadmitted,
        subject: key,
        before: Some(crate::store::record::image_of_barred(&barred)),
        detail: Detail::default(),
    };
    writing.record_act(revision, "address.readmitted", changed, None)?;
    Ok(true)
}
