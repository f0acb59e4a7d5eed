//! What a sign-in meets: a few look-ups for each workspace that has the domain, the guest or the identity.

use std::collections::BTreeMap;

use super::connection::Connection;
use super::statement::{Row, all, one, params};
use crate::ids::{UserId, WorkspaceId};
use crate::store::{Answer, Doorstep, EmailJoin, Footing, Holder, Identity, LoginEmail};

/// From the domain to the people, never the other way round: JOIN keeps the order.
pub(super) const VERIFIED: &str = "SELECT d.workspace_id, w.suspended_at IS NOT NULL, w.email_join, u.id, \
     u.active IS NOT FALSE FROM domain d JOIN workspace w ON w.id = d.workspace_id \
     LEFT JOIN scim_user u ON u.workspace_id = d.workspace_id AND u.login_email_key = $2 \
     WHERE d.name = $1 AND d.state = 'verified'";
/// Guests, if the domain is not verified.
pub(super) const ALLOWED: &str = "SELECT a.workspace_id, w.suspended_at IS NOT NULL, w.email_join, u.id, \
     u.active IS NOT FALSE FROM allowed_address a JOIN workspace w ON w.id = a.workspace_id \
     JOIN scim_user u ON u.workspace_id = a.workspace_id AND u.login_email_key = a.address_key \
     WHERE a.address_key = $1";
/// Also of people who were removed.
pub(super) const LINKED: &str = "SELECT i.workspace_id, w.suspended_at IS NOT NULL, w.email_join, u.id, \
     u.active IS NOT FALSE, u.login_email_key FROM identity i JOIN workspace w ON w.id = i.workspace_id \
     LEFT JOIN scim_user u ON u.workspace_id = i.workspace_id AND u.id = i.user_id \
     WHERE i.issuer = $1 AND i.subject = $2";
const KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM barred_address WHERE workspace_id = $1 AND address_key = $2) \
     OR EXISTS (SELECT 1 FROM scim_user WHERE workspace_id = $1 AND user_name_key IN ($2, $3, $4)) \
     OR EXISTS (SELECT 1 FROM user_email WHERE workspace_id = $1 AND value_key IN ($2, $3, $4))";

/// What is met in each workspace, in order of id.
pub(super) async fn list(
    connection: &Connection,
    email: &LoginEmail,
    identity: Option<&Identity>,
) -> Answer<Vec<Doorstep>> {
    find(connection, email, identity, None).await
}

/// The same in one workspace.
pub(super) async fn one_of(
    connection: &Connection,
    workspace: WorkspaceId,
    email: &LoginEmail,
    identity: &Identity,
) -> Answer<Option<Doorstep>> {
    Ok(find(connection, email, Some(identity), Some(workspace)).await?.pop())
}

async fn find(
    connection: &Connection,
    email: &LoginEmail,
    identity: Option<&Identity>,
    only: Option<WorkspaceId>,
) -> Answer<Vec<Doorstep>> {
    let is_meant = |row: &Met| only.is_none_or(|only| only == row.workspace_id);
    let mut met = BTreeMap::new();
    let verified = all(connection, VERIFIED, params![email.domain(), email.key], met_by).await?;
    for row in verified.into_iter().filter(is_meant) {
        let holder = row.holder(connection, Footing::Verified).await?;
        let step = row.doorstep(&mut met);
        (step.is_verified, step.by_email) = (true, holder);
    }
    for row in
        all(connection, ALLOWED, params![&email.key], met_by).await?.into_iter().filter(is_meant)
    {
        let holder = row.holder(connection, Footing::Guest).await?;
        let step = row.doorstep(&mut met);
        if !step.is_verified {
            step.by_email = holder;
        }
    }
    if let Some(Identity { issuer, subject }) = identity {
        let linked = all(connection, LINKED, params![issuer, subject], |row| {
            Ok((met_by(row)?, row.get::<Option<String>>(5)?))
        })
        .await?;
        for (row, key) in linked.into_iter().filter(|(row, _)| is_meant(row)) {
            let footing = footing(connection, row.workspace_id, key.as_deref()).await?;
            let holder = row.holder(connection, footing).await?;
            let step = row.doorstep(&mut met);
            (step.is_linked, step.by_identity) = (true, holder);
        }
    }
    for step in met.values_mut() {
        let may_join = step.is_verified && step.email_join == EmailJoin::Open;
        if may_join && step.by_email.is_none() && !step.is_linked {
            step.is_known = is_known(connection, step.workspace_id, email).await?;
        }
    }
    Ok(met.into_values().collect())
}

/// A workspace that is met, and who is met there.
struct Met {
    workspace_id: WorkspaceId,
    is_suspended: bool,
    email_join: EmailJoin,
    user_id: Option<UserId>,
    active: bool,
}

fn met_by(row: &Row) -> Answer<Met> {
    Ok(Met {
        workspace_id: row.get(0)?,
        is_suspended: row.get(1)?,
        email_join: row.get(2)?,
        user_id: row.get(3)?,
        active: row.get(4)?,
    })
}

impl Met {
    fn doorstep<'m>(&self, met: &'m mut BTreeMap<WorkspaceId, Doorstep>) -> &'m mut Doorstep {
        met.entry(self.workspace_id).or_insert_with(|| Doorstep {
            workspace_id: self.workspace_id,
            is_suspended: self.is_suspended,
            email_join: self.email_join,
            is_verified: false,
            by_email: None,
            is_linked: false,
            by_identity: None,
            is_known: true,
        })
    }

    async fn holder(&self, connection: &Connection, footing: Footing) -> Answer<Option<Holder>> {
        let Some(user_id) = self.user_id else { return Ok(None) };
        let identities = all(
            connection,
            "SELECT issuer, subject FROM identity WHERE workspace_id = $1 AND user_id = $2 \
             ORDER BY issuer",
            params![self.workspace_id, user_id],
            |row| Ok(Identity { issuer: row.get(0)?, subject: row.get(1)? }),
        )
        .await?;
        let bound = one(
            connection,
            "SELECT 1 FROM binding WHERE workspace_id = $1 AND user_id = $2",
            params![self.workspace_id, user_id],
            |_| Ok(()),
        )
        .await?;
        let is_bound = bound.is_some();
        Ok(Some(Holder { user_id, active: self.active, footing, is_bound, identities }))
    }
}

/// By what right a login e-mail signs in.
async fn footing(
    connection: &Connection,
    workspace: WorkspaceId,
    key: Option<&str>,
) -> Answer<Footing> {
    let Some((key, (_, domain))) = key.and_then(|key| Some((key, key.rsplit_once('@')?))) else {
        return Ok(Footing::None);
    };
    let verified = one(
        connection,
        "SELECT 1 FROM domain WHERE workspace_id = $1 AND name = $2 AND state = 'verified'",
        params![workspace, domain],
        |_| Ok(Footing::Verified),
    )
    .await?;
    match verified {
        Some(verified) => Ok(verified),
        None if super::allowed::is_allowed(connection, workspace, key).await? => Ok(Footing::Guest),
        None => Ok(Footing::None),
    }
}

/// Whether somebody who is there has the address as another of theirs, or it is barred.
async fn is_known(
    connection: &Connection,
    workspace: WorkspaceId,
    email: &LoginEmail,
) -> Answer<bool> {
    let [key, sent, shown] = email.spellings();
    let known =
        one(connection, KNOWN, params![workspace, key, sent, shown], |row| row.get(0)).await?;
    Ok(known.unwrap_or(true))
}
