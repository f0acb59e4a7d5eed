//! `simulate`: an identity provider against a server of anybody's.

use std::io::Write;
use std::process::ExitCode;

use idp_simulator::{Client, Plan, Report, SimulateConfig, play};

use crate::process;

/// What the process ends with when something was wrong, and when nothing could be played.
const FINDINGS: u8 = 1;
const COULD_NOT_RUN: u8 = 2;

/// Plays, and prints the report.
pub(crate) fn run(config: &SimulateConfig) -> ExitCode {
    let reported = played(config).and_then(|report| {
        let text = if config.json { report.to_json() + "\n" } else { report.to_string() };
        std::io::stdout().write_all(text.as_bytes())?;
        Ok(report)
    });
    match reported {
        Ok(report) if report.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(FINDINGS),
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn played(config: &SimulateConfig) -> anyhow::Result<Report> {
    let client = Client::new(&config.url, config.key.clone(), config.patience())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = process::asked_to_end()?;
        Ok(play(&Plan::from(config), &client, stop).await?)
    })
}
