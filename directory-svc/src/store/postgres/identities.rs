//! Identities by which people sign in.

use super::connection::Connection;
use super::doorsteps;
use super::statement::{all, one, params, run};
use super::writing::{Changed, Writing};
use crate::ids::{UserId, WorkspaceId};
use crate::store::record::{Detail, image_of_link};
use crate::store::{Answer, ChangeKind, Doorstep, Identity, Link, LoginEmail};

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    of: UserId,
) -> Answer<Vec<Link>> {
    all(
        connection,
        "SELECT issuer, subject, linked_at FROM identity WHERE workspace_id = $1 AND user_id = $2 \
         ORDER BY issuer",
        params![workspace, of],
        |row| {
            let identity = Identity { issuer: row.get(0)?, subject: row.get(1)? };
            Ok(Link { identity, linked_at: row.get(2)? })
        },
    )
    .await
}

pub(super) async fn link(
    writing: &Writing<'_>,
    email: &LoginEmail,
    identity: &Identity,
    decide: &impl Fn(&Doorstep) -> Option<UserId>,
) -> Answer<Option<UserId>> {
    let met = doorsteps::one_of(writing.connection, writing.workspace, email, identity).await?;
    let Some(id) = met.as_ref().and_then(decide) else { return Ok(None) };
    let revision = writing.next_revision();
    run(
        writing.connection,
        "INSERT INTO identity (workspace_id, issuer, subject, user_id, linked_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, issuer, subject) DO UPDATE SET \
         user_id = excluded.user_id, linked_at = excluded.linked_at",
        params![writing.workspace, identity.issuer, identity.subject, id, writing.write.at],
    )
    .await?;
    let changed = Changed {
        kind: ChangeKind::IdentityLinked,
        subject: &id.to_string(),
        before: None,
        detail: Detail::of_issuer(&identity.issuer),
    };
    writing.record(revision, changed).await?;
    Ok(Some(id))
}

pub(super) async fn unlink(writing: &Writing<'_>, of: UserId, issuer: &str) -> Answer<bool> {
    let subject = of.to_string();
    if writing.repeated(&[ChangeKind::IdentityUnlinked], Some(&subject)).await?.is_some() {
        return Ok(true);
    }
    let link = one(
        writing.connection,
        "SELECT subject, linked_at FROM identity \
         WHERE workspace_id = $1 AND user_id = $2 AND issuer = $3",
        params![writing.workspace, of, issuer],
        |row| {
            let identity = Identity { issuer: issuer.to_owned(), subject: row.get(0)? };
            Ok(Link { identity, linked_at: row.get(1)? })
        },
    )
    .await?;
    let Some(link) = link else { return Ok(false) };
    let revision = writing.next_revision();
    run(
        writing.connection,
        "DELETE FROM identity WHERE workspace_id = $1 AND user_id = $2 AND issuer = $3",
        params![writing.workspace, of, issuer],
    )
    .await?;
    let changed = Changed {
        kind: ChangeKind::IdentityUnlinked,
        subject: &subject,
        before: Some(image_of_link(&link)),
        detail: Detail::of_issuer(issuer),
    };
    writing.record_act(revision, "identity.unlinked", changed, None).await?;
    Ok(true)
}

/// Forgets the identities of somebody who is not here any more.
pub(super) async fn release(writing: &Writing<'_>, of: UserId) -> Answer<()> {
    run(
        writing.connection,
        "DELETE FROM identity WHERE workspace_id = $1 AND user_id = $2 \
         AND NOT EXISTS (SELECT 1 FROM scim_user WHERE workspace_id = $1 AND id = $2)",
        params![writing.workspace, of],
    )
    .await?;
    Ok(())
}

/// Forgets the identities of somebody who is restored.
pub(super) async fn forget(writing: &Writing<'_>, of: UserId) -> Answer<()> {
    run(
        writing.connection,
        "DELETE FROM identity WHERE workspace_id = $1 AND user_id = $2",
        params![writing.workspace, of],
    )
    .await?;
    Ok(())
}
