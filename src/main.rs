//! The one binary: configuration, start and stop, and the command line of operators.

mod cli;
mod credentials;
mod data_dir;
mod demo;
mod endpoint;
mod halves;
mod health;
mod home;
mod logs;
mod operator;
mod ops;
mod otlp;
mod portability;
mod process;
mod simulate;

use std::process::ExitCode;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let command = Cli::read();
    logs::start(command.as_ref().map_or("info", Command::log));
    match command.and_then(run) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    if let Some(listener) = command.listener() {
        process::raise_open_files(listener.max_connections);
    }
    match command {
        Command::Serve(config) => process::run(halves::serve(config)),
        Command::Directory(config) => process::run(halves::directory(config)),
        Command::Gateway(config) => process::run(halves::gateway(config)),
        Command::Credential(config) => credentials::make(&config),
        Command::Migrate(config) => process::run(home::migrate(config.postgres)),
        Command::Backup(config) => portability::backup(&config),
        Command::Restore(config) => portability::restore(&config),
        Command::Export(config) => portability::export(&config),
        Command::Import(config) => portability::import(&config),
        Command::Health(config) => health::ask(&config),
        Command::Operator(config) => return Ok(operator::run(config)),
        Command::Simulate(config) => return Ok(simulate::run(&config)),
    }
    .map(|()| ExitCode::SUCCESS)
}
