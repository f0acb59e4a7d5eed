//! Domains that were not verified when somebody was provisioned with an address of one. A note for the
//! workspace's admins: it takes no revision, and losing the last of it in a crash harms nobody.

use serde_json::json;

use super::connection::Connection;
use super::statement::{Row, all, one, params, run};
use crate::ids::WorkspaceId;
use crate::store::{Answer, REFUSED_DOMAINS, RefusedDomain, StoreError};

const COLUMNS: &str = "domain, count, samples, first_at, last_at";

pub(super) async fn list(
    connection: &Connection,
    workspace: WorkspaceId,
    after: &str,
    limit: u32,
) -> Answer<Vec<RefusedDomain>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM refused_domain WHERE workspace_id = $1 AND domain > $2 \
         ORDER BY domain LIMIT $3"
    );
    all(connection, &sql, params![workspace, after, limit], read).await
}

pub(super) async fn note(
    connection: &Connection,
    workspace: WorkspaceId,
    refused: &[RefusedDomain],
) -> Answer<()> {
    let sql =
        format!("SELECT {COLUMNS} FROM refused_domain WHERE workspace_id = $1 AND domain = $2");
    for refused in refused {
        let standing = one(connection, &sql, params![workspace, refused.domain], read).await?;
        let sum = standing.map_or(refused.clone(), |standing| standing.and(refused.clone()));
        run(
            connection,
            "INSERT INTO refused_domain \
             (workspace_id, domain, count, samples, first_at, last_at) \
             SELECT id, $2, $3, $4, $5, $6 FROM workspace WHERE id = $1 AND NOT EXISTS ( \
             SELECT 1 FROM domain WHERE workspace_id = $1 AND name = $2 AND state = 'verified') \
             ON CONFLICT (workspace_id, domain) DO UPDATE SET count = excluded.count, \
             samples = excluded.samples, first_at = excluded.first_at, last_at = excluded.last_at",
            params![
                workspace,
                sum.domain,
                sum.count,
                json!(sum.samples).to_string(),
                sum.first_at,
                sum.last_at
            ],
        )
        .await?;
    }
    run(
        connection,
        "DELETE FROM refused_domain WHERE workspace_id = $1 AND domain IN ( \
         SELECT domain FROM refused_domain WHERE workspace_id = $1 \
         ORDER BY last_at DESC, domain OFFSET $2)",
        params![workspace, REFUSED_DOMAINS],
    )
    .await?;
    Ok(())
}

/// Forgets a domain, now that it is verified.
pub(super) async fn forget(
    connection: &Connection,
    workspace: WorkspaceId,
    domain: &str,
) -> Answer<()> {
    run(
        connection,
        "DELETE FROM refused_domain WHERE workspace_id = $1 AND domain = $2",
        params![workspace, domain],
    )
    .await?;
    Ok(())
}

fn read(row: &Row) -> Answer<RefusedDomain> {
    let samples = serde_json::from_str(&row.get::<String>(2)?)
        .map_err(|error| StoreError::Fault(Box::new(error)))?;
    Ok(RefusedDomain {
        domain: row.get(0)?,
        count: row.get(1)?,
        samples,
        first_at: row.get(3)?,
        last_at: row.get(4)?,
    })
}
