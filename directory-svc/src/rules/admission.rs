//! The domain rule: only an address of a verified domain signs a person in.

use directory_api::v1::Reason;
use scim::Resource;

use super::login_email::{address, candidate, is_guest_name, is_soft_delete_name};
use crate::refusal::{Refusal, echo};
use crate::store::{LoginEmail, Policy};

/// A person as they stand: the document and what signs them in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    /// The document.
    pub resource: &'a Resource,
    /// What signs the person in.
    pub login_email: Option<&'a LoginEmail>,
}

/// Whether an address may sign somebody in: its domain is verified, or an operator allowed it.
#[must_use]
pub(crate) fn may_sign_in(policy: &Policy, email: &LoginEmail) -> bool {
    policy.verified_domains.contains(email.domain()) || policy.allows(&email.key)
}

/// Whether who signs in by this is a guest: an operator allowed the address, and its domain is not verified.
#[must_use]
pub(crate) fn is_guest(policy: &Policy, login: Option<&LoginEmail>) -> bool {
    login.is_some_and(|login| {
        !policy.verified_domains.contains(login.domain()) && policy.allows(&login.key)
    })
}

/// What is to sign in the person whom `wanted` describes.
///
/// While the candidate stays the same, so does the login e-mail. A new one must be of a verified
/// domain, or a guest's; else the person is refused when the userName is itself an address or when they sign in
/// already, and is kept without a login e-mail otherwise (a staff number, say).
///
/// # Errors
/// `DOMAIN_NOT_VERIFIED`, naming the domain.
pub(crate) fn login_email(
    policy: &Policy,
    wanted: &Resource,
    standing: Option<Standing<'_>>,
) -> Result<Option<LoginEmail>, Refusal> {
    let user_name = wanted.user_name().unwrap_or_default();
    let named = address(user_name);
    let signs_in = standing.and_then(|s| s.login_email);
    let Some(email) = candidate(wanted) else {
        return if is_guest_name(user_name) && !is_soft_delete_name(user_name) {
            Err(guest_without_mail())
        } else {
            Ok(None)
        };
    };
    if let (Some(standing), Some(login)) = (standing, signs_in)
        && candidate(standing.resource).is_some_and(|before| before.key == email.key)
    {
        return Ok(Some(login.clone()));
    }
    if may_sign_in(policy, &email) {
        return Ok(Some(email));
    }
    if signs_in.is_some() || named.is_some() || is_guest_name(user_name) {
        let is_name = named.is_some_and(|named| named.key == email.key);
        return Err(not_verified(email).at(if is_name { "userName" } else { "emails" }));
    }
    Ok(None)
}

fn not_verified(email: LoginEmail) -> Refusal {
    let shown = echo(email.domain());
    Refusal::new(
        Reason::DomainNotVerified,
        format!(
            "The e-mail domain {shown} is not verified for this workspace, so nobody can sign in \
             with it. Claim the domain in Nestr and have it verified, or map an address of a \
             verified domain."
        ),
    )
    .of_address(email)
}

fn guest_without_mail() -> Refusal {
    Refusal::new(
        Reason::DomainNotVerified,
        "A guest's userName (#EXT#) is no address to sign in with, and its domain is not verified \
         for this workspace. Give the guest a mail address in a verified domain and map it to \
         emails[type eq \"work\"].value.",
    )
    .at("emails")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy { verified_domains: ["acme.com".to_owned()].into(), ..Policy::default() }
    }

    fn person(user_name: &str, email: Option<&str>) -> Resource {
        let emails = email.map_or(String::new(), |e| format!(r#","emails":[{{"value":"{e}"}}]"#));
        let json = format!(r#"{{"userName":"{user_name}"{emails}}}"#);
        scim::Schemas::standard().user().read(&json).unwrap()
    }

    fn made(user_name: &str, email: Option<&str>) -> Result<Option<String>, Reason> {
        login_email(&policy(), &person(user_name, email), None)
            .map(|login| login.map(|l| l.key))
            .map_err(|no| no.reason)
    }

    #[test]
    fn an_address_of_a_verified_domain_signs_in() {
        assert_eq!(made("Ada@ACME.com", None), Ok(Some("ada@acme.com".into())));
        assert_eq!(
            made("ada@x.onmicrosoft.com", Some("ada@acme.com")),
            Ok(Some("ada@acme.com".into()))
        );
    }

    #[test]
    fn an_address_of_another_domain_is_refused_and_the_domain_named() {
        let no = login_email(&policy(), &person("eve@evil.example", None), None).unwrap_err();
        assert_eq!(no.reason, Reason::DomainNotVerified);
        assert!(no.detail.contains("evil.example"));
        assert_eq!(made("ada@acme.com", Some("ada@evil.example")), Err(Reason::DomainNotVerified));
    }

    #[test]
    fn a_sub_domain_and_a_look_alike_are_other_domains() {
        assert_eq!(made("ada@mail.acme.com", None), Err(Reason::DomainNotVerified));
        assert_eq!(made("ada@аcme.com", None), Err(Reason::DomainNotVerified)); // Cyrillic а
        assert_eq!(made("ada@acme.com.evil.example", None), Err(Reason::DomainNotVerified));
    }

    #[test]
    fn a_staff_number_is_kept_without_a_login_email() {
        assert_eq!(made("4711", None), Ok(None));
        assert_eq!(made("4711", Some("ada@evil.example")), Ok(None));
        assert_eq!(made("4711", Some("ada@acme.com")), Ok(Some("ada@acme.com".into())));
    }

    #[test]
    fn a_guest_needs_a_mail_in_a_verified_domain() {
        let guest = "ada_other.com#EXT#@acme.onmicrosoft.com";
        assert_eq!(made(guest, None), Err(Reason::DomainNotVerified));
        assert_eq!(made(guest, Some("ada@other.com")), Err(Reason::DomainNotVerified));
        assert_eq!(made(guest, Some("ada@acme.com")), Ok(Some("ada@acme.com".into())));
    }

    #[test]
    fn an_allowed_outside_address_signs_in_and_is_a_guests() {
        let guest = "ada_other.com#EXT#@acme.onmicrosoft.com";
        let policy = Policy { allowed_addresses: ["ada@other.com".to_owned()].into(), ..policy() };
        for (user_name, email) in [(guest, Some("Ada@other.com")), ("ada@OTHER.com", None)] {
            let login = login_email(&policy, &person(user_name, email), None).unwrap();
            assert_eq!(login.as_ref().unwrap().key, "ada@other.com");
            assert!(is_guest(&policy, login.as_ref()));
        }
        let other = login_email(&policy, &person("eve@other.com", None), None).unwrap_err();
        assert_eq!(other.reason, Reason::DomainNotVerified);
        assert_eq!(other.address.unwrap().key, "eve@other.com", "for the list of refused domains");
        assert!(policy.asked.borrow().contains("eve@other.com"), "so that it is looked up");
        assert!(!is_guest(&policy, address("ada@acme.com").as_ref()));
    }

    #[test]
    fn who_signs_in_is_not_moved_to_an_unverified_domain() {
        let login = address("ada@acme.com").unwrap();
        let before = person("4711", Some("ada@acme.com"));
        let standing = Standing { resource: &before, login_email: Some(&login) };
        let moved =
            login_email(&policy(), &person("4711", Some("ada@evil.example")), Some(standing));
        assert_eq!(moved.unwrap_err().reason, Reason::DomainNotVerified);
    }

    #[test]
    fn a_login_email_outlives_the_verification_of_its_domain_while_nothing_changes() {
        let login = address("ada@gone.example").unwrap();
        let before = person("ada@gone.example", None);
        let standing = Standing { resource: &before, login_email: Some(&login) };
        assert_eq!(login_email(&policy(), &before, Some(standing)), Ok(Some(login.clone())));
    }

    #[test]
    fn a_kept_person_gains_the_login_email_once_the_domain_is_verified() {
        let person = person("4711", Some("ada@acme.com"));
        let standing = Standing { resource: &person, login_email: None };
        let gained = login_email(&policy(), &person, Some(standing)).unwrap();
        assert_eq!(gained.unwrap().key, "ada@acme.com");
    }

    #[test]
    fn a_soft_delete_name_releases_the_login_email_and_the_way_back_takes_it_again() {
        let hex = "0123456789abcdef0123456789abcdef";
        let login = address("ada@acme.com").unwrap();
        let (here, gone) =
            (person("ada@acme.com", None), person(&format!("{hex}ada@acme.com"), None));
        let standing = Standing { resource: &here, login_email: Some(&login) };
        assert_eq!(login_email(&policy(), &gone, Some(standing)), Ok(None));
        let standing = Standing { resource: &gone, login_email: None };
        assert_eq!(login_email(&policy(), &here, Some(standing)).unwrap(), Some(login));
    }
}
