//! What makes a place fit to share that others can read and write: names that tell nothing, and values
//! that show nothing and are good for what they were sealed for alone.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Clock;
use crate::secret::ClusterSecret;

/// Seals for one purpose. What belongs to another, or another deployment, it does not open.
pub(crate) struct Seal {
    names: hmac::Key,
    /// Of the kind that keeps its promises when random nonces meet, as of very many values some do.
    values: LessSafeKey,
    clock: Clock,
}

impl Seal {
    /// With keys of its own, made of the secret.
    pub(crate) fn new(
        secret: &ClusterSecret,
        purpose: &'static str,
        clock: Clock,
    ) -> Result<Self, Unspecified> {
        let key = |what: &str| secret.key_for(&format!("{purpose}: {what}"));
        let names = hmac::Key::new(hmac::HMAC_SHA256, key("names").as_ref());
        let values = UnboundKey::new(&AES_256_GCM_SIV, key("values").as_ref())?;
        Ok(Self { names, values: LessSafeKey::new(values), clock })
    }

    /// A name for `what` that tells nothing of it.
    pub(crate) fn name(&self, what: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.names, what))
    }

    /// `value`, bound to `what` it is about: for anything else it opens nothing.
    pub(crate) fn seal(&self, what: &[u8], mut value: Vec<u8>) -> Result<Vec<u8>, Unspecified> {
        let nonce: [u8; NONCE_LEN] = self.clock.random();
        let unique = Nonce::assume_unique_for_key(nonce);
        self.values.seal_in_place_append_tag(unique, Aad::from(what), &mut value)?;
        Ok([&nonce[..], &value].concat())
    }

    /// What was sealed for `what`; `None` when it was not.
    pub(crate) fn open(&self, what: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let (nonce, mut value) = (Nonce::assume_unique_for_key(*nonce), sealed.to_vec());
        let opened = self.values.open_in_place(nonce, Aad::from(what), &mut value).ok()?.len();
        value.truncate(opened);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str, purpose: &'static str) -> Seal {
        let secret = ClusterSecret::new(&secret.repeat(32)).unwrap();
        Seal::new(&secret, purpose, Clock::system()).unwrap()
    }

    /// Seen to fail with what a value is about left out of what is authenticated.
    #[test]
    fn a_value_is_good_for_what_it_was_sealed_for_and_shows_nothing() {
        let (one, replica) = (seal("s", "keys"), seal("s", "keys"));
        let sealed = one.seal(b"acme key1", b"value".to_vec()).unwrap();
        assert!(!sealed.windows(5).any(|window| window == b"value"));
        assert_eq!(replica.open(b"acme key1", &sealed), Some(b"value".to_vec()));
        assert_eq!(replica.open(b"acme key2", &sealed), None, "swapped");
        assert_eq!(seal("s", "notices").open(b"acme key1", &sealed), None, "elsewhere");
        assert_eq!(seal("t", "keys").open(b"acme key1", &sealed), None, "of others");
        for length in 0..sealed.len() {
            assert_eq!(replica.open(b"acme key1", &sealed[..length]), None, "{length}");
        }
        for at in 0..sealed.len() {
            let mut turned = sealed.clone();
            turned[at] ^= 1;
            assert_eq!(replica.open(b"acme key1", &turned), None, "{at}");
        }
    }

    #[test]
    fn a_name_is_the_same_for_every_replica_and_for_nobody_else() {
        let name = seal("s", "keys").name(b"acme");
        assert_eq!(name, seal("s", "keys").name(b"acme"));
        assert_ne!(name, seal("t", "keys").name(b"acme"));
        assert_ne!(name, seal("s", "notices").name(b"acme"));
        assert_ne!(name, seal("s", "keys").name(b"acne"));
    }
}
