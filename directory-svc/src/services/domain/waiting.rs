//! People who are kept without a login e-mail: until their domain is verified, or their address allowed.
//!
//! The verification marks the domain in the store. Whoever verifies it begins with them, and the directory goes
//! on by itself with what is left: many people hold up nobody, and a crash forgets none of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::try_join_all;
use serde_json::json;
use tonic::Status;
use uuid::Uuid;

use crate::clock::{MINUTE, Micros};
use crate::door::Admitted;
use crate::rules::login_email::candidate;
use crate::rules::management::Named;
use crate::rules::people::{self, Wanted};
use crate::services::fault::{no, store_error};
use crate::services::{Services, page, read};
use crate::store::{
    Author, DomainCheckStore, DomainState, JoiningStore, Kind, LoginEmail, Mark, Query, Revision,
    Start, Store, StoreError, User, Waiting, WaitingStore, WorkspaceStore,
};

/// For how long a domain is taken while a step is done with its people; longer than one takes. A step that was
/// cut short is done again behind it.
pub(crate) const TAKEN: Micros = MINUTE;
/// How many pages of people whoever verifies a domain waits for.
const PAGES_OF_A_CALL: usize = 2;
/// How many people are signed in at a time, so that they share commits and leave room for other writes.
const AT_ONCE: usize = 32;

impl<S: Store> Services<S> {
    /// Gives a login e-mail to the people who were kept without one because `domain`, which was just verified,
    /// was not. The verification stands whatever becomes of them: who is left, and what fails, is gone on with
    /// by [`Self::sign_in_some`].
    pub(super) async fn sign_in_the_waiting(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
    ) {
        if let Err(status) = self.begin_with_the_waiting(workspace, author, domain).await {
            let code = status.code();
            tracing::warn!(domain, ?code, "the sign-in of people who waited for a domain put off");
        }
    }

    /// The same for the first of them.
    async fn begin_with_the_waiting(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
    ) -> Result<(), Status> {
        let taker = self.clock.new_id();
        let name = || domain.to_owned();
        let begun = workspace.begin_waiting(name(), taker, self.clock.now() + TAKEN);
        begun.await.map_err(store_error)?;
        let mut after = 0;
        for page in 1..=PAGES_OF_A_CALL {
            let next = self.sign_in_page(workspace, author, domain, after).await?;
            let until = self.clock.now() + if page < PAGES_OF_A_CALL { TAKEN } else { 0 };
            let noted = workspace.note_waiting(name(), taker, next, until);
            let is_ours = noted.await.map_err(store_error)?;
            match next {
                Some(next) if is_ours => after = next,
                _ => break,
            }
        }
        Ok(())
    }

    /// Gives a login e-mail to whoever was kept without one because this address was not allowed, in whatever
    /// spelling they have it.
    pub(super) async fn sign_in_waiting_guests(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        email: &LoginEmail,
    ) -> Result<(), Status> {
        for spelling in BTreeSet::from(email.spellings()) {
            for attribute in ["emails.value", "userName"] {
                let filter = format!("{attribute} eq {}", json!(spelling));
                let query = Query {
                    filter: read::filter(workspace.schemas(), Kind::User, &filter)?,
                    viewer: None,
                    sort: None,
                    start: Start::After(Mark::of(0)),
                    limit: page::MAX_PAGE,
                };
                let found = workspace.users(query).await.map_err(store_error)?;
                for user in found.rows.iter().filter(|user| user.login_email.is_none()) {
                    let is_meant = |waits_for: &LoginEmail| waits_for.key == email.key;
                    self.sign_in_one(workspace, author, user, is_meant).await?;
                }
            }
        }
        Ok(())
    }

    /// A step of that for a domain that was taken under the name `taker`, in the name of who verified it.
    pub(crate) async fn sign_in_some(
        &self,
        workspace: &Admitted<S::Workspace>,
        taker: Uuid,
        waiting: Waiting,
    ) -> Result<(), Status> {
        let Waiting { domain, after, .. } = waiting;
        let known = workspace.domain_check(domain.clone()).await.map_err(store_error)?;
        let verified = known.filter(|(claim, _)| claim.state == DomainState::Verified);
        let Some(decision) = verified.and_then(|(claim, _)| claim.decision) else {
            // Taken back meanwhile, which unmarked it.
            return Ok(());
        };
        let author = Author::Service(decision.by);
        let next = self.sign_in_page(workspace, &author, &domain, after).await?;
        let noted = workspace.note_waiting(domain, taker, next, self.clock.now());
        noted.await.map_err(store_error)?;
        Ok(())
    }

    /// Signs in who waits among the people of one page of those without a login e-mail, behind the one of the
    /// `seq` `after`. Whoever cannot have theirs, another person having it or a leaver having had it, is left as
    /// they are. Answers behind whom to go on; `None`: nobody is left.
    async fn sign_in_page(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
        after: Revision,
    ) -> Result<Option<Revision>, Status> {
        let waiting = workspace.without_login(after, page::MAX_PAGE).await.map_err(store_error)?;
        for some in waiting.chunks(AT_ONCE) {
            let is_meant = |waits_for: &LoginEmail| waits_for.domain() == domain;
            let each = some.iter().map(|user| self.sign_in_one(workspace, author, user, is_meant));
            try_join_all(each).await?;
        }
        let may_be_more = waiting.len() >= page::MAX_PAGE as usize;
        Ok(waiting.last().filter(|_| may_be_more).map(|last| last.seq))
    }

    /// Gives one of them the address that they wait for, if it is meant.
    async fn sign_in_one(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        user: &User,
        is_meant: impl Fn(&LoginEmail) -> bool,
    ) -> Result<(), Status> {
        let schemas = Arc::clone(workspace.schemas());
        let current = read::stored_user(&schemas, user).map_err(no)?;
        if !candidate(&current).as_ref().is_some_and(is_meant) {
            return Ok(());
        }
        let (by, id) = (author.clone(), user.id.to_string());
        let changed = workspace
            .change_user(self.write(author.clone()), user.id, move |policy, person| {
                let person = people::expect(person, &id, None)?;
                let current = read::stored_user(&schemas, person)?;
                let wanted = Wanted { resource: current.clone(), named: &Named::new() };
                people::change(policy, &by, person, &current, wanted)
            })
            .await;
        match changed {
            Ok(_)
            | Err(StoreError::Taken { .. } | StoreError::Barred { .. } | StoreError::Refused(_)) => {
                Ok(())
            }
            Err(error) => Err(store_error(error)),
        }
    }
}
