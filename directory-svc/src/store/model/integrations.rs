//! Integrations, their keys, and what they were seen to do.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Kind, Revision, Suspension};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, IntegrationId};

/// Whether an integration's keys open the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntegrationState {
    /// Provisioning runs.
    On,
    /// The keys are refused, the bindings stay.
    Paused,
    /// The keys are refused, the bindings have ended; the people stay.
    Off,
}

impl IntegrationState {
    /// Why nothing of an integration in this state comes in, or of any in a workspace that is suspended;
    /// `None`: it may.
    #[must_use]
    pub fn shuts_out(self, is_suspended: bool) -> Option<RefusedFor> {
        match self {
            _ if is_suspended => Some(RefusedFor::Suspended),
            Self::On => None,
            Self::Paused => Some(RefusedFor::Paused),
            Self::Off => Some(RefusedFor::Disabled),
        }
    }
}

/// A workspace's connection to one identity provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Its id.
    pub id: IntegrationId,
    /// What the admin calls it.
    pub display_name: String,
    /// The declared kind of identity provider, as the contract's enum numbers it.
    pub kind: i32,
    /// Whether it runs.
    pub state: IntegrationState,
    /// When it was made.
    pub created_at: Micros,
}

/// SHA-256 of an API key: all that is kept of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyHash(pub [u8; 32]);

/// Something that a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// With which kind of resource.
    pub kind: Kind,
    /// Whether to write it, or to read it alone.
    pub writes: bool,
}

/// A word of what a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// Reads people and groups.
    Read,
    /// Reads and writes people.
    Users,
    /// Reads and writes groups.
    Groups,
}

impl Scope {
    /// Whether it is enough for `right`.
    #[must_use]
    pub fn grants(self, right: Right) -> bool {
        match self {
            Self::Read => !right.writes,
            Self::Users => right.kind == Kind::User,
            Self::Groups => right.kind == Kind::Group,
        }
    }
}

/// What is known of an API key, never the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The integration whose requests it opens.
    pub integration_id: IntegrationId,
    /// What the admin calls it.
    pub display_name: String,
    /// Prefix and last four characters, to tell keys apart.
    pub hint: String,
    /// What it may be used for: any of these, in order, each once.
    pub scopes: Vec<Scope>,
    /// Where it may be sent from, host bits zero; empty: from anywhere.
    pub networks: Vec<IpNet>,
    /// When it was made.
    pub created_at: Micros,
    /// From when it is refused; `None`: never.
    pub expires_at: Option<Micros>,
    /// Since when it is refused; `None`: it is not revoked.
    pub revoked_at: Option<Micros>,
    /// When it was last accepted, to the minute; `None`: never.
    pub last_used_at: Option<Micros>,
    /// The key that took its place when it was rotated last.
    pub replaced_by: Option<ApiKeyId>,
}

/// Why a key of these ends is not good at a time, whatever becomes of its integration; `None`: it is.
#[must_use]
pub fn ended(
    revoked_at: Option<Micros>,
    expires_at: Option<Micros>,
    now: Micros,
) -> Option<RefusedFor> {
    if revoked_at.is_some() {
        Some(RefusedFor::Revoked)
    } else {
        expires_at.filter(|&end| end <= now).map(|_| RefusedFor::Expired)
    }
}

/// A key in the place of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The one whose place is taken. It keeps what it opens, until it ends.
    pub old: ApiKey,
    /// The new one.
    pub new: ApiKey,
}

/// What a presented key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyGrant {
    /// The key.
    pub key: ApiKey,
    /// The state of its integration.
    pub state: IntegrationState,
    /// That its workspace is suspended; `None`: it is served.
    pub suspension: Option<Suspension>,
    /// The last revision of the workspace when this was read: it shows every write up to that one,
    /// and none behind it.
    pub revision: Revision,
}

/// Why a key that is known was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusedFor {
    /// Its time is over.
    Expired,
    /// It was revoked.
    Revoked,
    /// It came from outside its networks, or nobody knows from where.
    Network,
    /// The workspace is suspended.
    Suspended,
    /// The integration is paused.
    Paused,
    /// The integration is off.
    Disabled,
    /// Its scopes do not reach what was asked.
    Scope,
}

/// A key that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRefusal {
    /// When.
    pub at: Micros,
    /// Why.
    pub cause: RefusedFor,
    /// Which.
    pub key_id: ApiKeyId,
}

/// A request that was let in and came to an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenError {
    /// When.
    pub at: Micros,
    /// The HTTP status that was answered.
    pub http_status: u16,
    /// Why, as the contract's enum numbers it; 0: no reason of the contract's.
    pub reason: i32,
    /// Cause and fix, cut.
    pub detail: String,
}

/// What an integration was seen to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrationStatus {
    /// The first request with a good key.
    pub first_request_at: Option<Micros>,
    /// The last one.
    pub last_request_at: Option<Micros>,
    /// Whose dialect it speaks, as the contract's enum numbers it; 0: nothing has shown it.
    pub dialect: i32,
    /// The last request that looked like an admin's test.
    pub test_at: Option<Micros>,
    /// The last request that came to an error.
    pub last_error: Option<SeenError>,
    /// The last key that was refused.
    pub last_refusal: Option<SeenRefusal>,
}

impl IntegrationStatus {
    /// This, and what was seen besides: what is later counts, and of two first requests the earlier.
    #[must_use]
    pub fn and(self, besides: Self) -> Self {
        let first = [self.first_request_at, besides.first_request_at].into_iter().flatten().min();
        let later = |one: Option<SeenError>, other: Option<SeenError>| {
            one.into_iter().chain(other).max_by_key(|error| error.at)
        };
        let refused_later = |one: Option<SeenRefusal>, other: Option<SeenRefusal>| {
            one.into_iter().chain(other).max_by_key(|refusal| refusal.at)
        };
        Self {
            first_request_at: first,
            last_request_at: self.last_request_at.max(besides.last_request_at),
            dialect: if besides.dialect == 0 { self.dialect } else { besides.dialect },
            test_at: self.test_at.max(besides.test_at),
            last_error: later(self.last_error, besides.last_error),
            last_refusal: refused_later(self.last_refusal, besides.last_refusal),
        }
    }
}
