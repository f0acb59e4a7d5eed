//! The streams that are open: how many each caller has, and their common end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use directory_api::v1::Reason;
use tokio::sync::watch;

use crate::refusal::Refusal;

/// How many streams a caller may have open at a time, in one process: enough for a service of many instances.
const OF_A_CALLER: usize = 64;

/// The open streams. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<Open>);

#[derive(Default)]
struct Open {
    of: Mutex<HashMap<String, usize>>,
    is_over: watch::Sender<bool>,
}

impl Streams {
    /// Counts a stream more of this caller, for as long as the answer is held.
    ///
    /// # Errors
    /// `TOO_MANY`.
    pub(super) fn open(&self, caller: &str) -> Result<Seat, Refusal> {
        let mut of = self.0.of();
        let open = of.entry(caller.to_owned()).or_default();
        if *open >= OF_A_CALLER {
            return Err(Refusal::new(
                Reason::TooMany,
                format!(
                    "{caller} has {OF_A_CALLER} watches open in this process, and no more are allowed. End \
                     those that are not read any more."
                ),
            ));
        }
        *open += 1;
        metrics::gauge!("nestr_scim_watch_streams").increment(1.0);
        Ok(Seat { streams: self.clone(), caller: caller.to_owned() })
    }

    /// Ends all streams, those among them that are opened from now on.
    pub(crate) fn end(&self) {
        self.0.is_over.send_replace(true);
    }

    /// Ends once all streams are to end.
    pub(super) async fn ended(&self) {
        // The sender is here for as long as this is.
        let _ = self.0.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }
}

impl Open {
    fn of(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open stream.
pub(super) struct Seat {
    streams: Streams,
    caller: String,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut of = self.streams.0.of();
        if let Some(open) = of.get_mut(&self.caller) {
            *open -= 1;
            if *open == 0 {
                of.remove(&self.caller);
            }
        }
        metrics::gauge!("nestr_scim_watch_streams").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen to fail without the count, and with a stream that is not given back.
    #[test]
    fn a_caller_has_so_many_streams_and_holds_up_no_other() {
        let streams = Streams::default();
        let mut open: Vec<_> = (0..OF_A_CALLER).map(|_| streams.open("mirror").unwrap()).collect();
        assert_eq!(streams.open("mirror").err().unwrap().reason, Reason::TooMany);
        let _other = streams.open("sessions").unwrap();
        open.pop();
        let _again = streams.open("mirror").unwrap();
        assert!(streams.open("mirror").is_err());
    }
}
