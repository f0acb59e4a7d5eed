//! `operator key`: the API keys that identity providers present.

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use directory_api::v1;
use pbjson_types::{Duration, Timestamp};

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, one_of, read_span, read_time, time, word};

/// What is done with keys.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Makes a key, and prints it this once. Several are good at a time.
    Create(Create),
    /// Lists the keys of an integration, never more of one than its beginning and its end.
    List(List),
    /// Makes a key in the place of another, which stays good for the overlap, and prints it this once.
    Rotate(Rotate),
    /// Revokes a key: it is refused from now on.
    Revoke(One),
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

    /// What it may be used for, one or more. Absent: users and groups.
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', value_parser = scope())]
    scopes: Vec<v1::ApiKeyScope>,

    /// A network that it may be sent from, like 192.0.2.0/24, or a single address; one or more. Absent: from
    /// anywhere.
    #[arg(long = "network", value_name = "NETWORK", value_delimiter = ',')]
    networks: Vec<String>,
}

/// The scopes of keys.
const SCOPES: &[&str] = &["read", "users", "groups"];

fn scope() -> impl TypedValueParser<Value = v1::ApiKeyScope> {
    one_of(SCOPES, SCOPE, v1::ApiKeyScope::from_str_name)
}

/// How the names of scopes begin in the contract.
const SCOPE: &str = "API_KEY_SCOPE_";

/// A key whose place is to be taken.
#[derive(Args, Clone, Debug)]
pub(super) struct Rotate {
    #[command(flatten)]
    of: One,

    /// How long that one stays good, at most 30 days, like 24h or 7d; 0 ends it at once. Absent: 24 hours.
    #[arg(long, value_name = "SPAN", value_parser = read_span)]
    overlap: Option<Duration>,

    /// When the new key stops being good, as 2027-06-30 or 2027-06-30T12:00:00Z. Absent: never by itself.
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    expires: Option<Timestamp>,
}

/// A key.
#[derive(Args, Clone, Debug)]
pub(super) struct One {
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
            Self::Create(Create { of, name, expires, scopes, networks }) => {
                let ask = v1::CreateApiKeyRequest {
                    workspace_id: of.within.workspace_id,
                    integration_id: of.integration_id,
                    display_name: name,
                    expire_time: expires,
                    scopes: scopes.into_iter().map(Into::into).collect(),
                    allowed_networks: networks,
                };
                let made = integrations.create_api_key(ask).await?.into_inner();
                Ok(Answer::one(&made)?.done("Made: the key is shown this once."))
            }
            Self::List(List { within: InWorkspace { workspace_id }, integration_id }) => {
                let ask = v1::ListApiKeysRequest { workspace_id, integration_id };
                let found = integrations.list_api_keys(ask).await?.into_inner();
                Answer::many(&found, &found.api_keys)
            }
            Self::Rotate(Rotate { of, overlap, expires }) => {
                let ask = v1::RotateApiKeyRequest {
                    workspace_id: of.within.workspace_id,
                    api_key_id: of.api_key_id,
                    overlap,
                    expire_time: expires,
                };
                let made = integrations.rotate_api_key(ask).await?.into_inner();
                let end = made.replaced.as_ref().and_then(|old| old.expire_time.as_ref());
                let done =
                    format!("Made: the key is shown this once. The old one ends {}.", time(end));
                Ok(Answer::one(&made)?.done(done))
            }
            Self::Revoke(One { within: InWorkspace { workspace_id }, api_key_id }) => {
                let ask = v1::RevokeApiKeyRequest { workspace_id, api_key_id };
                let revoked = integrations.revoke_api_key(ask).await?.into_inner();
                Ok(Answer::one(&revoked)?.done("Revoked: the key is refused from now on."))
            }
        }
    }
}

impl Show for v1::ApiKey {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let scopes: Vec<_> = self.scopes().map(|scope| word(scope.as_str_name(), SCOPE)).collect();
        vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("hint", self.hint.clone()),
            ("state", word(self.state().as_str_name(), "API_KEY_STATE_")),
            ("scopes", scopes.join(", ")),
            ("networks", self.allowed_networks.join(", ")),
            ("integration", self.integration_id.clone()),
            ("made", time(self.create_time.as_ref())),
            ("expires", time(self.expire_time.as_ref())),
            ("revoked", time(self.revoke_time.as_ref())),
            ("last used", time(self.last_use_time.as_ref())),
            ("replaced by", self.replaced_by.clone()),
        ]
    }

    const COLUMNS: &'static [&'static str] =
        &["id", "name", "hint", "state", "expires", "last used"];
}

/// A new key, and what can be shown of it later.
fn new(key: &str, known: Option<&v1::ApiKey>) -> Vec<(&'static str, String)> {
    let known = known.into_iter().flat_map(Show::fields);
    std::iter::once(("key", key.to_owned())).chain(known).collect()
}

impl Show for v1::CreateApiKeyResponse {
    fn fields(&self) -> Vec<(&'static str, String)> {
        new(&self.key, self.api_key.as_ref())
    }

    const COLUMNS: &'static [&'static str] = &["key", "id", "name"];
}

impl Show for v1::RotateApiKeyResponse {
    fn fields(&self) -> Vec<(&'static str, String)> {
        new(&self.key, self.api_key.as_ref())
    }

    const COLUMNS: &'static [&'static str] = &["key", "id", "name"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_its_word() {
        let named = |word: &&str| {
            v1::ApiKeyScope::from_str_name(&format!("{SCOPE}{}", word.to_uppercase())).is_some()
        };
        assert!(SCOPES.iter().all(named), "{SCOPES:?}");
        let next = i32::try_from(SCOPES.len() + 1).unwrap();
        assert!(v1::ApiKeyScope::try_from(next).is_err(), "a scope of the contract has no word");
    }
}
