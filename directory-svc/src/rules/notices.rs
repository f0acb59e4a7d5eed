//! Who is told of what, and how long it is tried.
//!
//! Contacts are told: that of a claim, that of a workspace. People whom an identity provider sent never are.

use crate::clock::{DAY, HOUR, MINUTE, Micros, SECOND};
use crate::ids::UserId;
use crate::rules::dns_proof::{record_name, record_value};
use crate::store::{
    Decided, Decision, Domain, DomainCheck, DomainState, EndingKey, Notice, Occasion,
};

/// How long before its end a key's admins are reminded, the last reminder first.
pub(crate) const REMINDERS: [Micros; 4] = [3 * DAY, 14 * DAY, 30 * DAY, 60 * DAY];
/// The pauses behind the first attempts to send a letter, the first for a server that is just started again;
/// every later one is [`DAILY`].
const PAUSES: [Micros; 6] = [5 * SECOND, MINUTE, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 8 * HOUR];
/// The pause behind every later attempt.
const DAILY: Micros = DAY;
/// How long a letter is tried.
pub(crate) const PATIENCE: Micros = 7 * DAY;
/// How long a letter is remembered that was sent or given up. No shorter than the longest time between two
/// reminders of a key: by then the earlier one is none any more.
pub(crate) const REMEMBERED: Micros = 30 * DAY;

/// Who is told that a claim, which was `before`, is decided as it is `after`.
#[must_use]
pub(crate) fn of_domain(before: Option<&Domain>, after: Domain) -> Decided<Domain> {
    let notices = decision(before, &after).map(|notice| vec![notice]).unwrap_or_default();
    Decided { value: after, notices }
}

fn decision(before: Option<&Domain>, after: &Domain) -> Option<Notice> {
    if before.is_some_and(|before| before.state == after.state) {
        return None;
    }
    let Decision { at, note, .. } = after.decision.as_ref()?;
    let (domain, reason) = (after.name.clone(), note.clone());
    let (word, occasion) = match after.state {
        DomainState::Verified => ("verified", Occasion::DomainVerified { domain }),
        DomainState::Rejected => ("rejected", Occasion::DomainRejected { domain, reason }),
        DomainState::Revoked => ("revoked", Occasion::DomainRevoked { domain, reason }),
        // The workspace's own doing.
        DomainState::Pending | DomainState::Withdrawn => return None,
    };
    let key = format!("domain/{}/{word}/{at}", after.name);
    Some(Notice { key, recipient: after.contact_email.clone(), occasion, created_at: *at })
}

/// Who is told that the TXT record of this domain, of which `before` was known, is as it is known `after`. One
/// absence is told once.
#[must_use]
pub(crate) fn of_check(
    domain: &Domain,
    before: &DomainCheck,
    after: DomainCheck,
) -> Decided<DomainCheck> {
    let warned = after.warned_at.filter(|_| before.warned_at != after.warned_at);
    let missing = warned.zip(after.missing_since).map(|(warned_at, since)| Notice {
        key: format!("domain/{}/proof-missing/{since}", domain.name),
        recipient: domain.contact_email.clone(),
        occasion: Occasion::DomainProofMissing {
            domain: domain.name.clone(),
            since,
            record_name: record_name(&domain.name),
            record_value: record_value(domain),
        },
        created_at: warned_at,
    });
    Decided { value: after, notices: missing.into_iter().collect() }
}

/// That an identity provider was about to end the access of a protected person, in the words of the occasion. One a
/// day (in UTC) is told of a person, however often it tries.
#[must_use]
pub(crate) fn of_protected(
    person: UserId,
    recipient: String,
    occasion: Occasion,
    now: Micros,
) -> Notice {
    let key = format!("user/{person}/protected/{}", now.div_euclid(DAY));
    Notice { key, recipient, occasion, created_at: now }
}

/// The reminder of a key's end that is due at `now`: of those whose time has come, the last alone. Of a key
/// whose place another has taken there is none: its end is what was wanted.
#[must_use]
pub(crate) fn reminder(ending: &EndingKey, now: Micros) -> Option<Notice> {
    if ending.key.replaced_by.is_some() {
        return None;
    }
    let left = ending.expires_at.saturating_sub(now);
    let before = REMINDERS.into_iter().find(|before| (1..=*before).contains(&left))?;
    Some(Notice {
        key: format!("api-key/{}/{}/{}", ending.key.id, ending.expires_at, before / DAY),
        recipient: ending.contact_email.clone(),
        occasion: Occasion::ApiKeyExpiring {
            display_name: ending.key.display_name.clone(),
            hint: ending.key.hint.clone(),
            integration: ending.integration.clone(),
            expires_at: ending.expires_at,
        },
        created_at: now,
    })
}

/// When a letter, owed since `created_at`, is tried again whose `attempts`th attempt failed at `now`; `None`:
/// never.
#[must_use]
pub(crate) fn again_at(created_at: Micros, attempts: u32, now: Micros) -> Option<Micros> {
    let end = created_at.saturating_add(PATIENCE);
    if now >= end {
        return None;
    }
    let pause = usize::try_from(attempts).ok().and_then(|n| PAUSES.get(n.saturating_sub(1)));
    Some(now.saturating_add(*pause.unwrap_or(&DAILY)).min(end))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::ids::{ApiKeyId, IntegrationId, WorkspaceId};
    use crate::store::{ApiKey, DecidedHow};

    const NOW: Micros = 1_700_000_000_000_000;

    fn domain(state: DomainState) -> Domain {
        let how = DecidedHow::Operator;
        let decision = Decision { at: NOW, by: "olga".into(), how, note: "called them".into() };
        Domain {
            name: "acme.com".into(),
            state,
            contact_email: "it@acme.com".into(),
            claimed_at: 1,
            claimed_by: "settings".into(),
            challenge: "c".into(),
            decision: (state != DomainState::Pending).then_some(decision),
        }
    }

    fn told(before: DomainState, after: DomainState) -> Option<String> {
        let decided = of_domain(Some(&domain(before)), domain(after));
        assert_eq!(decided.value, domain(after));
        assert!(decided.notices.len() <= 1);
        let notice = decided.notices.into_iter().next()?;
        assert_eq!((notice.recipient.as_str(), notice.created_at), ("it@acme.com", NOW));
        Some(notice.key)
    }

    /// Seen to fail with the claim of the state before left out of the comparison.
    #[test]
    fn the_contact_of_a_claim_is_told_of_each_decision_once() {
        use DomainState::{Pending, Rejected, Revoked, Verified, Withdrawn};
        let key = |word: &str| Some(format!("domain/acme.com/{word}/{NOW}"));
        assert_eq!(told(Pending, Verified), key("verified"));
        assert_eq!(told(Revoked, Verified), key("verified"));
        assert_eq!(told(Pending, Rejected), key("rejected"));
        assert_eq!(told(Verified, Revoked), key("revoked"));
        for state in [Verified, Rejected, Revoked] {
            assert_eq!(told(state, state), None, "a repeated decision");
        }
        for own in [Pending, Withdrawn] {
            assert_eq!(told(Rejected, own), None, "the workspace's own doing");
        }
        // An operator's earlier word stays in sight of a claim that is made again.
        let again = Domain { state: Pending, ..domain(Rejected) };
        assert_eq!(of_domain(Some(&domain(Rejected)), again).notices, []);
    }

    /// Seen to fail with the warning of before left out of the comparison.
    #[test]
    fn a_missing_proof_is_told_once_for_each_absence() {
        let known = |missing_since, warned_at| DomainCheck {
            missing_since,
            warned_at,
            ..DomainCheck::default()
        };
        let told = |before: &DomainCheck, after: DomainCheck| {
            let decided = of_check(&domain(DomainState::Verified), before, after);
            decided.notices.into_iter().map(|notice| notice.key).collect::<Vec<_>>()
        };
        let (there, gone) = (known(None, None), known(Some(NOW), None));
        let warned = known(Some(NOW), Some(NOW + DAY));
        assert!(told(&there, gone.clone()).is_empty());
        assert_eq!(told(&gone, warned.clone()), [format!("domain/acme.com/proof-missing/{NOW}")]);
        assert!(told(&warned, warned.clone()).is_empty());
        assert!(told(&warned, there).is_empty());
    }

    /// Seen to fail with the time in the place of the day.
    #[test]
    fn of_a_protected_person_one_letter_a_day_is_owed() {
        let occasion =
            Occasion::UserProtected { user_name: "ada".into(), integration: String::new() };
        let key = |person: u128, now| {
            let person = UserId::new(Uuid::from_u128(person));
            of_protected(person, "it@acme.com".into(), occasion.clone(), now).key
        };
        let morning = NOW - NOW % DAY;
        assert_eq!(key(1, morning), key(1, morning + DAY - 1));
        assert_ne!(key(1, morning), key(1, morning + DAY));
        assert_ne!(key(1, morning), key(2, morning));
    }

    fn ending(left: Micros) -> EndingKey {
        let key = ApiKey {
            id: ApiKeyId::new(Uuid::nil()),
            integration_id: IntegrationId::new(Uuid::nil()),
            display_name: "Entra".into(),
            hint: "nscim_…abcd".into(),
            scopes: Vec::new(),
            networks: Vec::new(),
            created_at: 0,
            expires_at: Some(NOW + left),
            revoked_at: None,
            last_used_at: None,
            replaced_by: None,
        };
        EndingKey {
            workspace_id: WorkspaceId::new(Uuid::nil()),
            contact_email: "it@acme.com".into(),
            integration: String::new(),
            key,
            expires_at: NOW + left,
        }
    }

    /// Seen to fail with the reminders in the other order: a key of a week is then said to have two months.
    #[test]
    fn of_the_reminders_whose_time_has_come_the_last_is_due() {
        let due = |left| reminder(&ending(left), NOW).map(|notice| notice.key);
        let days = |left, days: u8| {
            let id = Uuid::nil();
            assert_eq!(due(left), Some(format!("api-key/{id}/{}/{days}", NOW + left)), "{left}");
        };
        assert_eq!(due(60 * DAY + 1), None);
        days(60 * DAY, 60);
        days(30 * DAY + 1, 60);
        days(30 * DAY, 30);
        days(14 * DAY, 14);
        days(7 * DAY, 14);
        days(3 * DAY, 3);
        days(1, 3);
        assert_eq!(due(0), None, "it has ended");
        assert_eq!(due(-DAY), None);
    }

    /// Seen to fail with a rotated key reminded of like any other.
    #[test]
    fn nobody_is_reminded_of_a_key_that_was_rotated() {
        let mut rotated = ending(DAY);
        assert!(reminder(&rotated, NOW).is_some());
        rotated.key.replaced_by = Some(ApiKeyId::new(Uuid::from_u128(2)));
        assert_eq!(reminder(&rotated, NOW), None);
    }

    /// Seen to fail with eight days.
    #[test]
    fn a_letter_is_tried_in_growing_pauses_for_a_week() {
        let mut pauses = Vec::new();
        let (mut now, mut attempts) = (NOW, 1);
        while let Some(next) = again_at(NOW, attempts, now) {
            pauses.push((next - now) / SECOND);
            (now, attempts) = (next, attempts + 1);
        }
        assert_eq!(pauses[..7], [5, 60, 300, 1_800, 7_200, 28_800, 86_400]);
        assert_eq!(now, NOW + PATIENCE, "the last attempt is at the end of the week");
        assert_eq!(attempts, 14);
        assert_eq!(again_at(NOW, 1, NOW + 400 * DAY), None, "the clock was moved");
        assert!(again_at(NOW, u32::MAX, NOW - HOUR).is_some());
    }

    /// What was sent is forgotten only when it cannot be due again. Seen to fail with 29 days.
    #[test]
    fn no_reminder_is_due_again_once_it_is_forgotten() {
        let longest = REMINDERS.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest.max(Some(REMINDERS[0])) <= Some(REMEMBERED));
    }
}
