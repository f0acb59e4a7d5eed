//! The one table of reasons: what each is over gRPC, over HTTP and as scimType.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::v1::Reason;

/// The domain of every `google.rpc.ErrorInfo` of the directory.
pub const DOMAIN: &str = "directory.nestr.io";

/// What a reason is on each side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The status code over gRPC.
    pub code: Code,
    /// The status over HTTP.
    pub http: u16,
    /// `scimType` of the SCIM error (RFC 7644 section 3.12). Empty: none is defined for it.
    pub scim_type: &'static str,
}

impl Reason {
    /// The one table. A reason without a row does not compile.
    #[must_use]
    pub const fn row(self) -> Row {
        let (code, http, scim_type) = match self {
            Self::Unspecified => (Code::Internal, 500, ""),
            Self::ApiKeyInvalid | Self::CredentialInvalid => (Code::Unauthenticated, 401, ""),
            Self::IntegrationPaused | Self::IntegrationDisabled => {
                (Code::PermissionDenied, 403, "")
            }
            Self::WorkspaceNotFound
            | Self::UserNotFound
            | Self::DomainNotFound
            | Self::IntegrationNotFound
            | Self::ApiKeyNotFound
            | Self::ResourceNotFound => (Code::NotFound, 404, ""),
            Self::DomainNotVerified => (Code::FailedPrecondition, 400, "invalidValue"),
            Self::DomainHeldElsewhere | Self::DomainStateConflict | Self::NoVerifiedDomain => {
                (Code::FailedPrecondition, 400, "")
            }
            Self::UserNameTaken
            | Self::LoginEmailTaken
            | Self::AlreadyProvisioned
            | Self::BoundElsewhere
            | Self::IdentityConflict => (Code::AlreadyExists, 409, "uniqueness"),
            Self::RevisionMismatch => (Code::Aborted, 412, ""),
            Self::InvalidSyntax => (Code::InvalidArgument, 400, "invalidSyntax"),
            Self::InvalidFilter => (Code::InvalidArgument, 400, "invalidFilter"),
            Self::InvalidPath => (Code::InvalidArgument, 400, "invalidPath"),
            Self::NoTarget => (Code::InvalidArgument, 400, "noTarget"),
            Self::Mutability => (Code::InvalidArgument, 400, "mutability"),
            Self::InvalidValue => (Code::InvalidArgument, 400, "invalidValue"),
            Self::TooMany => (Code::InvalidArgument, 400, "tooMany"),
            Self::InvalidArgument => (Code::InvalidArgument, 400, ""),
            Self::Unavailable => (Code::Unavailable, 503, ""),
        };
        Row { code, http, scim_type }
    }

    /// The status of this reason: its code, `detail` as message, and ErrorInfo with `metadata`.
    #[must_use]
    pub fn status(self, detail: impl Into<String>, metadata: HashMap<String, String>) -> Status {
        let details = ErrorDetails::with_error_info(self.as_str_name(), DOMAIN, metadata);
        Status::with_error_details(self.row().code, detail, details)
    }

    /// The reason that a status of the directory carries; `None` when it carries none that this
    /// version knows.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let info = status.get_details_error_info()?;
        (info.domain == DOMAIN).then(|| Self::from_str_name(&info.reason)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Reason> {
        (0..).map_while(|number| Reason::try_from(number).ok())
    }

    #[test]
    fn every_reason_survives_the_way_over_grpc() {
        assert!(all().count() > 20);
        for reason in all() {
            let status = reason.status("detail", HashMap::new());
            assert_eq!(Reason::of(&status), Some(reason));
            assert_eq!((status.code(), status.message()), (reason.row().code, "detail"));
        }
    }

    #[test]
    fn only_what_the_caller_can_mend_is_a_4xx() {
        for reason in all() {
            let Row { code, http, scim_type } = reason.row();
            let ours = matches!(code, Code::Internal | Code::Unavailable);
            assert_eq!(ours, http >= 500, "{reason:?}");
            assert!(scim_type.is_empty() || matches!(http, 400 | 409), "{reason:?}");
        }
    }

    #[test]
    fn a_status_of_another_domain_has_no_reason() {
        let details =
            ErrorDetails::with_error_info("API_KEY_INVALID", "else.where", HashMap::new());
        let status = Status::with_error_details(Code::Unauthenticated, "", details);
        assert_eq!(Reason::of(&status), None);
        assert_eq!(Reason::of(&Status::unauthenticated("")), None);
    }
}
