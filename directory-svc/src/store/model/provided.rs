//! What of a person is their identity provider's to say.

use std::collections::BTreeSet;

/// The attributes of a person that the managing integration has said something of, by their names, and the URNs
/// of extensions.
///
/// It is read with every person and looked at by few, so it stays the text that is stored: the names in
/// alphabetical order, a space between two. No name holds one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provided(String);

impl Provided {
    /// What [`Self::as_str`] gave.
    #[must_use]
    pub fn of(stored: String) -> Self {
        Self(stored)
    }

    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split_ascii_whitespace()
    }

    /// Whether this attribute is among them.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    /// These and those together.
    #[must_use]
    pub fn and(&self, names: &BTreeSet<String>) -> Self {
        if names.iter().all(|name| self.has(name)) {
            return self.clone();
        }
        let all: BTreeSet<&str> = self.names().chain(names.iter().map(String::as_str)).collect();
        Self(all.into_iter().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_whole_and_kept_in_order() {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let first = Provided::default().and(&names(&["userName", "active"]));
        assert_eq!(first.as_str(), "active userName");
        assert!(first.has("active") && !first.has("name") && !first.has(""));
        let all = first.and(&names(&["name", "active"]));
        assert_eq!(all.names().collect::<Vec<_>>(), ["active", "name", "userName"]);
        assert_eq!(Provided::of(all.as_str().to_owned()), all);
        assert_eq!(all.and(&names(&["name"])), all);
    }
}
