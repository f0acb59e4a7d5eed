//! The groups of the directory that stands in, and what it answers of people and groups at once.

use directory_api::v1;
use directory_api::v1::group_service_server::GroupService;
use directory_api::v1::resource_service_server::ResourceService;
use tonic::{Request, Response, Status};

use crate::stand_in::{Asked, Next, StandIn, ada};

/// A group, in bytes that no JSON writer of ours would choose.
pub(crate) const STAFF: &str = r#"{ "id":"1","displayName":"St\u0061ff" }"#;

pub(crate) fn staff() -> v1::Group {
    let meta = v1::Meta {
        version: r#"W/"5""#.to_owned(),
        location: "https://nestr.example/scim/v2/acme/Groups/1".to_owned(),
        ..v1::Meta::default()
    };
    v1::Group { scim_json: STAFF.to_owned(), meta: Some(meta), ..v1::Group::default() }
}

/// A piece of a group; the first has its head.
pub(crate) fn piece(text: &str, is_first: bool) -> v1::GroupPiece {
    let head = v1::Group { scim_json: String::new(), ..staff() };
    v1::GroupPiece { group: is_first.then_some(head), scim_json: text.to_owned() }
}

fn written(next: Option<&Next>) -> Response<v1::Group> {
    Response::new(match next {
        Some(Next::WithoutDocument) => v1::Group { scim_json: String::new(), ..staff() },
        _ => staff(),
    })
}

macro_rules! for_services {
    ($($rpc:ident($ask:ident) -> $answer:ty),* $(,)?) => {
        #[tonic::async_trait]
        impl GroupService for StandIn {
            type ReadGroupStream = tokio_stream::Iter<std::vec::IntoIter<Result<v1::GroupPiece, Status>>>;

            async fn create_group(&self, request: Request<v1::CreateGroupRequest>) -> Result<Response<v1::Group>, Status> {
                Ok(written(self.open(request, Asked::CreateGroup).await?.as_ref()))
            }

            async fn read_group(&self, request: Request<v1::ReadGroupRequest>) -> Result<Response<Self::ReadGroupStream>, Status> {
                let pieces = match self.open(request, Asked::ReadGroup).await? {
                    Some(Next::Pieces(pieces)) => pieces,
                    _ => vec![Ok(piece(STAFF, true))],
                };
                Ok(Response::new(tokio_stream::iter(pieces)))
            }

            async fn list_groups(&self, request: Request<v1::ListGroupsRequest>) -> Result<Response<v1::ListGroupsResponse>, Status> {
                self.open(request, Asked::ListGroups).await?;
                let page = v1::ListGroupsResponse { groups: vec![staff()], total_size: 1, start_index: 1, ..Default::default() };
                Ok(Response::new(page))
            }

            async fn replace_group(&self, request: Request<v1::ReplaceGroupRequest>) -> Result<Response<v1::Group>, Status> {
                Ok(written(self.open(request, Asked::ReplaceGroup).await?.as_ref()))
            }

            async fn patch_group(&self, request: Request<v1::PatchGroupRequest>) -> Result<Response<v1::Group>, Status> {
                Ok(written(self.open(request, Asked::PatchGroup).await?.as_ref()))
            }

            async fn delete_group(&self, request: Request<v1::DeleteGroupRequest>) -> Result<Response<v1::DeleteGroupResponse>, Status> {
                self.open(request, Asked::DeleteGroup).await?;
                Ok(Response::new(v1::DeleteGroupResponse::default()))
            }

            $(async fn $rpc(&self, _: Request<v1::$ask>) -> Result<Response<$answer>, Status> {
                Err(Status::unimplemented("for services and operators"))
            })*
        }
    };
}

for_services![
    get_group(GetGroupRequest) -> v1::Group,
    batch_get_groups(BatchGetGroupsRequest) -> v1::BatchGetGroupsResponse,
    count_groups(CountGroupsRequest) -> v1::CountGroupsResponse,
    update_group(UpdateGroupRequest) -> v1::Group,
    list_deleted_groups(ListDeletedGroupsRequest) -> v1::ListDeletedGroupsResponse,
    restore_group(RestoreGroupRequest) -> v1::Group,
    list_members(ListMembersRequest) -> v1::ListMembersResponse,
    list_user_groups(ListUserGroupsRequest) -> v1::ListUserGroupsResponse,
];

#[tonic::async_trait]
impl ResourceService for StandIn {
    async fn list_resources(
        &self,
        request: Request<v1::ListResourcesRequest>,
    ) -> Result<Response<v1::ListResourcesResponse>, Status> {
        self.open(request, Asked::ListResources).await?;
        let kinds = [v1::resource::Kind::User(ada()), v1::resource::Kind::Group(staff())];
        Ok(Response::new(v1::ListResourcesResponse {
            resources: kinds.map(|kind| v1::Resource { kind: Some(kind) }).into(),
            total_size: 2,
            start_index: 1,
            next_page_token: "next".to_owned(),
        }))
    }

    async fn bulk_write(
        &self,
        request: Request<v1::BulkWriteRequest>,
    ) -> Result<Response<v1::BulkWriteResponse>, Status> {
        self.open(request, Asked::Bulk).await?;
        Ok(Response::new(v1::BulkWriteResponse::default()))
    }
}
