//! `operator group`: groups and who is in them.

use clap::{Args, Subcommand};
use directory_api::v1;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, Listing, Page, time};

/// What is done with groups.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Finds groups by their name, or by a SCIM filter.
    Find(Find),
    /// Lists the members of a group.
    Members(Members),
    /// Lists the groups that a person is in.
    Of(Of),
    /// Lists the removed groups that can be restored.
    Deleted(Listing),
    /// Brings a removed group back, with those of its members who are still there.
    Restore(One),
}

/// Which groups to find.
#[derive(Args, Clone, Debug)]
pub(super) struct Find {
    #[command(flatten)]
    within: InWorkspace,

    /// The name, in any letter case. Absent, and no filter: all.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// A filter as RFC 7644 section 3.4.2.2 writes it, like `displayName sw "Staff"`.
    #[arg(long, value_name = "FILTER", conflicts_with = "name")]
    filter: Option<String>,

    #[command(flatten)]
    page: Page,
}

/// A group.
#[derive(Args, Clone, Debug)]
pub(super) struct One {
    #[command(flatten)]
    within: InWorkspace,

    /// The group's id.
    #[arg(value_name = "GROUP")]
    id: String,
}

/// Which members.
#[derive(Args, Clone, Debug)]
pub(super) struct Members {
    #[command(flatten)]
    of: One,

    /// Also who belongs to it only through a group that does.
    #[arg(long)]
    indirect: bool,

    #[command(flatten)]
    page: Page,
}

/// A person.
#[derive(Args, Clone, Debug)]
pub(super) struct Of {
    #[command(flatten)]
    within: InWorkspace,

    /// The person's id.
    #[arg(value_name = "USER")]
    user_id: String,

    #[command(flatten)]
    page: Page,
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        let mut groups = session.groups();
        match self {
            Self::Find(find) => {
                let found =
                    groups.list_groups(v1::ListGroupsRequest::from(find)).await?.into_inner();
                Ok(Answer::many(&found, &found.groups)?.page(&found.next_page_token))
            }
            Self::Members(Members { of: One { within, id: group_id }, indirect, page }) => {
                let reach = if indirect { v1::Reach::Any } else { v1::Reach::Direct };
                let ask = v1::ListMembersRequest {
                    workspace_id: within.workspace_id,
                    group_id,
                    page_size: page.page_size,
                    page_token: page.page_token,
                    reach: reach.into(),
                    consistency: None,
                };
                let found = groups.list_members(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.members)?.page(&found.next_page_token))
            }
            Self::Of(Of { within: InWorkspace { workspace_id }, user_id, page }) => {
                let ask = v1::ListUserGroupsRequest {
                    workspace_id,
                    user_id,
                    page_size: page.page_size,
                    page_token: page.page_token,
                    ..v1::ListUserGroupsRequest::default()
                };
                let found = groups.list_user_groups(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.groups)?.page(&found.next_page_token))
            }
            Self::Deleted(Listing { within: InWorkspace { workspace_id }, page }) => {
                let Page { page_size, page_token } = page;
                let ask = v1::ListDeletedGroupsRequest { workspace_id, page_size, page_token };
                let found = groups.list_deleted_groups(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.groups)?.page(&found.next_page_token))
            }
            Self::Restore(One { within: InWorkspace { workspace_id }, id }) => {
                let ask = v1::RestoreGroupRequest {
                    workspace_id,
                    id,
                    ..v1::RestoreGroupRequest::default()
                };
                let restored = groups.restore_group(ask).await?.into_inner();
                Ok(Answer::one(&restored)?
                    .done("Restored, with those of its members who are there."))
            }
        }
    }
}

impl From<Find> for v1::ListGroupsRequest {
    fn from(find: Find) -> Self {
        let Find { within: InWorkspace { workspace_id }, name, filter, page } = find;
        let named = name.map(|name| format!("displayName eq {}", serde_json::Value::from(name)));
        Self {
            workspace_id,
            filter: filter.or(named).unwrap_or_default(),
            page_size: page.page_size,
            page_token: page.page_token,
            ..Self::default()
        }
    }
}

impl Show for v1::Group {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let meta = self.meta.as_ref();
        vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("made", meta.map(|meta| meta.created.clone()).unwrap_or_default()),
            ("changed", meta.map(|meta| meta.last_modified.clone()).unwrap_or_default()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "name", "made", "changed"];
}

impl Show for v1::DeletedGroup {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let group = self.group.clone().unwrap_or_default();
        vec![
            ("id", group.id),
            ("name", group.display_name),
            ("removed", time(self.delete_time.as_ref())),
            ("restorable until", time(self.expire_time.as_ref())),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "name", "removed", "restorable until"];
}

impl Show for v1::Member {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let membership = if self.indirect { "indirect" } else { "direct" };
        vec![
            ("id", self.value.clone()),
            ("type", self.r#type.clone()),
            ("membership", membership.to_owned()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "type", "membership"];
}

impl Show for v1::UserGroup {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.value.clone()),
            ("name", self.display.clone()),
            ("membership", self.r#type.clone()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "name", "membership"];
}
