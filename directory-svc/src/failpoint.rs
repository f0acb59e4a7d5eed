//! Places at which a test has the process die, between what has to hold together.
//!
//! They are in debug builds alone: a release has none of it, whatever its features. The environment
//! variable `NESTR_SCIM_FAILPOINT` names a point and at which time of passing it the process ends, such
//! as `after-commit:3`.

/// A place between two steps of which the second must not be missed for the first to be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A group of writes is done and not committed.
    BeforeCommit,
    /// It is committed, and nobody has been answered.
    AfterCommit,
    /// A key was looked up and is not remembered.
    BeforeKeyFill,
    /// It is remembered, and the call has not gone on.
    AfterKeyFill,
    /// Keys or integrations were changed, and what was remembered of keys is still believed.
    BeforeForgetting,
    /// It is not believed any more, and the change has not been answered.
    AfterForgetting,
    /// A key was looked up and is not shared.
    BeforeSharedFill,
    /// It is shared, or Redis did not take it.
    AfterSharedFill,
    /// What was remembered of keys is not believed here, and other directories have not been told.
    BeforePublishing,
    /// They have, or Redis did not pass it on.
    AfterPublishing,
    /// A letter is taken out of the outbox and not sent.
    BeforeMail,
    /// It is sent, and the outbox does not say so yet.
    AfterMail,
}

impl Point {
    /// Every point.
    pub const ALL: [Self; 12] = [
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::BeforeKeyFill,
        Self::AfterKeyFill,
        Self::BeforeForgetting,
        Self::AfterForgetting,
        Self::BeforeSharedFill,
        Self::AfterSharedFill,
        Self::BeforePublishing,
        Self::AfterPublishing,
        Self::BeforeMail,
        Self::AfterMail,
    ];

    /// Its name in the environment.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BeforeCommit => "before-commit",
            Self::AfterCommit => "after-commit",
            Self::BeforeKeyFill => "before-key-fill",
            Self::AfterKeyFill => "after-key-fill",
            Self::BeforeForgetting => "before-forgetting",
            Self::AfterForgetting => "after-forgetting",
            Self::BeforeSharedFill => "before-shared-fill",
            Self::AfterSharedFill => "after-shared-fill",
            Self::BeforePublishing => "before-publishing",
            Self::AfterPublishing => "after-publishing",
            Self::BeforeMail => "before-mail",
            Self::AfterMail => "after-mail",
        }
    }
}

/// Passes a point, or ends the process there.
#[cfg(debug_assertions)]
pub(crate) fn pass(point: Point) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    static WANTED: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the product")]
        let wanted = std::env::var("NESTR_SCIM_FAILPOINT").ok()?;
        let (name, time) = wanted.split_once(':')?;
        Some((name.to_owned(), time.parse().ok()?))
    });
    static PASSED: AtomicU32 = AtomicU32::new(0);

    if let Some((name, time)) = &*WANTED
        && name == point.name()
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *time
    {
        // Whoever was answered too early is heard first.
        #[expect(clippy::disallowed_methods, reason = "nothing runs after this")]
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::process::abort();
    }
}

/// Passes a point.
#[cfg(not(debug_assertions))]
#[inline]
pub(crate) const fn pass(_: Point) {}
