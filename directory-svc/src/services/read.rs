//! Reading what requests carry: people, patches, ids. One reader for what an IdP says and for what
//! a service says typed.

use std::str::FromStr;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::patch_operation::Operand;
use scim::patch::{Patch, RawOperation};
use scim::{Resource, ResourceType};
use serde_json::Value;
use tonic::Status;

use super::fault::{no, scim_error};
use crate::ids::UserId;
use crate::refusal::Refusal;
use crate::rules::people;
use crate::store::{Author, User};

/// The schema of people.
pub(super) fn users() -> &'static ResourceType {
    scim::Schemas::standard().user()
}

/// A person as the IdP wrote them.
pub(super) fn scim_json(text: &str) -> Result<Resource, Status> {
    users().read(text).map_err(scim_error)
}

/// A person as a service says them.
pub(super) fn typed(user: &v1::User) -> Result<Resource, Status> {
    let value = user.to_scim().map_err(|error| no(invalid("user", &error)))?;
    users().read_value(value).map_err(scim_error)
}

/// A person as stored, without externalId. What cannot be read is ours to mend, and told as a fault.
pub(super) fn stored(user: &User) -> Result<Resource, Refusal> {
    users().restore(&user.document).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "stored document not readable");
        Refusal::new(Reason::Unspecified, "internal error")
    })
}

/// The stored person `resource` of `user`, with the externalId that the author's own integration
/// gave them.
pub(super) fn seen_by(mut resource: Resource, user: &User, author: &Author) -> Resource {
    let own = user.binding.as_ref().filter(|b| Some(b.integration_id) == author.integration());
    resource.set_external_id(own.and_then(|binding| binding.external_id.clone()));
    resource
}

/// A patch, as the IdP wrote it or as a service says it.
pub(super) fn patch(operations: Vec<v1::PatchOperation>) -> Result<Patch, Status> {
    let operations = operations
        .into_iter()
        .map(|operation| {
            let value = operation.operand.map(value).transpose()?;
            Ok(RawOperation { op: operation.op, path: operation.path, value })
        })
        .collect::<Result<Vec<_>, Status>>()?;
    Patch::read(users(), &operations).map_err(scim_error)
}

fn value(operand: Operand) -> Result<Value, Status> {
    match operand {
        Operand::ValueJson(text) => scim::json::parse(&text).map_err(scim_error),
        Operand::Value(value) => {
            directory_api::to_json(&value).map_err(|error| no(invalid("value", &error)))
        }
    }
}

/// The id of a person; an id that the directory could not have made is that of nobody.
pub(super) fn user_id(text: &str) -> Result<UserId, Status> {
    UserId::from_str(text).map_err(|_| no(people::not_found(text)))
}

/// A field that cannot be read, with the cause.
pub(super) fn invalid(field: &str, cause: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::InvalidArgument, format!("{field}: {cause}"))
}
