//! How many people and groups are here, by their place in the order of creation: what finds the n-th of a
//! million without walking there.

use super::connection::Connection;
use super::statement::{all, one, params, run};
use super::writing::Writing;
use crate::ids::WorkspaceId;
use crate::store::{Answer, Kind, Revision};

/// How many seqs a counter of each level spans.
const SPANS: [u64; 2] = [256, 65_536];

/// Notes that one at this seq came (1) or went (-1).
pub(super) async fn note(writing: &Writing<'_>, kind: Kind, seq: Revision, by: i64) -> Answer<()> {
    let [small, large] = SPANS;
    run(
        writing.connection,
        "INSERT INTO listing_count (workspace_id, kind, level, bucket, living) \
         VALUES ($1, $2, 1, $3, $5), ($1, $2, 2, $4, $5) \
         ON CONFLICT (workspace_id, kind, level, bucket) \
         DO UPDATE SET living = listing_count.living + excluded.living",
        params![writing.workspace, kind, seq / small, seq / large, by],
    )
    .await?;
    Ok(())
}

/// Counts all of a workspace of which nothing was counted before.
pub(super) async fn count_anew(connection: &Connection, workspace: WorkspaceId) -> Answer<()> {
    for (level, span) in (1_u64..).zip(SPANS) {
        for (kind, table) in [(Kind::User, "scim_user"), (Kind::Group, "scim_group")] {
            let sql = format!(
                "INSERT INTO listing_count (workspace_id, kind, level, bucket, living) \
                 SELECT workspace_id, $2, $3, seq / $4, count(*) FROM {table} \
                 WHERE workspace_id = $1 GROUP BY workspace_id, seq / $4"
            );
            run(connection, &sql, params![workspace, kind, level, span]).await?;
        }
    }
    Ok(())
}

/// How many there are.
pub(super) async fn total(
    connection: &Connection,
    workspace: WorkspaceId,
    kind: Kind,
) -> Answer<u64> {
    let sum = one(
        connection,
        "SELECT sum(living)::int8 FROM listing_count WHERE workspace_id = $1 AND kind = $2 AND level = 2",
        params![workspace, kind],
        |row| row.get::<Option<u64>>(0),
    ).await?;
    Ok(sum.flatten().unwrap_or(0))
}

/// Where those begin of whom `skip` come before: a seq, and how many from it on are still to be skipped,
/// fewer than a counter spans. `None`: there are not so many.
pub(super) async fn place(
    connection: &Connection,
    workspace: WorkspaceId,
    kind: Kind,
    skip: u64,
) -> Answer<Option<(Revision, u64)>> {
    let [small, large] = SPANS;
    let (mut skip, mut from) = (skip, 0);
    for (level, span) in [(2, large), (1, small)] {
        let first = from / span;
        // Level 1 is looked at within one counter of level 2 alone.
        let last = if level == 2 { i64::MAX.unsigned_abs() } else { first + large / small - 1 };
        let buckets = all(
            connection,
            "SELECT bucket, living FROM listing_count WHERE workspace_id = $1 AND kind = $2 \
             AND level = $3 AND bucket BETWEEN $4 AND $5 ORDER BY bucket",
            params![workspace, kind, level, first, last],
            |row| Ok((row.get::<u64>(0)?, row.get::<u64>(1)?)),
        )
        .await?;
        let mut found = None;
        for (bucket, living) in buckets {
            if skip < living {
                found = Some(bucket);
                break;
            }
            skip -= living;
        }
        let Some(bucket) = found else { return Ok(None) };
        from = bucket * span;
    }
    Ok(Some((from, skip)))
}
