//! `operator guest`: single outside addresses that may sign in.

use clap::{Args, Subcommand};
use directory_api::v1;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, Listing, Page, time};

/// What is done with outside addresses.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Allows an address outside the workspace's domains: who is provisioned with it signs in, by a linked
    /// identity alone.
    Allow(Allow),
    /// Lists the addresses that are allowed.
    List(Listing),
    /// Allows an address no longer: who has it signs in no more, and stays.
    Disallow(One),
}

/// An address.
#[derive(Args, Clone, Debug)]
pub(super) struct One {
    #[command(flatten)]
    within: InWorkspace,

    /// The address, in any letter case.
    #[arg(value_name = "EMAIL")]
    email: String,
}

/// An address to be allowed.
#[derive(Args, Clone, Debug)]
pub(super) struct Allow {
    #[command(flatten)]
    of: One,

    /// Why, for those who look at it later.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    note: String,
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        let mut domains = session.domains();
        match self {
            Self::Allow(Allow { of: One { within, email }, note }) => {
                let workspace_id = within.workspace_id;
                let ask = v1::AllowAddressRequest { workspace_id, email, note };
                let allowed = domains.allow_address(ask).await?.into_inner();
                let done = "Allowed: who has it signs in by a linked identity, not by the address.";
                Ok(Answer::one(&allowed)?.done(done))
            }
            Self::List(Listing { within: InWorkspace { workspace_id }, page }) => {
                let Page { page_size, page_token } = page;
                let ask = v1::ListAllowedAddressesRequest { workspace_id, page_size, page_token };
                let found = domains.list_allowed_addresses(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.addresses)?.page(&found.next_page_token))
            }
            Self::Disallow(One { within: InWorkspace { workspace_id }, email }) => {
                let ask = v1::DisallowAddressRequest { workspace_id, email };
                let answer = domains.disallow_address(ask).await?.into_inner();
                let done = if answer.was_allowed {
                    "Disallowed: who has it signs in no more, and stays."
                } else {
                    "It was not allowed."
                };
                Ok(Answer::nothing(&answer)?.done(done))
            }
        }
    }
}

impl Show for v1::AllowedAddress {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("address", self.email.clone()),
            ("note", self.note.clone()),
            ("allowed", time(self.allow_time.as_ref())),
            ("by", self.allowed_by.clone()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["address", "note", "allowed", "by"];
}
