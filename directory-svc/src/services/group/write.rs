//! Making, changing and removing groups, for one call and for the operations of a bulk alike.

use std::sync::Arc;

use directory_api::v1;
use scim::patch::ListEdit;
use tonic::Status;

use super::MEMBERS_IN_A_MESSAGE;
use crate::clock::DAY;
use crate::door::Authenticated;
use crate::ids::GroupId;
use crate::render::Groups;
use crate::rules::groups;
use crate::services::fault::{no, refusal_of, store_error};
use crate::services::update::Update;
use crate::services::{Services, read};
use crate::store::{Group, GroupStore, GroupWritten, Kind, Revision, Store};

/// With how many members at most the answer to a patch is the whole group, unless its caller says what
/// of the group is wanted: who adds one to many does not wait for all.
const MEMBERS_AFTER_A_PATCH: u64 = 1_000;

impl<S: Store> Services<S> {
    /// Makes a group for who was let in; see `GroupService.CreateGroup`.
    pub(in crate::services) async fn group_created(
        &self,
        open: Authenticated<S::Workspace, v1::CreateGroupRequest>,
    ) -> Result<v1::Group, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let render = Groups::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let schemas = workspace.schemas();
        let (wanted, members) = match ask.resource {
            Some(v1::create_group_request::Resource::ScimJson(text)) => {
                read::group_json(schemas, &text)?
            }
            Some(v1::create_group_request::Resource::Group(group)) => {
                read::group_message(schemas, &group)?
            }
            None => return Err(no(read::invalid("resource", "a group is needed"))),
        };
        let draft = groups::created(&author, wanted);
        let write = self.named_write(author, ask.operation_id)?;
        let id = GroupId::new(self.clock.new_id());
        let written = workspace.create_group(write, id, draft, members.unwrap_or_default());
        let written = written.await.map_err(store_error)?;
        self.written(&workspace, &render, &written, MEMBERS_IN_A_MESSAGE).await
    }

    /// Puts a group in the place of what stands; its members stay where none are named.
    pub(in crate::services) async fn group_replaced(
        &self,
        open: Authenticated<S::Workspace, v1::ReplaceGroupRequest>,
    ) -> Result<v1::Group, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let schemas = workspace.schemas();
        let (wanted, members) = match ask.resource {
            Some(v1::replace_group_request::Resource::ScimJson(text)) => {
                read::group_json(schemas, &text)?
            }
            Some(v1::replace_group_request::Resource::Group(group)) => {
                read::group_message(schemas, &group)?
            }
            None => return Err(no(read::invalid("resource", "a group is needed"))),
        };
        let render = Groups::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let write = self.named_write(author.clone(), ask.operation_id)?;
        let id = read::group_id(&ask.id)?;
        let edits: Vec<_> = members.map(ListEdit::Replace).into_iter().collect();
        let known = Arc::clone(schemas);
        let decide = move |group: Option<&Group>| {
            let group = groups::expect(group, &ask.id, ask.etag.as_deref())?;
            let current = read::stored_group(&known, group)?;
            wanted.check_immutable(&current).map_err(refusal_of)?;
            let draft = groups::change(&author, group, &current, wanted.clone(), &edits)?;
            Ok((draft, edits.clone()))
        };
        let written = workspace.change_group(write, id, decide).await.map_err(store_error)?;
        self.written(&workspace, &render, &written, MEMBERS_IN_A_MESSAGE).await
    }

    /// Does the operations of a patch to a group and to its members.
    pub(in crate::services) async fn group_patched(
        &self,
        open: Authenticated<S::Workspace, v1::PatchGroupRequest>,
    ) -> Result<v1::Group, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let (patch, edits) = read::group_patch(workspace.schemas(), ask.operations)?;
        let render = Groups::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let write = self.named_write(author.clone(), ask.operation_id)?;
        let id = read::group_id(&ask.id)?;
        let known = Arc::clone(workspace.schemas());
        let decide = move |group: Option<&Group>| {
            let group = groups::expect(group, &ask.id, ask.etag.as_deref())?;
            let current = read::stored_group(&known, group)?;
            let seen = read::seen_by(current.clone(), group.binding.as_ref(), &author);
            let wanted = patch.apply(seen).map_err(refusal_of)?;
            Ok((groups::change(&author, group, &current, wanted, &edits)?, edits.clone()))
        };
        let written = workspace.change_group(write, id, decide).await.map_err(store_error)?;
        let most = if render.is_default() { MEMBERS_AFTER_A_PATCH } else { MEMBERS_IN_A_MESSAGE };
        self.written(&workspace, &render, &written, most).await
    }

    /// Puts some fields of a group in the place of what stands. No identity provider says it so.
    pub(super) async fn group_updated(
        &self,
        open: Authenticated<S::Workspace, v1::UpdateGroupRequest>,
    ) -> Result<v1::Group, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let group = ask.group.ok_or_else(|| no(read::invalid("group", "a group is needed")))?;
        let sent = group.to_scim().map_err(|error| no(read::invalid("group", &error)))?;
        let rt = workspace.schemas().group();
        let update = Update::read(Kind::Group, rt, ask.update_mask.as_ref(), &sent)?;
        let render = Groups::new(&self.links, workspace.schemas(), workspace_id, None, ask.view)?;
        let write = self.named_write(author.clone(), ask.operation_id)?;
        let id = read::group_id(&ask.id)?;
        let known = Arc::clone(workspace.schemas());
        let decide = move |group: Option<&Group>| {
            let group = groups::expect(group, &ask.id, ask.etag.as_deref())?;
            let current = read::stored_group(&known, group)?;
            let wanted = update.apply(&current).map_err(refusal_of)?;
            Ok((groups::change(&author, group, &current, wanted, &[])?, Vec::new()))
        };
        let written = workspace.change_group(write, id, decide).await.map_err(store_error)?;
        self.written(&workspace, &render, &written, MEMBERS_IN_A_MESSAGE).await
    }

    /// Removes a group to a tombstone; answers the revision.
    pub(in crate::services) async fn group_deleted(
        &self,
        open: Authenticated<S::Workspace, v1::DeleteGroupRequest>,
        is_operator: bool,
    ) -> Result<Revision, Status> {
        let Authenticated { workspace, author, ask, .. } = open;
        let id = read::group_id(&ask.id)?;
        let write = self.named_write(author.clone(), ask.operation_id)?;
        let expires_at = write.at + i64::from(self.settings.tombstone_days) * DAY;
        let decide = move |group: Option<&Group>| {
            let group = groups::expect(group, &ask.id, ask.etag.as_deref())?;
            groups::remove(&author, is_operator, group)
        };
        workspace.remove_group(write, id, expires_at, decide).await.map_err(store_error)
    }

    /// The answer to a write: the group with its members, or without a document when there are more
    /// than `most` of them.
    pub(super) async fn written(
        &self,
        workspace: &S::Workspace,
        render: &Groups,
        GroupWritten { group, skipped }: &GroupWritten,
        most: u64,
    ) -> Result<v1::Group, Status> {
        if *skipped > 0 {
            tracing::info!(group = %group.id, skipped, "members that do not exist were left out");
            metrics::counter!("nestr_scim_members_skipped_total").increment(*skipped as u64);
        }
        if render.wants_members() && group.member_count > most {
            return Ok(render.without_document(group));
        }
        let (group, members) = self.whole(workspace, render, group.clone()).await?;
        render.message(&group, &members)
    }
}
