//! What a store does for those who come in by themselves, and for those who do not.

use std::future::Future;

use super::{
    AddressWritten, AllowedAddress, Answer, Barred, Doorstep, Identity, Link, LoginEmail,
    Readmitted, RefusedDomain, Revision, User, Write,
};
use crate::clock::Micros;
use crate::ids::UserId;
use crate::refusal::Refusal;

/// The ways into one workspace: beside what [`WorkspaceStore`](super::WorkspaceStore) promises of writes.
pub trait JoiningStore: Clone + Send + Sync + 'static {
    /// That an address (in its form for comparison) is barred; `None`: it is not.
    fn barred(&self, key: String) -> impl Future<Output = Answer<Option<Barred>>> + Send;

    /// Lets an address or a person in again, bars lifted and [`User::has_left`] taken back; answers whether
    /// anything was shut.
    fn readmit(&self, write: Write, whom: Readmitted) -> impl Future<Output = Answer<bool>> + Send;

    /// At most `limit` of the people whom no login e-mail signs in, the earliest made first, behind the one of
    /// this `seq`.
    fn without_login(
        &self,
        after: Revision,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<User>>> + Send;

    /// Links an identity to a person: `decide` sees what a sign-in would, and says to whom; `None`: to
    /// nobody. An identity of somebody who was removed becomes the new one's. Such identities are kept until a
    /// bar is lifted that is there because of the removed person, by readmission or for somebody whom the address
    /// signs in then.
    fn link_identity<D>(
        &self,
        write: Write,
        email: LoginEmail,
        identity: Identity,
        decide: D,
    ) -> impl Future<Output = Answer<Option<UserId>>> + Send
    where
        D: Fn(&Doorstep) -> Option<UserId> + Send + 'static;

    /// The identities by which a person signs in, or signed in before they were removed, in order of issuer.
    fn identities(&self, of: UserId) -> impl Future<Output = Answer<Vec<Link>>> + Send;

    /// Takes a person's identity of this issuer away; answers whether there was one.
    fn unlink_identity(
        &self,
        write: Write,
        of: UserId,
        issuer: String,
    ) -> impl Future<Output = Answer<bool>> + Send;

    /// At most `limit` of the outside addresses that are allowed, in order, behind `after`.
    fn allowed_addresses(
        &self,
        after: String,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<AllowedAddress>>> + Send;

    /// Allows an outside address or, for `None`, allows it no longer: `decide` sees how it stands and how many
    /// are allowed.
    fn change_allowed_address<D>(
        &self,
        write: Write,
        key: String,
        decide: D,
    ) -> impl Future<Output = Answer<AddressWritten>> + Send
    where
        D: Fn(Option<&AllowedAddress>, u64) -> Result<Option<AllowedAddress>, Refusal>
            + Send
            + 'static;

    /// Adds to what is kept of refused domains, but for those that are verified meanwhile. Takes no revision.
    fn note_refused_domains(
        &self,
        refused: Vec<RefusedDomain>,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// At most `limit` of the refused domains that are not verified, in order, behind `after`.
    fn refused_domains(
        &self,
        after: String,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<RefusedDomain>>> + Send;
}

impl RefusedDomain {
    /// That somebody was refused once.
    #[must_use]
    pub fn once(email: &LoginEmail, at: Micros) -> Self {
        let (domain, samples) = (email.domain().to_owned(), vec![email.address.clone()]);
        Self { domain, count: 1, samples, first_at: at, last_at: at }
    }

    /// Both together: the first addresses are kept.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        for sample in later.samples {
            let is_known = self.samples.iter().any(|known| known.eq_ignore_ascii_case(&sample));
            if self.samples.len() < super::REFUSED_SAMPLES && !is_known {
                self.samples.push(sample);
            }
        }
        self.count += later.count;
        self.first_at = self.first_at.min(later.first_at);
        self.last_at = self.last_at.max(later.last_at);
        self
    }
}
