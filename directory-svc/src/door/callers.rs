//! Nestr's own callers, by name, role and credential. Credentials are kept as SHA-256.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::key_cache::hash;
use crate::store::KeyHash;

/// What a service caller may do; the table in `rights.rs` says it call by call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A SCIM gateway: passes on what identity providers say with their keys, and has no right of
    /// its own.
    Gateway,
    /// A service of Nestr, such as the settings pages or sign-in: what an admin may do.
    Internal,
    /// A person who operates Nestr: everything, the decisions on domains among it.
    Operator,
    /// Reads everything that services and operators see, and changes nothing.
    Reader,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Gateway, Self::Internal, Self::Operator, Self::Reader];

    /// Its name in configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Internal => "internal",
            Self::Operator => "operator",
            Self::Reader => "reader",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A service caller.
#[derive(Clone, Debug)]
pub struct ServiceCaller {
    /// The name under which its acts are recorded.
    pub name: String,
    /// What it may do.
    pub role: Role,
    credential: KeyHash,
}

impl ServiceCaller {
    /// The caller who presents `credential`.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role, credential: &str) -> Self {
        Self { name: name.into(), role, credential: hash(credential) }
    }

    /// The caller whose credential has this SHA-256.
    #[must_use]
    pub fn hashed(name: impl Into<String>, role: Role, sha256: [u8; 32]) -> Self {
        Self { name: name.into(), role, credential: KeyHash(sha256) }
    }

    /// The SHA-256 by which a credential is known.
    #[must_use]
    pub fn sha256(credential: &str) -> [u8; 32] {
        Sha256::digest(credential.as_bytes()).into()
    }
}

/// All service callers. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct ServiceCallers(Arc<watch::Sender<Vec<ServiceCaller>>>);

impl ServiceCallers {
    /// These callers and no other.
    #[must_use]
    pub fn new(callers: Vec<ServiceCaller>) -> Self {
        Self(Arc::new(watch::Sender::new(callers)))
    }

    /// From now on these callers and no other: who is not among them is refused at the next call.
    pub fn replace(&self, callers: Vec<ServiceCaller>) {
        self.0.send_replace(callers);
    }

    /// Ends once this credential is no longer that of this caller in one of these roles.
    pub(super) async fn has_left(&self, credential: KeyHash, name: &str, roles: &[Role]) {
        let is_here = |callers: &Vec<ServiceCaller>| {
            let mut callers = callers.iter().filter(|caller| caller.credential == credential);
            callers.any(|caller| caller.name == name && roles.contains(&caller.role))
        };
        // The sender is here for as long as this is.
        let _ = self.0.subscribe().wait_for(|callers| !is_here(callers)).await;
    }

    /// Whose credential this is. Hashes are compared, so the time it takes tells nothing of use.
    pub(super) fn find(&self, credential: &str) -> Option<(String, Role)> {
        let presented = hash(credential);
        let callers = self.0.borrow();
        let caller = callers.iter().find(|caller| caller.credential == presented)?;
        Some((caller.name.clone(), caller.role))
    }
}
