//! What admins are told by mail.

use serde::{Deserialize, Serialize};

use crate::clock::Micros;
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::store::ApiKey;

/// What a letter tells of: the facts, and no word of the letter. It is kept as JSON, so a name here is
/// never given to something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "occasion", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Occasion {
    /// A claim was decided for.
    DomainVerified {
        /// The domain as ASCII (IDNA).
        domain: String,
    },
    /// A claim was decided against.
    DomainRejected {
        /// The domain as ASCII (IDNA).
        domain: String,
        /// Why, in the operator's words.
        reason: String,
    },
    /// A verified domain was taken back.
    DomainRevoked {
        /// The domain as ASCII (IDNA).
        domain: String,
        /// Why, in the operator's words.
        reason: String,
    },
    /// The TXT record by which a domain was verified is gone. Nothing else has changed.
    DomainProofMissing {
        /// The domain as ASCII (IDNA).
        domain: String,
        /// Since when it was not found.
        since: Micros,
        /// The name that the record has to have.
        record_name: String,
        /// What it has to say.
        record_value: String,
    },
    /// An identity provider was about to end the access of a protected person. It was refused.
    UserProtected {
        /// The person's userName.
        user_name: String,
        /// What the admin calls the integration; may be empty.
        integration: String,
    },
    /// An API key is about to end.
    ApiKeyExpiring {
        /// What the admin calls the key; may be empty.
        display_name: String,
        /// Prefix and last four characters.
        hint: String,
        /// What the admin calls the key's integration; may be empty.
        integration: String,
        /// From when the key is refused.
        expires_at: Micros,
    },
}

/// A letter that is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its name in the workspace: of a name one is kept, the first.
    pub key: String,
    /// Whom to write to.
    pub recipient: String,
    /// What it tells of.
    pub occasion: Occasion,
    /// When it was owed first.
    pub created_at: Micros,
}

/// What a decision comes to: how its subject is to be, and who is told. Both are kept in one transaction,
/// or neither is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided<T> {
    /// How it is to be.
    pub value: T,
    /// Who is told, when it was otherwise before.
    pub notices: Vec<Notice>,
}

/// Nobody is told.
impl<T> From<T> for Decided<T> {
    fn from(value: T) -> Self {
        Self { value, notices: Vec::new() }
    }
}

/// A notice in the hands of whoever sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenNotice {
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The notice.
    pub notice: Notice,
    /// How often it was taken, this time counted.
    pub attempts: u32,
}

/// What there was to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbox {
    /// What was taken now.
    pub taken: Vec<TakenNotice>,
    /// How many wait in all, those taken among them.
    pub waiting: u64,
    /// When the next of them can be taken; `None`: none waits.
    pub next_at: Option<Micros>,
}

/// What became of a notice that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It was sent at this time.
    Sent(Micros),
    /// It is to be tried again from this time on. What went wrong, in words of our own, with no address.
    Again(Micros, String),
    /// It was given up at this time. What went wrong, in words of our own, with no address.
    GaveUp(Micros, String),
}

/// What the row of a settled notice holds, in either engine.
pub(in crate::store) struct Settlement<'s> {
    /// When it is tried again; `None`: never.
    pub(in crate::store) due_at: Option<Micros>,
    /// When it ended; `None`: it has not.
    pub(in crate::store) ended_at: Option<Micros>,
    /// The word for its end; `None`: it has not ended.
    pub(in crate::store) outcome: Option<&'static str>,
    /// What went wrong the last time, if anything did.
    pub(in crate::store) error: Option<&'s str>,
}

impl Settled {
    /// What its row comes to hold.
    pub(in crate::store) fn settlement(&self) -> Settlement<'_> {
        let (due_at, ended_at, outcome, error) = match self {
            Self::Sent(at) => (None, Some(*at), Some("sent"), None),
            Self::Again(at, error) => (Some(*at), None, None, Some(error.as_str())),
            Self::GaveUp(at, error) => (None, Some(*at), Some("gave-up"), Some(error.as_str())),
        };
        Settlement { due_at, ended_at, outcome, error }
    }
}

/// A key that ends some day, and whom to remind of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndingKey {
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The contact of the workspace.
    pub contact_email: String,
    /// What the admin calls the key's integration; empty when that is not there.
    pub integration: String,
    /// The key.
    pub key: ApiKey,
    /// From when it is refused.
    pub expires_at: Micros,
}

impl EndingKey {
    /// Its place in the order in which such keys are listed.
    #[must_use]
    pub fn place(&self) -> (WorkspaceId, Micros, ApiKeyId) {
        (self.workspace_id, self.expires_at, self.key.id)
    }
}
