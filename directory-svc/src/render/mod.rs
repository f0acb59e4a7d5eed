//! From what is stored to what is answered: SCIM JSON or typed messages, cut to the view.

mod admin;
mod change;
mod document;
mod group;
mod integration;
mod joining;
mod user;

pub(crate) use admin::{
    audit_record, checked, domain, domain_state, pending_domain, timestamp, workspace,
};
pub(crate) use change::{change, watched_user};
pub(crate) use group::{Groups, deleted_group};
pub(crate) use integration::{api_key, integration};
pub(crate) use joining::{allowed_address, identity, refused_domain};
pub(crate) use user::{People, deleted_user};

use crate::ids::WorkspaceId;
use crate::store::Kind;

/// Links come from the public URL, never from what a request says of itself.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    public_url: String,
}

impl Links {
    /// Links below `public_url`, such as `https://scim.nestr.io`.
    pub(crate) fn new(public_url: &str) -> Self {
        Self { public_url: public_url.trim_end_matches('/').to_owned() }
    }

    /// The SCIM API URL of a workspace, which an admin copies into the IdP.
    pub(crate) fn scim(&self, workspace: WorkspaceId) -> String {
        format!("{}/scim/v2/{workspace}", self.public_url)
    }

    /// The URL of a resource.
    pub(crate) fn resource(
        &self,
        workspace: WorkspaceId,
        kind: Kind,
        id: impl std::fmt::Display,
    ) -> String {
        located(&self.scim(workspace), kind, id)
    }
}

/// The URL of a resource below the SCIM API URL of its workspace.
fn located(base: &str, kind: Kind, id: impl std::fmt::Display) -> String {
    let endpoint = match kind {
        Kind::User => "Users",
        Kind::Group => "Groups",
    };
    format!("{base}/{endpoint}/{id}")
}
