//! The secret that the replicas of one deployment share, and the keys that are made of it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;

/// What the replicas of one deployment share, and nobody else knows: what one of them sealed the others
/// open.
#[derive(Clone)]
pub struct ClusterSecret(Arc<str>);

impl ClusterSecret {
    /// The fewest characters that a secret may have.
    pub const LENGTH: usize = 32;

    /// The secret, unless it is shorter than [`Self::LENGTH`].
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (text.len() >= Self::LENGTH).then(|| Self(text.into()))
    }

    /// The key for one purpose: who knows it can seal for no other, and does not know the secret.
    pub(crate) fn key_for(&self, purpose: &str) -> hmac::Tag {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes());
        hmac::sign(&secret, format!("nestr.directory.v1 {purpose}").as_bytes())
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_short_secret_is_none_and_a_good_one_is_not_printed() {
        assert!(ClusterSecret::new("short").is_none());
        assert_eq!(format!("{:?}", ClusterSecret::new(SECRET).unwrap()), "***");
    }

    #[test]
    fn each_purpose_has_a_key_of_its_own() {
        let secret = ClusterSecret::new(SECRET).unwrap();
        assert_eq!(secret.key_for("a").as_ref(), secret.key_for("a").as_ref());
        assert_ne!(secret.key_for("a").as_ref(), secret.key_for("b").as_ref());
    }
}
