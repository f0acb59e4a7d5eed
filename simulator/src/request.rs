//! A request as an identity provider sends it, without what the connection adds.

use std::fmt::Write as _;

/// A request to a SCIM server. The key is no part of it: whoever sends it adds the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, in capitals.
    pub method: &'static str,
    /// Path and query behind the SCIM URL, such as `/Users?count=2`, encoded as they are sent.
    pub endpoint: String,
    /// Headers beside `Authorization` and those of the connection (`Host`, `Content-Length`).
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body; absent where there is none.
    pub body: Option<String>,
}

/// Encodes a text for a query as .NET does: blanks as `+`, the rest percent-encoded.
#[must_use]
pub fn form_encoded(text: &str) -> String {
    encoded(text, "+")
}

/// Encodes a text for a query as browsers do: blanks as `%20`.
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    encoded(text, "%20")
}

fn encoded(text: &str, blank: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push_str(blank),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

/// `ATTRIBUTE eq "VALUE"`, the one filter that every identity provider sends.
#[must_use]
pub fn equals(attribute: &str, value: &str) -> String {
    format!("{attribute} eq {}", serde_json::Value::from(value))
}
