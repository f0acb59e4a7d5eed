//! `xsd:dateTime` (RFC 7643 section 2.3.5) to and from microseconds since 1970-01-01T00:00:00Z.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::error::Error;

/// Reads `2011-05-13T04:42:34.123Z`, also with an offset; without a zone it is UTC. Digits beyond
/// microseconds are cut.
///
/// # Errors
/// `InvalidValue` when `text` is no date and time.
pub fn parse(text: &str) -> Result<i64, Error> {
    let invalid = || Error::value("This is no dateTime; write it like 2011-05-13T04:42:34Z.");
    // jiff would also take a bare date and its own zone annotation.
    if !text.contains(['T', 't']) || text.contains('[') {
        return Err(invalid());
    }
    if let Ok(zoned) = text.parse::<Timestamp>() {
        return Ok(zoned.as_microsecond());
    }
    let local: DateTime = text.parse().map_err(|_| invalid())?;
    Ok(TimeZone::UTC.to_timestamp(local).map_err(|_| invalid())?.as_microsecond())
}

/// Writes `micros` as `2011-05-13T04:42:34.123Z`, with as many digits as it needs, three or six at
/// least when there is a fraction; [`parse`] reads the same value back. Values outside the years
/// -9999 to 9999 become the nearest one inside.
#[must_use]
pub fn format(micros: i64) -> String {
    let nearest = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let time = Timestamp::from_microsecond(micros).unwrap_or(nearest);
    match micros {
        _ if micros % 1_000_000 == 0 => format!("{time:.0}"),
        _ if micros % 1_000 == 0 => format!("{time:.3}"),
        _ => format!("{time:.6}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_zone_offset_or_neither() {
        for text in [
            "2011-05-13T04:42:34.123Z",
            "2011-05-13T06:42:34.123+02:00",
            "2011-05-13T04:42:34.123",
            "2011-05-13t04:42:34.123000z",
        ] {
            assert_eq!(parse(text), Ok(1_305_261_754_123_000), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2011-05-13", "yesterday", "2011-13-13T04:42:34Z", "T", "-"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("2011-05-13T04:42:34-04[America/New_York]").is_err());
    }

    #[test]
    fn a_written_time_is_read_back() {
        for micros in [0, -1, 1_305_261_754_000_000, 1_305_261_754_123_000, 1_305_261_754_123_456] {
            assert_eq!(parse(&format(micros)), Ok(micros));
        }
        assert_eq!(format(1_305_261_754_123_000), "2011-05-13T04:42:34.123Z");
        assert_eq!(format(1_305_261_754_000_000), "2011-05-13T04:42:34Z");
        assert!(!format(i64::MAX).is_empty());
    }
}
