//! Outside addresses that an operator allows: the guests of a workspace.

use directory_api::v1::Reason;

use crate::refusal::{Refusal, Thing};
use crate::store::{ALLOWED_ADDRESSES, AllowedAddress, LoginEmail, Policy};

/// Decides on an address that an operator allows: one that is allowed takes the new note. `policy` is of the
/// moment before: an address whose domain is verified meanwhile is allowed for nothing, and no more.
///
/// # Errors
/// `DOMAIN_STATE` when the domain is verified; `TOO_MANY` over [`ALLOWED_ADDRESSES`].
pub(crate) fn allow(
    policy: &Policy,
    email: &LoginEmail,
    standing: Option<&AllowedAddress>,
    count: u64,
    wanted: &AllowedAddress,
) -> Result<AllowedAddress, Refusal> {
    if policy.verified_domains.contains(email.domain()) {
        return Err(Refusal::new(
            Reason::DomainState,
            "The domain of this address is verified, so its people sign in without being allowed one by \
             one. Provision the person.",
        )
        .about(Thing::Domain, email.domain()));
    }
    match standing {
        Some(standing) if standing.note == wanted.note => Ok(standing.clone()),
        None if count >= ALLOWED_ADDRESSES => Err(Refusal::new(
            Reason::TooMany,
            format!(
                "The workspace has {ALLOWED_ADDRESSES} allowed addresses already (ALLOWED_ADDRESSES). \
                 Disallow some, or have the domain of these people claimed and verified."
            ),
        )),
        _ => Ok(wanted.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::login_email::address;

    fn allowed(
        text: &str,
        count: u64,
        standing: Option<&AllowedAddress>,
    ) -> Result<AllowedAddress, Reason> {
        let policy =
            Policy { verified_domains: ["acme.com".to_owned()].into(), ..Policy::default() };
        let email = address(text).unwrap();
        let wanted = AllowedAddress {
            address: email.address.clone(),
            key: email.key.clone(),
            note: "contract 4711".to_owned(),
            allowed_at: 2,
            allowed_by: "olga".to_owned(),
        };
        allow(&policy, &email, standing, count, &wanted).map_err(|no| no.reason)
    }

    #[test]
    fn an_outside_address_is_allowed_up_to_a_thousand() {
        let first = allowed("eve@agency.example", 0, None).unwrap();
        assert_eq!(allowed("eve@acme.com", 0, None), Err(Reason::DomainState));
        assert!(allowed("eve@agency.example", ALLOWED_ADDRESSES - 1, None).is_ok());
        assert_eq!(allowed("eve@agency.example", ALLOWED_ADDRESSES, None), Err(Reason::TooMany));
        let again = allowed("eve@agency.example", ALLOWED_ADDRESSES, Some(&first));
        assert_eq!(again, Ok(first), "one that is allowed is no other");
    }
}
