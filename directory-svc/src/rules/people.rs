//! Changing, removing and restoring people.

use directory_api::v1::Reason;
use scim::Resource;

use super::admission::{self, Standing};
use super::binding::binding_after;
use super::leavers::{self, After, Before};
use super::management::Named;
use super::{management, protection, version};
use crate::ids::MemberId;
use crate::refusal::{Refusal, Thing, echo};
use crate::store::{Author, Draft, Passage, Policy, Provided, Tombstone, User};

/// The person, who must be here and, where the caller named a version, still be of it.
///
/// # Errors
/// `USER_NOT_FOUND`, `REVISION_MISMATCH`.
pub(crate) fn expect<'a>(
    person: Option<&'a User>,
    id: &str,
    version: Option<&str>,
) -> Result<&'a User, Refusal> {
    let person = person.ok_or_else(|| not_found(id))?;
    version::check(version, person.revision).map_err(|no| no.about(Thing::User, person.id))?;
    Ok(person)
}

/// The resource that takes the place of what stands, when a caller sends a whole one. What is left
/// out is gone (RFC 7644 section 3.5.1), but for `active`: a client that does not map it asserts
/// nothing of it, and must not let a leaver back in.
#[must_use]
pub(crate) fn replacement(mut sent: Resource, standing: &Resource) -> Resource {
    sent.keep("active", standing);
    sent
}

/// What a write makes of a person.
pub(crate) struct Wanted<'a> {
    /// How they are to be, with the externalId.
    pub(crate) resource: Resource,
    /// What the write says something of.
    pub(crate) named: &'a Named,
}

/// How `person` is to be, once what is wanted takes the place of what stands.
///
/// # Errors
/// `BOUND_ELSEWHERE`, `MANAGED_BY_IDP`, `USER_PROTECTED`, and the errors of [`admission::login_email`] and
/// [`leavers::passage`].
pub(crate) fn change(
    policy: &Policy,
    author: &Author,
    person: &User,
    current: &Resource,
    Wanted { mut resource, named }: Wanted<'_>,
) -> Result<Draft, Refusal> {
    let external_id = resource.take_external_id();
    let binding = binding_after(author, person, external_id)?;
    management::check(author, person, current, &resource)?;
    let standing = Standing { resource: current, login_email: person.login_email.as_ref() };
    let login_email = admission::login_email(policy, &resource, Some(standing))?;
    protection::check(person, current, &resource, login_email.as_ref())?;
    let before = Before { person, resource: current };
    let names_active = named.contains("active");
    let after = After { resource: &resource, names_active, login_email: login_email.as_ref() };
    Ok(Draft {
        is_guest: admission::is_guest(policy, login_email.as_ref()),
        passage: leavers::passage(author, Some(before), after)?,
        resource,
        login_email,
        binding,
        provided: management::provided(author, Some(person), named),
        is_protected: person.is_protected,
        predecessor: None,
    })
}

/// Whether `author` may remove the person, and by which addresses nobody comes in then.
///
/// # Errors
/// `BOUND_ELSEWHERE`, `USER_PROTECTED`, `MANAGED_BY_IDP`.
pub(crate) fn remove(
    author: &Author,
    is_operator: bool,
    person: &User,
    current: &Resource,
) -> Result<Passage, Refusal> {
    binding_after(author, person, None)?;
    protection::check_removal(person)?;
    management::check_removal(author, is_operator, person)?;
    Ok(leavers::removal(author, Before { person, resource: current }))
}

/// How a removed person comes back: as they were, signed in by the same address while its domain is
/// verified, or it is a guest's, and unbound: the first write of an integration adopts them again.
///
/// # Errors
/// `USER_NOT_FOUND` when there is no tombstone.
pub(crate) fn restore(
    policy: &Policy,
    tombstone: Option<&Tombstone<User>>,
    id: &str,
    read: impl Fn(&User) -> Result<Resource, Refusal>,
) -> Result<Draft, Refusal> {
    let tombstone = tombstone.ok_or_else(|| {
        Refusal::new(
            Reason::UserNotFound,
            format!(
                "No removed user {} is kept in this workspace. UserService.ListDeletedUsers names \
                 those who are.",
                echo(id)
            ),
        )
        .about(Thing::User, id)
    })?;
    let resource = read(&tombstone.was)?;
    let login_email = tombstone.was.login_email.clone();
    let login_email = login_email.filter(|email| admission::may_sign_in(policy, email));
    Ok(Draft {
        is_guest: admission::is_guest(policy, login_email.as_ref()),
        passage: leavers::restoration(Before { person: &tombstone.was, resource: &resource }),
        resource,
        login_email,
        binding: None,
        provided: Provided::default(),
        is_protected: false,
        predecessor: None,
    })
}

/// Nobody of this id is here: never, no longer, or elsewhere; all look alike.
#[must_use]
pub(crate) fn not_found(id: &str) -> Refusal {
    let detail = format!("User {} not found. Look the user up by userName.", echo(id));
    Refusal::new(Reason::UserNotFound, detail).about(Thing::User, id)
}

/// Another living person has the userName.
#[must_use]
pub(crate) fn user_name_taken(holder: MemberId) -> Refusal {
    Refusal::new(
        Reason::UserNameTaken,
        format!(
            "The userName belongs to another person of this workspace ({holder}); userName is \
             compared without regard to case. Rename or remove that person, or map another \
             attribute to userName."
        ),
    )
    .about(Thing::User, holder)
}

/// Another living person signs in with the address.
#[must_use]
pub(crate) fn login_email_taken(holder: MemberId) -> Refusal {
    Refusal::new(
        Reason::LoginEmailTaken,
        format!(
            "The e-mail address that would sign this person in belongs to another person of this \
             workspace ({holder}). Correct the address of one of the two, or remove the person \
             who is no longer needed."
        ),
    )
    .about(Thing::User, holder)
}
