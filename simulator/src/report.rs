//! What the server got wrong: for people as text, for machines as JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::Serialize;

use crate::{Check, Idp, Step};

/// The shape of the JSON. It goes up when a name in it goes or changes its meaning.
pub const FORMAT: u32 = 1;

/// What was played, and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// Who was played.
    pub idp: Idp,
    /// The SCIM URL of the server.
    pub url: String,
    /// The seed, with which the same is sent again.
    pub seed: u64,
    /// How many people.
    pub users: usize,
    /// How many groups.
    pub groups: usize,
    /// Requests that were answered, each once however often it was sent.
    pub requests: usize,
    /// How often the server asked to come again later.
    pub retries: u32,
    /// Why it ended before its time; absent when it did not.
    pub stopped: Option<String>,
    /// The steps that were played, in their order.
    pub steps: Vec<StepReport>,
    /// What was wrong, in the order in which it was met.
    pub findings: Vec<Finding>,
    /// What is still at the server, as endpoints.
    pub left_behind: Vec<String>,
}

/// A step, counted.
#[derive(Clone, Debug, Serialize)]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// Requests that were answered in it.
    pub requests: usize,
    /// Findings in it, each as often as it was met.
    pub findings: usize,
    /// How long answers took.
    pub latency_ms: Latency,
}

/// How long answers took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    /// Half of them took no longer.
    pub p50: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
}

impl Latency {
    fn of(took: &mut [Duration]) -> Self {
        took.sort_unstable();
        let at = |percent: usize| {
            let rank = (took.len() * percent).div_ceil(100).max(1);
            took.get(rank - 1).map_or(0.0, |took| (took.as_secs_f64() * 1e5).round() / 100.0)
        };
        Self { p50: at(50), p99: at(99), max: at(100) }
    }
}

/// Something that was wrong, with the first example of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// In which step.
    pub step: Step,
    /// By which check.
    pub check: Check,
    /// How often it was met.
    pub count: usize,
    /// What was sent: method and endpoint, and the body behind a blank line. The key is no part.
    pub sent: String,
    /// What was to come.
    pub expected: String,
    /// Why that: a section of an RFC, or what identity providers do.
    pub why: &'static str,
    /// What came: the status, and the body behind a blank line, or what is wrong in them.
    pub came: String,
}

/// Collects answers and findings while a cycle is played.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    took: BTreeMap<Step, Vec<Duration>>,
    findings: Vec<Finding>,
    pub(crate) retries: u32,
}

impl Recorder {
    pub(crate) fn answered(&mut self, step: Step, took: Duration, retries: u32) {
        self.took.entry(step).or_default().push(took);
        self.retries += retries;
    }

    /// Records a finding; one of the same step and check as another is only counted.
    pub(crate) fn find(&mut self, finding: Finding) {
        let same =
            |known: &&mut Finding| (known.step, known.check) == (finding.step, finding.check);
        match self.findings.iter_mut().find(same) {
            Some(known) => known.count += 1,
            None => self.findings.push(finding),
        }
    }

    pub(crate) fn into_parts(mut self) -> (Vec<StepReport>, Vec<Finding>) {
        for finding in &self.findings {
            self.took.entry(finding.step).or_default();
        }
        let findings = self.findings;
        let steps = self.took.into_iter().map(|(step, mut took)| StepReport {
            step,
            requests: took.len(),
            findings: findings.iter().filter(|f| f.step == step).map(|f| f.count).sum(),
            latency_ms: Latency::of(&mut took),
        });
        (steps.collect(), findings)
    }
}

impl Report {
    /// Whether nothing was wrong, and everything was played.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.stopped.is_none()
    }

    /// The report as JSON, for machines.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

/// The report as text, for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, seed, users, groups, .. } = self;
        let name = self.idp.name();
        writeln!(f, "{name} against {url}: {users} users, {groups} groups, seed {seed}\n")?;
        writeln!(
            f,
            "{:<16} {:>8} {:>8}   {:>8} {:>8} {:>8}",
            "step", "requests", "findings", "p50 ms", "p99 ms", "max ms"
        )?;
        for StepReport { step, requests, findings, latency_ms } in &self.steps {
            let Latency { p50, p99, max } = latency_ms;
            let step = step.name();
            writeln!(
                f,
                "{step:<16} {requests:>8} {findings:>8}   {p50:>8.1} {p99:>8.1} {max:>8.1}"
            )?;
        }
        for (number, finding) in self.findings.iter().enumerate() {
            write!(f, "\n{}. {finding}", number + 1)?;
        }
        if let Some(why) = &self.stopped {
            writeln!(f, "\nStopped: {why}")?;
        }
        if !self.left_behind.is_empty() {
            let left = self.left_behind.join("\n  ");
            writeln!(f, "\nLeft behind at the server:\n  {left}")?;
        }
        let found: usize = self.findings.iter().map(|finding| finding.count).sum();
        let of = match found {
            0 => "nothing wrong".to_owned(),
            _ => format!("findings: {}, met {found} times in all", self.findings.len()),
        };
        writeln!(f, "\n{} requests, {} retries: {of}", self.requests, self.retries)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.count == 1 { String::new() } else { format!(", {} times", self.count) };
        writeln!(f, "{} in {}{times}", self.check.name(), self.step.name())?;
        let mut part = |name: &str, text: &str| {
            let mut lines = text.lines().filter(|line| !line.is_empty());
            writeln!(f, "   {name:<9} {}", lines.next().unwrap_or_default())?;
            lines.try_for_each(|line| writeln!(f, "             {line}"))
        };
        part("sent", &self.sent)?;
        part("expected", &self.expected)?;
        part("why", self.why)?;
        part("came", &self.came)
    }
}

/// The most characters that a finding repeats of a body.
const SHOWN: usize = 1_500;

/// A head line and a body, cut where it is long.
pub(crate) fn shown(head: &str, body: &str) -> String {
    let mut text = head.to_owned();
    if !body.is_empty() {
        let cut: String = body.chars().take(SHOWN).collect();
        let more = if cut.len() < body.len() { " ..." } else { "" };
        let _ = write!(text, "\n\n{cut}{more}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_ranks_of_what_was_measured() {
        let mut took: Vec<_> = (1..=200).rev().map(Duration::from_millis).collect();
        let Latency { p50, p99, max } = Latency::of(&mut took);
        assert_eq!(format!("{p50} {p99} {max}"), "100 198 200");
        let Latency { p50, p99, max } = Latency::of(&mut [Duration::from_micros(1234)]);
        assert_eq!(format!("{p50} {p99} {max}"), "1.23 1.23 1.23");
        assert!(Latency::of(&mut []).max < 0.001);
    }
}
