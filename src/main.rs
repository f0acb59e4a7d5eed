//! The one binary: configuration, start and stop.

mod cli;
mod data_dir;
mod demo;
mod listen;
mod logs;
mod serve;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let config = cli::Cli::parse().serve();
    logs::start(&config.log);
    match serve::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
