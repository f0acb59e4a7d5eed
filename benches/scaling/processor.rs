//! The CPU that processes take, and that they may take.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What holds a process to its share; it goes with this.
pub(crate) struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Holds a process to this share of a core, in percent.
pub(crate) fn hold(process: u32, share: u32) -> Held {
    let mut command = Command::new("cpulimit");
    command.args(["--lazy", "--pid", &process.to_string(), "--limit", &share.to_string()]);
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Held(quiet.expect("cpulimit, of the Debian package of that name"))
}

/// The CPU that these have taken so far. One that is gone counts for nothing.
pub(crate) fn taken(processes: impl IntoIterator<Item = u32>) -> Duration {
    processes.into_iter().filter_map(taken_by).sum()
}

/// By `/proc/PID/stat`, in hundredths of a second, as all of Linux counts there.
fn taken_by(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, behind_the_name) = stat.rsplit_once(')')?;
    let fields: Vec<_> = behind_the_name.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks(11)? + ticks(12)?) * 10))
}

/// The most memory that a running process has had, in bytes.
pub(crate) fn most_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}
