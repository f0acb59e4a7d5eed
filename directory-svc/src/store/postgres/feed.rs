//! The changes of all workspaces in one order.
//!
//! Transactions commit side by side, so that nothing which a write knows before its commit tells its place. The
//! place is given out afterwards: whoever reads the feed first gives one to each change that is committed and has
//! none, in one transaction that has the feed's row locked. A change that is committed later is numbered later,
//! and nobody waits for a transaction that takes long, whosever it is.

use std::time::Duration;

use tokio::sync::watch;

use super::PostgresStore;
use super::changes;
use super::connection::{Connection, Connections};
use super::group::Group;
use super::readers::{point, state};
use super::statement::{Row, all, one, params, run};
use crate::clock::Micros;
use crate::store::feed::CHANGES_BYTES;
use crate::store::{Answer, Fed, FeedMark, FeedStore};

/// How many changes are numbered in a transaction at the most.
const NUMBERED: u32 = 1_000;
/// How often it is looked whether other processes have committed anything: so often that it is told in time
/// ([`FeedStore::committed`]) when the server takes a moment to answer.
const LOOK: Duration = Duration::from_millis(50);

/// The feed's row, and whether there are changes without a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Standing {
    last: u64,
    cleared: u64,
    is_fresh: bool,
}

impl PostgresStore {
    /// Gives a place to all changes that were committed before; answers the last place given out.
    pub(super) async fn number(&self) -> Answer<u64> {
        let Standing { last, is_fresh, .. } = point!(self.0, |connection| standing(connection))?;
        if !is_fresh {
            return Ok(last);
        }
        loop {
            let number = async |group: &Group| number(group.connection()?).await;
            let (last, is_rest) = self.0.writer.run(None, number).await?;
            if !is_rest {
                return Ok(last);
            }
        }
    }
}

impl FeedStore for PostgresStore {
    async fn feed_begin(&self) -> Answer<FeedMark> {
        let standing = point!(self.0, |connection| standing(connection))?;
        Ok(mark(standing.cleared))
    }

    async fn feed_end(&self) -> Answer<FeedMark> {
        Ok(mark(self.number().await?))
    }

    async fn feed(&self, after: FeedMark, limit: u32) -> Answer<Option<Vec<Fed>>> {
        if self.feed_end().await? == after {
            return Ok(Some(Vec::new()));
        }
        state!(self.0, |connection| list(connection, &after, limit))
    }

    async fn clear_changes(&self, before: Micros, limit: u32) -> Answer<u64> {
        self.number().await?;
        let clear = async move |group: &Group| clear(group.connection()?, before, limit).await;
        self.0.writer.run(None, clear).await
    }

    fn committed(&self) -> watch::Receiver<()> {
        self.0.writer.committed()
    }
}

async fn standing(connection: &Connection) -> Answer<Standing> {
    let found = one(
        connection,
        "SELECT last, cleared, EXISTS (SELECT 1 FROM change WHERE position IS NULL) FROM feed \
         WHERE id = 1",
        &[],
        |row| Ok(Standing { last: row.get(0)?, cleared: row.get(1)?, is_fresh: row.get(2)? }),
    )
    .await?;
    Ok(found.unwrap_or_default())
}

/// Locks the feed's row: nobody else gives out places, or clears any, until the transaction ends. Its statements
/// from then on see what whoever had it before has done. Answers the last place given out.
async fn lock(connection: &Connection) -> Answer<u64> {
    let sql = "SELECT last FROM feed WHERE id = 1 FOR UPDATE";
    Ok(one(connection, sql, &[], |row| row.get(0)).await?.unwrap_or_default())
}

/// Gives places to some of the changes that have none: those of a workspace by revision, those of several by the
/// times that each had reached. Answers the last place given out, and whether there may be more without one.
async fn number(connection: &Connection) -> Answer<(u64, bool)> {
    let last = lock(connection).await?;
    let numbered = run(
        connection,
        "UPDATE change c SET position = $1 + f.place FROM ( \
         SELECT workspace_id, revision, \
         row_number() OVER (ORDER BY reached, workspace_id, revision) AS place FROM ( \
         SELECT workspace_id, revision, \
         max(at) OVER (PARTITION BY workspace_id ORDER BY revision) AS reached FROM ( \
         SELECT workspace_id, revision, at FROM change WHERE position IS NULL \
         ORDER BY workspace_id, revision LIMIT $2) fresh) timed) f \
         WHERE c.workspace_id = f.workspace_id AND c.revision = f.revision",
        params![last, NUMBERED],
    )
    .await?;
    let last = last + numbered;
    run(connection, "UPDATE feed SET last = $1 WHERE id = 1", params![last]).await?;
    Ok((last, numbered == u64::from(NUMBERED)))
}

/// The place of a mark; `None`: it is none that this store gave out.
pub(super) async fn position(connection: &Connection, mark: &FeedMark) -> Answer<Option<u64>> {
    let Standing { last, .. } = standing(connection).await?;
    Ok(place(mark).filter(|place| *place <= last))
}

async fn list(connection: &Connection, after: &FeedMark, limit: u32) -> Answer<Option<Vec<Fed>>> {
    let Standing { last, cleared, .. } = standing(connection).await?;
    let place = place(after).filter(|place| (cleared..=last).contains(place));
    let Some(place) = place else { return Ok(None) };
    let columns = changes::COLUMNS;
    let sql = format!(
        "SELECT {columns}, position, workspace_id FROM (SELECT {columns}, position, workspace_id, {} \
         FROM change WHERE position > $1 ORDER BY position LIMIT $2) page \
         WHERE taken < $3 ORDER BY position",
        changes::room("position")
    );
    let read = |row: &Row| {
        let (mark, workspace_id) = (mark(row.get(9)?), row.get(10)?);
        Ok(Fed { mark, workspace_id, change: changes::read(row)? })
    };
    all(connection, &sql, params![place, limit, CHANGES_BYTES], read).await.map(Some)
}

/// Clears from the beginning of the feed, so that each workspace keeps its changes without a gap.
async fn clear(connection: &Connection, before: Micros, limit: u32) -> Answer<u64> {
    lock(connection).await?;
    let earliest = all(
        connection,
        "SELECT position, at FROM change WHERE position IS NOT NULL ORDER BY position LIMIT $1",
        params![limit],
        |row| Ok((row.get::<u64>(0)?, row.get::<Micros>(1)?)),
    )
    .await?;
    let old = earliest.into_iter().take_while(|(_, at)| *at < before);
    let Some((place, _)) = old.last() else { return Ok(0) };
    run(connection, "UPDATE feed SET cleared = $1 WHERE id = 1", params![place]).await?;
    Ok(run(connection, "DELETE FROM change WHERE position <= $1", params![place]).await?)
}

/// Moves the feed, its changes and what was acknowledged of them, so that no mark stays good that any store gave out
/// before `now`: what comes in then may be older than what lies behind such a mark, and a mark of the store that it
/// comes from is none of this one. Places begin at the time in microseconds, as no store gives out a million in a
/// second.
pub(super) async fn begin_anew(connection: &Connection, now: Micros) -> Answer<()> {
    let last = lock(connection).await?;
    let Standing { cleared, .. } = standing(connection).await?;
    let begin = u64::try_from(now).unwrap_or(0).max(last + 1);
    let on = begin - cleared;
    for sql in [
        "UPDATE change SET position = position + $1 WHERE position IS NOT NULL",
        "UPDATE consumer SET position = position + $1",
        // None takes the place of another meanwhile: below zero there are none.
        "UPDATE receipt SET position = -(position + $1)",
        "UPDATE feed SET last = last + $1, cleared = cleared + $1 WHERE id = 1",
    ] {
        run(connection, sql, params![on]).await?;
    }
    run(connection, "UPDATE receipt SET position = -position", &[]).await?;
    Ok(())
}

/// A mark of this engine: the place, comparable as bytes.
fn mark(place: u64) -> FeedMark {
    FeedMark(place.to_be_bytes().to_vec())
}

fn place(mark: &FeedMark) -> Option<u64> {
    <[u8; 8]>::try_from(mark.0.as_slice()).map(u64::from_be_bytes).ok()
}

/// Looks whether other processes have committed anything, for as long as anybody wants to be told. A server
/// that does not answer is asked again: who follows the feed reads it from time to time all the same.
pub(super) async fn listen(connections: Connections, committed: watch::Sender<()>) {
    let mut known = Standing::default();
    loop {
        tokio::time::sleep(LOOK).await;
        if committed.receiver_count() == 0 {
            continue;
        }
        let found = match connections.get().await {
            Ok(connection) => standing(&connection).await,
            Err(error) => Err(error),
        };
        if let Ok(found) = found
            && (found.is_fresh || found != known)
        {
            known = found;
            committed.send_replace(());
        }
    }
}
