//! `operator key`: the API keys that identity providers present.

use clap::{Args, Subcommand};
use directory_api::v1;
use pbjson_types::Timestamp;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, read_time, time};

/// What is done with keys.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Makes a key, and prints it this once. Several are good at a time.
    Create(Create),
    /// Lists the keys of an integration, never more of one than its beginning and its end.
    List(List),
    /// Revokes a key: it is refused from now on.
    Revoke(Revoke),
}

/// The keys of an integration.
#[derive(Args, Clone, Debug)]
pub(super) struct List {
    #[command(flatten)]
    within: InWorkspace,

    /// The integration's id. Absent: the workspace's first one.
    #[arg(
        long = "integration",
        value_name = "INTEGRATION",
        default_value = "",
        hide_default_value = true
    )]
    integration_id: String,
}

/// A key to be made.
#[derive(Args, Clone, Debug)]
pub(super) struct Create {
    #[command(flatten)]
    of: List,

    /// The name for people, at most 200 bytes.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    name: String,

    /// When it stops being good, as 2027-06-30 or 2027-06-30T12:00:00Z. Absent: never by itself.
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    expires: Option<Timestamp>,
}

/// A key to be revoked.
#[derive(Args, Clone, Debug)]
pub(super) struct Revoke {
    #[command(flatten)]
    within: InWorkspace,

    /// The key's id, as `key list` shows it; not the key.
    #[arg(value_name = "KEY_ID")]
    api_key_id: String,
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        let mut integrations = session.integrations();
        match self {
            Self::Create(Create { of, name, expires }) => {
                let ask = v1::CreateApiKeyRequest {
                    workspace_id: of.within.workspace_id,
                    integration_id: of.integration_id,
                    display_name: name,
                    expire_time: expires,
                };
                let made = integrations.create_api_key(ask).await?.into_inner();
                Ok(Answer::one(&made)?.done("Made: the key is shown this once."))
            }
            Self::List(List { within: InWorkspace { workspace_id }, integration_id }) => {
                let ask = v1::ListApiKeysRequest { workspace_id, integration_id };
                let found = integrations.list_api_keys(ask).await?.into_inner();
                Answer::many(&found, &found.api_keys)
            }
            Self::Revoke(Revoke { within: InWorkspace { workspace_id }, api_key_id }) => {
                let ask = v1::RevokeApiKeyRequest { workspace_id, api_key_id };
                let revoked = integrations.revoke_api_key(ask).await?.into_inner();
                Ok(Answer::one(&revoked)?.done("Revoked: the key is refused from now on."))
            }
        }
    }
}

impl Show for v1::ApiKey {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("hint", self.hint.clone()),
            ("integration", self.integration_id.clone()),
            ("made", time(self.create_time.as_ref())),
            ("expires", time(self.expire_time.as_ref())),
            ("revoked", time(self.revoke_time.as_ref())),
            ("last used", time(self.last_use_time.as_ref())),
        ]
    }

    const COLUMNS: &'static [&'static str] =
        &["id", "name", "hint", "expires", "revoked", "last used"];
}

impl Show for v1::CreateApiKeyResponse {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let known = self.api_key.iter().flat_map(Show::fields);
        std::iter::once(("key", self.key.clone())).chain(known).collect()
    }

    const COLUMNS: &'static [&'static str] = &["key", "id", "name"];
}
