//! `operator user`: people, and whom an address signs in.

use clap::{Args, Subcommand};
use directory_api::v1;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, Listing, Page, time, word, yes_or_no};

/// What is done with people.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Finds people by userName or e-mail address, or by a SCIM filter.
    Find(Find),
    /// Shows one person.
    Get(One),
    /// Removes a person, who can be restored for 30 days or what --tombstone-days of the directory says. Of one whom
    /// an identity provider manages that is the last resort: it may make the person anew.
    Delete(One),
    /// Protects a person, such as the last admin: nobody ends their access, the identity provider neither.
    Protect(One),
    /// Lets go of a protected person.
    Unprotect(One),
    /// Lists the removed people who can be restored.
    Deleted(Listing),
    /// Brings a removed person back. Refused, naming the holder, when somebody else has the userName or
    /// the login e-mail meanwhile.
    Restore(One),
    /// Tells whom an address signs in, over all workspaces.
    ResolveLogin(ResolveLogin),
    /// Lists the identities by which a person signs in.
    Identities(One),
    /// Takes a person's identity of one issuer away: the next sign-in links another.
    Unlink(Unlink),
    /// Tells which services have ended what somebody had, who lost access, and since when.
    Revocation(One),
    /// Lets an address, or a person by each of theirs, in again that the identity provider sent away.
    Readmit(Readmit),
}

/// An identity to be taken away.
#[derive(Args, Clone, Debug)]
pub(super) struct Unlink {
    #[command(flatten)]
    of: One,

    /// The issuer of the identity.
    #[arg(value_name = "ISSUER")]
    issuer: String,
}

/// Who or what is to be let in again.
#[derive(Args, Clone, Debug)]
pub(super) struct Readmit {
    #[command(flatten)]
    within: InWorkspace,

    /// The address, in any letter case, or the id of a person.
    #[arg(value_name = "EMAIL|USER")]
    whom: String,
}

/// Whom to find.
#[derive(Args, Clone, Debug)]
pub(super) struct Find {
    #[command(flatten)]
    within: InWorkspace,

    /// A userName or an e-mail address, in any letter case. Absent, and no filter: everybody.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// A filter as RFC 7644 section 3.4.2.2 writes it, like `userName sw "ada"`.
    #[arg(long, value_name = "FILTER", conflicts_with = "name")]
    filter: Option<String>,

    #[command(flatten)]
    page: Page,
}

/// A person.
#[derive(Args, Clone, Debug)]
pub(super) struct One {
    #[command(flatten)]
    within: InWorkspace,

    /// The person's id.
    #[arg(value_name = "USER")]
    id: String,
}

/// An address.
#[derive(Args, Clone, Debug)]
pub(super) struct ResolveLogin {
    /// The address that a person signs in with.
    #[arg(value_name = "EMAIL")]
    email: String,
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        match self {
            Self::Find(find) => {
                let ask = v1::ListUsersRequest::from(find);
                let found = session.users().list_users(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.users)?.page(&found.next_page_token))
            }
            Self::Get(One { within: InWorkspace { workspace_id }, id }) => {
                let ask = v1::GetUserRequest { workspace_id, id, ..v1::GetUserRequest::default() };
                Answer::one(&session.users().get_user(ask).await?.into_inner())
            }
            Self::Delete(One { within: InWorkspace { workspace_id }, id }) => {
                let ask = v1::DeleteUserRequest {
                    workspace_id,
                    id: id.clone(),
                    ..v1::DeleteUserRequest::default()
                };
                let removed = session.users().delete_user(ask).await?.into_inner();
                Ok(Answer::nothing(&removed)?.done(format!("Removed: {id} signs in no more.")))
            }
            Self::Protect(one) => {
                protect(session, one, true, "Protected: nobody ends their access.").await
            }
            Self::Unprotect(one) => {
                protect(session, one, false, "Let go of: the identity provider may remove them.")
                    .await
            }
            Self::Deleted(Listing { within: InWorkspace { workspace_id }, page }) => {
                let Page { page_size, page_token } = page;
                let ask = v1::ListDeletedUsersRequest { workspace_id, page_size, page_token };
                let found = session.users().list_deleted_users(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.users)?.page(&found.next_page_token))
            }
            Self::Restore(One { within: InWorkspace { workspace_id }, id }) => {
                let ask = v1::RestoreUserRequest {
                    workspace_id,
                    id,
                    ..v1::RestoreUserRequest::default()
                };
                let restored = session.users().restore_user(ask).await?.into_inner();
                let done = "Restored: active or not as before the removal, and managed by nobody.";
                Ok(Answer::one(&restored)?.done(done))
            }
            Self::ResolveLogin(ResolveLogin { email }) => {
                let ask = v1::ResolveLoginRequest { email, ..v1::ResolveLoginRequest::default() };
                let found = session.logins().resolve_login(ask).await?.into_inner();
                Answer::many(&found, &found.accounts)
            }
            Self::Identities(One { within: InWorkspace { workspace_id }, id: user_id }) => {
                let ask = v1::ListIdentitiesRequest { workspace_id, user_id };
                let found = session.logins().list_identities(ask).await?.into_inner();
                Answer::many(&found, &found.identities)
            }
            Self::Unlink(Unlink { of: One { within, id: user_id }, issuer }) => {
                let workspace_id = within.workspace_id;
                let ask = v1::UnlinkIdentityRequest { workspace_id, user_id, issuer };
                let answer = session.logins().unlink_identity(ask).await?.into_inner();
                let done = if answer.was_linked {
                    "Unlinked: the next sign-in links another identity."
                } else {
                    "There was no identity of this issuer."
                };
                Ok(Answer::nothing(&answer)?.done(done))
            }
            Self::Revocation(One { within: InWorkspace { workspace_id }, id: user_id }) => {
                let ask = v1::RevocationStatusRequest { workspace_id, user_id };
                let found = session.watch().revocation_status(ask).await?.into_inner();
                Answer::many(&found, &found.receipts)
            }
            Self::Readmit(Readmit { within: InWorkspace { workspace_id }, whom }) => {
                let ask = if whom.contains('@') {
                    v1::ReadmitAddressRequest { workspace_id, email: whom, user_id: String::new() }
                } else {
                    v1::ReadmitAddressRequest { workspace_id, user_id: whom, email: String::new() }
                };
                let answer = session.logins().readmit_address(ask).await?.into_inner();
                let done = if answer.was_barred {
                    "Readmitted: nothing keeps them from coming in again."
                } else {
                    "Nothing kept them out."
                };
                Ok(Answer::nothing(&answer)?.done(done))
            }
        }
    }
}

async fn protect(
    session: &Session,
    One { within: InWorkspace { workspace_id }, id }: One,
    protected: bool,
    done: &str,
) -> Result<Answer, Failure> {
    let ask =
        v1::ProtectUserRequest { workspace_id, id, protected, ..v1::ProtectUserRequest::default() };
    let user = session.users().protect_user(ask).await?.into_inner();
    Ok(Answer::one(&user)?.done(done))
}

impl From<Find> for v1::ListUsersRequest {
    fn from(find: Find) -> Self {
        let Find { within: InWorkspace { workspace_id }, name, filter, page } = find;
        let named = name.map(|name| {
            let text = serde_json::Value::from(name);
            format!("userName eq {text} or emails.value eq {text}")
        });
        Self {
            workspace_id,
            filter: filter.or(named).unwrap_or_default(),
            page_size: page.page_size,
            page_token: page.page_token,
            ..Self::default()
        }
    }
}

impl Show for v1::User {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let name = self.name.as_ref();
        let emails = self.emails.iter().map(|email| email.value.as_str());
        let (meta, management) = (self.meta.as_ref(), self.management.as_ref());
        vec![
            ("id", self.id.clone()),
            ("username", self.user_name.clone()),
            ("name", self.display_name.clone()),
            ("active", self.active.map(yes_or_no).unwrap_or_default()),
            ("given name", name.map(|name| name.given_name.clone()).unwrap_or_default()),
            ("family name", name.map(|name| name.family_name.clone()).unwrap_or_default()),
            ("emails", emails.collect::<Vec<_>>().join(", ")),
            ("managed by", management.map(|m| m.integration_id.clone()).unwrap_or_default()),
            ("managed", management.map(|m| m.attributes.join(", ")).unwrap_or_default()),
            ("protected", management.map(|m| yes_or_no(m.protected)).unwrap_or_default()),
            ("made", meta.map(|meta| meta.created.clone()).unwrap_or_default()),
            ("changed", meta.map(|meta| meta.last_modified.clone()).unwrap_or_default()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "username", "name", "active", "emails"];
}

impl Show for v1::DeletedUser {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let user = self.user.clone().unwrap_or_default();
        vec![
            ("id", user.id),
            ("username", user.user_name),
            ("name", user.display_name),
            ("removed", time(self.delete_time.as_ref())),
            ("restorable until", time(self.expire_time.as_ref())),
        ]
    }

    const COLUMNS: &'static [&'static str] =
        &["id", "username", "name", "removed", "restorable until"];
}

impl Show for v1::Identity {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("issuer", self.issuer.clone()),
            ("subject", self.subject.clone()),
            ("linked", time(self.link_time.as_ref())),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["issuer", "subject", "linked"];
}

impl Show for v1::RevocationReceipt {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("service", self.caller.clone()),
            ("consumer", self.consumer.clone()),
            ("acknowledged", time(self.acknowledge_time.as_ref())),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["service", "consumer", "acknowledged"];
}

impl Show for v1::Account {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("workspace", self.workspace_id.clone()),
            ("id", self.user_id.clone()),
            ("signs in", yes_or_no(self.active)),
            ("reason", word(self.reason().as_str_name(), "INACTIVE_REASON_")),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["workspace", "id", "signs in", "reason"];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name is a value of a filter, never a part of it. Seen to fail with the name written between
    /// quotes as it came.
    #[test]
    fn a_name_cannot_say_more_than_a_name() {
        let find = Find {
            within: InWorkspace { workspace_id: "w".to_owned() },
            name: Some(r#"x" or active eq "true"#.to_owned()),
            filter: None,
            page: Page { page_size: None, page_token: String::new() },
        };
        let value = r#""x\" or active eq \"true""#;
        let filter = format!("userName eq {value} or emails.value eq {value}");
        assert_eq!(v1::ListUsersRequest::from(find).filter, filter);
    }
}
