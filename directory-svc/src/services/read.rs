//! Reading what requests carry: people, groups, patches, filters, ids. One reader for what an IdP says and for what
//! a service says typed.

use std::str::FromStr;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::patch_operation::Operand;
use pbjson_types::Timestamp;
use scim::filter::Bound;
use scim::patch::{ListEdit, Patch, RawOperation};
use scim::{Resource, ResourceType, Schemas, Sort};
use serde_json::Value;
use tonic::Status;

use super::fault::{no, scim_error};
use crate::clock::Micros;
use crate::ids::{GroupId, UserId};
use crate::refusal::Refusal;
use crate::rules::{groups, people};
use crate::store::{Author, Binding, Group, Kind, User};

/// A point in time, which `field` carries; `None` when it carries none.
pub(super) fn time(field: &str, time: Option<&Timestamp>) -> Result<Option<Micros>, Status> {
    let read = |time: &Timestamp| jiff::Timestamp::new(time.seconds, time.nanos);
    let micros = time.map(read).transpose().map_err(|_| no(invalid(field, "out of range")))?;
    Ok(micros.map(jiff::Timestamp::as_microsecond))
}

/// The attribute of a group whose values are rows.
const MEMBERS: &str = "members";

/// A filter; `None` when none was sent.
pub(super) fn filter(schemas: &Schemas, kind: Kind, text: &str) -> Result<Option<Bound>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let filter = scim::filter::parse(text).and_then(|filter| filter.bind(kind.among(schemas)));
    filter.map(Some).map_err(scim_error("filter"))
}

/// An order; `None` when none was asked for.
pub(super) fn sort(
    schemas: &Schemas,
    kind: Kind,
    order: Option<&v1::Order>,
) -> Result<Option<Sort>, Status> {
    let Some(order) = order.filter(|order| !order.sort_by.is_empty()) else { return Ok(None) };
    let sort = Sort::read(kind.among(schemas), &order.sort_by, &order.sort_order);
    sort.map(Some).map_err(scim_error("order"))
}

/// An order of people and groups together: of one of the two at least.
pub(super) fn sort_any(
    schemas: &Schemas,
    order: Option<&v1::Order>,
) -> Result<Option<[Option<Sort>; 2]>, Status> {
    match (sort(schemas, Kind::User, order), sort(schemas, Kind::Group, order)) {
        (Ok(None), _) | (_, Ok(None)) => Ok(None),
        (Err(refused), Err(_)) => Err(refused),
        (users, groups) => Ok(Some([users.ok().flatten(), groups.ok().flatten()])),
    }
}

/// A person as the IdP wrote them.
pub(super) fn user_json(schemas: &Schemas, text: &str) -> Result<Resource, Status> {
    schemas.user().read(text).map_err(scim_error("scim_json"))
}

/// A person as a service says them.
pub(super) fn user_message(schemas: &Schemas, user: &v1::User) -> Result<Resource, Status> {
    let value = user.to_scim().map_err(|error| no(invalid("user", &error)))?;
    schemas.user().read_value(value).map_err(scim_error("user"))
}

/// A group as the IdP wrote it, and its members where something is said of them.
pub(super) fn group_json(
    schemas: &Schemas,
    text: &str,
) -> Result<(Resource, Option<Vec<String>>), Status> {
    let value = scim::json::parse(text).map_err(scim_error("scim_json"))?;
    schemas.group().read_apart(value, MEMBERS).map_err(scim_error("scim_json"))
}

/// A group as a service says it, and its members where it names some.
pub(super) fn group_message(
    schemas: &Schemas,
    group: &v1::Group,
) -> Result<(Resource, Option<Vec<String>>), Status> {
    let value = group.to_scim().map_err(|error| no(invalid("group", &error)))?;
    schemas.group().read_apart(value, MEMBERS).map_err(scim_error("group"))
}

/// A person as stored, without externalId.
pub(super) fn stored_user(schemas: &Schemas, user: &User) -> Result<Resource, Refusal> {
    stored(schemas.user(), &user.document)
}

/// A group as stored, without externalId and members.
pub(super) fn stored_group(schemas: &Schemas, group: &Group) -> Result<Resource, Refusal> {
    stored(schemas.group(), &group.document)
}

/// What cannot be read is ours to mend, and told as a fault.
fn stored(rt: &ResourceType, document: &str) -> Result<Resource, Refusal> {
    rt.restore(document).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "stored document not readable");
        Refusal::new(Reason::Unspecified, "internal error")
    })
}

/// The stored `resource`, with the externalId that the author's own integration gave it.
pub(super) fn seen_by(
    mut resource: Resource,
    binding: Option<&Binding>,
    author: &Author,
) -> Resource {
    let own = binding.filter(|binding| Some(binding.integration_id) == author.integration());
    resource.set_external_id(own.and_then(|binding| binding.external_id.clone()));
    resource
}

/// A patch of a group: what it does to the group itself, and what to its members.
pub(super) fn group_patch(
    schemas: &Schemas,
    operations: Vec<v1::PatchOperation>,
) -> Result<(Patch, Vec<ListEdit>), Status> {
    let mut patch = patch(schemas.group(), operations)?;
    let members = patch.split_off(MEMBERS).map_err(scim_error("operations"))?;
    Ok((patch, members))
}

/// A patch, as the IdP wrote it or as a service says it.
pub(super) fn patch(
    rt: &ResourceType,
    operations: Vec<v1::PatchOperation>,
) -> Result<Patch, Status> {
    let operations = operations
        .into_iter()
        .map(|operation| {
            let value = operation.operand.map(value).transpose()?;
            Ok(RawOperation { op: operation.op, path: operation.path, value })
        })
        .collect::<Result<Vec<_>, Status>>()?;
    Patch::read(rt, &operations).map_err(scim_error("operations"))
}

fn value(operand: Operand) -> Result<Value, Status> {
    match operand {
        Operand::ValueJson(text) => scim::json::parse(&text).map_err(scim_error("operations")),
        Operand::Value(value) => {
            directory_api::to_json(&value).map_err(|error| no(invalid("value", &error)))
        }
    }
}

/// The id of a person; an id that the directory could not have made is that of nobody.
pub(super) fn user_id(text: &str) -> Result<UserId, Status> {
    UserId::from_str(text).map_err(|_| no(people::not_found(text)))
}

/// The id of a group; an id that the directory could not have made is that of none.
pub(super) fn group_id(text: &str) -> Result<GroupId, Status> {
    GroupId::from_str(text).map_err(|_| no(groups::not_found(text)))
}

/// A field that cannot be read, with the cause.
pub(crate) fn invalid(field: &str, cause: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::InvalidArgument, format!("{field}: {cause}")).at(field)
}
