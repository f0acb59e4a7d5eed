//! The id under which a request is found in answers, logs and traces.

use std::sync::Arc;

/// Characters that a request's id may have, so that it fits any log.
const LENGTH: usize = 64;

/// Letters, digits, `.`, `_` and `-`, at most 64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// Takes an id that somebody chose, if it fits any log.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let fits = (1..=LENGTH).contains(&text.len()) && text.bytes().all(is_fit);
        fits.then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_when_it_fits_any_log() {
        let longest = "a".repeat(64);
        for fit in ["1", "a-b_c.D9", &longest] {
            assert_eq!(RequestId::parse(fit).unwrap().as_str(), fit);
        }
        for unfit in ["", "a b", "a\"b", "a/b", "é", &format!("{longest}a")] {
            assert_eq!(RequestId::parse(unfit), None, "{unfit}");
        }
    }
}
