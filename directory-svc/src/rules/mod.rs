//! What is allowed, as pure functions: no store, no clock, no I/O.

pub(crate) mod admission;
pub(crate) mod adoption;
pub(crate) mod binding;
pub(crate) mod claims;
pub(crate) mod dialects;
pub(crate) mod dns_proof;
pub(crate) mod domains;
#[cfg(test)]
pub(crate) mod examples;
pub(crate) mod groups;
pub(crate) mod guests;
pub(crate) mod integrations;
pub(crate) mod key_terms;
pub(crate) mod keys;
pub(crate) mod leavers;
pub(crate) mod login_email;
pub(crate) mod management;
pub(crate) mod notices;
pub(crate) mod people;
pub(crate) mod protection;
pub(crate) mod schemas;
pub(crate) mod sign_in;
pub(crate) mod version;
pub(crate) mod workspaces;
