//! The ways into one workspace, as this engine has them.

use rusqlite::Connection;

use super::workspace::SqliteWorkspace;
use super::{allowed, identities, passage, refused, users};
use crate::ids::UserId;
use crate::refusal::Refusal;
use crate::store::{
    AddressWritten, AllowedAddress, Answer, Barred, Doorstep, Identity, JoiningStore, Link,
    LoginEmail, Readmitted, RefusedDomain, Revision, User, Write,
};

impl JoiningStore for SqliteWorkspace {
    async fn barred(&self, key: String) -> Answer<Option<Barred>> {
        self.point(|connection, id| passage::find(connection, id, &key))
    }

    async fn readmit(&self, write: Write, whom: Readmitted) -> Answer<bool> {
        self.write(write, move |writing| passage::readmit(writing, &whom)).await
    }

    async fn without_login(&self, after: Revision, limit: u32) -> Answer<Vec<User>> {
        self.long(move |connection, id| users::without_login(connection, id, after, limit)).await
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
        self.write(write, move |writing| identities::link(writing, &email, &identity, decide)).await
    }

    async fn identities(&self, of: UserId) -> Answer<Vec<Link>> {
        self.point(|connection, id| identities::list(connection, id, of))
    }

    async fn unlink_identity(&self, write: Write, of: UserId, issuer: String) -> Answer<bool> {
        self.write(write, move |writing| identities::unlink(writing, of, &issuer)).await
    }

    async fn allowed_addresses(&self, after: String, limit: u32) -> Answer<Vec<AllowedAddress>> {
        self.long(move |connection, id| allowed::list(connection, id, &after, limit)).await
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
        self.write(write, move |writing| allowed::change(writing, &key, decide)).await
    }

    async fn note_refused_domains(&self, refused: Vec<RefusedDomain>) -> Answer<()> {
        let id = self.id;
        let note = move |connection: &Connection| refused::note(connection, id, refused);
        self.shared.writer.run(note).await
    }

    async fn refused_domains(&self, after: String, limit: u32) -> Answer<Vec<RefusedDomain>> {
        self.long(move |connection, id| refused::list(connection, id, &after, limit)).await
    }
}
