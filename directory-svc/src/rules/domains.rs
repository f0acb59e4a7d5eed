//! Claims of e-mail domains: reading them, and what an operator may decide.

use directory_api::v1::Reason;

use super::login_email::domain;
use crate::clock::Micros;
use crate::refusal::{Refusal, echo};
use crate::store::{Decision, Domain, DomainState};

/// How many domains one text may claim.
pub(crate) const CLAIMS_AT_ONCE: usize = 100;

/// One domain of a claim's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A domain, in the form in which domains are compared.
    Domain(String),
    /// No domain that anybody could claim: the text, cut, and what is wrong with it.
    Refused(String, &'static str),
}

/// Reads the domains that an admin typed or pasted: separated by commas, semicolons or white space,
/// with a leading `@`, parts of a URL and its `www.` forgiven. Each is answered once.
#[must_use]
pub(crate) fn read_claims(text: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    for word in text.split(|c: char| c == ',' || c == ';' || c.is_whitespace()) {
        if !word.is_empty() {
            let claim = read_claim(word);
            if !claims.contains(&claim) {
                claims.push(claim);
            }
        }
    }
    claims
}

fn read_claim(word: &str) -> Claim {
    let refused = |why| Claim::Refused(echo(word), why);
    let (host, pasted_url) = match word.split_once("://") {
        Some((_, rest)) => (rest.split(['/', '?', '#']).next().unwrap_or_default(), true),
        None => (word.strip_prefix('@').unwrap_or(word), false),
    };
    if host.contains('@') {
        return refused("An address is no domain: claim the part behind the @.");
    }
    let host = host.split_once(':').map_or(host, |(host, _port)| host);
    let host = if pasted_url { host.strip_prefix("www.").unwrap_or(host) } else { host };
    let Some(name) = domain(host) else {
        return refused("Not a domain name.");
    };
    let labels: Vec<&str> = name.split('.').collect();
    let top = labels.last().copied().unwrap_or_default();
    if top.chars().all(|c| c.is_ascii_digit()) {
        return refused("An IP address is no e-mail domain.");
    }
    if labels.len() < 2 {
        return refused("A domain has at least two parts, like example.com.");
    }
    Claim::Domain(name)
}

/// How a claim is to be after it is made (again) at the time `now`. A verified or pending one stays
/// as it is; a rejected one waits for a decision again.
#[must_use]
pub(crate) fn claim(
    standing: Option<&Domain>,
    name: &str,
    contact_email: &str,
    now: Micros,
) -> Domain {
    match standing {
        Some(domain) if domain.state != DomainState::Rejected => domain.clone(),
        _ => Domain {
            name: name.to_owned(),
            state: DomainState::Pending,
            contact_email: contact_email.to_owned(),
            claimed_at: now,
            decision: None,
        },
    }
}

/// How a claim is to be after an operator verified it. A verified one stays as it is.
///
/// # Errors
/// `DOMAIN_NOT_FOUND` when it was never claimed; `DOMAIN_STATE` when it was rejected since;
/// `DOMAIN_HELD_ELSEWHERE` when another workspace has it verified and that is not allowed.
pub(crate) fn verify(
    standing: Option<&Domain>,
    held_elsewhere: bool,
    allow_shared: bool,
    decision: Decision,
) -> Result<Domain, Refusal> {
    let domain = standing.ok_or_else(not_claimed)?;
    match domain.state {
        DomainState::Verified => Ok(domain.clone()),
        DomainState::Rejected => Err(Refusal::new(
            Reason::DomainState,
            "The claim was rejected. Let the workspace claim the domain again before verifying it.",
        )),
        DomainState::Pending if held_elsewhere && !allow_shared => Err(Refusal::new(
            Reason::DomainHeldElsewhere,
            "Another workspace has this domain verified. Set allow_shared if both may have it: \
             the address of one person then signs in to both.",
        )),
        DomainState::Pending => Ok(decided(domain, DomainState::Verified, decision)),
    }
}

/// How a claim is to be after an operator rejected it. A rejected one stays as it is.
///
/// # Errors
/// `DOMAIN_NOT_FOUND` when it was never claimed; `DOMAIN_STATE` when it is verified.
pub(crate) fn reject(standing: Option<&Domain>, decision: Decision) -> Result<Domain, Refusal> {
    let domain = standing.ok_or_else(not_claimed)?;
    match domain.state {
        DomainState::Rejected => Ok(domain.clone()),
        DomainState::Verified => Err(Refusal::new(
            Reason::DomainState,
            "The domain is verified; only a pending claim can be rejected.",
        )),
        DomainState::Pending => Ok(decided(domain, DomainState::Rejected, decision)),
    }
}

fn decided(domain: &Domain, state: DomainState, decision: Decision) -> Domain {
    Domain { state, decision: Some(decision), ..domain.clone() }
}

fn not_claimed() -> Refusal {
    Refusal::new(
        Reason::DomainNotFound,
        "The workspace has not claimed this domain. Claim it first (DomainService.ClaimDomains).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(text: &str) -> Vec<String> {
        read_claims(text)
            .into_iter()
            .map(|claim| match claim {
                Claim::Domain(name) => name,
                Claim::Refused(text, _) => format!("refused: {text}"),
            })
            .collect()
    }

    fn decision() -> Decision {
        Decision { at: 2, by: "operator".into(), note: String::new() }
    }

    #[test]
    fn domains_are_read_from_what_an_admin_pastes() {
        assert_eq!(
            domains(
                "Example.com, @acme.co.uk; https://www.foo.org/about\n\nexample.COM BÜCHER.example"
            ),
            ["example.com", "acme.co.uk", "foo.org", "xn--bcher-kva.example"]
        );
        assert_eq!(domains(" ,; "), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_domain_is_refused_by_itself() {
        assert_eq!(
            domains("ada@acme.com acme.com localhost 10.0.0.1 a..b"),
            [
                "refused: ada@acme.com",
                "acme.com",
                "refused: localhost",
                "refused: 10.0.0.1",
                "refused: a..b"
            ]
        );
    }

    #[test]
    fn a_rejected_claim_can_be_made_again_and_a_verified_one_stays() {
        let pending = claim(None, "acme.com", "a@acme.com", 1);
        let verified = verify(Some(&pending), false, false, decision()).unwrap();
        assert_eq!(claim(Some(&verified), "acme.com", "b@acme.com", 3), verified);
        let rejected = reject(Some(&pending), decision()).unwrap();
        let again = claim(Some(&rejected), "acme.com", "b@acme.com", 3);
        assert_eq!((again.state, again.claimed_at), (DomainState::Pending, 3));
    }

    #[test]
    fn a_decision_needs_a_pending_claim() {
        let pending = claim(None, "acme.com", "a@acme.com", 1);
        let reason = |r: Result<Domain, Refusal>| r.unwrap_err().reason;
        assert_eq!(reason(verify(None, false, false, decision())), Reason::DomainNotFound);
        assert_eq!(reason(reject(None, decision())), Reason::DomainNotFound);
        let rejected = reject(Some(&pending), decision()).unwrap();
        assert_eq!(reason(verify(Some(&rejected), false, false, decision())), Reason::DomainState);
        let verified = verify(Some(&pending), false, false, decision()).unwrap();
        assert_eq!(reason(reject(Some(&verified), decision())), Reason::DomainState);
    }

    #[test]
    fn a_domain_held_elsewhere_is_shared_only_on_purpose() {
        let pending = claim(None, "acme.com", "a@acme.com", 1);
        let no = verify(Some(&pending), true, false, decision()).unwrap_err();
        assert_eq!(no.reason, Reason::DomainHeldElsewhere);
        assert!(verify(Some(&pending), true, true, decision()).is_ok());
    }
}
