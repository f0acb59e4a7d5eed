//! The directory says no: the one type for what the caller can mend.
//!
//! A refusal is shown to the admin who reads the IdP's log, so its detail names cause and fix. What
//! is ours to mend is a fault, never a refusal.

use std::fmt;
use std::time::Duration;

use directory_api::v1::Reason;

use crate::ids::{IntegrationId, UserId};
use crate::store::LoginEmail;

/// Why a request is not done. The reason's row in the contract gives gRPC code, HTTP status and
/// scimType.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The machine's word for it.
    pub reason: Reason,
    /// Cause and fix, for a person. Holds at most 128 characters of the caller's own input.
    pub detail: String,
    /// After how long the same call may succeed; `None` where that is for the caller to mend.
    pub retry_after: Option<Duration>,
    /// What of the request is wrong: a field of the message, or an attribute by its SCIM path. `None`
    /// where it is no single one.
    pub field: Option<Box<str>>,
    /// What is not there, or stands in the way.
    pub about: Option<Box<About>>,
    /// The address whose domain was refused, for the workspace's list of those. Never shown.
    pub address: Option<Box<LoginEmail>>,
    /// The protected person who would have lost access, for the notice of it.
    pub protected: Option<UserId>,
}

/// What a refusal is about. It is of the workspace that was asked: a refusal names nothing elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// What it is.
    pub kind: Thing,
    /// The name by which the caller knows it, or may know it: its id, of a domain the name.
    pub name: String,
    /// The integration that manages it; `None` where that is nothing to the refusal.
    pub owner: Option<IntegrationId>,
}

/// What there is in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Nestr's tenant.
    Workspace,
    /// A person.
    User,
    /// A group.
    Group,
    /// A workspace's claim of an e-mail domain.
    Domain,
    /// What comes in for a workspace.
    Integration,
    /// A key of an integration.
    ApiKey,
    /// A schema or a resource type.
    Document,
}

impl Thing {
    /// The message of the contract that tells it.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Workspace => "nestr.directory.v1.Workspace",
            Self::User => "nestr.directory.v1.User",
            Self::Group => "nestr.directory.v1.Group",
            Self::Domain => "nestr.directory.v1.Domain",
            Self::Integration => "nestr.directory.v1.Integration",
            Self::ApiKey => "nestr.directory.v1.ApiKey",
            Self::Document => "nestr.directory.v1.ScimDocument",
        }
    }
}

impl Refusal {
    /// A refusal for `reason`, told as `detail`.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
            retry_after: None,
            field: None,
            about: None,
            address: None,
            protected: None,
        }
    }

    /// The refusal of what `field` holds, unless a place within it was named before.
    #[must_use]
    pub fn at(self, field: impl Into<Box<str>>) -> Self {
        Self { field: self.field.or_else(|| Some(field.into())), ..self }
    }

    /// The refusal, which is about this unless it is about something already.
    #[must_use]
    pub fn about(self, kind: Thing, name: impl fmt::Display) -> Self {
        let about = || Box::new(About { kind, name: echo(&name.to_string()), owner: None });
        Self { about: self.about.or_else(|| Some(about())), ..self }
    }

    /// The refusal, which is about something that this integration manages.
    #[must_use]
    pub fn owned_by(mut self, integration: Option<IntegrationId>) -> Self {
        if let Some(about) = &mut self.about {
            about.owner = integration;
        }
        self
    }

    /// The refusal of what may succeed `after` some time.
    #[must_use]
    pub fn to_be_tried_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// The refusal of an address for its domain.
    #[must_use]
    pub fn of_address(self, email: LoginEmail) -> Self {
        Self { address: Some(Box::new(email)), ..self }
    }
}

/// What the caller sent, cut to what a refusal may repeat of it.
pub(crate) fn echo(text: &str) -> String {
    cut(text, scim::limits::ECHO_CHARS)
}

/// The first `chars` characters of a text.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}
