//! What a store keeps, as plain values. No engine, no rule.

mod audit;
mod domain_check;
mod feed;
mod groups;
mod integrations;
mod joining;
mod listing;
mod notices;
mod provided;
mod receipts;
mod waiting;

pub use audit::*;
pub use domain_check::*;
pub use feed::*;
pub use groups::*;
pub use integrations::*;
pub use joining::*;
pub use listing::*;
pub use notices::*;
pub use provided::*;
pub use receipts::*;
pub use waiting::*;

use std::cell::RefCell;
use std::collections::BTreeSet;

use scim::{Resource, ResourceType, Schemas};
use serde::{Deserialize, Serialize};

use crate::clock::Micros;
use crate::ids::{IntegrationId, UserId, WorkspaceId};

/// A number of a workspace's one sequence of writes, from 1. It orders the workspace's changes
/// without a gap and versions what was written.
pub type Revision = u64;

/// A tenant of Nestr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id, the one that stands in the SCIM URL.
    pub id: WorkspaceId,
    /// What people call it.
    pub display_name: String,
    /// Where Nestr's operators reach its admins.
    pub contact_email: String,
    /// When it was made.
    pub created_at: Micros,
    /// Whether people of its verified domains may join by themselves.
    pub email_join: EmailJoin,
    /// That an operator has suspended it; `None`: it is served.
    pub suspension: Option<Suspension>,
    /// The last revision given out, 0 before the first write.
    pub revision: Revision,
}

impl Workspace {
    /// A new workspace, which nobody joins by themselves.
    #[must_use]
    pub fn new(
        id: WorkspaceId,
        display_name: impl Into<String>,
        contact_email: impl Into<String>,
        created_at: Micros,
    ) -> Self {
        Self {
            id,
            display_name: display_name.into(),
            contact_email: contact_email.into(),
            created_at,
            email_join: EmailJoin::Off,
            suspension: None,
            revision: 0,
        }
    }
}

/// Whether people with an address of a verified domain may join a workspace by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailJoin {
    /// They may not.
    Off,
    /// They may.
    Open,
}

/// That operators have a workspace stand still: its keys are refused and nobody signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspension {
    /// Since when.
    pub at: Micros,
    /// The name of the operator.
    pub by: String,
    /// Why, in words for the workspace's admins.
    pub reason: String,
}

/// How far a claim of a domain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DomainState {
    /// Claimed, not yet decided.
    Pending,
    /// Decided for: addresses of this domain sign in.
    Verified,
    /// Decided against.
    Rejected,
    /// Verified once, and taken back by an operator.
    Revoked,
    /// Given up by the workspace itself.
    Withdrawn,
}

/// A workspace's claim of an e-mail domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The domain as ASCII (IDNA), in lower case.
    pub name: String,
    /// How far the claim has come.
    pub state: DomainState,
    /// Who is told of the decision.
    pub contact_email: String,
    /// When it was claimed last.
    pub claimed_at: Micros,
    /// The name of the service caller who claimed it last.
    pub claimed_by: String,
    /// What a TXT record of the domain shows to prove the claim. Random, and the claim's own.
    pub challenge: String,
    /// When and by whom it was decided; `None` while pending.
    pub decision: Option<Decision>,
}

/// A claim that waits, with what an operator needs to decide on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingDomain {
    /// The workspace that claims it.
    pub workspace: Workspace,
    /// The claim.
    pub domain: Domain,
    /// What is known of the record that proves it.
    pub check: DomainCheck,
    /// Other workspaces that have the domain verified or wait for it, in order of id; at most
    /// [`PendingDomain::OTHERS`].
    pub others: Vec<OtherClaim>,
}

impl PendingDomain {
    /// How many other claims are told.
    pub const OTHERS: u32 = 20;

    /// Its place among those that wait.
    #[must_use]
    pub fn mark(&self) -> PendingMark {
        PendingMark {
            claimed_at: self.domain.claimed_at,
            workspace: self.workspace.id,
            name: self.domain.name.clone(),
        }
    }
}

/// Another workspace's claim of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherClaim {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub display_name: String,
    /// How far the claim has come.
    pub state: DomainState,
}

/// A place among the claims that wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingMark {
    /// When it was claimed.
    pub claimed_at: Micros,
    /// By which workspace.
    pub workspace: WorkspaceId,
    /// The domain.
    pub name: String,
}

/// How a claim was decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedHow {
    /// By an operator.
    Operator,
    /// By a TXT record of the domain that shows the claim's challenge.
    Dns,
    /// By the workspace, which gave it up.
    Claimant,
}

/// What ended the waiting of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Micros,
    /// The name of the service caller who decided.
    pub by: String,
    /// How.
    pub how: DecidedHow,
    /// The note of a verification, or the reason of a rejection or revocation.
    pub note: String,
}

impl Decision {
    /// The decision of a write's author, at its time.
    #[must_use]
    pub fn by(write: &Write, how: DecidedHow, note: String) -> Self {
        Self { at: write.at, by: write.author.name(), how, note }
    }
}

/// The name of one write, given by its caller, so that a repeated call finds its first result.
/// At most 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationId(pub String);

/// On whose word a write is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Author {
    /// An identity provider, through this integration.
    Integration(IntegrationId),
    /// A service or an operator of Nestr, by name.
    Service(String),
}

impl Author {
    /// The name under which the author's acts are recorded.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Integration(id) => format!("integration:{id}"),
            Self::Service(name) => name.clone(),
        }
    }

    /// The integration, when an identity provider writes.
    #[must_use]
    pub fn integration(&self) -> Option<IntegrationId> {
        match self {
            Self::Integration(id) => Some(*id),
            Self::Service(_) => None,
        }
    }
}

/// How new what is read has to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freshness {
    /// As new as what is at hand.
    Any,
    /// At least of this revision of the workspace.
    AtLeast(Revision),
    /// As new as the last write that was answered.
    #[default]
    Newest,
}

/// What every write carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its name.
    pub operation: OperationId,
    /// Who does it.
    pub author: Author,
    /// When.
    pub at: Micros,
}

/// What the rules know of a workspace while they decide, read in the write's own transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The verified domains: ASCII, lower case.
    pub verified_domains: BTreeSet<String>,
    /// Outside addresses that an operator allowed, of those that were asked for.
    pub allowed_addresses: BTreeSet<String>,
    /// Those that were asked for and are not among them: the store looks them up, and asks again.
    pub asked: RefCell<BTreeSet<String>>,
}

impl Policy {
    /// Whether an operator allowed this outside address, given in its form for comparison. A no may mean that
    /// it was not looked up yet: whoever decides is asked again then.
    #[must_use]
    pub fn allows(&self, key: &str) -> bool {
        let is_allowed = self.allowed_addresses.contains(key);
        if !is_allowed {
            self.asked.borrow_mut().insert(key.to_owned());
        }
        is_allowed
    }
}

/// An address that signs a person in: one of a verified domain, unique in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginEmail {
    /// The address as the IdP sent it.
    pub address: String,
    /// Its form for comparison: local part folded, domain as lower-case ASCII.
    pub key: String,
}

/// That an integration manages a person or a group. Each has at most one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The managing integration.
    pub integration_id: IntegrationId,
    /// The IdP's own name of the person or group, seen by this integration alone.
    pub external_id: Option<String>,
}

/// A person as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// The document as SCIM JSON, without id, externalId and meta.
    pub document: String,
    /// What signs the person in; `None`: nothing does.
    pub login_email: Option<LoginEmail>,
    /// Whether the person may sign in at all.
    pub active: bool,
    /// Whether an identity provider's last word is that the person is out: then no service lets them in.
    pub has_left: bool,
    /// The living binding.
    pub binding: Option<Binding>,
    /// What the integration of the binding has said something of.
    pub provided: Provided,
    /// Whether nobody ends the person's access.
    pub is_protected: bool,
    /// The revision of the last write to this person.
    pub revision: Revision,
    /// The revision of the creation: the place in every listing.
    pub seq: Revision,
    /// When the person was made.
    pub created_at: Micros,
    /// When the person was last written.
    pub modified_at: Micros,
}

impl User {
    /// Whether the person can sign in, as far as it is theirs to.
    #[must_use]
    pub fn has_access(&self) -> bool {
        self.active && self.login_email.is_some()
    }
}

/// A person as the rules want them to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The document, its externalId taken out.
    pub resource: Resource,
    /// What is to sign the person in.
    pub login_email: Option<LoginEmail>,
    /// The binding the person is to have.
    pub binding: Option<Binding>,
    /// What the integration of the binding has said something of by now. That alone is no change.
    pub provided: Provided,
    /// Whether nobody is to end the person's access.
    pub is_protected: bool,
    /// A removed person whom a new one resembles: a note for the change, no more.
    pub predecessor: Option<UserId>,
    /// Whether they sign in as a guest: a note for the change, no more.
    pub is_guest: bool,
    /// What the write says about the ways in.
    pub passage: Passage,
}

/// Who is there already under the names of a person about to be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Met {
    /// Who has this userName, compared folded.
    pub by_user_name: Option<User>,
    /// Who has this login e-mail, compared folded.
    pub by_login_email: Option<User>,
    /// The latest tombstone of the author's integration with this externalId and login e-mail.
    pub resembling: Option<UserId>,
}

/// The names by which [`Met`] is looked up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// userName, folded.
    pub user_name: String,
    /// The address that would sign the person in, were its domain verified.
    pub login_email: Option<LoginEmail>,
    /// The externalId.
    pub external_id: Option<String>,
}

/// What becomes of a creation.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// A new person.
    Create(Draft),
    /// A person who is there already comes under the author's integration.
    Adopt(UserId, Draft),
}

/// A removed person or group, kept until `expires_at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone<T> {
    /// Who or what it was, as last seen.
    pub was: T,
    /// When it was removed.
    pub deleted_at: Micros,
    /// From when the tombstone may be cleared away.
    pub expires_at: Micros,
}

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// People.
    User,
    /// Groups.
    Group,
}

impl Kind {
    /// Its resource type as the RFC defines it, without what a workspace registered.
    #[must_use]
    pub fn resource_type(self) -> &'static ResourceType {
        self.among(Schemas::standard())
    }

    /// Its resource type among these schemas.
    #[must_use]
    pub fn among(self, schemas: &Schemas) -> &ResourceType {
        match self {
            Self::User => schemas.user(),
            Self::Group => schemas.group(),
        }
    }

    /// The name of its resource type, such as `User`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.resource_type().name()
    }
}

/// An extension schema that a workspace registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredSchema {
    /// Its URN, as it was sent first.
    pub urn: String,
    /// What it extends.
    pub kind: Kind,
    /// The schema as RFC 7643 section 7 writes it, as it was sent.
    pub document: String,
}

/// What a change was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// A person was made.
    UserCreated,
    /// A person came under an integration.
    UserAdopted,
    /// A person was changed.
    UserUpdated,
    /// A person was removed.
    UserDeleted,
    /// A removed person came back.
    UserRestored,
    /// A group was made.
    GroupCreated,
    /// A group was changed, or who belongs to it.
    GroupUpdated,
    /// A group was removed.
    GroupDeleted,
    /// A removed group came back.
    GroupRestored,
    /// The workspace's own settings were changed, or it was suspended or resumed.
    WorkspaceChanged,
    /// A domain was claimed or decided.
    DomainChanged,
    /// An integration was switched.
    IntegrationChanged,
    /// A key was made or revoked.
    ApiKeyChanged,
    /// A schema was registered, or grew.
    SchemaRegistered,
    /// A person may sign in by an identity.
    IdentityLinked,
    /// A person no longer signs in by an identity.
    IdentityUnlinked,
    /// An address that was barred is no longer; or a person who had left, named by id, may come in again.
    AddressReadmitted,
    /// An outside address was allowed.
    AddressAllowed,
    /// An outside address is allowed no longer.
    AddressDisallowed,
}

/// One write of a workspace: what was, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Its number.
    pub revision: Revision,
    /// The write's name.
    pub operation: OperationId,
    /// On whose word.
    pub author: Author,
    /// When.
    pub at: Micros,
    /// What it was.
    pub kind: ChangeKind,
    /// The id of the workspace, person, group, integration or key, the domain, the address, or the URN of the
    /// schema.
    pub subject: String,
    /// The subject as it was before, as JSON; `None`: it was not there, or the image's time is over.
    pub before: Option<String>,
    /// What changed, as JSON: `attributes` (names), `loginEmail` {`old`, `new`}, `access`
    /// (`granted`, `revoked`), `guest`, `predecessor`, `state`, `membersAdded` and `membersRemoved` (ids),
    /// `groups` (ids of those that were left or come back to), `issuer`, `holder` (who has the address); only
    /// what applies. The `state` of a person is `protected` or `unprotected`.
    pub detail: String,
}
