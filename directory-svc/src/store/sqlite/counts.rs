//! How many people and groups are here, by their place in the order of creation: what finds the n-th of a
//! million without walking there.

use rusqlite::{Connection, params};

use super::statement::{all, one, run};
use super::writing::Writing;
use crate::ids::WorkspaceId;
use crate::store::{Answer, Kind, Revision};

/// How many seqs a counter of each level spans.
const SPANS: [u64; 2] = [256, 65_536];

/// Notes that one at this seq came (1) or went (-1).
pub(super) fn note(writing: &Writing<'_>, kind: Kind, seq: Revision, by: i64) -> Answer<()> {
    for (level, span) in (1..).zip(SPANS) {
        run(
            writing.connection,
            "INSERT INTO listing_count (workspace_id, kind, level, bucket, living) \
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (workspace_id, kind, level, bucket) \
             DO UPDATE SET living = living + excluded.living",
            params![writing.workspace, kind, level, seq / span, by],
        )?;
    }
    Ok(())
}

/// Counts those anew who came with a workspace.
pub(super) fn count_anew(connection: &Connection, workspace: WorkspaceId) -> Answer<()> {
    for (level, span) in (1..).zip(SPANS) {
        for (kind, table) in [(Kind::User, "user"), (Kind::Group, "scim_group")] {
            let sql = format!(
                "INSERT INTO listing_count (workspace_id, kind, level, bucket, living) \
                 SELECT workspace_id, ?2, ?3, seq / ?4, count(*) FROM {table} \
                 WHERE workspace_id = ?1 GROUP BY seq / ?4"
            );
            run(connection, &sql, params![workspace, kind, level, span])?;
        }
    }
    Ok(())
}

/// How many there are.
pub(super) fn total(connection: &Connection, workspace: WorkspaceId, kind: Kind) -> Answer<u64> {
    let sum = one(
        connection,
        "SELECT sum(living) FROM listing_count WHERE workspace_id = ?1 AND kind = ?2 AND level = 2",
        params![workspace, kind],
        |row| row.get::<_, Option<u64>>(0),
    )?;
    Ok(sum.flatten().unwrap_or(0))
}

/// Where those begin of whom `skip` come before: a seq, and how many from it on are still to be skipped,
/// fewer than a counter spans. `None`: there are not so many.
pub(super) fn place(
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
            "SELECT bucket, living FROM listing_count WHERE workspace_id = ?1 AND kind = ?2 \
             AND level = ?3 AND bucket BETWEEN ?4 AND ?5 ORDER BY bucket",
            params![workspace, kind, level, first, last],
            |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?)),
        )?;
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::store::sqlite::{connection, migrations};
    use crate::store::{Author, OperationId, Write};

    /// Seen to fail with the counters of the second level left out, and with a place one too early.
    #[test]
    fn any_place_is_found_over_both_levels() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite3");
        connection::create(&path).unwrap();
        let mut connection = connection::writer(&path).unwrap();
        migrations::run(&mut connection).unwrap();
        let workspace = WorkspaceId::new(Uuid::from_u128(1));
        let write = Write {
            operation: OperationId("test".into()),
            author: Author::Service("test".into()),
            at: 0,
        };
        let writing = Writing { connection: &connection, workspace, write };
        // In clusters over the borders of counters, some of whom are gone again.
        let borders = [1, 255, 65_535, 65_536 * 2, 65_536 * 9 + 300];
        let seqs: Vec<u64> = borders.iter().flat_map(|&from| from..from + 3).collect();
        for &seq in &seqs {
            note(&writing, Kind::User, seq, 1).unwrap();
            note(&writing, Kind::User, seq + 10, 1).unwrap();
            note(&writing, Kind::User, seq + 10, -1).unwrap();
        }
        let find = |skip| place(&connection, workspace, Kind::User, skip).unwrap();
        for (at, &seq) in seqs.iter().enumerate() {
            let (from, rest) = find(at as u64).unwrap();
            let behind: Vec<u64> = seqs.iter().copied().filter(|&s| s >= from).collect();
            assert!(rest < SPANS[0]);
            assert_eq!(behind[usize::try_from(rest).unwrap()], seq, "{at}");
        }
        assert_eq!(find(seqs.len() as u64), None);
        assert_eq!(total(&connection, workspace, Kind::User).unwrap(), seqs.len() as u64);
        assert_eq!(total(&connection, workspace, Kind::Group).unwrap(), 0);
    }
}
