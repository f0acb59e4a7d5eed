//! Refused domains, as work for the workspace's admins: noted beside the writes that met them, a moment at a
//! time, so that a storm of refusals costs little. A refused write itself leaves no trace.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use directory_api::v1;
use scim::Schemas;
use tonic::Status;

use crate::door::Authenticated;
use crate::ids::WorkspaceId;
use crate::render;
use crate::rules::login_email::candidate;
use crate::services::fault::store_error;
use crate::services::page::{self, Question};
use crate::services::{Services, read};
use crate::store::{
    Answer, Domain, DomainState, JoiningStore, LoginEmail, Mark, REFUSED_DOMAINS, RefusedDomain,
    SortKey, Store, StoreError, User, WorkspaceStore,
};

/// How long notes are gathered before they are kept.
const GATHERED_FOR: Duration = Duration::from_secs(1);
/// How many domains may be waiting to be kept; further ones are left out, and come with the next refusal.
const WAITING: usize = 10_000;

/// What was refused and is not kept yet.
#[derive(Clone, Default)]
pub(crate) struct Refused(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    waiting: BTreeMap<(WorkspaceId, String), RefusedDomain>,
    /// Whether somebody is there who will keep them.
    is_seen_to: bool,
}

impl Refused {
    /// Adds a note; answers whether somebody has to see to it that it is kept.
    fn add(&self, workspace: WorkspaceId, refused: RefusedDomain) -> bool {
        let mut notes = self.notes();
        let key = (workspace, refused.domain.clone());
        if notes.waiting.len() < WAITING || notes.waiting.contains_key(&key) {
            let earlier = notes.waiting.remove(&key);
            let sum = earlier.map_or(refused.clone(), |earlier| earlier.and(refused));
            notes.waiting.insert(key, sum);
        }
        !std::mem::replace(&mut notes.is_seen_to, true)
    }

    /// Takes all notes, by workspace.
    fn take(&self) -> BTreeMap<WorkspaceId, Vec<RefusedDomain>> {
        let taken = {
            let mut notes = self.notes();
            notes.is_seen_to = false;
            std::mem::take(&mut notes.waiting)
        };
        let mut by_workspace: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((workspace, _), refused) in taken {
            by_workspace.entry(workspace).or_default().push(refused);
        }
        by_workspace
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Services<S> {
    /// Notes the domain of somebody who was refused for it, or is kept without a login e-mail because of it.
    pub(in crate::services) fn note_refused(
        &self,
        workspace: WorkspaceId,
        schemas: &Schemas,
        written: &Answer<User>,
    ) {
        let email = match written {
            Ok(user) if user.login_email.is_none() => {
                read::stored_user(schemas, user).ok().as_ref().and_then(candidate)
            }
            Err(StoreError::Refused(refusal)) => refusal.address.as_deref().cloned(),
            Ok(_) | Err(_) => None,
        };
        if let Some(email) = email {
            self.gather_refused(workspace, &email);
        }
    }

    fn gather_refused(&self, workspace: WorkspaceId, email: &LoginEmail) {
        let once = RefusedDomain::once(email, self.clock.now());
        if self.refused.add(workspace, once) {
            let services = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(GATHERED_FOR).await;
                services.keep_refused().await;
            });
        }
    }

    /// Keeps what was gathered. What cannot be kept is lost: the identity provider sends it again.
    async fn keep_refused(&self) {
        for (workspace, refused) in self.refused.take() {
            let kept = self.store.workspace(workspace).note_refused_domains(refused).await;
            if let Err(error) = kept {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "refused domains not noted"
                );
            }
        }
    }

    /// The refused domains to be claimed beside the claims that stand: at most `room` new ones, and none that
    /// an operator has said no to.
    pub(super) async fn refused_names(
        &self,
        workspace: &S::Workspace,
        standing: &[Domain],
        mut room: usize,
    ) -> Result<Vec<String>, Status> {
        self.keep_refused().await;
        let limit = u32::try_from(REFUSED_DOMAINS).unwrap_or(u32::MAX);
        let found = workspace.refused_domains(String::new(), limit).await.map_err(store_error)?;
        let mut names: Vec<_> = found.into_iter().map(|refused| refused.domain).collect();
        names.retain(|name| match standing.iter().find(|claim| claim.name == *name) {
            Some(claim) => !matches!(claim.state, DomainState::Rejected | DomainState::Revoked),
            None if room == 0 => false,
            None => {
                room -= 1;
                true
            }
        });
        Ok(names)
    }

    /// See `DomainService.ListRefusedDomains`.
    pub(super) async fn refused_listed(
        &self,
        open: Authenticated<S::Workspace, v1::ListRefusedDomainsRequest>,
    ) -> Result<v1::ListRefusedDomainsResponse, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = open;
        self.keep_refused().await;
        let question = Question::new(workspace_id, None, "refused domains", &[]);
        let after = behind(&self.mark(&question, &ask.page_token)?);
        let limit = page::size(ask.page_size, page::MAX_PAGE);
        let found = workspace.refused_domains(after, limit + 1).await;
        let mut found = found.map_err(store_error)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().map(|refused| mark(&refused.domain));
        let claims = workspace.domains().await.map_err(store_error)?;
        let domains = found.into_iter().map(|refused| {
            let claim = claims.iter().find(|claim| claim.name == refused.domain);
            render::refused_domain(refused, claim)
        });
        Ok(v1::ListRefusedDomainsResponse {
            domains: domains.collect(),
            next_page_token: self.next_page(&question, last.as_ref(), more)?,
        })
    }
}

/// The place of a name in a list of names.
pub(super) fn mark(name: &str) -> Mark {
    Mark { key: SortKey::Text(name.to_owned()), seq: 0 }
}

/// The name behind which a page begins.
pub(super) fn behind(mark: &Mark) -> String {
    match &mark.key {
        SortKey::Text(name) => name.clone(),
        _ => String::new(),
    }
}
