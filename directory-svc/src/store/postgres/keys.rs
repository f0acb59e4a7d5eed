//! API keys: their hashes and what they open.

use super::connection::Connection;
use super::failure::fault;
use super::statement::{Row, all, one, params, run};
use super::workspaces;
use super::writing::{Changed, Writing};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, IntegrationId, WorkspaceId};
use crate::refusal::Refusal;
use crate::store::record::{Detail, image_of_api_key, image_of_rotation};
use crate::store::words::Word;
use crate::store::{
    Answer, ApiKey, ChangeKind, KeyGrant, KeyHash, Revision, Rotation, Scope, StoreError,
};

pub(super) const COLUMNS: &str = "k.id, k.integration_id, k.display_name, k.hint, k.created_at, k.expires_at, \
                       k.revoked_at, k.last_used_at, k.scopes, k.networks, k.replaced_by";
/// How many they are.
pub(super) const COLUMN_COUNT: usize = 11;

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    of: IntegrationId,
) -> Answer<Vec<ApiKey>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM api_key k WHERE k.workspace_id = $1 AND k.integration_id = $2 \
         ORDER BY k.seq"
    );
    all(connection, &sql, params![workspace, of], read).await
}

pub(super) async fn grant(
    connection: &Connection,
    workspace: WorkspaceId,
    hash: KeyHash,
) -> Answer<Option<KeyGrant>> {
    let sql = format!(
        "SELECT {COLUMNS}, i.state, w.suspended_at, w.suspended_by, w.suspend_reason, w.revision \
         FROM api_key k \
         JOIN integration i ON i.workspace_id = k.workspace_id AND i.id = k.integration_id \
         JOIN workspace w ON w.id = k.workspace_id \
         WHERE k.workspace_id = $1 AND k.key_hash = $2"
    );
    one(connection, &sql, params![workspace, hash], |row| {
        let suspension = workspaces::suspension(row, 12)?;
        let (state, revision) = (row.get(11)?, row.get(15)?);
        Ok(KeyGrant { key: read(row)?, state, suspension, revision })
    })
    .await
}

pub(super) async fn add(
    writing: &Writing<'_>,
    key: &ApiKey,
    hash: KeyHash,
    decide: &impl Fn(&[ApiKey]) -> Result<(), Refusal>,
) -> Answer<()> {
    let subject = key.id.to_string();
    if writing.repeated(&[ChangeKind::ApiKeyChanged], Some(&subject)).await?.is_some() {
        return Ok(());
    }
    decide(&list(writing.connection, writing.workspace, key.integration_id).await?)?;
    let revision = writing.next_revision();
    insert(writing, key, hash, revision).await?;
    let changed = Changed {
        kind: ChangeKind::ApiKeyChanged,
        subject: &subject,
        before: None,
        detail: Detail::of_state("made"),
    };
    writing.record_act(revision, "key.made", changed, Some(image_of_api_key(key))).await
}

pub(super) async fn rotate(
    writing: &Writing<'_>,
    id: ApiKeyId,
    hash: KeyHash,
    decide: &impl Fn(Option<&ApiKey>, &[ApiKey]) -> Result<Rotation, Refusal>,
) -> Answer<Rotation> {
    let subject = id.to_string();
    let repeated = writing.repeated(&[ChangeKind::ApiKeyChanged], Some(&subject)).await?;
    let standing = find(writing, id).await?;
    if repeated.is_some() {
        let old = standing.ok_or(StoreError::OperationReused)?;
        let new = old.replaced_by.ok_or(StoreError::OperationReused)?;
        let new = find(writing, new).await?.ok_or(StoreError::OperationReused)?;
        return Ok(Rotation { old, new });
    }
    let siblings = match &standing {
        Some(key) => list(writing.connection, writing.workspace, key.integration_id).await?,
        None => Vec::new(),
    };
    let Rotation { old, new } = decide(standing.as_ref(), &siblings)?;
    let revision = writing.next_revision();
    run(
        writing.connection,
        "UPDATE api_key SET expires_at = $3, replaced_by = $4 WHERE workspace_id = $1 AND id = $2",
        params![writing.workspace, id, old.expires_at, new.id],
    )
    .await?;
    insert(writing, &new, hash, revision).await?;
    let changed = Changed {
        kind: ChangeKind::ApiKeyChanged,
        subject: &subject,
        before: standing.as_ref().map(image_of_api_key),
        detail: Detail::of_state("rotated"),
    };
    let old = ApiKey { replaced_by: Some(new.id), ..old };
    writing
        .record_act(revision, "key.rotated", changed, Some(image_of_rotation(&old, &new)))
        .await?;
    Ok(Rotation { old, new })
}

async fn insert(
    writing: &Writing<'_>,
    key: &ApiKey,
    hash: KeyHash,
    revision: Revision,
) -> Answer<()> {
    run(
        writing.connection,
        "INSERT INTO api_key (workspace_id, id, seq, integration_id, key_hash, display_name, hint, \
         created_at, expires_at, revoked_at, last_used_at, scopes, networks, replaced_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            writing.workspace,
            key.id,
            revision,
            key.integration_id,
            hash,
            key.display_name,
            key.hint,
            key.created_at,
            key.expires_at,
            key.revoked_at,
            key.last_used_at,
            in_words(key.scopes.iter().map(|scope| scope.word())),
            in_words(key.networks.iter().map(ToString::to_string)),
            key.replaced_by,
        ],
    )
    .await?;
    Ok(())
}

/// Values that are kept in one text, separated by blanks.
fn in_words(values: impl Iterator<Item = impl AsRef<str>>) -> String {
    values.fold(String::new(), |mut text, value| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(value.as_ref());
        text
    })
}

/// The values of such a text.
fn of_words<T>(row: &Row, column: usize, read: impl Fn(&str) -> Option<T>) -> Answer<Vec<T>> {
    let text: String = row.get(column)?;
    let strange = || fault("a list of words of a key cannot be read");
    text.split_ascii_whitespace().map(|word| read(word).ok_or_else(strange)).collect()
}

pub(super) async fn revoke(writing: &Writing<'_>, id: ApiKeyId) -> Answer<Option<ApiKey>> {
    let subject = id.to_string();
    let repeated = writing.repeated(&[ChangeKind::ApiKeyChanged], Some(&subject)).await?;
    let Some(standing) = find(writing, id).await? else { return Ok(None) };
    if standing.revoked_at.is_some() {
        return Ok(Some(standing));
    }
    // The earlier write of this name made the key.
    if repeated.is_some() {
        return Err(StoreError::OperationReused);
    }
    let revision = writing.next_revision();
    let revoked = ApiKey { revoked_at: Some(writing.write.at), ..standing.clone() };
    run(
        writing.connection,
        "UPDATE api_key SET revoked_at = $3 WHERE workspace_id = $1 AND id = $2",
        params![writing.workspace, id, revoked.revoked_at],
    )
    .await?;
    let changed = Changed {
        kind: ChangeKind::ApiKeyChanged,
        subject: &subject,
        before: Some(image_of_api_key(&standing)),
        detail: Detail::of_state("revoked"),
    };
    writing.record_act(revision, "key.revoked", changed, Some(image_of_api_key(&revoked))).await?;
    Ok(Some(revoked))
}

pub(super) async fn note_use(
    connection: &Connection,
    workspace: WorkspaceId,
    id: ApiKeyId,
    at: Micros,
) -> Answer<()> {
    run(
        connection,
        "UPDATE api_key SET last_used_at = greatest(last_used_at, $3) \
         WHERE workspace_id = $1 AND id = $2",
        params![workspace, id, at],
    )
    .await?;
    Ok(())
}

async fn find(writing: &Writing<'_>, id: ApiKeyId) -> Answer<Option<ApiKey>> {
    let sql = format!("SELECT {COLUMNS} FROM api_key k WHERE k.workspace_id = $1 AND k.id = $2");
    one(writing.connection, &sql, params![writing.workspace, id], read).await
}

pub(super) fn read(row: &Row) -> Answer<ApiKey> {
    Ok(ApiKey {
        id: row.get(0)?,
        integration_id: row.get(1)?,
        display_name: row.get(2)?,
        hint: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        revoked_at: row.get(6)?,
        last_used_at: row.get(7)?,
        scopes: of_words(row, 8, Scope::of)?,
        networks: of_words(row, 9, |word| word.parse().ok())?,
        replaced_by: row.get(10)?,
    })
}
