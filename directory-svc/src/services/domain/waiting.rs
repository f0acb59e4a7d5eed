//! People who were kept without a login e-mail until their domain was verified.

use std::sync::Arc;

use tonic::Status;

use crate::door::Admitted;
use crate::rules::{admission, people};
use crate::services::fault::{no, scim_error, store_error};
use crate::services::{Services, page, read};
use crate::store::{Author, Kind, Mark, Query, Start, Store, StoreError, User, WorkspaceStore};

impl<S: Store> Services<S> {
    /// Gives a login e-mail to the people who were kept without one because `domain` was not
    /// verified. Whoever cannot have theirs, another person having it, is left as they are. A
    /// repeated call goes on where an interrupted one stopped.
    pub(super) async fn sign_in_the_waiting(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
    ) -> Result<(), Status> {
        let filter =
            scim::filter::parse("emails pr").and_then(|f| f.bind(Kind::User.resource_type()));
        let filter = filter.map_err(scim_error)?;
        let mut after = Mark::of(0);
        loop {
            let query = Query {
                filter: Some(filter.clone()),
                viewer: None,
                sort: None,
                start: Start::After(after),
                limit: page::MAX_PAGE,
            };
            let found = workspace.users(query).await.map_err(store_error)?;
            for user in found.rows.iter().filter(|user| user.login_email.is_none()) {
                self.sign_in_one(workspace, author, domain, user).await?;
            }
            match found.marks.last() {
                Some(last) if found.more => after = last.clone(),
                _ => return Ok(()),
            }
        }
    }

    async fn sign_in_one(
        &self,
        workspace: &Admitted<S::Workspace>,
        author: &Author,
        domain: &str,
        user: &User,
    ) -> Result<(), Status> {
        let schemas = Arc::clone(workspace.schemas());
        let current = read::stored_user(&schemas, user).map_err(no)?;
        if admission::waits_for(&current).as_deref() != Some(domain) {
            return Ok(());
        }
        let (by, id) = (author.clone(), user.id.to_string());
        let changed = workspace
            .change_user(self.write(author.clone()), user.id, move |policy, person| {
                let person = people::expect(person, &id, None)?;
                let current = read::stored_user(&schemas, person)?;
                people::change(policy, &by, person, &current, current.clone())
            })
            .await;
        match changed {
            Ok(_) | Err(StoreError::Taken { .. } | StoreError::Refused(_)) => Ok(()),
            Err(error) => Err(store_error(error)),
        }
    }
}
