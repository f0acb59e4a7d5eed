//! `xsd:dateTime` (RFC 7643 section 2.3.5) to and from microseconds since 1970-01-01T00:00:00Z.

use jiff::Timestamp;
use jiff::civil::{Date, date};

use crate::error::Error;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Reads `2011-05-13T04:42:34.123Z`, also with an offset; without a zone it is UTC. Digits beyond
/// microseconds are cut. As XML Schema says, 24:00:00 is the midnight that ends the day and an offset
/// is at most 14 hours; beyond it `T` and `Z` may be small, and a leap second (23:59:60 in UTC) is
/// the first of the next day, as in POSIX. Years are those of four digits, also before year 0.
///
/// # Errors
/// `InvalidValue` when `text` is no such date and time.
pub fn parse(text: &str) -> Result<i64, Error> {
    read(text)
        .ok_or_else(|| Error::value("This is no dateTime; write it like 2011-05-13T04:42:34Z."))
}

/// The rest of a text that is read from its front.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    /// A number of so many digits.
    fn number(&mut self, digits: usize) -> Option<i16> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0'))
        })
    }

    /// A number of two digits, at most `most`.
    fn part(&mut self, most: i16) -> Option<i64> {
        self.number(2).filter(|number| *number <= most).map(i64::from)
    }

    /// Whether `byte` came, in small or capital letters.
    fn takes(&mut self, byte: u8) -> bool {
        let taken = self.0.first().is_some_and(|first| first.eq_ignore_ascii_case(&byte));
        self.0 = &self.0[usize::from(taken)..];
        taken
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    /// The microseconds of a fraction of at least one digit, those beyond cut.
    fn fraction(&mut self) -> Option<i64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at(digits);
        self.0 = rest;
        let six = fraction.iter().chain(std::iter::repeat(&b'0')).take(6);
        (digits > 0).then(|| six.fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')))
    }
}

fn read(text: &str) -> Option<i64> {
    let mut rest = Rest(text.as_bytes());
    let sign = if rest.takes(b'-') { -1 } else { 1 };
    let year = sign * rest.number(4)?;
    rest.expect(b'-')?;
    let month = i8::try_from(rest.number(2)?).ok()?;
    rest.expect(b'-')?;
    let day_of_month = i8::try_from(rest.number(2)?).ok()?;
    let day = Date::new(year, month, day_of_month).ok()?;
    rest.expect(b'T')?;
    let hour = rest.part(24)?;
    rest.expect(b':')?;
    let minute = rest.part(59)?;
    rest.expect(b':')?;
    let second = rest.part(60)?;
    let fraction = if rest.takes(b'.') { rest.fraction()? } else { 0 };
    let offset = offset(&mut rest)?;
    if !rest.0.is_empty() || (hour == 24 && (minute, second, fraction) != (0, 0, 0)) {
        return None;
    }
    let midnight = day.duration_since(date(1970, 1, 1)).as_secs() * SECOND;
    let minute = midnight + hour * HOUR + minute * MINUTE - offset;
    if second == 60 && (minute + MINUTE).rem_euclid(24 * HOUR) != 0 {
        return None;
    }
    let micros = minute + second * SECOND + fraction;
    Timestamp::from_second(micros.div_euclid(SECOND)).ok().map(|_| micros)
}

/// The zone, in microseconds east of UTC.
fn offset(rest: &mut Rest<'_>) -> Option<i64> {
    if rest.0.is_empty() || rest.takes(b'Z') {
        return Some(0);
    }
    let sign = if rest.takes(b'-') { -1 } else { rest.expect(b'+').map(|()| 1)? };
    let hours = rest.part(14)?;
    rest.expect(b':')?;
    let minutes = rest.part(if hours == 14 { 0 } else { 59 })?;
    Some(sign * (hours * HOUR + minutes * MINUTE))
}

/// Writes `micros` as `2011-05-13T04:42:34.123Z`, with as many digits as it needs, three or six at
/// least when there is a fraction; [`parse`] reads the same value back. Values outside the years
/// -9999 to 9999 become the nearest one inside.
#[must_use]
pub fn format(micros: i64) -> String {
    let nearest = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let time = Timestamp::from_microsecond(micros).unwrap_or(nearest);
    let micros = time.as_microsecond();
    let text = match micros {
        _ if micros % SECOND == 0 => format!("{time:.0}"),
        _ if micros % 1_000 == 0 => format!("{time:.3}"),
        _ => format!("{time:.6}"),
    };
    // jiff writes years before 0 with six digits.
    text.strip_prefix("-00").map_or(text.clone(), |rest| format!("-{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_with_zone_offset_or_neither() {
        for text in [
            "2011-05-13T04:42:34.123Z",
            "2011-05-13T06:42:34.123+02:00",
            "2011-05-12T14:42:34.123-14:00",
            "2011-05-13T04:42:34.123",
            "2011-05-13t04:42:34.123000z",
            "2011-05-13T04:42:34.12300099999999999999Z",
        ] {
            assert_eq!(parse(text), Ok(1_305_261_754_123_000), "{text}");
        }
    }

    #[test]
    fn the_edges_of_the_clock_and_the_calendar_are_read() {
        for (text, same) in [
            ("2012-02-29T24:00:00Z", "2012-03-01T00:00:00Z"),
            ("2012-12-31T24:00:00.000+01:00", "2012-12-31T23:00:00Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
            ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.5Z"),
            ("2017-01-01T00:59:60+01:00", "2017-01-01T00:00:00Z"),
            ("0000-01-01T00:00:00Z", "-0001-12-31T24:00:00Z"),
        ] {
            assert_eq!(parse(text), parse(same), "{text}");
            assert!(parse(text).is_ok(), "{text}");
        }
        assert!(parse("9999-12-30T22:00:00Z").is_ok());
        assert_eq!(parse("1969-12-31T23:59:59.999999Z"), Ok(-1));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "T",
            "-",
            "yesterday",
            "2011-05-13",
            "2011-05-13 04:42:34Z",
            "2011-13-13T04:42:34Z",
            "2011-02-29T04:42:34Z",
            "2011-00-13T04:42:34Z",
            "2011-05-13T24:00:01Z",
            "2011-05-13T24:00:00.1Z",
            "2011-05-13T25:00:00Z",
            "2011-05-13T04:60:34Z",
            "2011-05-13T04:42:60Z",
            "2011-05-13T23:59:60+01:00",
            "2011-05-13T04:42:61Z",
            "2011-05-13T04:42Z",
            "2011-05-13T04:42:34.Z",
            "2011-05-13T04:42:34,5Z",
            "2011-05-13T04:42:34+02",
            "2011-05-13T04:42:34+0200",
            "2011-05-13T04:42:34+14:01",
            "2011-05-13T04:42:34+15:00",
            "2011-05-13T04:42:34 +02:00",
            "2011-05-13T04:42:34Z ",
            "2011-05-13T04:42:34Z[UTC]",
            "2011-05-13T04:42:34-04[America/New_York]",
            "+2011-05-13T04:42:34Z",
            "12011-05-13T04:42:34Z",
            "02011-05-13T04:42:34Z",
            "211-05-13T04:42:34Z",
            "２011-05-13T04:42:34Z",
            "9999-12-31T24:00:00-14:00",
            "1305261754",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_written_time_is_read_back() {
        let day = 24 * HOUR;
        for micros in [0, -1, 1_305_261_754_000_000, 1_305_261_754_123_000, 1_305_261_754_123_456]
            .into_iter()
            .chain((-4_000..2_800).map(|n| n * 1_013 * day + n * 7_919))
        {
            assert_eq!(parse(&format(micros)), Ok(micros), "{}", format(micros));
        }
        assert_eq!(format(1_305_261_754_123_000), "2011-05-13T04:42:34.123Z");
        assert_eq!(format(1_305_261_754_000_000), "2011-05-13T04:42:34Z");
        assert_eq!(format(-62_198_755_200_000_000), "-0001-01-01T00:00:00Z");
        for beyond in [i64::MIN, i64::MAX] {
            assert!(parse(&format(beyond)).is_ok(), "{}", format(beyond));
        }
    }
}
