//! Nestr's own callers, by name, role and credential. Credentials are kept as SHA-256.

use super::key_cache::hash;
use crate::store::KeyHash;

/// What a service caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything that people and workspaces need, and every decision on domains.
    Operator,
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
}

/// All service callers.
#[derive(Clone, Debug, Default)]
pub struct ServiceCallers(Vec<ServiceCaller>);

impl ServiceCallers {
    /// These callers and no other.
    #[must_use]
    pub fn new(callers: Vec<ServiceCaller>) -> Self {
        Self(callers)
    }

    /// Whose credential this is. Hashes are compared, so the time it takes tells nothing of use.
    pub(super) fn find(&self, credential: &str) -> Option<&ServiceCaller> {
        let presented = hash(credential);
        self.0.iter().find(|caller| caller.credential == presented)
    }
}
