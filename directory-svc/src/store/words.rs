//! The words by which engines keep the model's enums and by which change records name them. A word
//! is never reused for another meaning: it stands in data.

use super::{ChangeKind, CheckOutcome, DecidedHow, DomainState, EmailJoin, IntegrationState, Kind};

/// A value that is kept as a word.
pub(super) trait Word: Copy {
    /// Its word.
    fn word(self) -> &'static str;

    /// The value of a word; `None` when there is none.
    fn of(word: &str) -> Option<Self>;
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl Word for $name {
            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words!(DomainState {
    Pending = "pending",
    Verified = "verified",
    Rejected = "rejected",
    Revoked = "revoked",
    Withdrawn = "withdrawn",
});
words!(DecidedHow { Operator = "operator", Dns = "dns", Claimant = "claimant" });
words!(CheckOutcome {
    Proven = "proven",
    NoRecord = "no-record",
    OtherValue = "other-value",
    NotAsked = "not-asked",
});
words!(EmailJoin { Off = "off", Open = "open" });
words!(IntegrationState { On = "on", Paused = "paused", Off = "off" });
words!(Kind { User = "user", Group = "group" });
words!(ChangeKind {
    WorkspaceChanged = "workspace-changed",
    UserCreated = "user-created",
    UserAdopted = "user-adopted",
    UserUpdated = "user-updated",
    UserDeleted = "user-deleted",
    UserRestored = "user-restored",
    GroupCreated = "group-created",
    GroupUpdated = "group-updated",
    GroupDeleted = "group-deleted",
    GroupRestored = "group-restored",
    DomainChanged = "domain-changed",
    IntegrationChanged = "integration-changed",
    ApiKeyChanged = "api-key-changed",
    SchemaRegistered = "schema-registered",
});
