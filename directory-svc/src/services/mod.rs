//! The gRPC services, one file each: open the door, read, decide, answer. No SQL and no rule.

mod audit;
mod batch;
mod bulk;
pub(crate) mod cursor;
mod discovery;
pub(crate) mod domain;
pub(crate) mod fault;
mod group;
mod integration;
mod login;
mod page;
pub(crate) mod read;
mod resource;
mod update;
mod user;
pub(crate) mod watch;
mod workspace;

use tonic::Status;

use crate::clock::Clock;
use crate::door::Door;
use crate::render::Links;
use crate::store::{Author, OperationId, Store, Write};

/// What the services share.
#[derive(Clone)]
pub(crate) struct Services<S> {
    pub(crate) door: Door<S>,
    pub(crate) store: S,
    pub(crate) clock: Clock,
    pub(crate) links: Links,
    pub(crate) settings: crate::Settings,
    pub(crate) cursors: cursor::Cursors,
    pub(crate) refused: domain::refused::Refused,
    pub(crate) streams: watch::Streams,
}

/// The longest operation id, in bytes.
const OPERATION_ID_BYTES: usize = 64;

impl<S: Store> Services<S> {
    /// A write by `author` now, under the caller's operation id.
    fn named_write(&self, author: Author, operation_id: String) -> Result<Write, Status> {
        if operation_id.len() > OPERATION_ID_BYTES {
            let cause = format!("at most {OPERATION_ID_BYTES} bytes are allowed");
            return Err(fault::no(read::invalid("operation_id", cause)));
        }
        let write = self.write(author);
        if operation_id.is_empty() {
            return Ok(write);
        }
        Ok(Write { operation: OperationId(operation_id), ..write })
    }

    /// A write by `author` now.
    pub(crate) fn write(&self, author: Author) -> Write {
        let operation = OperationId(self.clock.new_id().to_string());
        Write { operation, author, at: self.clock.now() }
    }
}
