//! What the directory says became of the writes, in its own order: as a service is told that watches.

use std::collections::BTreeMap;
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::change::Subject;
use directory_api::v1::watch_response::Item;
use directory_api::v1::{Reason, WatchStart};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tonic::Status;

use super::record::{Change, Revision};
use crate::harness::{Nestr, Operator};

/// Longer than a directory is away that is killed and started again.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a watch rests that found no directory.
const REST: Duration = Duration::from_millis(50);

/// A watch of one workspace, which goes on from its cursor whenever the directory is killed under it.
pub(super) struct Feed {
    operator: Operator,
    workspace_id: String,
    cursor: String,
    told: BTreeMap<Revision, Change>,
}

impl Feed {
    /// From now on.
    pub(super) async fn open(nestr: &Nestr, workspace_id: &str) -> Self {
        let (operator, workspace_id) = (nestr.operator(), workspace_id.to_owned());
        let mut feed =
            Self { operator, workspace_id, cursor: String::new(), told: BTreeMap::new() };
        feed.watch(|item| matches!(item, Item::Heartbeat(_))).await;
        feed
    }

    /// Watches until the change of this name is told; answers all that were before it.
    pub(super) fn until(mut self, last: String) -> JoinHandle<Vec<Change>> {
        tokio::spawn(async move {
            self.watch(|item| matches!(item, Item::Change(change) if change.operation_id == last))
                .await;
            self.told.into_values().collect()
        })
    }

    async fn watch(&mut self, is_last: impl Fn(&Item) -> bool) {
        loop {
            if self.watch_once(&is_last).await {
                return;
            }
            sleep(REST).await;
        }
    }

    /// Whether the last of all came before the stream's end.
    async fn watch_once(&mut self, is_last: impl Fn(&Item) -> bool) -> bool {
        let ask = v1::WatchRequest {
            workspace_id: self.workspace_id.clone(),
            cursor: self.cursor.clone(),
            start: WatchStart::Now.into(),
            heartbeat_interval: Some(pbjson_types::Duration { seconds: 1, nanos: 0 }),
            without_resources: true,
            ..v1::WatchRequest::default()
        };
        let opened = timeout(PATIENCE, self.operator.watch(ask)).await.expect("an answer in time");
        let mut stream = match opened {
            Ok(stream) => stream,
            Err(status) => {
                assert!(is_lost(&status), "{status}");
                return false;
            }
        };
        loop {
            let answer = timeout(PATIENCE, stream.message()).await.expect("a heartbeat at least");
            let answer = match answer {
                Ok(answer) => answer.expect("a watch ends with an error"),
                Err(status) => {
                    assert!(is_lost(&status), "{status}");
                    return false;
                }
            };
            self.cursor = answer.cursor;
            let Some(item) = answer.item else { continue };
            if is_last(&item) {
                return true;
            }
            if let Item::Change(change) = &item {
                self.take(change);
            }
        }
    }

    /// Each change comes at least once, and always as the same.
    fn take(&mut self, change: &v1::Change) {
        let id = match change.subject.as_ref().expect("a subject") {
            Subject::User(change) => change.user_id.clone(),
            Subject::Group(change) => change.group_id.clone(),
            other => panic!("nobody asked for {other:?}"),
        };
        let (revision, operation) = (change.revision, change.operation_id.clone());
        let told = Change { revision, operation, id };
        let before = self.told.insert(revision, told.clone());
        assert!(
            before.is_none_or(|before| before == told),
            "told twice, and differently: {told:?}"
        );
    }
}

/// Whether a stream ended with its directory, which says no more why.
fn is_lost(status: &Status) -> bool {
    matches!(Reason::of(status), None | Some(Reason::Unavailable))
}
