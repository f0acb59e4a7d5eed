//! The ways into one workspace, as this engine has them.

use super::group::Group as Transaction;
use super::readers::{point, state};
use super::workspace::PostgresWorkspace;
use super::writing::Writing;
use super::{allowed, identities, passage, refused, users};
use crate::ids::UserId;
use crate::refusal::Refusal;
use crate::store::{
    AddressWritten, AllowedAddress, Answer, Barred, Doorstep, Identity, JoiningStore, Link,
    LoginEmail, Readmitted, RefusedDomain, Revision, User, Write,
};

impl JoiningStore for PostgresWorkspace {
    async fn barred(&self, key: String) -> Answer<Option<Barred>> {
        point!(self.shared, |connection| passage::find(connection, self.id, &key))
    }

    async fn readmit(&self, write: Write, whom: Readmitted) -> Answer<bool> {
        self.write(write, async move |writing: &Writing<'_>| passage::readmit(writing, &whom).await)
            .await
    }

    async fn without_login(&self, after: Revision, limit: u32) -> Answer<Vec<User>> {
        state!(self.shared, |connection| users::without_login(connection, self.id, after, limit))
    }

    async fn link_identity<D>(
        &self,
        write: Write,
        email: LoginEmail,
        identity: Identity,
        decide: D,
    ) -> Answer<Option<UserId>>
    where
        D: Fn(&Doorstep) -> Option<UserId> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            identities::link(writing, &email, &identity, &decide).await
        })
        .await
    }

    async fn identities(&self, of: UserId) -> Answer<Vec<Link>> {
        point!(self.shared, |connection| identities::list(connection, self.id, of))
    }

    async fn unlink_identity(&self, write: Write, of: UserId, issuer: String) -> Answer<bool> {
        self.write(write, async move |writing: &Writing<'_>| {
            identities::unlink(writing, of, &issuer).await
        })
        .await
    }

    async fn allowed_addresses(&self, after: String, limit: u32) -> Answer<Vec<AllowedAddress>> {
        state!(self.shared, |connection| allowed::list(connection, self.id, &after, limit))
    }

    async fn change_allowed_address<D>(
        &self,
        write: Write,
        key: String,
        decide: D,
    ) -> Answer<AddressWritten>
    where
        D: Fn(Option<&AllowedAddress>, u64) -> Result<Option<AllowedAddress>, Refusal>
            + Send
            + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            allowed::change(writing, &key, &decide).await
        })
        .await
    }

    async fn note_refused_domains(&self, refused: Vec<RefusedDomain>) -> Answer<()> {
        let workspace = self.id;
        self.note(async move |group: &Transaction| {
            refused::note(group.connection()?, workspace, &refused).await
        })
        .await
    }

    async fn refused_domains(&self, after: String, limit: u32) -> Answer<Vec<RefusedDomain>> {
        state!(self.shared, |connection| refused::list(connection, self.id, &after, limit))
    }
}
