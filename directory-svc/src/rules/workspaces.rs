//! What operators decide about a workspace.

use crate::store::{Suspension, Workspace};

/// The workspace, suspended. One that is suspended stays so since when it was, and takes the new reason.
#[must_use]
pub(crate) fn suspend(standing: &Workspace, suspension: &Suspension) -> Workspace {
    let suspension = match &standing.suspension {
        Some(earlier) if earlier.reason == suspension.reason => earlier.clone(),
        Some(earlier) => Suspension { at: earlier.at, ..suspension.clone() },
        None => suspension.clone(),
    };
    Workspace { suspension: Some(suspension), ..standing.clone() }
}

/// The workspace, served again.
#[must_use]
pub(crate) fn resume(standing: &Workspace) -> Workspace {
    Workspace { suspension: None, ..standing.clone() }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::WorkspaceId;

    #[test]
    fn a_suspension_keeps_its_beginning_and_takes_a_new_reason() {
        let by =
            |by: &str, at, reason: &str| Suspension { at, by: by.into(), reason: reason.into() };
        let acme = Workspace::new(WorkspaceId::new(Uuid::nil()), "Acme", "admin@acme.com", 0);
        let unpaid = suspend(&acme, &by("olga", 5, "unpaid"));
        assert_eq!(unpaid.suspension, Some(by("olga", 5, "unpaid")));
        assert_eq!(suspend(&unpaid, &by("otto", 7, "unpaid")), unpaid, "nothing new");
        let other = suspend(&unpaid, &by("otto", 7, "abuse"));
        assert_eq!(other.suspension, Some(by("otto", 5, "abuse")));
        assert_eq!(resume(&other), acme);
    }
}
