//! `/Users`, `/Users/.search` and `/Users/{id}` (RFC 7644 sections 3.3 to 3.6).

use axum::extract::State;
use axum::http::StatusCode;
use directory_api::v1;
use directory_api::v1::{create_user_request, replace_user_request};

use crate::answer::Answer;
use crate::body::{Operations, ScimText};
use crate::call::{Call, Id};
use crate::conditions::{IfMatch, IfNoneMatch};
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::query::{Search, View};
use crate::search::SearchRequest;

/// `GET /Users`.
pub(crate) async fn list<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    search: Search,
    view: View,
) -> Result<Answer, ScimError> {
    found(&gateway, &call, search, view).await
}

/// `POST /Users/.search`.
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
    let ask = v1::ListUsersRequest {
        workspace_id: call.workspace_id.clone(),
        order: search.order(),
        filter: search.filter,
        start_index: search.start_index,
        page_size: search.count,
        page_token: search.cursor.clone().unwrap_or_default(),
        view: Some(view.into()),
        consistency: None,
    };
    let page = gateway.users().list_users(call.carry(ask)).await?.into_inner();
    Ok(Answer::page(page, search.cursor.is_some()))
}

/// `POST /Users`.
pub(crate) async fn create<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    view: View,
    ScimText(text): ScimText,
) -> Result<Answer, ScimError> {
    let ask = v1::CreateUserRequest {
        workspace_id: call.workspace_id.clone(),
        resource: Some(create_user_request::Resource::ScimJson(text)),
        view: Some(view.into()),
        operation_id: gateway.operation_id(),
    };
    Ok(Answer::created(gateway.users().create_user(call.carry(ask)).await?.into_inner()))
}

/// `GET /Users/{id}`.
pub(crate) async fn get<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    view: View,
    held: IfNoneMatch,
) -> Result<Answer, ScimError> {
    let workspace_id = call.workspace_id.clone();
    let view = Some(view.into());
    let ask = v1::GetUserRequest { workspace_id, id, view, consistency: None };
    let found = gateway.users().get_user(call.carry(ask)).await?.into_inner();
    Ok(Answer::from(found).unless_held(&held))
}

/// `PUT /Users/{id}`.
pub(crate) async fn replace<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    view: View,
    IfMatch(etag): IfMatch,
    ScimText(text): ScimText,
) -> Result<Answer, ScimError> {
    let ask = v1::ReplaceUserRequest {
        workspace_id: call.workspace_id.clone(),
        id,
        resource: Some(replace_user_request::Resource::ScimJson(text)),
        view: Some(view.into()),
        etag,
        operation_id: gateway.operation_id(),
    };
    Ok(gateway.users().replace_user(call.carry(ask)).await?.into_inner().into())
}

/// `PATCH /Users/{id}`: the operations travel as the identity provider wrote them; the directory
/// knows the schema.
pub(crate) async fn patch<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    view: View,
    IfMatch(etag): IfMatch,
    Operations(operations): Operations,
) -> Result<Answer, ScimError> {
    let ask = v1::PatchUserRequest {
        workspace_id: call.workspace_id.clone(),
        id,
        operations,
        view: Some(view.into()),
        etag,
        operation_id: gateway.operation_id(),
    };
    Ok(gateway.users().patch_user(call.carry(ask)).await?.into_inner().into())
}

/// `DELETE /Users/{id}`.
pub(crate) async fn delete<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    Id(id): Id,
    IfMatch(etag): IfMatch,
) -> Result<StatusCode, ScimError> {
    let workspace_id = call.workspace_id.clone();
    let ask =
        v1::DeleteUserRequest { workspace_id, id, etag, operation_id: gateway.operation_id() };
    gateway.users().delete_user(call.carry(ask)).await?;
    Ok(StatusCode::NO_CONTENT)
}
