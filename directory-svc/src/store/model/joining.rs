//! Who comes into a workspace and by what: addresses that are barred, identities, guests, and domains that
//! were refused.

use super::{EmailJoin, LoginEmail};
use crate::clock::Micros;
use crate::ids::{UserId, WorkspaceId};

/// What a write to a person says about the ways in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// By which address a service lets the person in, if nobody has it and it is not firmly barred; `None`: by
    /// none that they were not let in by before.
    pub enters_by: Option<LoginEmail>,
    /// The addresses, in their form for comparison, whose bars are lifted: on the word of an identity provider
    /// or an operator.
    pub readmits: Vec<String>,
    /// The addresses, in their form for comparison, that are barred from now on.
    pub bars: Vec<String>,
    /// Whether they are barred to services too, and not only to people who join by themselves.
    pub is_firm: bool,
    /// Whether an identity provider's last word is that the person is out; `None`: that is as it was.
    pub has_left: Option<bool>,
}

/// That an address is barred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Barred {
    /// Who had it.
    pub user_id: UserId,
    /// Since when.
    pub since: Micros,
    /// Whether it is barred to services too.
    pub is_firm: bool,
}

/// Who or what is let in again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readmitted {
    /// An address, in its form for comparison, and who is here with it as login e-mail.
    Address(String),
    /// A person, here or gone, by each address that is barred because they had it.
    Person(UserId),
}

/// Who somebody is to whoever signed them in.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Who vouches for the subject, such as the `iss` of an `OpenID` provider.
    pub issuer: String,
    /// Who it is, in the issuer's words; never given to somebody else.
    pub subject: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(***)")
    }
}

/// An identity by which a person signs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The identity.
    pub identity: Identity,
    /// Since when.
    pub linked_at: Micros,
}

/// By what right an address signs somebody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Footing {
    /// Its domain is verified.
    Verified,
    /// An operator allowed it: a guest's.
    Guest,
    /// By none.
    None,
}

/// A living person whom a sign-in meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The person.
    pub user_id: UserId,
    /// Whether the person is active.
    pub active: bool,
    /// By what right their login e-mail signs in.
    pub footing: Footing,
    /// Whether an integration manages them.
    pub is_bound: bool,
    /// The identities by which they sign in.
    pub identities: Vec<Identity>,
}

/// What a sign-in meets in one workspace.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doorstep {
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// Whether operators have it stand still.
    pub is_suspended: bool,
    /// Whether people of its verified domains may join by themselves.
    pub email_join: EmailJoin,
    /// Whether the domain of the address is verified there.
    pub is_verified: bool,
    /// The living person who has the address as login e-mail, where it signs in.
    pub by_email: Option<Holder>,
    /// Whether the identity is linked there, if only to somebody who was removed.
    pub is_linked: bool,
    /// The living person to whom the identity is linked.
    pub by_identity: Option<Holder>,
    /// Whether somebody who is there has the address as another of theirs, or it is barred. Not looked up
    /// where nobody could join anyway: then true.
    pub is_known: bool,
}

/// An outside address that an operator allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedAddress {
    /// The address as it was written.
    pub address: String,
    /// Its form for comparison.
    pub key: String,
    /// Why, for those who look at it later.
    pub note: String,
    /// Since when.
    pub allowed_at: Micros,
    /// The name of the operator.
    pub allowed_by: String,
}

/// What became of the word of an operator on an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressWritten {
    /// The address as it is allowed now; `None`: it is not.
    pub allowed: Option<AllowedAddress>,
    /// Whether it was allowed before.
    pub was_allowed: bool,
    /// The living person who has it as login e-mail.
    pub holder: Option<UserId>,
}

/// A domain that was not verified when somebody was provisioned with an address of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedDomain {
    /// The domain, in the form in which domains are compared.
    pub domain: String,
    /// How often.
    pub count: u64,
    /// A few of the addresses.
    pub samples: Vec<String>,
    /// When first.
    pub first_at: Micros,
    /// When last.
    pub last_at: Micros,
}

/// How many addresses are kept of a refused domain.
pub const REFUSED_SAMPLES: usize = 5;

/// How many refused domains are kept of a workspace; those that were met longest ago go.
pub const REFUSED_DOMAINS: usize = 1_000;

/// How many outside addresses may be allowed in a workspace.
pub const ALLOWED_ADDRESSES: u64 = 1_000;
