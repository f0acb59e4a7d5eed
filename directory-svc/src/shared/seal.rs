//! What makes values of a place that others can write to believable: names that tell nothing, and
//! values that are good for what they were sealed for.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::secret::ClusterSecret;

/// The bytes of a tag.
const TAG: usize = 32;

/// Seals for one purpose. What belongs to another, or another deployment, it does not open.
pub(crate) struct Seal(hmac::Key);

impl Seal {
    /// With a key of its own, made of the secret.
    pub(crate) fn new(secret: &ClusterSecret, purpose: &'static str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.key_for(purpose).as_ref()))
    }

    /// A name for `what` that tells nothing of it. A purpose's `what` has one length, or the parts of
    /// two could run together.
    pub(crate) fn name(&self, what: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.tag(b"name", what))
    }

    /// `value`, bound to `what` it is about: for anything else it opens nothing. The same is said of
    /// `what` as for [`Self::name`].
    pub(crate) fn seal(&self, what: &[&[u8]], value: &[u8]) -> Vec<u8> {
        let tag = self.tag(b"seal", &[what, &[value]].concat());
        [tag.as_ref(), value].concat()
    }

    /// What was sealed for `what`; `None` when it was not.
    pub(crate) fn open<'a>(&self, what: &[&[u8]], sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (tag, value) = sealed.split_first_chunk::<TAG>()?;
        let text = [&[b"seal".as_slice()], what, &[value]].concat().concat();
        hmac::verify(&self.0, &text, tag).is_ok().then_some(value)
    }

    fn tag(&self, kind: &[u8], what: &[&[u8]]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(kind);
        what.iter().for_each(|part| context.update(part));
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str, purpose: &'static str) -> Seal {
        Seal::new(&ClusterSecret::new(&secret.repeat(32)).unwrap(), purpose)
    }

    /// Seen to fail with what a value is about left out of the tag.
    #[test]
    fn a_value_is_good_for_what_it_was_sealed_for() {
        let (one, replica) = (seal("s", "keys"), seal("s", "keys"));
        let sealed = one.seal(&[b"acme", b"key1"], b"value");
        assert_eq!(replica.open(&[b"acme", b"key1"], &sealed), Some(b"value".as_slice()));
        assert_eq!(replica.open(&[b"acme", b"key2"], &sealed), None, "swapped");
        assert_eq!(seal("s", "notices").open(&[b"acme", b"key1"], &sealed), None, "elsewhere");
        assert_eq!(seal("t", "keys").open(&[b"acme", b"key1"], &sealed), None, "of others");
        assert_eq!(replica.open(&[b"acme", b"key1"], b""), None);
        for at in 0..sealed.len() {
            let mut turned = sealed.clone();
            turned[at] ^= 1;
            assert_eq!(replica.open(&[b"acme", b"key1"], &turned), None, "{at}");
        }
    }

    #[test]
    fn a_name_is_the_same_for_every_replica_and_is_no_tag() {
        let name = seal("s", "keys").name(&[b"acme", b"key1"]);
        assert_eq!(name, seal("s", "keys").name(&[b"acme", b"key1"]));
        assert_ne!(name, seal("t", "keys").name(&[b"acme", b"key1"]));
        let tag = &seal("s", "keys").seal(&[b"acme", b"key1"], b"")[..TAG];
        assert_ne!(name, URL_SAFE_NO_PAD.encode(tag));
    }
}
