//! Reading: connections of their own, so that no read waits behind a write.

use std::ops::Deref;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use traces::Span;

use super::connection::{Connection, Connections};
use crate::store::{Answer, StoreError};

/// The pool of the reads, and how long one of them may take.
pub(super) struct Readers {
    connections: Connections,
    begin: String,
}

impl Readers {
    pub(super) fn new(connections: Connections, statement_timeout: Duration) -> Self {
        Self { connections, begin: begin(statement_timeout) }
    }

    /// A connection for one statement, or for several that need not see the same state.
    pub(super) async fn point(&self) -> Answer<Connection> {
        self.connections.get().await
    }

    /// One state of the store, for statements that belong together or may take long.
    pub(super) async fn state(&self) -> Answer<State> {
        let state = State::of(self.connections.get().await?);
        state.command(&self.begin).await?;
        Ok(state)
    }
}

/// What begins a transaction that reads one state, in statements that take no longer than this.
pub(super) fn begin(statement_timeout: Duration) -> String {
    let limit = statement_timeout.as_millis();
    format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {limit}"
    )
}

/// A transaction that reads. Dropped before its end, it is ended with its connection: whoever asked has gone,
/// or it failed.
pub(super) struct State(Option<Connection>);

impl Deref for State {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        // It is taken out by those alone who take the state itself.
        self.0.as_ref().unwrap_or_else(|| unreachable!("a state without its connection"))
    }
}

impl State {
    /// One that begins, or is to.
    pub(super) fn of(connection: Connection) -> Self {
        Self(Some(connection))
    }

    /// Ends it, and gives the connection back.
    pub(super) async fn end(mut self) -> Answer<()> {
        self.command("COMMIT").await?;
        drop(self.0.take());
        Ok(())
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            connection.close();
        }
    }
}

/// When to ask again: a server that is gone is followed by another one, if not at once.
pub(super) struct Tries {
    pauses: backon::ExponentialBackoff,
    end: Instant,
}

impl Tries {
    pub(super) fn begin() -> Self {
        Self { pauses: pauses().build(), end: Instant::now() + PATIENCE }
    }

    /// Whether to, after some pause. Nothing that a read does is done twice by it.
    pub(super) async fn again(&mut self, error: &StoreError) -> bool {
        if !matches!(error, StoreError::Unavailable(_)) || Instant::now() >= self.end {
            return false;
        }
        let Some(pause) = self.pauses.next() else { return false };
        tokio::time::sleep(pause).await;
        true
    }
}

/// For how long what another try may mend is tried again: about as long as a planned change of servers takes.
/// Whoever asks may go earlier.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Pauses between tries, growing and never quite the same.
pub(super) fn pauses() -> ExponentialBuilder {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(Duration::from_millis(5))
        .with_max_delay(Duration::from_millis(500))
        .without_max_times()
}

/// What the trace of a read tells.
pub(super) fn told(name: &'static str) -> Span {
    let step = traces::here().step(name);
    step.word("db.system.name", "postgresql");
    step
}

/// Answers from a connection: one statement, which an index serves.
macro_rules! point {
    ($store:expr, |$connection:ident| $read:expr) => {{
        let _told = $crate::store::postgres::readers::told("store point read");
        let mut tries = $crate::store::postgres::readers::Tries::begin();
        loop {
            let answer = match $store.readers.point().await {
                Ok(lent) => {
                    let $connection = &lent;
                    $read.await
                }
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if tries.again(&error).await => {}
                answer => break answer,
            }
        }
    }};
}
pub(super) use point;

/// Answers from one state of the store.
macro_rules! state {
    ($store:expr, |$connection:ident| $read:expr) => {{
        let _told = $crate::store::postgres::readers::told("store long read");
        let mut tries = $crate::store::postgres::readers::Tries::begin();
        loop {
            let answer = match $store.readers.state().await {
                Ok(state) => {
                    let $connection = &*state;
                    let answer = $read.await;
                    match answer {
                        Ok(answer) => state.end().await.map(|()| answer),
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if tries.again(&error).await => {}
                answer => break answer,
            }
        }
    }};
}
pub(super) use state;
