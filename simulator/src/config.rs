//! What the command is told.

use std::time::Duration;

use clap::Args;

use crate::{Idp, Key};

/// Whom to play, how, and against which server.
#[derive(Args, Clone, Debug)]
pub struct SimulateConfig {
    /// Whom to play.
    #[arg(value_name = "IDP")]
    pub idp: Idp,

    /// The SCIM URL of the server, as an admin pastes it into the identity provider.
    #[arg(long, value_name = "URL")]
    pub url: String,

    /// The API key, without "Bearer ". Better in the environment: other users of the machine can
    /// read command lines.
    #[arg(long, env = "NESTR_SCIM_KEY", hide_env_values = true, value_name = "KEY")]
    pub key: Key,

    /// How many people.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = people)]
    pub users: usize,

    /// How many groups. 0 leaves groups out.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = groups)]
    pub groups: usize,

    /// Names, addresses and order come from it: the same seed sends the same.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// The domain of all addresses. The server may have to know it as the company's.
    #[arg(long, value_name = "DOMAIN", default_value = "example.com")]
    pub domain: String,

    /// How many seconds an answer may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub timeout: u64,

    /// Leave people and groups at the server instead of deleting them in the end.
    #[arg(long)]
    pub keep: bool,

    /// Report as JSON.
    #[arg(long)]
    pub json: bool,
}

impl SimulateConfig {
    /// How long an answer may take.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// The most people, and the most groups, that are played: an import reads them all.
const MOST: usize = 100_000;

fn people(text: &str) -> Result<usize, String> {
    bounded(text, 1)
}

fn groups(text: &str) -> Result<usize, String> {
    bounded(text, 0)
}

fn bounded(text: &str, least: usize) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (least..=MOST).contains(number));
    number.ok_or_else(|| format!("a number from {least} to {MOST} is needed"))
}
