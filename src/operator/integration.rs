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

/// An integration to be switched on.
#[derive(Args, Clone, Debug)]
pub(super) struct Enable {
    #[command(flatten)]
    of: One,

    /// What the identity provider is. It decides nothing; all are served alike.
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
        vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("kind", word(self.kind().as_str_name(), "IDP_KIND_")),
            ("state", word(self.state().as_str_name(), "INTEGRATION_STATE_")),
            ("scim url", self.scim_url.clone()),
            ("made", time(self.create_time.as_ref())),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "name", "kind", "state", "made"];
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
