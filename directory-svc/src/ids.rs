//! Names of things: each kind of id is a type of its own, so that one cannot stand for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The text is no id that the directory could have given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this directory")]
pub struct NotAnId;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// The id made of these 128 bits.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Its 128 bits.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            /// Reads the hyphenated form in lower case, the only one that is given out: ids are
            /// compared exactly.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let id = Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)?;
                if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
            }
        }
    };
}

id! {
    /// A workspace, Nestr's tenant.
    WorkspaceId
}
id! {
    /// A person of a workspace: the SCIM `id`. Made by the directory alone.
    UserId
}
id! {
    /// A group of a workspace: the SCIM `id`. Made by the directory alone.
    GroupId
}
id! {
    /// A user or a group of a workspace, whichever has this id.
    MemberId
}
id! {
    /// A connection of a workspace to one identity provider.
    IntegrationId
}
id! {
    /// An API key of an integration.
    ApiKeyId
}

impl From<UserId> for MemberId {
    fn from(id: UserId) -> Self {
        Self(id.0)
    }
}

impl From<GroupId> for MemberId {
    fn from(id: GroupId) -> Self {
        Self(id.0)
    }
}
