//! The text of an API key: `nscim_`, 160 random bits in base 62, a checksum.
//!
//! Both sides read it: the directory makes keys, the gateway refuses what cannot be one without a
//! look-up. Whether a well-formed key opens anything only the directory knows, which keeps the
//! SHA-256 of it alone; nothing here looks, stores or compares.

use std::fmt;

/// What every key begins with, so that a person and a secret scanner know one at sight.
pub const PREFIX: &str = "nscim_";

/// Digits of the payload: the fewest that hold 160 bits.
const PAYLOAD_DIGITS: usize = 27;
/// Digits of the checksum: the fewest that hold a CRC32.
const CHECKSUM_DIGITS: usize = 6;
/// Bytes of a whole key.
const LENGTH: usize = PREFIX.len() + PAYLOAD_DIGITS + CHECKSUM_DIGITS;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A well-formed API key: a secret. `Debug` prints `***`, and there is no `Display`.
#[derive(Clone)]
pub struct ApiKeyText(String);

impl ApiKeyText {
    /// The key that 160 random bits make. The bits must come from a cryptographic source: they are
    /// all that makes the key hard to guess.
    #[must_use]
    pub fn from_random(bits: [u8; 20]) -> Self {
        let mut key = String::with_capacity(LENGTH);
        key.push_str(PREFIX);
        key.extend(base62::<PAYLOAD_DIGITS>(&bits).map(char::from));
        key.extend(checksum(&key).map(char::from));
        Self(key)
    }

    /// Reads a key, or `None` when `text` cannot be one: prefix, length, digits or checksum are
    /// wrong. A key with one character changed is always refused. White space around the key is
    /// not part of it: trim first.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        if text.len() != LENGTH || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (signed, sum) = text.split_at(LENGTH - CHECKSUM_DIGITS);
        (checksum(signed) == sum.as_bytes()).then(|| Self(text.to_owned()))
    }

    /// What may be shown to tell keys apart: the prefix and the last four digits, `nscim_...9f3K`.
    /// The digits are the checksum's, so none of the payload is shown.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("{PREFIX}...{}", &self.0[LENGTH - 4..])
    }

    /// The secret itself, to hash it, send it, or show it the one time. Never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyText(***)")
    }
}

/// The CRC32 of prefix and payload. It finds slips of the hand; it proves nothing.
fn checksum(signed: &str) -> [u8; CHECKSUM_DIGITS] {
    base62(&crc32fast::hash(signed.as_bytes()).to_be_bytes())
}

/// `number` (big-endian) in `N` digits of base 62; `N` digits must suffice for it.
fn base62<const N: usize>(number: &[u8]) -> [u8; N] {
    let mut rest = number.to_vec();
    let mut digits = [DIGITS[0]; N];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0;
        for byte in &mut rest {
            let dividend = remainder << 8 | u16::from(*byte);
            #[expect(clippy::cast_possible_truncation, reason = "remainder < 62, so this is < 256")]
            let quotient = (dividend / 62) as u8;
            *byte = quotient;
            remainder = dividend % 62;
        }
        *digit = DIGITS[usize::from(remainder)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKeyText {
        ApiKeyText::from_random(*b"twenty random bytes!")
    }

    #[test]
    fn a_made_key_is_read_back() {
        for bits in [[0; 20], [0xff; 20], [0x5a; 20]] {
            let made = ApiKeyText::from_random(bits);
            let read = ApiKeyText::parse(made.expose()).expect("a key");
            assert_eq!(read.expose(), made.expose());
        }
    }

    /// Fails when `parse` stops comparing the checksum.
    #[test]
    fn a_key_with_any_one_character_changed_is_refused() {
        let key = key();
        for at in 0..LENGTH {
            for other in (0x20..0x7f).map(char::from) {
                let mut changed: Vec<char> = key.expose().chars().collect();
                if changed[at] != other {
                    changed[at] = other;
                    let changed: String = changed.into_iter().collect();
                    assert!(ApiKeyText::parse(&changed).is_none(), "{changed}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_a_key_is_refused() {
        let key = key();
        let key = key.expose();
        let not_a_char_boundary = format!("nscim_{}", "é".repeat(16));
        for text in [
            "",
            "nscim_",
            "Bearer",
            &key[1..],
            &key[..LENGTH - 1],
            &format!("{key}0"),
            &format!(" {key}"),
            &key.to_uppercase(),
            &not_a_char_boundary,
            &format!("{not_a_char_boundary}x"),
        ] {
            assert!(ApiKeyText::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn different_bits_make_different_keys() {
        let keys: std::collections::HashSet<String> = (0..20)
            .flat_map(|byte| (0..8).map(move |bit| (byte, bit)))
            .map(|(byte, bit)| {
                let mut bits = [0; 20];
                bits[byte] = 1 << bit;
                ApiKeyText::from_random(bits).expose().to_owned()
            })
            .collect();
        assert_eq!(keys.len(), 160);
    }

    #[test]
    fn a_key_prints_as_stars_and_its_hint_shows_four_digits() {
        let key = key();
        assert_eq!(format!("{key:?}"), "ApiKeyText(***)");
        assert_eq!(key.hint(), format!("nscim_...{}", &key.expose()[LENGTH - 4..]));
    }

    /// The format is a promise to secret scanners and to keys already handed out.
    #[test]
    fn the_format_stays_as_it_is() {
        assert_eq!(
            ApiKeyText::from_random([0; 20]).expose(),
            "nscim_0000000000000000000000000003Q2wsU"
        );
        assert_eq!(
            ApiKeyText::from_random([0xff; 20]).expose(),
            "nscim_aWgEPTl1tmebfsQzFP4bxwgy80V36fCqF"
        );
    }
}
