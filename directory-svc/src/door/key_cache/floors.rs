//! From which revision on what was looked up in a workspace is believed, after a change of its keys.
//!
//! A look-up shows every write of its workspace up to a revision. A change of keys has one, too: what
//! was looked up at an earlier one may not show it, whenever and wherever that is found. Nothing that
//! is remembered lives as long as a floor does, so that floors can be forgotten.

use std::collections::HashMap;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::LIFE;
use crate::ids::WorkspaceId;
use crate::store::Revision;

/// How long a floor stands: longer than any look-up is believed, by whatever way it came.
const STANDS: Duration = LIFE.saturating_mul(2);
/// How many workspaces may have one. More change their keys in [`STANDS`] in a mishap only: then
/// nothing that is remembered is believed for as long.
const FLOORS: usize = 4_096;

/// Stands for a change of which the revision is not known: nothing is believed.
pub(super) const UNKNOWN: Revision = Revision::MAX;

/// The floors of workspaces.
#[derive(Debug, Default)]
pub(super) struct Floors(ArcSwap<Standing>);

#[derive(Clone, Debug, Default)]
struct Standing {
    floors: HashMap<WorkspaceId, (Revision, Instant)>,
    /// Until when there are too many.
    overflow: Option<Instant>,
}

impl Floors {
    /// Has nothing of the workspace believed that was looked up before `revision`.
    pub(super) fn raise(&self, workspace: WorkspaceId, revision: Revision) {
        let now = Instant::now();
        self.0.rcu(|standing| {
            let mut standing = Standing::clone(standing);
            standing.floors.retain(|_, (_, until)| *until > now);
            if standing.floors.len() >= FLOORS && !standing.floors.contains_key(&workspace) {
                standing.overflow = Some(now + STANDS);
                return standing;
            }
            let floor = standing.floors.entry(workspace).or_insert((revision, now));
            *floor = (floor.0.max(revision), now + STANDS);
            standing
        });
    }

    /// Whether what was looked up at `revision` shows every change of keys that is known of.
    pub(super) fn allow(&self, workspace: WorkspaceId, revision: Revision) -> bool {
        let standing = self.0.load();
        if standing.floors.is_empty() {
            return true;
        }
        let now = Instant::now();
        let is_below = |&(floor, until): &(Revision, Instant)| revision < floor && now < until;
        standing.overflow.is_none_or(|until| now >= until)
            && !standing.floors.get(&workspace).is_some_and(is_below)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use uuid::Uuid;

    use super::*;

    fn workspace(number: usize) -> WorkspaceId {
        WorkspaceId::new(Uuid::from_u128(number as u128))
    }

    /// Seen to fail with the floor of the last change, whichever is higher, and with floors that stand
    /// no longer than what is remembered lives.
    #[tokio::test(start_paused = true)]
    async fn what_was_looked_up_before_a_change_is_not_believed_again() {
        let floors = Floors::default();
        assert!(floors.allow(workspace(1), 0));
        floors.raise(workspace(1), 7);
        floors.raise(workspace(1), 5);
        assert!(!floors.allow(workspace(1), 6));
        assert!(floors.allow(workspace(1), 7), "it shows the change");
        assert!(floors.allow(workspace(2), 0), "another's change is nobody else's");

        advance(LIFE + LIFE / 2).await;
        assert!(!floors.allow(workspace(1), 6), "somebody's clock may be behind");
        advance(STANDS).await;
        assert!(floors.allow(workspace(1), 6));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_unknown_revision_has_nothing_believed_for_a_while() {
        let floors = Floors::default();
        floors.raise(workspace(1), UNKNOWN);
        floors.raise(workspace(1), 5);
        assert!(!floors.allow(workspace(1), 1_000_000));
        advance(STANDS).await;
        assert!(floors.allow(workspace(1), 0));
    }

    /// Seen to fail with the oldest pushed out.
    #[tokio::test(start_paused = true)]
    async fn floors_are_bounded_and_none_is_lost() {
        let floors = Floors::default();
        (0..FLOORS + 10).for_each(|number| floors.raise(workspace(number), 7));
        assert!(floors.0.load().floors.len() <= FLOORS);
        assert!((0..FLOORS + 10).all(|number| !floors.allow(workspace(number), 6)));
        assert!(!floors.allow(workspace(FLOORS * 2), 0), "who knows whose were lost");
        advance(STANDS).await;
        floors.raise(workspace(1), 7);
        assert!(floors.allow(workspace(2), 6));
        assert_eq!(floors.0.load().floors.len(), 1);
    }
}
