//! `operator`: the directory's calls as a command line, for a person at a terminal and for scripts.
//!
//! Thin: a verb is one call, what it answers is shown, and what is refused is told in the directory's
//! own words. Nothing is decided here.

mod audit;
mod domain;
mod failure;
mod group;
mod integration;
mod key;
mod print;
mod session;
mod user;
mod words;
mod workspace;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use failure::Failure;
use print::Answer;
use session::{ConnectionConfig, Session};

/// Settings of `operator`.
#[derive(Args, Clone, Debug)]
pub(crate) struct OperatorConfig {
    #[command(flatten)]
    connection: ConnectionConfig,

    /// Print the answer as JSON, one document, as grpcurl prints it.
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    noun: Noun,
}

/// What is looked at or changed.
#[derive(Clone, Debug, Subcommand)]
enum Noun {
    /// The tenants of Nestr.
    #[command(subcommand)]
    Workspace(workspace::Verb),
    /// The e-mail domains that workspaces claim.
    #[command(subcommand)]
    Domain(domain::Verb),
    /// The identity providers of a workspace.
    #[command(subcommand)]
    Integration(integration::Verb),
    /// The API keys that identity providers present.
    #[command(subcommand)]
    Key(key::Verb),
    /// The people of a workspace, and whom an address signs in.
    #[command(subcommand)]
    User(user::Verb),
    /// The groups of a workspace.
    #[command(subcommand)]
    Group(group::Verb),
    /// What admins and operators did.
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Brings back what was removed.
    #[command(subcommand)]
    Restore(Restore),
}

/// What is brought back.
#[derive(Clone, Debug, Subcommand)]
enum Restore {
    /// A person; the same as `user restore`.
    User(user::One),
    /// A group; the same as `group restore`.
    Group(group::One),
}

impl Noun {
    async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        match self {
            Self::Workspace(verb) => verb.ask(session).await,
            Self::Domain(verb) => verb.ask(session).await,
            Self::Integration(verb) => verb.ask(session).await,
            Self::Key(verb) => verb.ask(session).await,
            Self::User(verb) => verb.ask(session).await,
            Self::Group(verb) => verb.ask(session).await,
            Self::Audit(verb) => verb.ask(session).await,
            Self::Restore(Restore::User(one)) => user::Verb::Restore(one).ask(session).await,
            Self::Restore(Restore::Group(one)) => group::Verb::Restore(one).ask(session).await,
        }
    }
}

/// Asks, and prints the answer. Ends with 0 when it was done, with 1 when the directory refused it,
/// with 2 when the directory could not be asked.
pub(crate) fn run(config: OperatorConfig) -> ExitCode {
    let OperatorConfig { connection, json, noun } = config;
    let answered = asked(&connection, noun).and_then(|answer| {
        let shown = if json { answer.to_json() } else { answer.to_text(print::terminal_width()) };
        print::out(&shown).map_err(Failure::unasked)
    });
    match answered {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::err(&failure.told(&connection));
            failure.code()
        }
    }
}

fn asked(connection: &ConnectionConfig, noun: Noun) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Failure::unasked)?.block_on(async {
        let session = Session::open(connection).map_err(Failure::unasked)?;
        noun.ask(&session).await
    })
}
