//! Which address signs a person in.
//!
//! The candidate is the primary e-mail, else the work e-mail, else the first, else the userName when
//! it is an address. Whether the candidate may sign in is for [`super::admission`] to say.

use scim::Resource;
use scim::fold::fold;

use crate::store::LoginEmail;

/// Reads an address; `None` when `text` is none. The domain is compared after IDNA, the local part
/// folded: what is compared is what has to be a local part, however its letters are composed.
#[must_use]
pub(crate) fn address(text: &str) -> Option<LoginEmail> {
    let (local, domain) = text.rsplit_once('@')?;
    // A quoted local part is a second spelling of a mailbox, and comes from nobody who works there.
    let local = Some(fold(local)).filter(|local| !local.starts_with('"'))?;
    let parsed: lettre::Address = format!("{local}@{domain}").parse().ok()?;
    let domain = self::domain(parsed.domain())?;
    Some(LoginEmail { address: text.to_owned(), key: format!("{local}@{domain}") })
}

/// The one form of a domain, as it is compared and stored: ASCII (IDNA), lower case, no dot behind.
/// `None` when `text` is no domain.
#[must_use]
pub(crate) fn domain(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let ascii = idna::domain_to_ascii_strict(text).ok()?;
    (!ascii.is_empty()).then_some(ascii)
}

impl LoginEmail {
    /// The domain, in the form in which domains are compared.
    #[must_use]
    pub(crate) fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The forms in which the address may stand among people's names and addresses, which are compared folded
    /// and no more: as it is compared, as it was sent, and with the domain in its own letters.
    #[must_use]
    pub(crate) fn spellings(&self) -> [String; 3] {
        let shown = self.key.rsplit_once('@').map_or_else(String::new, |(local, domain)| {
            format!("{local}@{}", fold(&idna::domain_to_unicode(domain).0))
        });
        [self.key.clone(), fold(&self.address), shown]
    }
}

/// The address that would sign the person in, were its domain verified.
#[must_use]
pub(crate) fn candidate(person: &Resource) -> Option<LoginEmail> {
    let user_name = person.user_name().unwrap_or_default();
    if is_soft_delete_name(user_name) {
        return None;
    }
    let rank = |email: &scim::Email<'_>| match (email.primary, email.kind) {
        (true, _) => 0,
        (_, Some(kind)) if fold(kind) == "work" => 1,
        _ => 2,
    };
    let mut emails: Vec<_> = person.emails().collect();
    emails.sort_by_key(rank);
    emails
        .iter()
        .find_map(|email| address(email.value))
        .or_else(|| (!is_guest_name(user_name)).then(|| address(user_name)).flatten())
}

/// Whether Entra ID gave this userName to a person it soft-deleted: 32 hex digits followed by the
/// old name. Such a name holds neither the old userName nor a login e-mail.
///
/// A name that is one hex digest as a whole (SHA-1, SHA-2) is a name of its own.
#[must_use]
pub(crate) fn is_soft_delete_name(user_name: &str) -> bool {
    soft_deleted(user_name).is_some()
}

/// The name that the person had before; `None`: it is not such a name.
#[must_use]
pub(crate) fn soft_deleted(user_name: &str) -> Option<&str> {
    const PREFIX: usize = 32;
    const DIGESTS: [usize; 5] = [40, 56, 64, 96, 128];
    let is_hex = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_hexdigit);
    let name = user_name.as_bytes();
    let is_one = name.len() > PREFIX
        && is_hex(&name[..PREFIX])
        && !(is_hex(name) && DIGESTS.contains(&name.len()));
    if is_one { user_name.get(PREFIX..) } else { None }
}

/// Whether this is the userName of an Entra ID guest (`x_other.com#EXT#@tenant.onmicrosoft.com`),
/// which looks like an address and is none.
#[must_use]
pub(crate) fn is_guest_name(user_name: &str) -> bool {
    user_name.to_ascii_uppercase().contains("#EXT#")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(json: &str) -> Resource {
        scim::Schemas::standard().user().read(json).unwrap()
    }

    fn signs_in(json: &str) -> Option<String> {
        candidate(&person(json)).map(|email| email.key)
    }

    #[test]
    fn the_primary_email_comes_first_then_work_then_any_then_the_user_name() {
        let all = r#"{"userName":"u@d.example","emails":[{"value":"home@d.example","type":"home"},
            {"value":"work@d.example","type":"Work"},{"value":"main@d.example","primary":true}]}"#;
        assert_eq!(signs_in(all).unwrap(), "main@d.example");
        let work = r#"{"userName":"u@d.example","emails":[{"value":"home@d.example","type":"home"},
            {"value":"work@d.example","type":"work"}]}"#;
        assert_eq!(signs_in(work).unwrap(), "work@d.example");
        let home = r#"{"userName":"u@d.example","emails":[{"value":"home@d.example"}]}"#;
        assert_eq!(signs_in(home).unwrap(), "home@d.example");
        assert_eq!(signs_in(r#"{"userName":"U@D.example"}"#).unwrap(), "u@d.example");
        assert_eq!(signs_in(r#"{"userName":"4711"}"#), None);
    }

    #[test]
    fn a_guest_name_is_no_address_to_sign_in_with() {
        let name = "ada_other.com#EXT#@acme.onmicrosoft.com";
        assert_eq!(signs_in(&format!(r#"{{"userName":"{name}"}}"#)), None);
        let mail = format!(r#"{{"userName":"{name}","emails":[{{"value":"ada@acme.com"}}]}}"#);
        assert_eq!(signs_in(&mail).unwrap(), "ada@acme.com");
    }

    #[test]
    fn a_soft_delete_name_releases_every_address() {
        let json = r#"{"userName":"0123456789abcdef0123456789abcdefada@acme.com",
            "emails":[{"value":"ada@acme.com","primary":true}]}"#;
        assert_eq!(signs_in(json), None);
    }

    #[test]
    fn a_digest_as_a_name_is_no_soft_delete_name() {
        assert!(!is_soft_delete_name(&"a1".repeat(16)));
        assert!(!is_soft_delete_name(&"a1".repeat(20)));
        assert!(!is_soft_delete_name(&"a1".repeat(32)));
        assert!(is_soft_delete_name(&format!("{}ada", "a1".repeat(16))));
        assert!(!is_soft_delete_name("é23456789abcdef0123456789abcdefada@acme.com"));
    }

    #[test]
    fn an_address_is_found_in_each_of_its_spellings() {
        let spellings = address("Ada@XN--bcher-kva.example").unwrap().spellings();
        let [key, sent, shown] = spellings.each_ref().map(String::as_str);
        assert_eq!((key, sent), ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"));
        assert_eq!(shown, "ada@bücher.example");
    }

    #[test]
    fn domains_are_compared_after_idna() {
        assert_eq!(address("Ada@BÜCHER.example").unwrap().key, "ada@xn--bcher-kva.example");
        assert_eq!(domain("Example.COM.").unwrap(), "example.com");
        assert_eq!(domain("no domain"), None);
        assert_eq!(address("not an address"), None);
    }

    /// Seen to fail with the letters looked at as they were sent: who has such an address is then nobody, and not
    /// barred when they leave.
    #[test]
    fn letters_may_be_composed_of_several_characters() {
        let [one, two] =
            ["J\u{f6}rg@acme.com", "Jo\u{308}rg@acme.com"].map(|text| address(text).unwrap());
        assert_eq!(one.key, two.key);
        assert_eq!(two.address, "Jo\u{308}rg@acme.com", "as it was sent");
        assert_eq!(address("ada＠acme.com"), None, "that is no `@`");
        assert_eq!(address("eve@evil.example＠acme.com@acme.com"), None);
    }

    /// Else a leaver comes back under another spelling of the same mailbox. Seen to fail without the look at
    /// the quotes.
    #[test]
    fn a_mailbox_has_one_spelling() {
        for quoted in
            [r#""ada"@acme.com"#, r#""a\da"@acme.com"#, r#""a da"@acme.com"#, "＂ada＂@acme.com"]
        {
            assert_eq!(address(quoted), None, "{quoted}");
        }
    }
}
