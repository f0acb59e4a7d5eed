//! Whether a text is base64 (RFC 7643 section 2.3.6, RFC 4648). The bytes themselves are nobody's
//! business here.

/// Whether `text` encodes bytes: in the alphabet of base64 or in that of base64url, not in both,
/// with all of its padding or none, and with no bit that belongs to no byte. Line breaks are taken
/// wherever they stand, as certificates come with them.
pub(crate) fn is_base64(text: &str) -> bool {
    let (mut standard, mut url) = (false, false);
    let (mut digits, mut padding, mut last) = (0_usize, 0_usize, 0);
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')) {
        if byte == b'=' {
            padding += 1;
            continue;
        }
        last = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return false,
        };
        standard |= matches!(byte, b'+' | b'/');
        url |= matches!(byte, b'-' | b'_');
        // Nothing comes after the padding.
        if padding > 0 {
            return false;
        }
        digits += 1;
    }
    // How many bits of the last digit belong to no byte, and how much padding makes the text whole.
    let (unused, missing) = match digits % 4 {
        0 => (0, 0),
        2 => (4, 2),
        3 => (2, 1),
        _ => return false,
    };
    !(standard && url) && last.trailing_zeros() >= unused && (padding == 0 || padding == missing)
}

#[cfg(test)]
mod tests {
    use super::is_base64;

    /// RFC 4648 section 10, and what certificates look like.
    #[test]
    fn bytes_are_read_in_either_alphabet_with_or_without_padding() {
        for text in [
            "",
            "Zg==",
            "Zm8=",
            "Zm9v",
            "Zm9vYg==",
            "Zm9vYmE=",
            "Zm9vYmFy",
            "Zg",
            "Zm8",
            "+/+/",
            "-_-_",
            "Zm9v\r\nYmFy\r\n",
            "Zm9vYg=\n=",
            "////",
            "AA==",
        ] {
            assert!(is_base64(text), "{text:?}");
        }
    }

    /// Seen to fail with each condition of `is_base64`'s last line taken out.
    #[test]
    fn what_no_encoder_writes_is_refused() {
        for text in [
            "Z",
            "Zm9vY",
            "Zg=",
            "Zm8==",
            "Zm9v=",
            "Zm9v====",
            "=",
            "====",
            "Zg==Zg==",
            "Zh==",
            "Zm9=",
            "+-AA",
            "a b=",
            "Zm9v YmFy",
            "Zm9v\0",
            "Zm9vé",
            "no base64!",
            "-----BEGIN CERTIFICATE-----",
        ] {
            assert!(!is_base64(text), "{text:?}");
        }
    }
}
