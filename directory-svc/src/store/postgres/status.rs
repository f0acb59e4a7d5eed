//! What integrations were seen to do.

use super::connection::Connection;
use super::statement::{Row, one, params, run};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::store::{Answer, IntegrationStatus, SeenError, SeenRefusal};

/// Nothing, where nothing was seen.
pub(super) async fn find(
    connection: &Connection,
    workspace: WorkspaceId,
    id: IntegrationId,
) -> Answer<IntegrationStatus> {
    let found = one(
        connection,
        "SELECT first_request_at, last_request_at, dialect, test_at, error_at, error_http_status, \
         error_reason, error_detail, refusal_at, refusal_cause, refusal_key_id \
         FROM integration_status WHERE workspace_id = $1 AND integration_id = $2",
        params![workspace, id],
        read,
    )
    .await?;
    Ok(found.unwrap_or_default())
}

/// Adds what was seen to what is kept. Of an integration that is not there nothing is.
pub(super) async fn note(
    connection: &Connection,
    workspace: WorkspaceId,
    id: IntegrationId,
    seen: &IntegrationStatus,
) -> Answer<()> {
    let seen = find(connection, workspace, id).await?.and(seen.clone());
    let (error, refusal) = (seen.last_error.as_ref(), seen.last_refusal.as_ref());
    run(
        connection,
        "INSERT INTO integration_status (workspace_id, integration_id, first_request_at, \
         last_request_at, dialect, test_at, error_at, error_http_status, error_reason, \
         error_detail, refusal_at, refusal_cause, refusal_key_id) \
         SELECT workspace_id, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 \
         FROM integration WHERE workspace_id = $1 AND id = $2 \
         ON CONFLICT (workspace_id, integration_id) DO UPDATE SET \
         first_request_at = excluded.first_request_at, \
         last_request_at = excluded.last_request_at, dialect = excluded.dialect, \
         test_at = excluded.test_at, error_at = excluded.error_at, \
         error_http_status = excluded.error_http_status, error_reason = excluded.error_reason, \
         error_detail = excluded.error_detail, refusal_at = excluded.refusal_at, \
         refusal_cause = excluded.refusal_cause, refusal_key_id = excluded.refusal_key_id",
        params![
            workspace,
            id,
            seen.first_request_at,
            seen.last_request_at,
            seen.dialect,
            seen.test_at,
            error.map(|error| error.at),
            error.map(|error| error.http_status),
            error.map(|error| error.reason),
            error.map(|error| &error.detail),
            refusal.map(|refusal| refusal.at),
            refusal.map(|refusal| refusal.cause),
            refusal.map(|refusal| refusal.key_id),
        ],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Answer<IntegrationStatus> {
    let last_error = match row.get(4)? {
        Some(at) => Some(SeenError {
            at,
            http_status: row.get(5)?,
            reason: row.get(6)?,
            detail: row.get(7)?,
        }),
        None => None,
    };
    let last_refusal = match row.get(8)? {
        Some(at) => Some(SeenRefusal { at, cause: row.get(9)?, key_id: row.get(10)? }),
        None => None,
    };
    Ok(IntegrationStatus {
        first_request_at: row.get(0)?,
        last_request_at: row.get(1)?,
        dialect: row.get(2)?,
        test_at: row.get(3)?,
        last_error,
        last_refusal,
    })
}
