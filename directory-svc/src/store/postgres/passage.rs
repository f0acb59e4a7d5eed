//! The ways in: addresses that are barred, and those that let somebody in all the same.

use super::connection::Connection;
use super::identities;
use super::statement::{all, one, params, run};
use super::users::signed_in_by;
use super::writing::{Changed, Writing};
use crate::ids::{UserId, WorkspaceId};
use crate::store::record::{Detail, image_of_barred};
use crate::store::{
    Answer, Barred, ChangeKind, LoginEmail, Passage, Readmitted, StoreError, Unique,
};

pub(super) async fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    key: &str,
) -> Answer<Option<Barred>> {
    one(
        connection,
        "SELECT user_id, since, is_firm FROM barred_address \
         WHERE workspace_id = $1 AND address_key = $2",
        params![workspace, key],
        |row| Ok(Barred { user_id: row.get(0)?, since: row.get(1)?, is_firm: row.get(2)? }),
    )
    .await
}

/// Does what a write to a person says about the ways in, whom `login` signs in then. Of somebody whom an
/// integration manages it is for the identity provider to say which addresses are theirs.
///
/// # Errors
/// [`StoreError::Barred`]; [`StoreError::Taken`] when the person would enter by an address that is another
/// living person's, if not the one that signs them in.
pub(super) async fn keep(
    writing: &Writing<'_>,
    id: UserId,
    passage: &Passage,
    login: Option<&LoginEmail>,
    is_bound: bool,
) -> Answer<()> {
    if let Some(email) = &passage.enters_by {
        enter(writing, id, email, is_bound).await?;
    }
    for key in &passage.readmits {
        let lifted = lift(writing, key).await?;
        if login.is_some_and(|login| login.key == *key) {
            let_go(writing, lifted.as_ref()).await?;
        }
    }
    for key in &passage.bars {
        bar(writing, key, id, passage.is_firm).await?;
    }
    Ok(())
}

/// Bars an address. A firm bar takes the place of a soft one, and none that of its own kind.
async fn bar(writing: &Writing<'_>, key: &str, id: UserId, is_firm: bool) -> Answer<()> {
    run(
        writing.connection,
        "INSERT INTO barred_address (workspace_id, address_key, user_id, since, is_firm) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, address_key) DO UPDATE SET \
         user_id = excluded.user_id, since = excluded.since, is_firm = excluded.is_firm \
         WHERE excluded.is_firm > barred_address.is_firm",
        params![writing.workspace, key, id, writing.write.at, is_firm],
    )
    .await?;
    Ok(())
}

/// Keeps the identity provider's last word on a person, who is here now; answers whether it was another.
pub(super) async fn mark(writing: &Writing<'_>, id: UserId, has_left: bool) -> Answer<bool> {
    let marked = run(
        writing.connection,
        "UPDATE scim_user SET has_left = $3 WHERE workspace_id = $1 AND id = $2 AND has_left <> $3",
        params![writing.workspace, id, has_left],
    )
    .await?;
    Ok(marked > 0)
}

async fn enter(
    writing: &Writing<'_>,
    id: UserId,
    email: &LoginEmail,
    is_bound: bool,
) -> Answer<()> {
    let barred = find(writing.connection, writing.workspace, &email.key).await?;
    if let Some(Barred { user_id, .. }) = barred.filter(|barred| barred.is_firm) {
        return Err(StoreError::Barred { user_id });
    }
    let other = if is_bound { None } else { other_owner(writing, id, email).await? };
    if let Some(holder) = other {
        return Err(StoreError::Taken { unique: Unique::LoginEmail, holder: holder.into() });
    }
    let lifted = lift(writing, &email.key).await?;
    let_go(writing, lifted.as_ref()).await
}

/// Another living person who has the address as their userName or among their e-mail addresses.
async fn other_owner(
    writing: &Writing<'_>,
    id: UserId,
    email: &LoginEmail,
) -> Answer<Option<UserId>> {
    let [key, sent, shown] = email.spellings();
    one(
        writing.connection,
        "SELECT user_id FROM user_email WHERE workspace_id = $1 AND value_key IN ($3, $4, $5) \
         AND user_id <> $2 UNION ALL SELECT id FROM scim_user WHERE workspace_id = $1 \
         AND user_name_key IN ($3, $4, $5) AND id <> $2 LIMIT 1",
        params![writing.workspace, id, key, sent, shown],
        |row| row.get(0),
    )
    .await
}

/// Takes the bar from an address.
async fn lift(writing: &Writing<'_>, key: &str) -> Answer<Option<Barred>> {
    one(
        writing.connection,
        "DELETE FROM barred_address WHERE workspace_id = $1 AND address_key = $2 \
         RETURNING user_id, since, is_firm",
        params![writing.workspace, key],
        |row| Ok(Barred { user_id: row.get(0)?, since: row.get(1)?, is_firm: row.get(2)? }),
    )
    .await
}

/// Forgets by what somebody who is gone signed in: whoever comes in by an address of theirs may be the same
/// somebody.
async fn let_go(writing: &Writing<'_>, lifted: Option<&Barred>) -> Answer<()> {
    match lifted {
        Some(barred) => identities::release(writing, barred.user_id).await,
        None => Ok(()),
    }
}

pub(super) async fn readmit(writing: &Writing<'_>, whom: &Readmitted) -> Answer<bool> {
    let (subject, holder, act) = match whom {
        Readmitted::Address(key) => (key.clone(), None, "address.readmitted"),
        Readmitted::Person(id) => (id.to_string(), Some(id.to_string()), "user.readmitted"),
    };
    if writing.repeated(&[ChangeKind::AddressReadmitted], Some(&subject)).await?.is_some() {
        return Ok(true);
    }
    let (person, keys) = match whom {
        Readmitted::Address(key) => (signed_in_by(writing, key).await?, vec![key.clone()]),
        Readmitted::Person(id) => (Some(*id), barred_of(writing, *id).await?),
    };
    let mut images = Vec::new();
    for key in &keys {
        let lifted = lift(writing, key).await?;
        let_go(writing, lifted.as_ref()).await?;
        images.extend(lifted.map(|barred| image_of_barred(key, &barred)));
    }
    let had_left = match person {
        Some(person) => mark(writing, person, false).await?,
        None => false,
    };
    if images.is_empty() && !had_left {
        return Ok(false);
    }
    let revision = writing.next_revision();
    let changed = Changed {
        kind: ChangeKind::AddressReadmitted,
        subject: &subject,
        before: Some(images.into()),
        detail: Detail { holder, ..Detail::default() },
    };
    writing.record_act(revision, act, changed, None).await?;
    Ok(true)
}

/// The addresses that are barred because this person had them.
async fn barred_of(writing: &Writing<'_>, id: UserId) -> Answer<Vec<String>> {
    all(
        writing.connection,
        "SELECT address_key FROM barred_address WHERE workspace_id = $1 AND user_id = $2 \
         ORDER BY address_key",
        params![writing.workspace, id],
        |row| row.get(0),
    )
    .await
}
