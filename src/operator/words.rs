//! The words of the command line beside those of the contract: times, enums, what many verbs take.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use pbjson_types::{Duration, Timestamp};

/// A workspace.
#[derive(Args, Clone, Debug)]
pub(super) struct InWorkspace {
    /// The workspace's id.
    #[arg(value_name = "WORKSPACE")]
    pub(super) workspace_id: String,
}

/// Which page of a list.
#[derive(Args, Clone, Debug)]
pub(super) struct Page {
    /// How many to answer at most. Absent: as many as the directory answers at once.
    #[arg(long, value_name = "NUMBER")]
    pub(super) page_size: Option<u32>,

    /// Where to go on, as the answer before said. Absent: begin.
    #[arg(long, value_name = "TOKEN", default_value = "", hide_default_value = true)]
    pub(super) page_token: String,
}

/// A list of a workspace, page by page.
#[derive(Args, Clone, Debug)]
pub(super) struct Listing {
    #[command(flatten)]
    pub(super) within: InWorkspace,

    #[command(flatten)]
    pub(super) page: Page,
}

/// A time as people read it, to the second; nothing when there is none.
pub(super) fn time(time: Option<&Timestamp>) -> String {
    let time = time.and_then(|time| jiff::Timestamp::from_second(time.seconds).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// The units in which spans of time are said, in seconds.
const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];

/// A span of time as people say it, in the largest unit that it fills; nothing when there is none.
pub(super) fn span(span: Option<&Duration>) -> String {
    let Some(span) = span else { return String::new() };
    let unit = UNITS.into_iter().find(|(seconds, _)| span.seconds >= *seconds);
    let (seconds, unit) = unit.unwrap_or((1, "s"));
    format!("{} {unit}", span.seconds / seconds)
}

/// Reads a span of time in one of the units in which it is said.
pub(super) fn read_span(text: &str) -> Result<Duration, String> {
    let (digits, unit) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = UNITS.into_iter().find(|(_, name)| *name == unit.trim());
    let seconds = match (digits.parse::<i64>(), unit) {
        (Ok(count), Some((seconds, _))) => count.checked_mul(seconds),
        (Ok(0), None) if digits.len() == text.len() => Some(0),
        _ => None,
    };
    let seconds = seconds.ok_or("a span of time is needed, like 30min, 24h or 7d")?;
    Ok(Duration { seconds, nanos: 0 })
}

/// Reads a time: RFC 3339, or a day, which means its beginning in UTC.
pub(super) fn read_time(text: &str) -> Result<Timestamp, String> {
    let read = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let time = read(text).or_else(|| read(&format!("{text}T00:00:00Z")));
    let time =
        time.ok_or("a time is needed, like 2027-06-30T12:00:00Z, or a day, like 2027-06-30")?;
    Ok(Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

/// The word of an enum's value: `verified` of `DOMAIN_STATE_VERIFIED`. Nothing for the value that stands
/// for none.
pub(super) fn word(value: &str, prefix: &str) -> String {
    let word = value.strip_prefix(prefix).unwrap_or(value).to_lowercase();
    if word == "unspecified" { String::new() } else { word.replace('_', "-") }
}

/// Reads one of the words of an enum whose values have this prefix.
pub(super) fn one_of<E: Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
    prefix: &'static str,
    from_name: fn(&str) -> Option<E>,
) -> impl TypedValueParser<Value = E> {
    PossibleValuesParser::new(words).try_map(move |word| {
        let name = format!("{prefix}{}", word.to_uppercase().replace('-', "_"));
        from_name(&name).ok_or("the contract has no such value")
    })
}

/// `yes` or `no`.
pub(super) fn yes_or_no(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_moments_or_days() {
        let moment = read_time("2027-06-30T02:00:00+02:00").unwrap();
        assert_eq!(read_time("2027-06-30").unwrap(), moment);
        assert_eq!(time(Some(&moment)), "2027-06-30T00:00:00Z");
        assert_eq!(time(None), "");
        for wrong in ["", "tomorrow", "2027-13-01", "30.06.2027"] {
            assert!(read_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn spans_are_said_in_their_largest_unit() {
        let said = |seconds| span(Some(&Duration { seconds, nanos: 0 }));
        let all = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 900_000].map(said);
        assert_eq!(all, ["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "10 d"]);
        assert_eq!(span(None), "");
        for (text, seconds) in [("0", 0), ("24h", 86_400), ("7 d", 604_800), ("90min", 5_400)] {
            assert_eq!(read_span(text).unwrap().seconds, seconds, "{text}");
        }
        for wrong in ["", "7", "h", "-1h", "1.5h", "1w", "99999999999999999d"] {
            assert!(read_span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_have_short_words() {
        assert_eq!(word("DOMAIN_STATE_VERIFIED", "DOMAIN_STATE_"), "verified");
        assert_eq!(word("DOMAIN_STATE_UNSPECIFIED", "DOMAIN_STATE_"), "");
        assert_eq!(word("SCOPE_READ_ONLY", "SCOPE_"), "read-only");
    }
}
