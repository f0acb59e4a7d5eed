//! `/Groups`, `/Groups/.search` and `/Groups/{id}` (RFC 7644 sections 3.3 to 3.6).

use axum::extract::State;
use axum::http::StatusCode;
use directory_api::v1;
use directory_api::v1::{create_group_request, replace_group_request};

use crate::answer::Answer;
use crate::body::{Operations, ScimText};
use crate::call::{Call, Id};
use crate::conditions::{IfMatch, IfNoneMatch};
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::query::{Search, View};
use crate::search::SearchRequest;

/// `GET /Groups`.
pub(crate) async fn list<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    search: Search,
    view: View,
) -> Result<Answer, ScimError> {
    found(&gateway, &call, search, view).await
}

/// `POST /Groups/.search`.
pub(crate) async fn search<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    SearchRequest { search, view }: SearchRequest,
) -> Result<Answer, ScimError> {
    found(&gateway, &call, search, view).await
}

async fn found<D: Directory>(
    gateway: &Gateway<D>,
    call: &Call,
    search: Search,
    view: View,
) -> Result<Answer, ScimError> {
    let ask = v1::ListGroupsRequest {
        workspace_id: call.workspace_id.clone(),
        order: search.order(),
        filter: search.filter,
        start_index: search.start_index,
        page_size: search.count,
        page_token: search.cursor.clone().unwrap_or_default(),
        view: Some(view.into()),
        consistency: None,
    };
    let page = gateway.groups().list_groups(call.carry(ask)).await?.into_inner();
    Ok(Answer::page(page, search.cursor.is_some()))
}

/// `POST /Groups`.
pub(crate) async fn create<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    view: View,
    ScimText(text): ScimText,
) -> Result<Answer, ScimError> {
    let ask = v1::CreateGroupRequest {
        workspace_id: call.workspace_id.clone(),
        resource: Some(create_group_request::Resource::ScimJson(text)),
        view: Some(view.into()),
        operation_id: gateway.operation_id(),
    };
    Ok(Answer::created(gateway.groups().create_group(call.carry(ask)).await?.into_inner()))
}

/// `GET /Groups/{id}`: passed on piece by piece, as it may have members beyond number.
pub(crate) async fn get<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    view: View,
    held: IfNoneMatch,
) -> Result<Answer, ScimError> {
    let workspace_id = call.workspace_id.clone();
    let view = Some(view.into());
    let ask = v1::ReadGroupRequest { workspace_id, id, view, consistency: None };
    let pieces = gateway.groups().read_group(call.carry(ask)).await?.into_inner();
    Ok(Answer::in_pieces(pieces).await?.unless_held(&held))
}

/// `PUT /Groups/{id}`.
pub(crate) async fn replace<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    view: View,
    IfMatch(etag): IfMatch,
    ScimText(text): ScimText,
) -> Result<Answer, ScimError> {
    let ask = v1::ReplaceGroupRequest {
        workspace_id: call.workspace_id.clone(),
        id,
        resource: Some(replace_group_request::Resource::ScimJson(text)),
        view: Some(view.into()),
        etag,
        operation_id: gateway.operation_id(),
    };
    Ok(gateway.groups().replace_group(call.carry(ask)).await?.into_inner().into())
}

/// `PATCH /Groups/{id}`: the operations travel as the identity provider wrote them; the directory
/// knows the schema.
pub(crate) async fn patch<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    view: View,
    IfMatch(etag): IfMatch,
    Operations(operations): Operations,
) -> Result<Answer, ScimError> {
    let ask = v1::PatchGroupRequest {
        workspace_id: call.workspace_id.clone(),
        id,
        operations,
        view: Some(view.into()),
        etag,
        operation_id: gateway.operation_id(),
    };
    Ok(gateway.groups().patch_group(call.carry(ask)).await?.into_inner().into())
}

/// `DELETE /Groups/{id}`.
pub(crate) async fn delete<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    IfMatch(etag): IfMatch,
) -> Result<StatusCode, ScimError> {
    let workspace_id = call.workspace_id.clone();
    let ask =
        v1::DeleteGroupRequest { workspace_id, id, etag, operation_id: gateway.operation_id() };
    gateway.groups().delete_group(call.carry(ask)).await?;
    Ok(StatusCode::NO_CONTENT)
}
