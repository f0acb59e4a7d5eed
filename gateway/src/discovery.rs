//! `/ServiceProviderConfig`, `/ResourceTypes` and `/Schemas` (RFC 7644 section 4), and `/Me`, which is not
//! served.
//!
//! They ask for the key like all others: else a wrong key looks right when an admin tests the
//! connection. They are read whole: a filter is refused, other parameters mean nothing.

use axum::extract::{Request, State};
use directory_api::v1;

use crate::answer::Answer;
use crate::call::{Call, Id};
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::query::Unfiltered;

/// `/Me`, by whatever method: nobody is behind an API key.
pub(crate) async fn me<D: Directory>(
    State(gateway): State<Gateway<D>>,
    request: Request,
) -> ScimError {
    let (mut parts, _) = request.into_parts();
    gateway.complain(&mut parts, ScimError::no_me()).await
}

/// `GET /ServiceProviderConfig`.
pub(crate) async fn service_provider_config<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    _: Unfiltered,
) -> Result<Answer, ScimError> {
    let ask = v1::GetServiceProviderConfigRequest { workspace_id: call.workspace_id.clone() };
    let found = gateway.discovery().get_service_provider_config(call.carry(ask)).await?;
    Ok(Answer::document(found.into_inner().scim_json))
}

/// `GET /ResourceTypes`.
pub(crate) async fn resource_types<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    _: Unfiltered,
) -> Result<Answer, ScimError> {
    let ask = v1::ListResourceTypesRequest { workspace_id: call.workspace_id.clone() };
    let found = gateway.discovery().list_resource_types(call.carry(ask)).await?;
    Ok(Answer::document(found.into_inner().scim_json))
}

/// `GET /ResourceTypes/{id}`.
pub(crate) async fn resource_type<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    _: Unfiltered,
    Id(id): Id,
) -> Result<Answer, ScimError> {
    let ask = v1::GetResourceTypeRequest { workspace_id: call.workspace_id.clone(), id };
    let found = gateway.discovery().get_resource_type(call.carry(ask)).await?;
    Ok(Answer::document(found.into_inner().scim_json))
}

/// `GET /Schemas`.
pub(crate) async fn schemas<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    _: Unfiltered,
) -> Result<Answer, ScimError> {
    let ask = v1::ListSchemasRequest { workspace_id: call.workspace_id.clone() };
    let found = gateway.discovery().list_schemas(call.carry(ask)).await?;
    Ok(Answer::document(found.into_inner().scim_json))
}

/// `GET /Schemas/{id}`: the id is the schema's URN.
pub(crate) async fn schema<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    _: Unfiltered,
    Id(id): Id,
) -> Result<Answer, ScimError> {
    let ask = v1::GetSchemaRequest { workspace_id: call.workspace_id.clone(), id };
    let found = gateway.discovery().get_schema(call.carry(ask)).await?;
    Ok(Answer::document(found.into_inner().scim_json))
}
