//! The directory says no: the one type for what the caller can mend.
//!
//! A refusal is shown to the admin who reads the IdP's log, so its detail names cause and fix. What
//! is ours to mend is a fault, never a refusal.

use std::time::Duration;

use directory_api::v1::Reason;

use crate::ids::UserId;
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
    /// The address whose domain was refused, for the workspace's list of those. Never shown.
    pub address: Option<Box<LoginEmail>>,
    /// The protected person who would have lost access, for the notice of it.
    pub protected: Option<UserId>,
}

impl Refusal {
    /// A refusal for `reason`, told as `detail`.
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), retry_after: None, address: None, protected: None }
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
