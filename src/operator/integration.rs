//! `operator integration`: the identity providers of a workspace.

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use directory_api::v1;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, one_of, time, word};

/// What is done with integrations.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Lists the integrations of a workspace.
    List(InWorkspace),
    /// Shows one, with the SCIM URL that the admin copies into the identity provider.
    Get(One),
    /// Makes one beside those that there are. It is off until it is enabled.
    Create(Create),
    /// Changes what an admin calls it, and the kind that they declare.
    Update(Update),
    /// Switches one on; a workspace's first one is made by it. Needs a verified domain.
    Enable(Enable),
    /// Refuses the identity provider from now on, and keeps which people it manages.
    Pause(One),
    /// Refuses the identity provider from now on, and lets go of the people it managed. They stay.
    Disable(One),
}

/// An integration.
#[derive(Args, Clone, Debug)]
pub(super) struct One {
    #[command(flatten)]
    within: InWorkspace,

    /// The integration's id. Absent: the workspace's first one.
    #[arg(value_name = "INTEGRATION", default_value = "", hide_default_value = true)]
    integration_id: String,
}

/// An integration to be made.
#[derive(Args, Clone, Debug)]
pub(super) struct Create {
    #[command(flatten)]
    within: InWorkspace,

    /// The name for people, 1 to 200 bytes.
    #[arg(value_name = "NAME")]
    display_name: String,

    /// What the identity provider is. It decides nothing; all are served alike.
    #[arg(long, value_parser = kind())]
    kind: Option<v1::IdpKind>,
}

/// What is to be said of an integration.
#[derive(Args, Clone, Debug)]
pub(super) struct Update {
    #[command(flatten)]
    of: One,

    /// The name for people, 1 to 200 bytes. Absent: it stays.
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,

    /// What the identity provider is. Absent: it stays.
    #[arg(long, value_parser = kind())]
    kind: Option<v1::IdpKind>,
}

/// An integration to be switched on.
#[derive(Args, Clone, Debug)]
pub(super) struct Enable {
    #[command(flatten)]
    of: One,

    /// What the identity provider is. It decides nothing; all are served alike. Absent: what was said before.
    #[arg(long, value_parser = kind())]
    kind: Option<v1::IdpKind>,
}

/// The kinds of identity providers.
const KINDS: &[&str] = &["entra", "okta", "onelogin", "google", "jumpcloud", "other"];

fn kind() -> impl TypedValueParser<Value = v1::IdpKind> {
    one_of(KINDS, "IDP_KIND_", v1::IdpKind::from_str_name)
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        let mut integrations = session.integrations();
        match self {
            Self::List(InWorkspace { workspace_id }) => {
                let ask = v1::ListIntegrationsRequest { workspace_id };
                let found = integrations.list_integrations(ask).await?.into_inner();
                Answer::many(&found, &found.integrations)
            }
            Self::Get(One { within: InWorkspace { workspace_id }, integration_id }) => {
                let ask = v1::GetIntegrationRequest { workspace_id, integration_id };
                Answer::one(&integrations.get_integration(ask).await?.into_inner())
            }
            Self::Create(Create { within: InWorkspace { workspace_id }, display_name, kind }) => {
                let ask = v1::CreateIntegrationRequest {
                    workspace_id,
                    display_name,
                    kind: kind.unwrap_or_default().into(),
                    operation_id: String::new(),
                };
                let made = integrations.create_integration(ask).await?.into_inner();
                Ok(Answer::one(&made)?.done("Made: it is off until it is enabled."))
            }
            Self::Update(Update { of, name, kind }) => {
                let ask = v1::UpdateIntegrationRequest {
                    workspace_id: of.within.workspace_id,
                    integration_id: of.integration_id,
                    display_name: name,
                    kind: kind.map(Into::into),
                };
                let updated = integrations.update_integration(ask).await?.into_inner();
                Ok(Answer::one(&updated)?.done("Changed."))
            }
            Self::Enable(Enable { of, kind }) => {
                let ask = v1::EnableIntegrationRequest {
                    workspace_id: of.within.workspace_id,
                    integration_id: of.integration_id,
                    kind: kind.unwrap_or_default().into(),
                };
                let enabled = integrations.enable_integration(ask).await?.into_inner();
                let done =
                    "On: the admin copies the SCIM URL, and a key, into the identity provider.";
                Ok(Answer::one(&enabled)?.done(done))
            }
            Self::Pause(One { within: InWorkspace { workspace_id }, integration_id }) => {
                let ask = v1::PauseIntegrationRequest { workspace_id, integration_id };
                let paused = integrations.pause_integration(ask).await?.into_inner();
                let done = "Paused: the identity provider is refused, and keeps its people.";
                Ok(Answer::one(&paused)?.done(done))
            }
            Self::Disable(One { within: InWorkspace { workspace_id }, integration_id }) => {
                let ask = v1::DisableIntegrationRequest { workspace_id, integration_id };
                let disabled = integrations.disable_integration(ask).await?.into_inner();
                let done =
                    "Off: the identity provider is refused and manages nobody. The people stay.";
                Ok(Answer::one(&disabled)?.done(done))
            }
        }
    }
}

impl Show for v1::Integration {
    fn fields(&self) -> Vec<(&'static str, String)> {
        let status = self.status.clone().unwrap_or_default();
        let seen = word(status.dialect_seen().as_str_name(), "IDP_KIND_");
        let differs = if status.dialect_differs { ", which is not the declared kind" } else { "" };
        let error = status.last_error.map(|error| {
            let reason = word(error.reason().as_str_name(), "REASON_");
            let (at, status) = (time(error.time.as_ref()), error.http_status);
            format!("{at} {status} {reason} {}", error.detail)
        });
        let refusal = status.last_refusal.map(|refusal| {
            let cause = word(refusal.cause().as_str_name(), "API_KEY_REFUSAL_");
            format!("{} {cause}, key {}", time(refusal.time.as_ref()), refusal.api_key_id)
        });
        vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("kind", word(self.kind().as_str_name(), "IDP_KIND_")),
            ("state", word(self.state().as_str_name(), "INTEGRATION_STATE_")),
            ("scim url", self.scim_url.clone()),
            ("made", time(self.create_time.as_ref())),
            ("good keys", status.good_keys.to_string()),
            ("expiring keys", status.expiring_keys.to_string()),
            ("first request", time(status.first_request_time.as_ref())),
            ("last request", time(status.last_request_time.as_ref())),
            ("dialect seen", format!("{seen}{differs}")),
            ("test connection", time(status.test_connection_time.as_ref())),
            ("last error", error.unwrap_or_default()),
            ("last refusal", refusal.unwrap_or_default()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "name", "kind", "state", "last request"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_word() {
        let named = |word: &&str| {
            v1::IdpKind::from_str_name(&format!("IDP_KIND_{}", word.to_uppercase())).is_some()
        };
        assert!(KINDS.iter().all(named), "{KINDS:?}");
        let next = i32::try_from(KINDS.len() + 1).unwrap();
        assert!(v1::IdpKind::try_from(next).is_err(), "a kind of the contract has no word");
    }
}
