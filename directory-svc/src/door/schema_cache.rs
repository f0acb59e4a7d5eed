//! The schemas of workspaces, read from what was registered and remembered for a moment.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use scim::Schemas;

use crate::ids::WorkspaceId;
use crate::store::{Answer, StoreError, WorkspaceStore};

/// How long schemas are believed without asking again: another process may have registered one.
const TIME_TO_LIVE: Duration = Duration::from_secs(5);
/// Of how many workspaces they are remembered.
const CAPACITY: u64 = 10_000;

/// Schemas by workspace.
pub(super) struct SchemaCache(Cache<WorkspaceId, Arc<Schemas>>);

impl Default for SchemaCache {
    fn default() -> Self {
        Self(Cache::builder().max_capacity(CAPACITY).time_to_live(TIME_TO_LIVE).build())
    }
}

impl SchemaCache {
    /// The schemas that hold in a workspace.
    pub(super) async fn get<W: WorkspaceStore>(
        &self,
        workspace: &W,
        id: WorkspaceId,
    ) -> Answer<Arc<Schemas>> {
        if let Some(schemas) = self.0.get(&id) {
            return Ok(schemas);
        }
        let mut schemas = Schemas::standard().clone();
        for registered in workspace.schemas().await? {
            schemas = schemas
                .with_extension(registered.kind.name(), &registered.document)
                .map_err(|error| StoreError::Fault(error.into()))?;
        }
        let schemas = Arc::new(schemas);
        self.0.insert(id, Arc::clone(&schemas));
        Ok(schemas)
    }

    /// Forgets the schemas of a workspace, so that a change of them holds at once.
    pub(super) fn forget(&self, id: WorkspaceId) {
        self.0.invalidate(&id);
    }
}
