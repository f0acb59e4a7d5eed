//! The root of a workspace, `/` and `/.search`: people and groups at once (RFC 7644 sections 3.4.2.1 and
//! 3.4.3).

use axum::extract::State;
use directory_api::v1;

use crate::answer::Answer;
use crate::call::Call;
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::query::{Search, View};
use crate::search::SearchRequest;

/// `GET /`.
pub(crate) async fn list<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    search: Search,
    view: View,
) -> Result<Answer, ScimError> {
    found(&gateway, &call, search, view).await
}

/// `POST /.search`.
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
    let ask = v1::ListResourcesRequest {
        workspace_id: call.workspace_id.clone(),
        order: search.order(),
        filter: search.filter,
        start_index: search.start_index,
        page_size: search.count,
        page_token: search.cursor.clone().unwrap_or_default(),
        view: Some(view.into()),
    };
    let page = gateway.resources().list_resources(call.carry(ask)).await?.into_inner();
    Ok(Answer::page(page, search.cursor.is_some()))
}
