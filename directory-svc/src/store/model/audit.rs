//! The record of administrative acts.

use crate::clock::Micros;

use super::Revision;

/// One administrative act: who did what to what, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// The revision of its write, 0 for the making of the workspace.
    pub revision: Revision,
    /// When.
    pub at: Micros,
    /// The name of the service caller, or `integration:<id>`.
    pub actor: String,
    /// What was done, such as `domain.verified`.
    pub act: String,
    /// The domain, or the id of the workspace, integration, key, person or group, or the URN of the schema.
    pub subject: String,
    /// The subject as it was, as JSON; `None`: it was not there.
    pub before: Option<String>,
    /// The subject as it was then left, as JSON; `None`: it is gone.
    pub after: Option<String>,
}

/// Which acts are asked for; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// The actor, exactly.
    pub actor: Option<String>,
    /// The act, exactly, or all acts of a noun: `domain` is also `domain.verified`.
    pub act: Option<String>,
    /// The subject, exactly.
    pub subject: Option<String>,
    /// Not before this time.
    pub from: Option<Micros>,
    /// Before this time.
    pub to: Option<Micros>,
    /// Below this revision: where the page before ended.
    pub below: Option<Revision>,
    /// At most so many.
    pub limit: u32,
}
