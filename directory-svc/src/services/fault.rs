//! The one place where refusals and failures become gRPC statuses.

use std::collections::HashMap;

use directory_api::v1::Reason;
use scim::ErrorKind;
use tonic::Status;

use crate::refusal::Refusal;
use crate::rules::{groups, keys, leavers, people};
use crate::store::{StoreError, Unique};

/// A refusal is shown whole.
pub(crate) fn no(refusal: Refusal) -> Status {
    let Refusal { reason, detail, retry_after, .. } = refusal;
    reason.status_with_retry(detail, HashMap::new(), retry_after)
}

/// A refusal of the SCIM language.
pub(crate) fn scim_error(error: scim::Error) -> Status {
    no(refusal_of(error))
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
    Refusal::new(reason, error.detail)
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
        )),
        StoreError::OperationReused => no(Refusal::new(
            Reason::InvalidArgument,
            "operation_id names an earlier write that did something else. Use a new one for each \
             write, and the same one only to repeat it.",
        )),
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
            tracing::error!(error = &error as &dyn std::error::Error, "store failed");
            Status::internal("internal error")
        }
    }
}
