//! Where a watch stands: behind which change, or in which part of a snapshot. A cursor is a place, sealed.

use directory_api::v1;
use directory_api::v1::Reason;
use serde::{Deserialize, Serialize};
use tonic::Status;

use crate::door::no_workspace;
use crate::ids::{GroupId, MemberId, WorkspaceId};
use crate::refusal::Refusal;
use crate::services::Services;
use crate::services::fault::{no, store_error};
use crate::store::{Change, Fed, FeedMark, Revision, Store, WorkspaceStore};

/// How many changes are read at a time.
const PAGE: u32 = 100;

/// What the cursors of watches are sealed for, which nobody takes for those of listings then.
const QUESTION: &str = "watch";

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Scope {
    One(WorkspaceId),
    All,
}

/// Behind which change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Position {
    /// Of the one workspace, the change of this revision.
    One(Revision),
    /// Of all, the one of this mark.
    All(FeedMark),
}

/// Where a watch goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// Behind a change.
    Behind(Position),
    /// In a snapshot, with the changes behind `begun` to follow it.
    Snapshot { begun: Position, walk: Walk },
}

/// How far a snapshot has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Walk {
    /// In which workspace.
    pub(super) workspace: WorkspaceId,
    /// And there.
    pub(super) stage: Stage,
}

impl Walk {
    /// The beginning of a workspace.
    pub(super) fn of(workspace: WorkspaceId) -> Self {
        Self { workspace, stage: Stage::Settings }
    }
}

/// How far a snapshot has come in a workspace: what is sent next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The workspace itself, its domains and integrations.
    Settings,
    /// The people behind the one of this `seq`.
    People(Revision),
    /// The group behind the one of this `seq`.
    Groups(Revision),
    /// More members of this group, behind this one.
    Members { group: GroupId, seq: Revision, after: MemberId },
}

impl<S: Store> Services<S> {
    /// The cursor of a place.
    pub(super) fn cursor(&self, scope: Scope, place: &Place) -> Result<String, Status> {
        self.cursors.seal_lasting(QUESTION, &(scope, place)).map_err(no)
    }

    /// The place of a cursor, which was given for this.
    pub(super) fn place(&self, scope: Scope, cursor: &str) -> Result<Place, Status> {
        match self.given_place(cursor)? {
            (given_for, place) if given_for == scope => Ok(place),
            _ => Err(no(invalid_cursor())),
        }
    }

    /// The place of a cursor, and what it was given for.
    pub(super) fn given_place(&self, cursor: &str) -> Result<(Scope, Place), Status> {
        self.cursors.open_lasting(QUESTION, cursor).ok_or_else(|| no(invalid_cursor()))
    }

    /// The place from which a watch starts that has no cursor.
    pub(super) async fn start_of_watch(
        &self,
        scope: Scope,
        start: v1::WatchStart,
    ) -> Result<Place, Status> {
        let at = match start {
            v1::WatchStart::Earliest => self.begin_of_feed(scope).await?,
            v1::WatchStart::Unspecified | v1::WatchStart::Now | v1::WatchStart::Snapshot => {
                self.end_of_feed(scope).await?
            }
        };
        if start != v1::WatchStart::Snapshot {
            return Ok(Place::Behind(at));
        }
        let first = match scope {
            Scope::One(id) => Some(id),
            Scope::All => self.workspace_behind(None).await?,
        };
        Ok(match first {
            Some(workspace) => Place::Snapshot { begun: at, walk: Walk::of(workspace) },
            None => Place::Behind(at),
        })
    }

    async fn end_of_feed(&self, scope: Scope) -> Result<Position, Status> {
        match scope {
            Scope::One(id) => self.revision_of(id).await.map(Position::One),
            Scope::All => self.store.feed_end().await.map(Position::All).map_err(store_error),
        }
    }

    async fn begin_of_feed(&self, scope: Scope) -> Result<Position, Status> {
        match scope {
            Scope::One(id) => {
                // What is written in between is kept, and found by the second look.
                let last = self.revision_of(id).await?;
                let earliest = self.store.workspace(id).earliest_change().await;
                let earliest = earliest.map_err(store_error)?;
                Ok(Position::One(earliest.map_or(last, |revision| revision.saturating_sub(1))))
            }
            Scope::All => self.store.feed_begin().await.map(Position::All).map_err(store_error),
        }
    }

    /// The next workspace of a snapshot of all.
    pub(super) async fn workspace_behind(
        &self,
        after: Option<WorkspaceId>,
    ) -> Result<Option<WorkspaceId>, Status> {
        let next = self.store.workspaces(after, 1).await.map_err(store_error)?;
        Ok(next.first().map(|workspace| workspace.id))
    }

    /// The next changes behind a position, each with the position behind it.
    ///
    /// # Errors
    /// `CURSOR_EXPIRED` when some of them are cleared, or the position is none of this store's: it was put back
    /// to an earlier state, say.
    pub(super) async fn changes_behind(
        &self,
        scope: Scope,
        position: &Position,
    ) -> Result<Vec<(Position, WorkspaceId, Change)>, Status> {
        match (scope, position) {
            (Scope::One(id), Position::One(after)) => {
                let last = self.revision_of(id).await?;
                if last == *after {
                    return Ok(Vec::new());
                }
                let changes = self.store.workspace(id).changes(*after, PAGE).await;
                let changes = changes.map_err(store_error)?;
                if changes.first().is_none_or(|first| first.revision != after + 1) {
                    return Err(self.expired());
                }
                let placed = |change: Change| (Position::One(change.revision), id, change);
                Ok(changes.into_iter().map(placed).collect())
            }
            (Scope::All, Position::All(mark)) => {
                let fed = self.store.feed(mark.clone(), PAGE).await.map_err(store_error)?;
                let placed = |fed: Fed| (Position::All(fed.mark), fed.workspace_id, fed.change);
                Ok(fed.ok_or_else(|| self.expired())?.into_iter().map(placed).collect())
            }
            _ => Err(no(invalid_cursor())),
        }
    }

    async fn revision_of(&self, id: WorkspaceId) -> Result<Revision, Status> {
        let card = self.store.workspace(id).card().await.map_err(store_error)?;
        Ok(card.ok_or_else(|| no(no_workspace(&id.to_string())))?.revision)
    }

    pub(super) fn expired(&self) -> Status {
        no(Refusal::new(
            Reason::CursorExpired,
            format!(
                "Changes behind the cursor are no longer kept: they are for {} days. Begin again without \
                 a cursor and with start WATCH_START_SNAPSHOT, which sends the state first.",
                self.settings.tombstone_days
            ),
        )
        .at("cursor"))
    }
}

pub(super) fn invalid_cursor() -> Refusal {
    Refusal::new(
        Reason::InvalidCursor,
        "The cursor is not one that a watch of this workspace, or of all, gave. Send the one that was given \
         for what is watched now, or none and a start.",
    )
    .at("cursor")
}
