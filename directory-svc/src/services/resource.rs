//! `ResourceService`: people and groups at once, and many writes in one call.

use directory_api::v1;
use directory_api::v1::resource::Kind as Resource;
use directory_api::v1::resource_service_server::ResourceService;
use prost::Message;
use scim::Schemas;
use scim::filter::Fitted;
use tonic::{Request, Response, Status};

use super::fault::{scim_error, store_error};
use super::group::is_too_large;
use super::page::Question;
use super::{Services, page, read};
use crate::door::Authenticated;
use crate::render::{Groups, People};
use crate::store::{AnyQuery, Found, GroupStore, Kind, Store};

#[tonic::async_trait]
impl<S: Store> ResourceService for Services<S> {
    async fn list_resources(
        &self,
        request: Request<v1::ListResourcesRequest>,
    ) -> Result<Response<v1::ListResourcesResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let viewer = author.integration();
        let people =
            People::new(&self.links, workspace.schemas(), workspace_id, viewer, ask.view.clone())?;
        let groups = Groups::new(&self.links, workspace.schemas(), workspace_id, viewer, ask.view)?;
        let [by, order] = page::order(ask.order.as_ref());
        let question = Question::new(workspace_id, viewer, "all", &[&ask.filter, by, order]);
        let start_index = ask.start_index.unwrap_or(1).max(1);
        let query = AnyQuery {
            users: fitted(workspace.schemas(), Kind::User, Kind::Group, &ask.filter)?,
            groups: fitted(workspace.schemas(), Kind::Group, Kind::User, &ask.filter)?,
            viewer,
            sort: read::sort_any(workspace.schemas(), ask.order.as_ref())?,
            start: self.start(&question, &ask.page_token, start_index)?,
            limit: page::size(ask.page_size, page::DEFAULT_PAGE),
        };
        let mut page = workspace.resources(query).await.map_err(store_error)?;
        let (mut found, mut room) = (Vec::with_capacity(page.rows.len()), page::Room::default());
        for row in &page.rows {
            let kind = match row {
                Found::User(user) => {
                    let groups = self.groups_of(&workspace, &people, user.id).await?;
                    Resource::User(people.message(user, &groups)?)
                }
                Found::Group(group) if !found.is_empty() && is_too_large(&groups, group) => {
                    page.more = true;
                    break;
                }
                Found::Group(group) => {
                    let members = self.members_of(&workspace, &groups, group).await?;
                    Resource::Group(groups.message(group, &members)?)
                }
            };
            let resource = v1::Resource { kind: Some(kind) };
            if !room.takes(resource.encoded_len()) {
                page.more = true;
                break;
            }
            found.push(resource);
        }
        let last = found.len().checked_sub(1).and_then(|at| page.marks.get(at));
        Ok(Response::new(v1::ListResourcesResponse {
            resources: found,
            next_page_token: self.next_page(&question, last, page.more)?,
            total_size: page.total.try_into().unwrap_or(u32::MAX),
            start_index,
        }))
    }

    async fn bulk_write(
        &self,
        request: Request<v1::BulkWriteRequest>,
    ) -> Result<Response<v1::BulkWriteResponse>, Status> {
        Ok(Response::new(self.bulk(self.door.open(request).await?).await?))
    }
}

/// What the filter means for one kind, when it is asked of another too.
fn fitted(schemas: &Schemas, kind: Kind, other: Kind, filter: &str) -> Result<Fitted, Status> {
    if filter.is_empty() {
        return Ok(Fitted::Everything);
    }
    let filter = scim::filter::parse(filter);
    let fitted = filter.and_then(|f| f.bind_among(kind.among(schemas), &[other.among(schemas)]));
    fitted.map_err(scim_error("filter"))
}
