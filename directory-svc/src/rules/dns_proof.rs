//! The proof of a claim by DNS: a TXT record that only who has the domain can publish.
//!
//! A proof makes a domain the workspace's; that it is gone later is a warning and no more: nobody is cut
//! off by what the DNS says.

use std::time::Duration;

use directory_api::v1::Reason;

use super::domains::{self, is_for_operators_alone};
use crate::clock::{DAY, MINUTE, Micros};
use crate::dns::Found;
use crate::refusal::Refusal;
use crate::store::{CheckOutcome, DecidedHow, Decision, Domain, DomainCheck, DomainState};

/// What an answer begins with that comes of no question of its own.
pub(crate) const ASKED_A_MOMENT_AGO: &str =
    "The DNS was asked less than 10 seconds ago; this is what is known. ";

/// The label of the record, below the domain.
const LABEL: &str = "_nestr-scim";
/// What stands before the claim's challenge in the record's value.
const PREFIX: &str = "nestr-scim-verification=";

/// The pauses between the questions about a claim that waits; behind them a question is asked daily.
const PAUSES: [Micros; 4] = [5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 4 * 60 * MINUTE];
/// For how long a claim that waits is asked about by itself, from the claim, or from the last time that
/// somebody asked for it.
const PERSISTENCE: Micros = 30 * DAY;
/// How far apart two clear absences of a proof are, at least, that are a reason to warn.
const GONE_FOR: Micros = DAY;

/// The name of the record that proves a claim of the domain.
#[must_use]
pub(crate) fn record_name(domain: &str) -> String {
    format!("{LABEL}.{domain}")
}

/// The value of the record that proves the claim.
#[must_use]
pub(crate) fn record_value(claim: &Domain) -> String {
    format!("{PREFIX}{}", claim.challenge)
}

/// What the answer says of the claim. The value is compared exactly, but for the quotes and the white
/// space that hosts of DNS put round it.
#[must_use]
pub(crate) fn outcome(claim: &Domain, found: &Found) -> CheckOutcome {
    let wanted = record_value(claim);
    let is_proof = |value: &String| {
        value.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'') == wanted
    };
    match found {
        Found::Values(values) if values.iter().any(is_proof) => CheckOutcome::Proven,
        Found::Values(_) => CheckOutcome::OtherValue,
        Found::NoRecord => CheckOutcome::NoRecord,
        Found::NotAsked(_) => CheckOutcome::NotAsked,
    }
}

/// What a question about a claim is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A proof verifies it, or is noted for the operator who may.
    Verify,
    /// It was verified by its proof, which should be there still.
    Watch,
    /// It is verified already, on an operator's word: the answer is for whoever asks.
    Tell,
}

/// What to ask about a claim for; `None`: there is nothing to prove.
#[must_use]
pub(crate) fn purpose(claim: &Domain) -> Option<Purpose> {
    match claim.state {
        DomainState::Pending => Some(Purpose::Verify),
        DomainState::Verified if is_by_dns(claim) => Some(Purpose::Watch),
        DomainState::Verified => Some(Purpose::Tell),
        DomainState::Rejected | DomainState::Revoked | DomainState::Withdrawn => None,
    }
}

/// How a claim is to be after a proof of it was found, that shows `challenge`.
///
/// # Errors
/// `DOMAIN_STATE` when the claim is another by now, or for operators to decide; as [`domains::verify`] without
/// `allow_shared`. Each leaves the claim as it is.
pub(crate) fn verify(
    standing: Option<&Domain>,
    held_elsewhere: bool,
    challenge: &str,
    decision: Decision,
) -> Result<Domain, Refusal> {
    match standing {
        Some(claim) if claim.challenge == challenge && verifies(claim) => {
            domains::verify(Some(claim), held_elsewhere, false, decision)
        }
        _ => Err(Refusal::new(
            Reason::DomainState,
            "The claim is not one that its DNS record verifies. An operator may verify it.",
        )),
    }
}

/// Whether the proof alone verifies the claim. One of which an operator said no before is theirs.
#[must_use]
pub(crate) fn verifies(claim: &Domain) -> bool {
    claim.state == DomainState::Pending && !is_for_operators_alone(claim)
}

fn is_by_dns(claim: &Domain) -> bool {
    claim.decision.as_ref().is_some_and(|decision| decision.how == DecidedHow::Dns)
}

/// There is nothing to prove of a claim.
#[must_use]
pub(crate) fn nothing_to_prove() -> Refusal {
    Refusal::new(
        Reason::DomainState,
        "The claim was rejected, revoked or withdrawn, so its DNS record proves nothing. Let the workspace \
         claim the domain again (DomainService.ClaimDomains) and publish the record of the new claim.",
    )
}

/// What becomes of a question that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// It is asked.
    Now,
    /// It is asked at this time: of a claim that was just made nobody can have published the record.
    At(Micros),
    /// It is not asked: the claim was decided on meanwhile, and there is nothing to look for.
    Never,
}

/// Whether a question that is due is asked.
#[must_use]
pub(crate) fn due(claim: &Domain, check: &DomainCheck, first_pause: Duration, now: Micros) -> Due {
    let first = check.begun_at.saturating_add(micros(first_pause));
    match purpose(claim) {
        None | Some(Purpose::Tell) => Due::Never,
        Some(Purpose::Verify) if check.attempts == 0 && now < first => Due::At(first),
        Some(Purpose::Verify | Purpose::Watch) => Due::Now,
    }
}

/// What is known of a claim whose question is put off.
#[must_use]
pub(crate) fn put_off(
    claim: &Domain,
    check: &DomainCheck,
    first_pause: Duration,
    now: Micros,
) -> DomainCheck {
    let next_at = match due(claim, check, first_pause, now) {
        Due::Now => check.next_at,
        Due::At(later) => Some(later),
        Due::Never => None,
    };
    DomainCheck { next_at, ..check.clone() }
}

/// What is known once a question that somebody asked for begins: the pauses begin anew.
#[must_use]
pub(crate) fn begun_again(check: &DomainCheck, now: Micros) -> DomainCheck {
    DomainCheck { begun_at: now, attempts: 0, ..check.clone() }
}

/// What is known after a question, asked at the time `now`.
#[must_use]
pub(crate) fn after(
    claim: &Domain,
    check: &DomainCheck,
    outcome: CheckOutcome,
    now: Micros,
) -> DomainCheck {
    let attempts = check.attempts.saturating_add(1);
    let known = DomainCheck {
        attempts,
        checked_at: Some(now),
        outcome: Some(outcome),
        next_at: next(claim, check.begun_at, attempts, now),
        ..check.clone()
    };
    match outcome {
        CheckOutcome::Proven => {
            DomainCheck { proven_at: Some(now), missing_since: None, warned_at: None, ..known }
        }
        CheckOutcome::NoRecord | CheckOutcome::OtherValue
            if purpose(claim) == Some(Purpose::Watch) =>
        {
            let since = check.missing_since.unwrap_or(now);
            let warned_at = check.warned_at.or_else(|| (now - since >= GONE_FOR).then_some(now));
            DomainCheck { missing_since: Some(since), warned_at, ..known }
        }
        CheckOutcome::NoRecord | CheckOutcome::OtherValue | CheckOutcome::NotAsked => known,
    }
}

/// What is known of the record and what to do, for the admin who publishes it.
#[must_use]
pub(crate) fn detail(claim: &Domain, check: &DomainCheck) -> String {
    let is_pending = claim.state == DomainState::Pending;
    match check.outcome {
        None if is_pending => {
            "Publish a TXT record of this name and value at the host of the domain's DNS; it is looked for \
             at growing pauses."
        }
        None => "The DNS was not asked about this claim.",
        Some(CheckOutcome::Proven) if is_pending => {
            "The record is there. An operator of Nestr decides on the claim, because another workspace has \
             the domain verified or an earlier claim was rejected or revoked."
        }
        Some(CheckOutcome::Proven) => "The record is there. Leave it: it is looked for again.",
        Some(CheckOutcome::NoRecord) if is_pending => {
            "There is no TXT record of this name yet. Publish it at the host of the domain's DNS, under \
             exactly this name: many hosts append the domain by themselves. What was just published may \
             take an hour to be seen."
        }
        Some(CheckOutcome::OtherValue) if is_pending => {
            "There is a TXT record of this name, and none has this value. Copy the value of this claim: \
             each workspace and each claim has its own."
        }
        Some(CheckOutcome::NoRecord | CheckOutcome::OtherValue) => {
            "The record is not there. The domain stays verified; publish the record again, or an operator \
             may ask why it went."
        }
        Some(CheckOutcome::NotAsked) => {
            "The DNS gave no answer that says whether the record is there. Nothing was changed by that; \
             look whether the domain's name servers answer."
        }
    }
    .to_owned()
}

/// When to ask again by itself; `None`: not until somebody asks for it.
fn next(claim: &Domain, begun_at: Micros, attempts: u32, now: Micros) -> Option<Micros> {
    match purpose(claim)? {
        Purpose::Verify => {
            let behind = usize::try_from(attempts).unwrap_or(usize::MAX).saturating_sub(1);
            let at = now + PAUSES.get(behind).copied().unwrap_or(DAY);
            (at <= begun_at + PERSISTENCE).then_some(at)
        }
        Purpose::Watch => Some(now + DAY),
        Purpose::Tell => None,
    }
}

fn micros(of: Duration) -> Micros {
    Micros::try_from(of.as_micros()).unwrap_or(Micros::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::domains::Claimant;

    const CHALLENGE: &str = "0123456789abcdef0123456789abcdef";

    fn claim() -> Domain {
        let claimant = Claimant {
            at: 0,
            by: "settings".to_owned(),
            contact_email: "a@acme.com".to_owned(),
            challenge: CHALLENGE.to_owned(),
        };
        domains::claim(None, "acme.com", &claimant)
    }

    fn verified(how: DecidedHow) -> Domain {
        let decision = Decision { at: 10, by: "dns".to_owned(), how, note: String::new() };
        domains::verify(Some(&claim()), false, false, decision).unwrap()
    }

    fn of(values: &[&str]) -> CheckOutcome {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        outcome(&claim(), &Found::Values(values))
    }

    #[test]
    fn the_record_has_a_name_and_a_value_of_its_own() {
        assert_eq!(record_name("acme.com"), "_nestr-scim.acme.com");
        let value = "nestr-scim-verification=0123456789abcdef0123456789abcdef";
        assert_eq!(record_value(&claim()), value);
    }

    #[test]
    fn the_value_proves_among_others_and_with_what_hosts_put_round_it() {
        let value = record_value(&claim());
        for proof in
            [value.clone(), format!("\"{value}\""), format!(" {value}\t\n"), format!("' {value} '")]
        {
            assert_eq!(of(&["v=spf1 -all", &proof]), CheckOutcome::Proven, "{proof:?}");
        }
    }

    /// Seen to fail with a value that need only contain the challenge, or begin with it.
    #[test]
    fn what_is_near_the_value_proves_nothing() {
        let value = record_value(&claim());
        for other in [
            CHALLENGE.to_owned(),
            format!("{value}0"),
            format!("{value} {value}"),
            value.replace('=', " = "),
            value.to_uppercase(),
            value[..value.len() - 1].to_owned(),
            format!("{PREFIX}{}", "f".repeat(32)),
            PREFIX.to_owned(),
            String::new(),
        ] {
            assert_eq!(of(&[&other]), CheckOutcome::OtherValue, "{other:?}");
        }
        assert_eq!(outcome(&claim(), &Found::NoRecord), CheckOutcome::NoRecord);
        let silence = Found::NotAsked("silence".to_owned());
        assert_eq!(outcome(&claim(), &silence), CheckOutcome::NotAsked);
    }

    #[test]
    fn a_claim_is_asked_about_ever_more_rarely_and_for_thirty_days() {
        let (claim, minute) = (claim(), Duration::from_mins(1));
        let mut check = DomainCheck::default();
        assert_eq!(due(&claim, &check, minute, 0), Due::At(MINUTE));
        assert_eq!(due(&claim, &check, minute, MINUTE), Due::Now);
        let mut now = MINUTE;
        let mut pauses = Vec::new();
        loop {
            check = after(&claim, &check, CheckOutcome::NoRecord, now);
            assert_eq!(due(&claim, &check, minute, 0), Due::Now, "it was asked");
            let Some(next) = check.next_at else { break };
            pauses.push((next - now) / MINUTE);
            now = next;
        }
        assert_eq!(pauses[..6], [5, 15, 60, 240, 24 * 60, 24 * 60]);
        assert!(now <= PERSISTENCE && now > PERSISTENCE - DAY, "{now}");
        assert_eq!((check.missing_since, check.warned_at), (None, None), "it was never there");

        let again = after(&claim, &begun_again(&check, 40 * DAY), CheckOutcome::NotAsked, 40 * DAY);
        assert_eq!(again.next_at, Some(40 * DAY + 5 * MINUTE));
    }

    #[test]
    fn only_a_pending_claim_that_no_operator_spoke_against_is_verified_by_proof() {
        assert!(verifies(&claim()));
        assert!(!verifies(&verified(DecidedHow::Dns)));
        let no =
            || Decision { at: 5, by: "olga".into(), how: DecidedHow::Operator, note: "no".into() };
        let rejected = domains::reject(Some(&claim()), no()).unwrap();
        assert!(!verifies(&rejected));
        assert_eq!(purpose(&rejected), None);
        let claimant = Claimant {
            at: 9,
            by: "settings".to_owned(),
            contact_email: "a@acme.com".to_owned(),
            challenge: CHALLENGE.to_owned(),
        };
        let again = domains::claim(Some(&rejected), "acme.com", &claimant);
        assert!(!verifies(&again), "made again, it is still for an operator");
        assert_eq!(purpose(&again), Some(Purpose::Verify), "who is told that it is proven");
    }

    /// Seen to fail with the first absence taken for a reason, with two in a row however close, and with
    /// those that are no answer counted.
    #[test]
    fn a_proof_is_missing_when_it_is_clearly_gone_twice_a_day_apart() {
        use CheckOutcome::{NoRecord, NotAsked, OtherValue, Proven};

        let claim = verified(DecidedHow::Dns);
        let seen = |checks: &[(Micros, CheckOutcome)]| {
            checks.iter().fold(DomainCheck::default(), |check, (at, outcome)| {
                after(&claim, &check, *outcome, *at)
            })
        };
        let once = seen(&[(0, Proven), (DAY, NoRecord)]);
        assert_eq!((once.missing_since, once.warned_at), (Some(DAY), None));
        assert_eq!(once.next_at, Some(2 * DAY));
        let close = seen(&[(0, NoRecord), (MINUTE, NoRecord), (DAY - 1, OtherValue)]);
        assert_eq!(close.warned_at, None);
        let mute = seen(&[(0, NoRecord), (DAY, NotAsked), (2 * DAY, NotAsked)]);
        assert_eq!((mute.missing_since, mute.warned_at), (Some(0), None));
        let twice =
            seen(&[(0, NoRecord), (DAY, NotAsked), (2 * DAY, OtherValue), (3 * DAY, NoRecord)]);
        assert_eq!((twice.missing_since, twice.warned_at), (Some(0), Some(2 * DAY)));
        assert_eq!(twice.next_at, Some(4 * DAY), "it is looked for further");
        let back = seen(&[(0, NoRecord), (DAY, NoRecord), (2 * DAY, Proven), (3 * DAY, NoRecord)]);
        assert_eq!((back.missing_since, back.warned_at), (Some(3 * DAY), None));
    }

    #[test]
    fn what_an_operator_verified_is_not_watched() {
        let claim = verified(DecidedHow::Operator);
        let check = after(&claim, &DomainCheck::default(), CheckOutcome::NoRecord, DAY);
        assert_eq!((check.next_at, check.missing_since), (None, None));
        let pause = Duration::from_mins(1);
        assert_eq!(due(&claim, &check, pause, 2 * DAY), Due::Never, "one that was due before");
        assert_eq!(due(&verified(DecidedHow::Dns), &check, pause, 2 * DAY), Due::Now);
        assert_eq!(check.outcome, Some(CheckOutcome::NoRecord), "who asks is told");
    }
}
