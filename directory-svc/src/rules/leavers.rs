//! Who may come in by which address: whom an identity provider sent away does not come back by one of
//! theirs, until it or an operator says so.
//!
//! An address is barred, not a person: whoever makes a new person of the leaver's address is met too, long
//! after the tombstone is gone. It is barred firmly, to services as well, on the word of an identity provider;
//! what a service does to people whom no identity provider manages bars only those who join by themselves.

use std::collections::BTreeSet;

use directory_api::v1::Reason;
use scim::Resource;

use super::admission::Standing;
use super::login_email::{address, candidate, is_guest_name, is_soft_delete_name, soft_deleted};
use crate::ids::UserId;
use crate::refusal::Refusal;
use crate::store::{Author, LoginEmail, Passage};

/// A person before a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    /// The person as they stood.
    pub standing: Standing<'a>,
    /// Whether an integration manages them.
    pub is_bound: bool,
}

/// What a write says about the ways in, by which a person comes to be `wanted` and signs in by `login`.
///
/// On the word of an identity provider somebody who is active comes in by their address, whoever had it,
/// and somebody who is not comes in by none of theirs. An address that is no longer the person's is barred
/// whoever took it from them: they would join by it as somebody new.
#[must_use]
pub(crate) fn passage(
    author: &Author,
    before: Option<Before<'_>>,
    wanted: &Resource,
    login: Option<&LoginEmail>,
) -> Passage {
    let is_provider = author.integration().is_some();
    let is_in = is_in(wanted);
    let now = addresses(wanted, login);
    let earlier = before.map(|b| addresses(b.standing.resource, b.standing.login_email));
    let earlier = earlier.unwrap_or_default();
    let bars = if is_provider && !is_in {
        earlier.union(&now).cloned().collect()
    } else {
        earlier.difference(&now).cloned().collect()
    };
    let enters_by = if is_provider {
        login.cloned().or_else(|| candidate(wanted))
    } else {
        login.filter(|login| !before.is_some_and(|before| signs_in(before, login))).cloned()
    };
    Passage {
        enters_by: enters_by.filter(|_| is_in),
        readmits: is_provider,
        bars,
        is_firm: is_provider || before.is_some_and(|before| before.is_bound),
        has_left: is_provider.then_some(!is_in),
        wakes: !is_provider
            && is_in
            && before.is_some_and(|before| !self::is_in(before.standing.resource)),
    }
}

/// What the removal of a person says about the ways in: none of their addresses is one.
#[must_use]
pub(crate) fn removal(author: &Author, before: Before<'_>) -> Passage {
    let Before { standing, is_bound } = before;
    Passage {
        bars: addresses(standing.resource, standing.login_email).into_iter().collect(),
        is_firm: is_bound || author.integration().is_some(),
        ..Passage::default()
    }
}

/// What an operator says who restores a person: they come in by their address, if they were active.
#[must_use]
pub(crate) fn restoration(wanted: &Resource, login: Option<&LoginEmail>) -> Passage {
    let enters_by = login.filter(|_| wanted.is_active()).cloned();
    let has_left = Some(!wanted.is_active());
    Passage { enters_by, readmits: true, has_left, ..Passage::default() }
}

/// The person is a leaver, or the address was a leaver's.
#[must_use]
pub(crate) fn has_left(who: UserId) -> Refusal {
    Refusal::new(
        Reason::PersonLeft,
        format!(
            "This is a person ({who}) whom the identity provider deactivated or removed, or an address of \
             theirs, and nobody comes back on the word of a service. Assign the person in the identity \
             provider, or have an operator readmit the address (LoginService.ReadmitAddress)."
        ),
    )
}

/// Whether a person, as they are described, may come in at all.
fn is_in(person: &Resource) -> bool {
    person.is_active() && !is_soft_delete_name(person.user_name().unwrap_or_default())
}

fn signs_in(before: Before<'_>, login: &LoginEmail) -> bool {
    before.standing.resource.is_active()
        && before.standing.login_email.is_some_and(|before| before.key == login.key)
}

/// Every address of a person, in its form for comparison: what signs them in, all e-mail addresses, and the
/// userName if it is one, also behind what Entra ID writes before the name of whom it soft-deletes.
fn addresses(person: &Resource, login: Option<&LoginEmail>) -> BTreeSet<String> {
    let user_name = person.user_name().unwrap_or_default();
    let name = soft_deleted(user_name).unwrap_or(user_name);
    let name = (!is_guest_name(name)).then(|| address(name)).flatten();
    let emails = person.emails().filter_map(|email| address(email.value));
    emails.chain(name).chain(login.cloned()).map(|address| address.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::examples::{ENTRA, integration};

    const SERVICE: &str = "settings";
    const HEX: &str = "0123456789abcdef0123456789abcdef";

    fn person(user_name: &str, emails: &[&str], active: bool) -> Resource {
        let emails: Vec<_> = emails.iter().map(|e| serde_json::json!({ "value": e })).collect();
        let document =
            serde_json::json!({ "userName": user_name, "emails": emails, "active": active });
        scim::Schemas::standard().user().read(&document.to_string()).unwrap()
    }

    fn entra() -> Author {
        Author::Integration(integration(ENTRA))
    }

    fn service() -> Author {
        Author::Service(SERVICE.to_owned())
    }

    fn entry(passage: &Passage) -> Option<&str> {
        passage.enters_by.as_ref().map(|login| login.key.as_str())
    }

    /// The passage of a change, everybody signing in by their candidate.
    fn change(author: &Author, before: &Resource, is_bound: bool, wanted: &Resource) -> Passage {
        let (old, new) = (candidate(before), candidate(wanted));
        let standing = Standing { resource: before, login_email: old.as_ref() };
        passage(author, Some(Before { standing, is_bound }), wanted, new.as_ref())
    }

    fn ada(active: bool) -> Resource {
        person("Ada@acme.com", &["ada.l@acme.com", "ada@home.example"], active)
    }

    #[test]
    fn whom_the_provider_deactivates_comes_in_by_no_address_of_theirs() {
        let gone = change(&entra(), &ada(true), true, &ada(false));
        assert_eq!(gone.bars, ["ada.l@acme.com", "ada@acme.com", "ada@home.example"]);
        assert!(gone.is_firm && gone.enters_by.is_none());
        assert_eq!(gone.has_left, Some(true));
        let renamed = person(&format!("{HEX}Ada@acme.com"), &["ada.l@acme.com"], true);
        let renamed = change(&entra(), &ada(true), true, &renamed);
        assert_eq!(renamed.bars.len(), 3, "{renamed:?}");
        assert_eq!(renamed.enters_by, None);
        let again = change(&entra(), &ada(false), true, &ada(false));
        assert_eq!(again.bars.len(), 3, "also of whom others had deactivated before");
        let made = passage(&entra(), None, &ada(false), candidate(&ada(false)).as_ref());
        assert_eq!(made.bars.len(), 3, "also of whom it only says that they are not to come in");
    }

    #[test]
    fn the_provider_takes_back_whom_it_sent_away_and_nobody_else_does() {
        let back = change(&entra(), &ada(false), true, &ada(true));
        assert_eq!((entry(&back), back.readmits), (Some("ada.l@acme.com"), true));
        assert!(back.bars.is_empty());
        assert_eq!(back.has_left, Some(false));
        let back = change(&service(), &ada(false), true, &ada(true));
        assert_eq!((entry(&back), back.readmits), (Some("ada.l@acme.com"), false));
        let made = passage(&service(), None, &ada(true), candidate(&ada(true)).as_ref());
        assert_eq!((made.enters_by.is_some(), made.readmits), (true, false));
        let untouched = change(&service(), &ada(true), true, &ada(true));
        assert_eq!(untouched.enters_by, None, "who is in does not enter");
    }

    #[test]
    fn who_waits_for_a_domain_is_taken_back_by_the_provider_all_the_same() {
        let waiting = person("4711", &["ada@later.example"], true);
        let made = passage(&entra(), None, &waiting, None);
        assert_eq!(entry(&made), Some("ada@later.example"));
        assert!(made.bars.is_empty(), "{made:?}");
    }

    #[test]
    fn an_address_that_is_left_behind_is_barred() {
        let moved = person("countess@acme.com", &[], true);
        for (author, is_bound, is_firm) in
            [(entra(), true, true), (service(), true, true), (service(), false, false)]
        {
            let moved = change(&author, &ada(true), is_bound, &moved);
            assert_eq!(moved.bars, ["ada.l@acme.com", "ada@acme.com", "ada@home.example"]);
            assert_eq!(moved.is_firm, is_firm);
            assert_eq!(entry(&moved), Some("countess@acme.com"));
        }
    }

    #[test]
    fn a_service_that_deactivates_may_activate_again() {
        assert!(change(&service(), &ada(true), true, &ada(false)).bars.is_empty());
    }

    #[test]
    fn the_removed_come_in_by_no_address_of_theirs() {
        let (ada, login) = (ada(true), address("ada@acme.com"));
        let standing = Standing { resource: &ada, login_email: login.as_ref() };
        let gone = |author: &Author, is_bound| removal(author, Before { standing, is_bound });
        assert_eq!(gone(&entra(), true).bars.len(), 3);
        assert!(gone(&entra(), false).is_firm && gone(&service(), true).is_firm);
        assert!(!gone(&service(), false).is_firm);
    }
}
