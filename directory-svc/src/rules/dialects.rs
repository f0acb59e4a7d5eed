//! Whose dialect a request is in, and whether it looks like an admin's test. A guess for people to read:
//! nothing is decided by it.

use directory_api::v1::{IdpKind, PatchOperation};
use uuid::Uuid;

/// How many people a test asks for at the most that asks for a list.
const FEW: u32 = 2;

/// What a request shows of whoever sends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The operations of a patch have capitals, as Entra ID writes them unless told otherwise.
    pub has_capitals: bool,
    /// It looks like an admin's Test connection.
    pub is_test: bool,
}

impl Shown {
    /// A request whose whole kind is asked by tests.
    pub(crate) const TEST: Self = Self { has_capitals: false, is_test: true };

    /// What the operations of a patch show.
    pub(crate) fn by_operations(operations: &[PatchOperation]) -> Self {
        let has_capitals = |operation: &PatchOperation| {
            ["Add", "Replace", "Remove"].contains(&operation.op.as_str())
        };
        Self { has_capitals: operations.iter().any(has_capitals), is_test: false }
    }

    /// What a listing shows: Entra ID looks for a userName that it has made up, Okta for one or two people.
    pub(crate) fn by_listing(filter: &str, count: Option<u32>) -> Self {
        let is_test = if filter.is_empty() {
            count.is_some_and(|count| count <= FEW)
        } else {
            is_made_up(filter)
        };
        Self { has_capitals: false, is_test }
    }
}

/// Whether a filter asks for the userName that is a UUID, and for nothing else.
fn is_made_up(filter: &str) -> bool {
    let Some(value) = filter
        .trim()
        .get(.."userName eq ".len())
        .filter(|begin| begin.eq_ignore_ascii_case("userName eq "))
        .and_then(|begin| filter.trim().get(begin.len()..))
    else {
        return false;
    };
    let value = value.trim().strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    value.is_some_and(|value| value.len() == 36 && Uuid::try_parse(value).is_ok())
}

/// Whose dialect it is; `None`: nothing shows it. Most identity providers name themselves as
/// `User-Agent`; Entra ID does not.
pub(crate) fn dialect(user_agent: &str, shown: Shown) -> Option<IdpKind> {
    let agent = user_agent.to_ascii_lowercase();
    let named = [
        ("okta", IdpKind::Okta),
        ("onelogin", IdpKind::Onelogin),
        ("jumpcloud", IdpKind::Jumpcloud),
        ("google-auto-provisioning", IdpKind::Google),
    ];
    let named = named.into_iter().find(|(name, _)| agent.contains(name)).map(|(_, kind)| kind);
    named.or_else(|| shown.has_capitals.then_some(IdpKind::Entra))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(op: &str) -> PatchOperation {
        PatchOperation { op: op.to_owned(), ..PatchOperation::default() }
    }

    #[test]
    fn a_dialect_is_known_by_its_name_or_by_its_capitals() {
        let (plain, capitals) = ([operation("replace")], [operation("add"), operation("Replace")]);
        let (plain, capitals) = (Shown::by_operations(&plain), Shown::by_operations(&capitals));
        for (agent, shown, expected) in [
            ("Okta SCIM Client 1.0.0", plain, Some(IdpKind::Okta)),
            ("OneLogin/1.0", capitals, Some(IdpKind::Onelogin)),
            ("JumpCloud SCIM", plain, Some(IdpKind::Jumpcloud)),
            ("Google-Auto-Provisioning", plain, Some(IdpKind::Google)),
            ("", capitals, Some(IdpKind::Entra)),
            ("", plain, None),
            ("curl/8.0", plain, None),
        ] {
            assert_eq!(dialect(agent, shown), expected, "{agent}");
        }
    }

    /// Seen to fail with any userName taken for one that was made up.
    #[test]
    fn a_test_asks_for_nobody_or_for_hardly_anybody() {
        let uuid = "3f2a0c7e-0d0f-4d5a-9a53-0d1c0d2a8e11";
        let is_test = |filter: &str, count| Shown::by_listing(filter, count).is_test;
        assert!(is_test(&format!("userName eq \"{uuid}\""), None));
        assert!(is_test(&format!(" USERNAME EQ \"{uuid}\" "), Some(100)));
        assert!(is_test("", Some(2)) && is_test("", Some(1)));
        for (filter, count) in [
            ("userName eq \"ada@acme.com\"", None),
            ("userName eq \"é\"", Some(1)),
            ("userName", Some(1)),
            ("active eq true", Some(1)),
            ("", Some(100)),
            ("", None),
        ] {
            assert!(!is_test(filter, count), "{filter} {count:?}");
        }
        assert!(!is_test(&format!("userName eq \"{uuid}\" and active eq true"), None));
        assert!(!is_test(&format!("externalId eq \"{uuid}\""), None));
    }
}
