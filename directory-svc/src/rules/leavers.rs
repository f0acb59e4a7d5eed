//! Who may come in by which address: whom an identity provider sent away does not come back by one of
//! theirs, until it or an operator says so.
//!
//! An address is barred, not a person: whoever makes a new person of the leaver's address is met too, long
//! after the tombstone is gone. It is barred firmly, to services as well, on the word of an identity provider;
//! what a service does to people whom no identity provider manages bars only those who join by themselves.
//!
//! Not every write of an identity provider is its word on whether the person is in: one that names `active` is,
//! one that makes somebody, and one that gives or takes the name of a person whom Entra ID soft-deletes. What it
//! says of a title leaves the word that stands, and makes none of a service's.

use std::collections::BTreeSet;

use directory_api::v1::Reason;
use scim::Resource;

use super::login_email::{address, is_guest_name, is_soft_delete_name, soft_deleted};
use crate::ids::UserId;
use crate::refusal::{Refusal, Thing};
use crate::store::{Author, LoginEmail, Passage, User};

/// A person before a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before<'a> {
    /// The person.
    pub person: &'a User,
    /// Their document.
    pub resource: &'a Resource,
}

impl Before<'_> {
    fn addresses(self) -> BTreeSet<String> {
        addresses(self.resource, self.person.login_email.as_ref())
    }

    fn signs_in_by(self, login: &LoginEmail) -> bool {
        let standing = self.person.login_email.as_ref();
        self.resource.is_active() && standing.is_some_and(|standing| standing.key == login.key)
    }

    fn is_bound(self) -> bool {
        self.person.binding.is_some()
    }
}

/// A person as a write wants them to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct After<'a> {
    /// Their document.
    pub resource: &'a Resource,
    /// Whether the write names `active`.
    pub names_active: bool,
    /// What is to sign them in.
    pub login_email: Option<&'a LoginEmail>,
}

/// What a write says about the ways in.
///
/// On the word of an identity provider somebody who is in comes in by each of their addresses, whoever had it,
/// and somebody who is out by none of theirs. An address that is no longer the person's is barred whoever took
/// it from them: they would join by it as somebody new.
///
/// # Errors
/// `PERSON_LEFT` when a service lets somebody in who is out on the word of an identity provider.
pub(crate) fn passage(
    author: &Author,
    before: Option<Before<'_>>,
    after: After<'_>,
) -> Result<Passage, Refusal> {
    let is_in = is_in(after.resource);
    let has_left = before.is_some_and(|before| before.person.has_left);
    let now = addresses(after.resource, after.login_email);
    let earlier = before.map(Before::addresses).unwrap_or_default();
    if author.integration().is_none() {
        if let Some(before) = before.filter(|_| has_left && is_in) {
            return Err(self::has_left(before.person.id));
        }
        let enters_by = after
            .login_email
            .filter(|login| is_in && !before.is_some_and(|before| before.signs_in_by(login)));
        return Ok(Passage {
            enters_by: enters_by.cloned(),
            bars: earlier.difference(&now).cloned().collect(),
            is_firm: has_left || before.is_some_and(Before::is_bound),
            ..Passage::default()
        });
    }
    let is_renamed =
        |resource: &Resource| is_soft_delete_name(resource.user_name().unwrap_or_default());
    let is_word = after.names_active
        || is_renamed(after.resource)
        || before.is_none_or(|before| is_renamed(before.resource));
    let has_left = if is_word { !is_in } else { has_left };
    let passage = Passage { is_firm: true, has_left: Some(has_left), ..Passage::default() };
    if has_left {
        return Ok(Passage { bars: earlier.union(&now).cloned().collect(), ..passage });
    }
    let readmits = if is_word { now.clone() } else { &now - &earlier };
    Ok(Passage {
        readmits: readmits.into_iter().collect(),
        bars: earlier.difference(&now).cloned().collect(),
        ..passage
    })
}

/// What the removal of a person says about the ways in: none of their addresses is one.
#[must_use]
pub(crate) fn removal(author: &Author, before: Before<'_>) -> Passage {
    Passage {
        bars: before.addresses().into_iter().collect(),
        is_firm: before.is_bound() || before.person.has_left || author.integration().is_some(),
        ..Passage::default()
    }
}

/// What an operator says who restores a person, as they were when they were removed: they come in by each of
/// their addresses, but for whom the identity provider had sent away before.
#[must_use]
pub(crate) fn restoration(was: Before<'_>) -> Passage {
    let has_left = was.person.has_left;
    let readmits = if has_left { Vec::new() } else { was.addresses().into_iter().collect() };
    Passage { readmits, has_left: Some(has_left), ..Passage::default() }
}

/// The person is a leaver, or the address was a leaver's.
#[must_use]
pub(crate) fn has_left(who: UserId) -> Refusal {
    Refusal::new(
        Reason::PersonLeft,
        format!(
            "This is a person ({who}) whom the identity provider deactivated or removed, or an address of \
             theirs, and nobody comes back on the word of a service. Assign the person in the identity \
             provider, or have an operator readmit the address, or the person \
             (LoginService.ReadmitAddress)."
        ),
    )
    .about(Thing::User, who)
}

/// Whether a person, as they are described, may come in at all.
pub(crate) fn is_in(person: &Resource) -> bool {
    person.is_active() && !is_soft_delete_name(person.user_name().unwrap_or_default())
}

/// Every address of a person, in its form for comparison: what signs them in, all e-mail addresses, and the
/// userName if it is one, also behind what Entra ID writes before the name of whom it soft-deletes.
pub(crate) fn addresses(person: &Resource, login: Option<&LoginEmail>) -> BTreeSet<String> {
    let user_name = person.user_name().unwrap_or_default();
    let name = soft_deleted(user_name).unwrap_or(user_name);
    let name = (!is_guest_name(name)).then(|| address(name)).flatten();
    let emails = person.emails().filter_map(|email| address(email.value));
    emails.chain(name).chain(login.cloned()).map(|address| address.key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::examples::{self, ENTRA, integration};
    use crate::rules::login_email::candidate;

    const HEX: &str = "0123456789abcdef0123456789abcdef";

    fn person(user_name: &str, emails: &[&str], active: bool) -> Resource {
        let emails: Vec<_> = emails.iter().map(|e| serde_json::json!({ "value": e })).collect();
        let document =
            serde_json::json!({ "userName": user_name, "emails": emails, "active": active });
        scim::Schemas::standard().user().read(&document.to_string()).unwrap()
    }

    fn ada(active: bool) -> Resource {
        person("Ada@acme.com", &["ada.l@acme.com", "ada@home.example"], active)
    }

    const HERS: [&str; 3] = ["ada.l@acme.com", "ada@acme.com", "ada@home.example"];

    fn entra() -> Author {
        Author::Integration(integration(ENTRA))
    }

    fn service() -> Author {
        Author::Service("settings".to_owned())
    }

    fn entry(passage: &Passage) -> Option<&str> {
        passage.enters_by.as_ref().map(|login| login.key.as_str())
    }

    /// Somebody who signs in by their candidate, managed by the provider.
    fn managed(resource: &Resource) -> User {
        let user = examples::person(7, "ada", Some(ENTRA));
        User { login_email: candidate(resource), active: resource.is_active(), ..user }
    }

    fn unmanaged(resource: &Resource) -> User {
        User { binding: None, ..managed(resource) }
    }

    fn leaver(resource: &Resource) -> User {
        User { has_left: true, ..managed(resource) }
    }

    /// Makes of `person`, who is as `before` says, what `wanted` says.
    fn change(
        author: &Author,
        person: &User,
        before: &Resource,
        wanted: &Resource,
        names_active: bool,
    ) -> Result<Passage, Reason> {
        let login = candidate(wanted);
        let after = After { resource: wanted, names_active, login_email: login.as_ref() };
        let before = Before { person, resource: before };
        passage(author, Some(before), after).map_err(|no| no.reason)
    }

    fn creation(author: &Author, wanted: &Resource) -> Passage {
        let login = candidate(wanted);
        let after = After { resource: wanted, names_active: false, login_email: login.as_ref() };
        passage(author, None, after).unwrap()
    }

    #[test]
    fn whom_the_provider_deactivates_comes_in_by_no_address_of_theirs() {
        let (here, gone) = (ada(true), ada(false));
        let left = change(&entra(), &managed(&here), &here, &gone, true).unwrap();
        assert_eq!(left.bars, HERS);
        assert!(left.is_firm && left.readmits.is_empty());
        assert_eq!(left.has_left, Some(true));
        let renamed = person(&format!("{HEX}Ada@acme.com"), &["ada.l@acme.com"], true);
        let renamed = change(&entra(), &managed(&here), &here, &renamed, false).unwrap();
        assert_eq!((renamed.bars.len(), renamed.has_left), (3, Some(true)), "{renamed:?}");
        let again = change(&entra(), &managed(&gone), &gone, &gone, true).unwrap();
        assert_eq!(again.bars, HERS, "also of whom others had deactivated before");
        let made = creation(&entra(), &gone);
        assert_eq!(made.bars, HERS, "also of whom it only says that they are not to come in");
    }

    /// Seen to fail with every write of the provider taken for its word.
    #[test]
    fn what_the_provider_says_of_something_else_is_no_word_on_whom_a_service_paused() {
        let (here, paused) = (ada(true), ada(false));
        let said = change(&entra(), &managed(&here), &paused, &paused, false).unwrap();
        assert_eq!((said.has_left, said.bars.len()), (Some(false), 0));
        let back = change(&service(), &managed(&paused), &paused, &here, true).unwrap();
        assert_eq!((entry(&back), back.has_left), (Some("ada.l@acme.com"), None));
    }

    /// Nor does it take back the word that stands: what it adds to a leaver is barred too.
    #[test]
    fn what_the_provider_says_of_something_else_leaves_a_leaver_one() {
        let (gone, moved) = (ada(false), person("Ada@acme.com", &["countess@acme.com"], false));
        let said = change(&entra(), &leaver(&gone), &gone, &moved, false).unwrap();
        assert_eq!(said.has_left, Some(true));
        assert_eq!(said.bars.len(), 4);
        let said =
            change(&service(), &User { binding: None, ..leaver(&gone) }, &gone, &moved, false);
        assert!(said.unwrap().is_firm, "whoever writes of them, and after the integration");
    }

    /// By each address, not by the one alone that signs them in.
    #[test]
    fn the_provider_takes_back_whom_it_sent_away_and_nobody_else_does() {
        let (here, gone) = (ada(true), ada(false));
        let back = change(&entra(), &leaver(&gone), &gone, &here, true).unwrap();
        assert_eq!(back.readmits, HERS);
        assert!(back.bars.is_empty());
        assert_eq!(back.has_left, Some(false));
        let moved = person("new.ada@acme.com", &[], true);
        for wanted in [&here, &moved] {
            let back = change(&service(), &leaver(&gone), &gone, wanted, true);
            assert_eq!(back, Err(Reason::PersonLeft));
        }
        let renamed = person(&format!("{HEX}ada@acme.com"), &[], true);
        let back = change(&entra(), &leaver(&renamed), &renamed, &here, false).unwrap();
        assert_eq!((back.readmits.len(), back.has_left), (3, Some(false)), "and the name too");
    }

    #[test]
    fn a_service_lets_in_by_the_address_that_signs_in() {
        let (here, paused) = (ada(true), ada(false));
        let made = creation(&service(), &here);
        assert_eq!((entry(&made), made.readmits.len()), (Some("ada.l@acme.com"), 0));
        let untouched = change(&service(), &managed(&here), &here, &here, true).unwrap();
        assert_eq!(untouched.enters_by, None, "who is in does not enter");
        let paused = change(&service(), &managed(&here), &here, &paused, true).unwrap();
        assert_eq!((paused.bars.len(), paused.enters_by), (0, None), "and may activate again");
    }

    #[test]
    fn who_waits_for_a_domain_is_taken_back_by_the_provider_all_the_same() {
        let waiting = person("4711", &["ada@later.example"], true);
        let after = After { resource: &waiting, names_active: false, login_email: None };
        let made = passage(&entra(), None, after).unwrap();
        assert_eq!(made.readmits, ["ada@later.example"]);
        assert!(made.bars.is_empty(), "{made:?}");
    }

    #[test]
    fn an_address_that_is_left_behind_is_barred() {
        let (here, moved) = (ada(true), person("countess@acme.com", &[], true));
        for (author, standing, is_firm) in [
            (entra(), managed(&here), true),
            (service(), managed(&here), true),
            (service(), unmanaged(&here), false),
        ] {
            let moved = change(&author, &standing, &here, &moved, false).unwrap();
            assert_eq!(moved.bars, HERS);
            assert_eq!(moved.is_firm, is_firm);
            let comes_in = entry(&moved) == Some("countess@acme.com");
            assert!(comes_in || moved.readmits == ["countess@acme.com"], "the new one is open");
        }
    }

    #[test]
    fn the_removed_come_in_by_no_address_of_theirs() {
        let here = ada(true);
        let gone =
            |author: &Author, person: &User| removal(author, Before { person, resource: &here });
        assert_eq!(gone(&entra(), &managed(&here)).bars, HERS);
        assert!(gone(&entra(), &unmanaged(&here)).is_firm);
        assert!(gone(&service(), &managed(&here)).is_firm);
        assert!(gone(&service(), &User { has_left: true, ..unmanaged(&here) }).is_firm);
        assert!(!gone(&service(), &unmanaged(&here)).is_firm);
    }

    /// Seen to fail with everybody marked who comes back inactive, and with the login e-mail's bar lifted alone.
    #[test]
    fn a_restored_person_is_a_leaver_if_they_were_one() {
        let gone = ada(false);
        let back = |person: &User| restoration(Before { person, resource: &gone });
        for paused in [managed(&gone), unmanaged(&gone)] {
            let back = back(&User { login_email: None, ..paused });
            assert_eq!(
                (back.has_left, back.readmits),
                (Some(false), HERS.map(str::to_owned).into())
            );
        }
        let back = back(&leaver(&gone));
        assert_eq!((back.has_left, back.readmits.len()), (Some(true), 0));
    }
}
