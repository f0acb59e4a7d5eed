//! How far it has come: a line that changes on a terminal, a line of the log now and then elsewhere.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use directory_svc::store::portable::Step;

/// How often the line on a terminal changes.
const ON_TERMINAL: Duration = Duration::from_millis(200);
/// How often it is logged.
const IN_LOG: Duration = Duration::from_secs(5);

/// What is shown of something that takes its time. Dropped, the line is gone from the terminal.
pub(super) struct Progress {
    doing: &'static str,
    /// What is counted.
    unit: &'static str,
    /// How many there are, where it is known beforehand.
    of: Option<u64>,
    is_terminal: bool,
    shown: Instant,
}

impl Progress {
    pub(super) fn begin(doing: &'static str, unit: &'static str, of: Option<u64>) -> Self {
        Self { doing, unit, of, is_terminal: stderr().is_terminal(), shown: Instant::now() }
    }

    /// Shows it, when it is time.
    pub(super) fn tell(&mut self, step: Step) {
        let every = if self.is_terminal { ON_TERMINAL } else { IN_LOG };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let (done, of) = (step.done, step.of.or(self.of));
        if self.is_terminal {
            let line = line(self.doing, self.unit, done, of);
            let _ = write!(stderr(), "\r\x1b[2K{line}");
        } else {
            tracing::info!(done, of, unit = self.unit, "{}", self.doing);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal {
            let _ = write!(stderr(), "\r\x1b[2K");
        }
    }
}

fn line(doing: &str, unit: &str, done: u64, of: Option<u64>) -> String {
    match of {
        Some(of) if of > 0 => {
            let percent = u128::from(done) * 100 / u128::from(of);
            format!("{doing}: {done} of {of} {unit}, {percent} %")
        }
        _ => format!("{doing}: {done} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_the_share_where_the_whole_is_known() {
        assert_eq!(line("copying", "pages", 512, Some(2_048)), "copying: 512 of 2048 pages, 25 %");
        assert_eq!(line("copying", "pages", 0, Some(0)), "copying: 0 pages");
        assert_eq!(line("exporting", "rows", 7, None), "exporting: 7 rows");
    }
}
