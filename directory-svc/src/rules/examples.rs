//! People and integrations for the tests of the rules.

use scim::Resource;
use uuid::Uuid;

use super::login_email::address;
use crate::ids::{IntegrationId, UserId};
use crate::store::{Binding, Provided, User};

pub(crate) const ENTRA: u128 = 1;
pub(crate) const OKTA: u128 = 2;

pub(crate) fn integration(number: u128) -> IntegrationId {
    IntegrationId::new(Uuid::from_u128(number))
}

pub(crate) fn resource(user_name: &str) -> Resource {
    let json = format!(r#"{{"userName":"{user_name}"}}"#);
    scim::Schemas::standard().user().read(&json).unwrap()
}

/// A person of this name, who signs in by it if it is an address.
pub(crate) fn person(number: u128, user_name: &str, bound_to: Option<u128>) -> User {
    User {
        id: UserId::new(Uuid::from_u128(number)),
        document: resource(user_name).to_json(),
        login_email: address(user_name),
        active: true,
        has_left: false,
        binding: bound_to.map(|to| Binding { integration_id: integration(to), external_id: None }),
        provided: Provided::default(),
        is_protected: false,
        revision: 1,
        seq: 1,
        created_at: 0,
        modified_at: 0,
    }
}
