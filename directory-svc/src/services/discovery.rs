//! `DiscoveryService`: what this service provider can do (RFC 7644 section 4), as SCIM JSON.

use std::sync::Arc;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::discovery_service_server::DiscoveryService;
use scim::Schemas;
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use super::fault::no;
use super::page::{DEFAULT_PAGE, MAX_PAGE};
use super::{Services, cursor};
use crate::clock::SECOND;
use crate::door::{Authenticated, InWorkspace};
use crate::refusal::{Refusal, Thing, echo};
use crate::store::Store;

type Document = Result<Response<v1::ScimDocument>, Status>;

#[tonic::async_trait]
impl<S: Store> DiscoveryService for Services<S> {
    async fn get_service_provider_config(
        &self,
        request: Request<v1::GetServiceProviderConfigRequest>,
    ) -> Document {
        let (base, ..) = self.discover(request).await?;
        Ok(document(&located(service_provider_config(), &base, "ServiceProviderConfig", None)))
    }

    async fn list_resource_types(
        &self,
        request: Request<v1::ListResourceTypesRequest>,
    ) -> Document {
        let (base, schemas, _) = self.discover(request).await?;
        Ok(document(&list(&resource_types(&schemas, &base))))
    }

    async fn get_resource_type(&self, request: Request<v1::GetResourceTypeRequest>) -> Document {
        let (base, schemas, ask) = self.discover(request).await?;
        one(&resource_types(&schemas, &base), &ask.id)
    }

    async fn list_schemas(&self, request: Request<v1::ListSchemasRequest>) -> Document {
        let (base, schemas, _) = self.discover(request).await?;
        Ok(document(&list(&documents(&schemas, &base))))
    }

    async fn get_schema(&self, request: Request<v1::GetSchemaRequest>) -> Document {
        let (base, schemas, ask) = self.discover(request).await?;
        one(&documents(&schemas, &base), &ask.id)
    }
}

impl<S: Store> Services<S> {
    /// Lets the caller in and answers the SCIM API URL that links begin with, and the schemas.
    async fn discover<T: InWorkspace>(
        &self,
        request: Request<T>,
    ) -> Result<(String, Arc<Schemas>, T), Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        Ok((self.links.scim(workspace_id), Arc::clone(workspace.schemas()), ask))
    }
}

/// RFC 7643 section 5. What is announced here is what works.
fn service_provider_config() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": scim::limits::BULK_OPERATIONS,
            "maxPayloadSize": scim::limits::BULK_BYTES,
        },
        "filter": {"supported": true, "maxResults": MAX_PAGE},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": DEFAULT_PAGE,
            "maxPageSize": MAX_PAGE,
            "cursorTimeout": cursor::LIFETIME / SECOND,
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "API key",
            "description": "An API key of the workspace, sent as a bearer token (RFC 6750).",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
    })
}

fn resource_types(schemas: &Schemas, base: &str) -> Vec<Value> {
    let types = schemas.resource_types();
    types.map(|kind| located(kind.to_json(), base, "ResourceType", Some("ResourceTypes"))).collect()
}

fn documents(schemas: &Schemas, base: &str) -> Vec<Value> {
    let schemas = schemas.schemas();
    schemas.map(|schema| located(schema.to_json(), base, "Schema", Some("Schemas"))).collect()
}

/// The document with its `meta`; one of a list lies below the list's `endpoint`.
fn located(mut document: Value, base: &str, kind: &str, endpoint: Option<&str>) -> Value {
    let location = match (endpoint, document["id"].as_str()) {
        (Some(endpoint), Some(id)) => format!("{base}/{endpoint}/{id}"),
        _ => format!("{base}/{kind}"),
    };
    document["meta"] = json!({"resourceType": kind, "location": location});
    document
}

fn list(resources: &[Value]) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(),
        "startIndex": 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn one(resources: &[Value], id: &str) -> Document {
    let is_asked = |resource: &Value| {
        resource["id"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(id))
    };
    resources.iter().find(|resource| is_asked(resource)).map(document).ok_or_else(|| {
        let shown = echo(id);
        let detail = format!("{shown} not found; see the list.");
        no(Refusal::new(Reason::ResourceNotFound, detail).about(Thing::Document, id))
    })
}

fn document(value: &Value) -> Response<v1::ScimDocument> {
    Response::new(v1::ScimDocument { scim_json: value.to_string() })
}
