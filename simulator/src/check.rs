//! Every check, with the reason for it, in one table.

use serde::{Serialize, Serializer};

/// Something that an answer is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// An answer comes, whole and in time.
    Answered,
    /// The status is the one that the act has.
    Status,
    /// 429 and 503 say when to come again.
    RetryAfter,
    /// The body is `application/scim+json`.
    ContentType,
    /// The body is JSON of the shape that the act has.
    Body,
    /// A refusal is a SCIM error.
    ErrorBody,
    /// There is an id, and it stays.
    Id,
    /// A new resource's `Location` is its `meta.location`.
    Location,
    /// `meta` is whole.
    Meta,
    /// `ETag` is `meta.version`.
    Etag,
    /// Values come back as they were sent.
    AsSent,
    /// A change leaves alone what it does not name.
    Untouched,
    /// What a change answers is what a read answers.
    SameAsRead,
    /// A list counts what it holds.
    List,
    /// A look-up that finds nobody answers an empty list.
    EmptyLookup,
    /// A look-up finds whom it names, and nobody else.
    Lookup,
    /// userName and e-mail are compared without regard to case.
    LetterCase,
    /// A second one of the same name is refused.
    Duplicate,
    /// `active` false is kept as false.
    Active,
    /// A refused PATCH changes nothing.
    Atomic,
    /// No password comes back.
    Password,
    /// Pages hold everybody once.
    Paging,
    /// A group has the members that it was given.
    Members,
    /// `excludedAttributes=members` leaves the members out.
    Excluded,
    /// A member who is gone does not lose the others.
    GoneMember,
    /// What was deleted is gone.
    Gone,
}

impl Check {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 26] = [
        Self::Answered,
        Self::Status,
        Self::RetryAfter,
        Self::ContentType,
        Self::Body,
        Self::ErrorBody,
        Self::Id,
        Self::Location,
        Self::Meta,
        Self::Etag,
        Self::AsSent,
        Self::Untouched,
        Self::SameAsRead,
        Self::List,
        Self::EmptyLookup,
        Self::Lookup,
        Self::LetterCase,
        Self::Duplicate,
        Self::Active,
        Self::Atomic,
        Self::Password,
        Self::Paging,
        Self::Members,
        Self::Excluded,
        Self::GoneMember,
        Self::Gone,
    ];

    /// The one table: the name in reports, which stays, and why it is checked.
    const fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Answered => (
                "answered",
                "identity providers give up after about a minute and quarantine the job",
            ),
            Self::Status => ("status", "RFC 7644 section 3"),
            Self::RetryAfter => {
                ("retry-after", "RFC 6585 section 4; identity providers honour Retry-After")
            }
            Self::ContentType => ("content-type", "RFC 7644 sections 3.1 and 8.1"),
            Self::Body => ("body", "RFC 7643 section 3; RFC 7644 section 3"),
            Self::ErrorBody => {
                ("error-body", "RFC 7644 section 3.12; the admin reads `detail` in the log")
            }
            Self::Id => ("id", "RFC 7643 section 3.1"),
            Self::Location => ("location", "RFC 7644 section 3.3; RFC 7643 section 3.1"),
            Self::Meta => ("meta", "RFC 7643 section 3.1"),
            Self::Etag => ("etag", "RFC 7644 section 3.14; RFC 7643 section 3.1"),
            Self::AsSent => {
                ("as-sent", "RFC 7644 section 3.3; what differs is sent again in each cycle")
            }
            Self::Untouched => ("untouched", "RFC 7644 sections 3.5.1 and 3.5.2"),
            Self::SameAsRead => ("same-as-read", "RFC 7644 sections 3.5.1 and 3.5.2"),
            Self::List => ("list", "RFC 7644 sections 3.4.2 and 3.4.2.4"),
            Self::EmptyLookup => (
                "empty-lookup",
                "RFC 7644 section 3.4.2; an error here fails the test of the connection",
            ),
            Self::Lookup => {
                ("lookup", "RFC 7644 section 3.4.2.2; whoever is found is the one that is written")
            }
            Self::LetterCase => (
                "letter-case",
                "RFC 7643 section 4.1.1 (caseExact false); Entra asks in other cases",
            ),
            Self::Duplicate => ("duplicate", "RFC 7644 section 3.3; RFC 7643 section 4.1.1"),
            Self::Active => {
                ("active", "RFC 7643 section 4.1.1; a leaver who stays active keeps access")
            }
            Self::Atomic => ("atomic", "RFC 7644 section 3.5.2"),
            Self::Password => ("password", "RFC 7643 section 4.1.1 (returned never)"),
            Self::Paging => {
                ("paging", "RFC 7644 section 3.4.2.4; an import misses people or sees ghosts")
            }
            Self::Members => ("members", "RFC 7643 section 4.2; RFC 7644 section 3.5.2"),
            Self::Excluded => {
                ("excluded", "RFC 7644 section 3.9; Entra reads big groups in this way")
            }
            Self::GoneMember => {
                ("gone-member", "Okta takes a 400 as final, so the whole push is lost")
            }
            Self::Gone => ("gone", "RFC 7644 section 3.6"),
        }
    }

    /// The name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// Why it is checked: a section of an RFC, or what identity providers do.
    #[must_use]
    pub const fn why(self) -> &'static str {
        self.row().1
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
