//! What is known of the records by which claims of domains are proven.

use crate::clock::Micros;

/// What a question to the DNS about a claim came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// The record is there.
    Proven,
    /// There is no such record.
    NoRecord,
    /// There are records of that name, none with the claim's value.
    OtherValue,
    /// There was no answer that says either.
    NotAsked,
}

/// What is known of the record of one claim. It is no part of the claim: it is written without a revision,
/// and a claim that is made again begins anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DomainCheck {
    /// Since when the pauses between questions grow: the claim, or the last question that was asked for.
    pub begun_at: Micros,
    /// How many questions were asked since.
    pub attempts: u32,
    /// When was last asked; `None`: never.
    pub checked_at: Option<Micros>,
    /// When the directory asks by itself; `None`: it does not.
    pub next_at: Option<Micros>,
    /// What the last question came to; `None`: there was none.
    pub outcome: Option<CheckOutcome>,
    /// Since when the proof of a domain that was verified by it was not found; `None`: it is there.
    pub missing_since: Option<Micros>,
    /// When that became a reason to warn; `None`: it is none.
    pub warned_at: Option<Micros>,
    /// When the proof was last found; `None`: never.
    pub proven_at: Option<Micros>,
}
