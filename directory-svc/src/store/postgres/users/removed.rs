//! Removing people to tombstones, and bringing them back.

use super::write::{Place, drop_binding, drop_emails, image, insert, standing};
use super::{find, read};
use crate::clock::Micros;
use crate::ids::{UserId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::edits::rejoin_list;
use crate::store::postgres::connection::Connection;
use crate::store::postgres::failure::fault;
use crate::store::postgres::statement::{Row, all, one, params, run};
use crate::store::postgres::writing::{Changed, Writing};
use crate::store::postgres::{allowed, counts, domains, groups, identities, passage};
use crate::store::record::Detail;
use crate::store::{Answer, ChangeKind, Draft, Kind, Passage, Policy, Revision, Tombstone, User};

/// In the order of the living, then what a tombstone has besides.
const COLUMNS: &str = "id, document, login_email, login_email_key, active, integration_id, \
                       external_id, revision, seq, created_at, modified_at, has_left, provided, FALSE, \
                       deleted_at, expires_at, member_of";

pub(in crate::store::postgres) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: Revision,
    limit: u32,
) -> Answer<Vec<Tombstone<User>>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM deleted_user WHERE workspace_id = $1 AND seq > $2 \
         ORDER BY seq LIMIT $3"
    );
    all(connection, &sql, params![workspace, after, limit], read_tombstone).await
}

pub(in crate::store::postgres) async fn remove(
    writing: &Writing<'_>,
    id: UserId,
    expires_at: Micros,
    decide: &impl Fn(Option<&User>) -> Result<Passage, Refusal>,
) -> Answer<Revision> {
    let subject = id.to_string();
    if let Some(earlier) = writing.repeated(&[ChangeKind::UserDeleted], Some(&subject)).await? {
        return Ok(earlier.revision);
    }
    let person = find(writing.connection, writing.workspace, id).await?;
    let passage = decide(person.as_ref())?;
    let person = person.ok_or_else(|| fault("a person who is not here was to be removed"))?;
    passage::keep(writing, id, &passage, None, person.binding.is_some()).await?;
    let revision = writing.next_revision();
    let left = groups::leave_all(writing, id.into(), revision).await?;
    bury(writing, id, expires_at, &rejoin_list(&left)).await?;
    drop_emails(writing, id).await?;
    drop_binding(writing, id).await?;
    counts::note(writing, Kind::User, person.seq, -1).await?;
    run(
        writing.connection,
        "DELETE FROM scim_user WHERE workspace_id = $1 AND id = $2",
        params![writing.workspace, id],
    )
    .await?;
    let changed = Changed {
        kind: ChangeKind::UserDeleted,
        subject: &subject,
        before: Some(image(&person)?),
        detail: Detail::of_user(Some(&person), None).with_groups(&left),
    };
    if person.binding.is_some() && writing.write.author.integration().is_none() {
        writing.record_act(revision, "user.removed", changed, None).await?;
    } else {
        writing.record(revision, changed).await?;
    }
    Ok(revision)
}

pub(in crate::store::postgres) async fn restore(
    writing: &Writing<'_>,
    id: UserId,
    decide: &impl Fn(&Policy, Option<&Tombstone<User>>) -> Result<Draft, Refusal>,
) -> Answer<User> {
    let repeated = writing.repeated(&[ChangeKind::UserRestored], Some(&id.to_string())).await?;
    if repeated.is_some() {
        return standing(writing, id).await;
    }
    let policy = domains::policy(writing.connection, writing.workspace).await?;
    let sql = format!("SELECT {COLUMNS} FROM deleted_user WHERE workspace_id = $1 AND id = $2");
    let key = params![writing.workspace, id];
    let found = one(writing.connection, &sql, key, |row| {
        Ok((read_tombstone(row)?, row.get::<String>(16)?))
    })
    .await?;
    let tombstone = found.as_ref().map(|(tombstone, _)| tombstone);
    let draft = allowed::decided(writing, policy, |policy| decide(policy, tombstone)).await?;
    let (tombstone, member_of) =
        found.ok_or_else(|| fault("a person without a tombstone was restored"))?;
    let removed = tombstone.was;
    identities::forget(writing, id).await?;
    run(
        writing.connection,
        "DELETE FROM deleted_user WHERE workspace_id = $1 AND id = $2",
        params![writing.workspace, id],
    )
    .await?;
    let place = Place { id, seq: Some(removed.seq), created_at: removed.created_at };
    Box::pin(insert(writing, place, &draft, ChangeKind::UserRestored, &member_of)).await
}

async fn bury(
    writing: &Writing<'_>,
    id: UserId,
    expires_at: Micros,
    member_of: &str,
) -> Answer<()> {
    run(
        writing.connection,
        "INSERT INTO deleted_user (workspace_id, id, seq, revision, login_email, login_email_key, \
         active, integration_id, external_id, provided, created_at, modified_at, has_left, \
         deleted_at, expires_at, document, member_of) \
         SELECT u.workspace_id, u.id, u.seq, u.revision, u.login_email, u.login_email_key, \
         u.active, b.integration_id, b.external_id, b.provided, u.created_at, u.modified_at, \
         u.has_left, $3, $4, u.document, $5 \
         FROM scim_user u LEFT JOIN binding b ON b.workspace_id = u.workspace_id AND b.user_id = u.id \
         WHERE u.workspace_id = $1 AND u.id = $2",
        params![writing.workspace, id, writing.write.at, expires_at, member_of],
    ).await?;
    Ok(())
}

fn read_tombstone(row: &Row) -> Answer<Tombstone<User>> {
    Ok(Tombstone { was: read(row)?, deleted_at: row.get(14)?, expires_at: row.get(15)? })
}
