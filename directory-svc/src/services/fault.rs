//! The one place where refusals and failures become gRPC statuses.

use std::time::Duration;

use directory_api::v1::Reason;
use scim::ErrorKind;
use tonic::Status;
use tonic_types::ErrorDetails;

use crate::refusal::Refusal;
use crate::rules::{groups, keys, leavers, people};
use crate::store::{StoreError, Unique};

/// After how long to try again what says nothing of it and may succeed by itself.
const SOON: Duration = Duration::from_secs(1);

/// A refusal is shown whole, but for what it keeps to itself.
pub(crate) fn no(refusal: Refusal) -> Status {
    let Refusal { reason, detail, retry_after, field, about, address: _, protected: _ } = refusal;
    let mut details = ErrorDetails::new();
    if let Some(field) = field {
        details.add_bad_request_violation(field, detail.as_str());
    }
    if let Some(about) = about {
        let owner = about.owner.map(|owner| owner.to_string()).unwrap_or_default();
        details.set_resource_info(about.kind.message(), about.name, owner, "");
    }
    if reason.may_pass() {
        details.set_retry_info(Some(retry_after.unwrap_or(SOON)));
    }
    reason.status_with(detail, details)
}

/// A refusal by the SCIM language of what `field` holds.
pub(crate) fn scim_error(field: &'static str) -> impl Fn(scim::Error) -> Status {
    move |error| no(refusal_of(error).at(field))
}

/// A refusal of the SCIM language, for rules that run inside a transaction.
pub(crate) fn refusal_of(error: scim::Error) -> Refusal {
    let reason = match error.kind {
        ErrorKind::InvalidSyntax => Reason::InvalidSyntax,
        ErrorKind::InvalidFilter => Reason::InvalidFilter,
        ErrorKind::InvalidPath => Reason::InvalidPath,
        ErrorKind::InvalidValue => Reason::InvalidValue,
        ErrorKind::NoTarget => Reason::NoTarget,
        ErrorKind::Mutability => Reason::Mutability,
        ErrorKind::TooMany => Reason::TooMany,
    };
    let refusal = Refusal::new(reason, error.detail);
    match error.at {
        Some(attribute) => refusal.at(attribute),
        None => refusal,
    }
}

/// A store's refusal is shown; its failure is logged with its chain and shown as no more than that.
pub(crate) fn store_error(error: StoreError) -> Status {
    match error {
        StoreError::Refused(refusal) => no(refusal),
        StoreError::Taken { unique: Unique::UserName, holder } => {
            no(people::user_name_taken(holder))
        }
        StoreError::Taken { unique: Unique::LoginEmail, holder } => {
            no(people::login_email_taken(holder))
        }
        StoreError::Taken { unique: Unique::GroupName, holder } => no(groups::name_taken(holder)),
        StoreError::Shut { cause, suspension } => {
            no(keys::told(cause, suspension.as_ref(), &[], &[]))
        }
        StoreError::Barred { user_id } => no(leavers::has_left(user_id)),
        StoreError::NotReached { reached } => no(Refusal::new(
            Reason::InvalidArgument,
            format!(
                "consistency.at_least_revision: this workspace has reached revision {reached}, and not that one, \
                 which is another workspace's or one of before a restored back-up. Take it from an answer of this \
                 workspace, or ask for the strongest."
            ),
        )
        .at("consistency.at_least_revision")),
        StoreError::OperationReused => no(Refusal::new(
            Reason::InvalidArgument,
            "operation_id names an earlier write that did something else. Use a new one for each \
             write, and the same one only to repeat it.",
        )
        .at("operation_id")),
        StoreError::TooCostly => no(Refusal::new(
            Reason::TooMany,
            "The question takes too long to answer. Filter by an indexed attribute, such as \
             userName, displayName, externalId, id, emails.value or members.value, or ask for fewer.",
        )),
        StoreError::Unavailable(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, "store not available");
            no(Refusal::new(
                Reason::Unavailable,
                "The directory cannot take the request now. Nothing was changed; try again later.",
            ))
        }
        StoreError::Fault(_) => {
            tracing::error!(error = chain(&error), "store failed");
            Status::internal("internal error")
        }
    }
}

/// An error with all that it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
