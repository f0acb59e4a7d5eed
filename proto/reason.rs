//! The one table from a reason to what each protocol makes of it, and a reason's way through a gRPC
//! status. When a reason is given is for the directory to say.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::v1::Reason;

/// The domain of every `google.rpc.ErrorInfo` that the directory answers.
pub const DOMAIN: &str = "directory.nestr.io";

/// What each protocol makes of a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The gRPC status code.
    pub code: Code,
    /// The HTTP status of a SCIM answer.
    pub http: u16,
    /// The scimType of a SCIM error (RFC 7644 section 3.12, RFC 9865 section 2.3); empty for none.
    pub scim_type: &'static str,
}

impl Reason {
    /// The one table. A reason without a row does not compile.
    #[must_use]
    pub const fn row(self) -> Row {
        let (code, http, scim_type) = match self {
            Self::Unspecified => (Code::Internal, 500, ""),

            Self::ApiKeyInvalid | Self::CredentialInvalid => (Code::Unauthenticated, 401, ""),
            Self::PermissionDeniedRole
            | Self::IntegrationDisabled
            | Self::IntegrationPaused
            | Self::WorkspaceSuspended
            | Self::ApiKeyScope
            | Self::UserProtected => (Code::PermissionDenied, 403, ""),

            Self::WorkspaceNotFound
            | Self::UserNotFound
            | Self::DomainNotFound
            | Self::IntegrationNotFound
            | Self::ApiKeyNotFound
            | Self::ResourceNotFound
            | Self::GroupNotFound => (Code::NotFound, 404, ""),

            Self::DomainNotVerified => (Code::FailedPrecondition, 400, "invalidValue"),
            Self::DomainHeldElsewhere
            | Self::DomainState
            | Self::NoVerifiedDomain
            | Self::PersonLeft
            | Self::ManagedByIdp
            | Self::ApiKeyState => (Code::FailedPrecondition, 409, ""),

            Self::UserNameTaken
            | Self::LoginEmailTaken
            | Self::AlreadyProvisioned
            | Self::BoundElsewhere
            | Self::IdentityConflict
            | Self::GroupNameTaken => (Code::AlreadyExists, 409, "uniqueness"),
            Self::RevisionMismatch => (Code::Aborted, 412, ""),

            Self::InvalidSyntax => (Code::InvalidArgument, 400, "invalidSyntax"),
            Self::InvalidFilter => (Code::InvalidArgument, 400, "invalidFilter"),
            Self::InvalidPath => (Code::InvalidArgument, 400, "invalidPath"),
            Self::NoTarget => (Code::FailedPrecondition, 400, "noTarget"),
            Self::Mutability => (Code::FailedPrecondition, 400, "mutability"),
            Self::InvalidValue | Self::InvalidArgument => {
                (Code::InvalidArgument, 400, "invalidValue")
            }
            Self::TooMany => (Code::ResourceExhausted, 400, "tooMany"),
            Self::CursorExpired => (Code::OutOfRange, 400, "expiredCursor"),
            Self::InvalidCursor => (Code::InvalidArgument, 400, "invalidCursor"),

            Self::Unavailable | Self::Overloaded => (Code::Unavailable, 503, ""),
            Self::RateLimited => (Code::ResourceExhausted, 429, ""),
        };
        Row { code, http, scim_type }
    }

    /// The status that refuses a call for this reason: `detail` names cause and fix, `metadata` goes
    /// into the `ErrorInfo` for machines.
    #[must_use]
    pub fn status(self, detail: impl Into<String>, metadata: HashMap<String, String>) -> Status {
        let details = ErrorDetails::with_error_info(self.as_str_name(), DOMAIN, metadata);
        Status::with_error_details(self.row().code, detail, details)
    }

    /// The same, with more `details` beside the `ErrorInfo`.
    #[must_use]
    pub fn status_with(self, detail: impl Into<String>, mut details: ErrorDetails) -> Status {
        details.set_error_info(self.as_str_name(), DOMAIN, HashMap::new());
        Status::with_error_details(self.row().code, detail, details)
    }

    /// Whether the same call may succeed in a while, without anybody mending anything.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(self.row().http, 429 | 503)
    }

    /// The reason that a status carries. `None` when it carries none of this contract's: it comes
    /// from elsewhere, or from a newer directory whose reason is not known here.
    #[must_use]
    pub fn of(status: &Status) -> Option<Self> {
        let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN)?;
        Self::from_str_name(&info.reason).filter(|reason| *reason != Self::Unspecified)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

    use super::*;
    use crate::FILE_DESCRIPTOR_SET;

    /// The file of this name in the contract.
    fn file(name: &str) -> FileDescriptorProto {
        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
        files.into_iter().find(|file| file.name() == name).unwrap()
    }

    /// Every reason of the contract but the unspecified one.
    fn reasons() -> Vec<Reason> {
        let file = file("nestr/directory/v1/reason.proto");
        let values = &file.enum_type[0].value;
        let reasons: Vec<Reason> =
            values.iter().map(|value| Reason::from_str_name(value.name()).unwrap()).collect();
        assert_eq!(reasons[0], Reason::Unspecified);
        reasons[1..].to_vec()
    }

    #[test]
    fn a_reason_survives_its_way_through_a_status() {
        for reason in reasons() {
            let metadata = HashMap::from([("holder".to_owned(), "42".to_owned())]);
            let status = reason.status("Cause. Fix.", metadata.clone());
            assert_eq!(Reason::of(&status), Some(reason));
            assert_eq!((status.code(), status.message()), (reason.row().code, "Cause. Fix."));
            assert_eq!(status.get_details_error_info().unwrap().metadata, metadata);
        }
    }

    #[test]
    fn a_status_without_a_reason_of_ours_has_none() {
        let with = |reason: &str, domain: &str| {
            let info = ErrorDetails::with_error_info(reason, domain, HashMap::new());
            Reason::of(&Status::with_error_details(Code::NotFound, "", info))
        };
        assert_eq!(with("USER_NOT_FOUND", DOMAIN), Some(Reason::UserNotFound));
        assert_eq!(with("USER_NOT_FOUND", "example.com"), None);
        assert_eq!(with("REASON_OF_A_NEWER_DIRECTORY", DOMAIN), None);
        assert_eq!(with("REASON_UNSPECIFIED", DOMAIN), None);
        assert_eq!(Reason::of(&Status::not_found("")), None);
    }

    /// SCIM has scimTypes for 400 and 409 alone (RFC 7644 section 3.12), and an HTTP client has to
    /// meet the class of error that a gRPC client does.
    #[test]
    fn both_protocols_are_told_the_same() {
        for reason in reasons() {
            let Row { code, http, scim_type } = reason.row();
            let https: &[u16] = match code {
                Code::Unauthenticated => &[401],
                Code::PermissionDenied => &[403],
                Code::NotFound => &[404],
                Code::AlreadyExists => &[409],
                Code::Aborted => &[412],
                Code::FailedPrecondition => &[400, 409],
                Code::InvalidArgument | Code::OutOfRange => &[400],
                Code::ResourceExhausted => &[400, 429],
                Code::Unavailable => &[503],
                code => panic!("{reason:?} is a refusal, not {code:?}"),
            };
            assert!(https.contains(&http), "{reason:?}");
            assert!(scim_type.is_empty() || [400, 409].contains(&http), "{reason:?}");
            assert!(http != 400 || !scim_type.is_empty(), "{reason:?}");
        }
    }

    /// Seen to fail with the words taken out of any of them.
    #[test]
    fn every_reason_names_its_fix() {
        let file = file("nestr/directory/v1/reason.proto");
        let info = file.source_code_info.unwrap();
        for (at, value) in file.enum_type[0].value.iter().enumerate().skip(1) {
            let path = [5, 0, 2, i32::try_from(at).unwrap()];
            let comment = info.location.iter().find(|location| location.path == path).unwrap();
            assert!(comment.leading_comments().contains("Fix:"), "{}", value.name());
        }
    }

    /// What `grpcurl describe` shows. Fails when build.rs leaves the source info out.
    #[test]
    fn the_descriptors_carry_the_contracts_comments() {
        let file = file("nestr/directory/v1/user.proto");
        let at = file.message_type.iter().position(|m: &DescriptorProto| m.name() == "User");
        let path = [4, i32::try_from(at.unwrap()).unwrap()];
        let info = file.source_code_info.unwrap();
        let user = info.location.iter().find(|location| location.path == path).unwrap();
        assert!(user.leading_comments().contains("A person"));
    }
}
