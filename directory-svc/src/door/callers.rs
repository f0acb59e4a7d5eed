//! Nestr's own callers: by name and role, and by what they are known, a credential or a certificate.
//! Credentials are kept as SHA-256.

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

/// The names of the certificate that the client of a connection has shown: DNS names and URIs. It travels as
/// an extension of the request, set by who accepted the connection and verified the certificate; nothing that
/// comes over a socket can set it.
#[derive(Clone, Debug)]
pub struct Certified(pub Arc<[String]>);

/// What a call shows of who makes it.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    /// The SHA-256 of a credential.
    Credential(KeyHash),
    /// The certificate of its connection.
    Certificate(Certified),
}

impl Shown {
    /// A credential.
    pub(super) fn credential(text: &str) -> Self {
        Self::Credential(hash(text))
    }
}

/// A service caller.
#[derive(Clone, Debug)]
pub struct ServiceCaller {
    /// The name under which its acts are recorded.
    pub name: String,
    /// What it may do.
    pub role: Role,
    known_by: Proof,
}

/// By what a caller is known.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Proof {
    /// The SHA-256 of a credential.
    Credential(KeyHash),
    /// A name in a certificate, as [`comparable`] makes it.
    Certificate(String),
}

/// A name as names are compared: a DNS name in lower case, a URI as it is.
fn comparable(name: &str) -> String {
    if name.contains(':') { name.to_owned() } else { name.to_ascii_lowercase() }
}

impl ServiceCaller {
    /// The caller who presents `credential`.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role, credential: &str) -> Self {
        Self { name: name.into(), role, known_by: Proof::Credential(hash(credential)) }
    }

    /// The caller whose credential has this SHA-256.
    #[must_use]
    pub fn hashed(name: impl Into<String>, role: Role, sha256: [u8; 32]) -> Self {
        Self { name: name.into(), role, known_by: Proof::Credential(KeyHash(sha256)) }
    }

    /// The caller whose certificate has this DNS name or URI: the whole of it, without wildcards.
    #[must_use]
    pub fn certified(name: impl Into<String>, role: Role, certificate: &str) -> Self {
        let known_by = Proof::Certificate(comparable(certificate));
        Self { name: name.into(), role, known_by }
    }

    /// Whether both are known by the same, and are not the same.
    #[must_use]
    pub fn is_mistaken_for(&self, other: &Self) -> bool {
        self.known_by == other.known_by && !self.is(other)
    }

    fn is(&self, other: &Self) -> bool {
        (&self.name, self.role) == (&other.name, other.role)
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

    /// Ends once who shows this is no longer this caller, in one of these roles.
    pub(super) async fn has_left(&self, shown: &Shown, name: &str, roles: &[Role]) {
        let is_here = |callers: &[ServiceCaller]| {
            among(callers, shown).is_some_and(|it| it.name == name && roles.contains(&it.role))
        };
        // The sender is here for as long as this is.
        let _ = self.0.subscribe().wait_for(|callers| !is_here(callers)).await;
    }

    /// Name and role of who shows this.
    pub(super) fn find(&self, shown: &Shown) -> Option<(String, Role)> {
        let callers = self.0.borrow();
        let caller = among(&callers, shown)?;
        Some((caller.name.clone(), caller.role))
    }
}

/// Whose credential or certificate this is. Hashes are compared, so the time it takes tells nothing of use. A
/// certificate that names two callers is nobody's.
fn among<'c>(callers: &'c [ServiceCaller], shown: &Shown) -> Option<&'c ServiceCaller> {
    match shown {
        Shown::Credential(hash) => {
            callers.iter().find(|caller| caller.known_by == Proof::Credential(*hash))
        }
        Shown::Certificate(Certified(names)) => {
            let names: Vec<_> =
                names.iter().map(|name| Proof::Certificate(comparable(name))).collect();
            let mut known = callers.iter().filter(|caller| names.contains(&caller.known_by));
            let caller = known.next()?;
            known.all(|other| other.is(caller)).then_some(caller)
        }
    }
}
