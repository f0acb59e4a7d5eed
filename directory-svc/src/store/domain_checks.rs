//! What every store keeps of the records by which claims are proven.

use std::collections::BTreeMap;
use std::future::Future;

use super::{Answer, Decided, Domain, DomainCheck};
use crate::clock::Micros;

/// The checks of the claims of one workspace. None of it takes a revision. A claim that is made, or made
/// again, has a check that knows nothing and is due at once.
pub trait DomainCheckStore: Clone + Send + Sync + 'static {
    /// What is known of each claim of which anything is, by domain.
    fn domain_checks(&self) -> impl Future<Output = Answer<BTreeMap<String, DomainCheck>>> + Send;

    /// The claim of a domain, and what is known of its record; `None`: it was never claimed.
    fn domain_check(
        &self,
        name: String,
    ) -> impl Future<Output = Answer<Option<(Domain, DomainCheck)>>> + Send;

    /// Takes the check of a claim until the time `until`: nobody else gets it from `now` to then. Answers
    /// whether it was free, as for [`Store::take_due_checks`](super::Store::take_due_checks). There is none of
    /// a domain that was never claimed. It is due then at the latest, unless what came of it is noted: what is
    /// cut short is done again.
    fn take_domain_check(
        &self,
        name: String,
        now: Micros,
        until: Micros,
    ) -> impl Future<Output = Answer<bool>> + Send;

    /// Notes what is known after a question: `decide` sees the claim and what was known, and says what is and
    /// who is told of it.
    /// Answers both as they are then; `None`: the domain was never claimed.
    fn note_domain_check<D>(
        &self,
        name: String,
        decide: D,
    ) -> impl Future<Output = Answer<Option<(Domain, DomainCheck)>>> + Send
    where
        D: Fn(&Domain, &DomainCheck) -> Decided<DomainCheck> + Send + 'static;
}
