//! The DNS is asked by the clock.

use std::sync::Mutex;

use super::*;
use crate::jobs::domain_checks::check_due;
use crate::rules::dns_proof;
use crate::store::{
    Author, DecidedHow, Decision, Domain, DomainCheck, DomainCheckStore, DomainState, LoginEmail,
    OperationId, Write,
};

const NAME: &str = "acme.org";

/// What the DNS says, and how often it was asked.
#[derive(Clone)]
struct Dns(Arc<Mutex<(Found, usize)>>);

impl Dns {
    fn asked(&self) -> usize {
        self.0.lock().unwrap().1
    }

    fn says(&self, found: Found) {
        self.0.lock().unwrap().0 = found;
    }

    fn answer(&self) -> Found {
        let mut said = self.0.lock().unwrap();
        said.1 += 1;
        said.0.clone()
    }
}

/// A house in which acme.org is claimed, and one person waits for it to be verified.
async fn claimed() -> (House, Dns) {
    let dns = Dns(Arc::new(Mutex::new((Found::NoRecord, 0))));
    let says = dns.clone();
    let house = House::with_dns(move |_| says.answer()).await;
    house.claim(NAME).await.unwrap();
    let document = r#"{"userName":"4711","emails":[{"value":"ada@acme.org","primary":true}]}"#;
    house.provision_as(&house.demo.api_key, document.to_owned()).await.unwrap();
    (house, dns)
}

impl House {
    async fn known(&self) -> (Domain, DomainCheck) {
        let workspace = self.store.workspace(self.demo.workspace_id);
        workspace.domain_check(NAME.to_owned()).await.unwrap().unwrap()
    }

    /// Lets the job do what is due now.
    async fn do_what_is_due(&self) {
        assert!(!check_due(&self.directory.services).await, "no more than one is due");
    }

    async fn check(&self) -> Result<v1::Domain, Status> {
        let workspace_id = self.demo.workspace_id.to_string();
        let ask = v1::CheckDomainRequest { workspace_id, domain: NAME.to_owned() };
        Ok(self.domains().check_domain(ask).await?.into_inner())
    }

    /// How many people sign in with ada@acme.org.
    async fn signed_in(&self) -> usize {
        let address = "ada@acme.org".to_owned();
        let email = LoginEmail { key: address.clone(), address };
        self.store.accounts(email).await.unwrap().len()
    }
}

fn proof(claim: &Domain) -> Found {
    Found::Values(vec!["v=spf1 -all".to_owned(), dns_proof::record_value(claim)])
}

/// Seen to fail with a first question that is not put off, and with the people who waited left waiting.
#[tokio::test]
async fn a_claim_is_verified_by_itself_once_its_record_is_there() {
    let (house, dns) = claimed().await;
    house.do_what_is_due().await;
    assert_eq!(dns.asked(), 0, "nobody can have published it yet");
    house.is_later(MINUTE);
    house.do_what_is_due().await;
    let (claim, check) = house.known().await;
    assert_eq!((claim.state, dns.asked()), (DomainState::Pending, 1));
    assert_eq!(check.next_at, Some(BEGIN + 6 * MINUTE));
    house.is_later(5 * MINUTE - 1);
    house.do_what_is_due().await;
    assert_eq!((dns.asked(), house.signed_in().await), (1, 0));

    dns.says(proof(&claim));
    house.is_later(1);
    house.do_what_is_due().await;
    let (claim, check) = house.known().await;
    assert_eq!((claim.state, dns.asked()), (DomainState::Verified, 2));
    let decision = claim.decision.unwrap();
    assert_eq!((decision.how, decision.by.as_str()), (DecidedHow::Dns, "dns"));
    assert_eq!(
        (check.proven_at, check.next_at),
        (Some(BEGIN + 6 * MINUTE), Some(BEGIN + 6 * MINUTE + DAY))
    );
    assert_eq!(house.signed_in().await, 1);
}

/// Seen to fail with a warning that takes the domain back.
#[tokio::test]
async fn a_proof_that_goes_is_a_warning_and_cuts_nobody_off() {
    let (house, dns) = claimed().await;
    dns.says(proof(&house.known().await.0));
    house.check().await.unwrap();
    let expect = async |found: Found, since: Option<i64>, warned: Option<i64>| {
        dns.says(found);
        house.is_later(DAY);
        house.do_what_is_due().await;
        let (claim, check) = house.known().await;
        assert_eq!(claim.state, DomainState::Verified);
        let day = |at: Option<Micros>| at.map(|at| (at - BEGIN) / DAY);
        assert_eq!((day(check.missing_since), day(check.warned_at)), (since, warned));
        assert_eq!(house.signed_in().await, 1);
    };
    let back = proof(&house.known().await.0);
    expect(Found::NotAsked("silence".to_owned()), None, None).await;
    expect(Found::NoRecord, Some(2), None).await;
    expect(Found::NotAsked("silence".to_owned()), Some(2), None).await;
    expect(Found::Values(vec!["another".to_owned()]), Some(2), Some(4)).await;
    expect(Found::NoRecord, Some(2), Some(4)).await;
    expect(back, None, None).await;
    assert_eq!(dns.asked(), 7, "once, and then daily");
}

/// The decision is on the disk, and the process ended before the people who waited for it had their login
/// e-mail. Seen to fail with only a claim that is still pending followed up.
#[tokio::test]
async fn a_verification_that_was_cut_short_is_finished() {
    let (house, dns) = claimed().await;
    let workspace = house.store.workspace(house.demo.workspace_id);
    let write = Write {
        operation: OperationId("dns".to_owned()),
        author: Author::Service("dns".to_owned()),
        at: BEGIN + MINUTE,
    };
    let decide = |claim: Option<&Domain>, _| {
        let (by, note) = ("dns".to_owned(), String::new());
        let decision = Decision { at: BEGIN + MINUTE, by, how: DecidedHow::Dns, note };
        let (state, decision) = (DomainState::Verified, Some(decision));
        Ok(Domain { state, decision, ..claim.unwrap().clone() }.into())
    };
    workspace.change_domain(write, NAME.to_owned(), decide).await.unwrap();
    assert_eq!(house.signed_in().await, 0);

    dns.says(proof(&house.known().await.0));
    house.is_later(2 * MINUTE);
    house.do_what_is_due().await;
    assert_eq!(house.signed_in().await, 1);
}

/// Seen to fail with a lease that nobody looks at.
#[tokio::test]
async fn a_claim_is_asked_about_once_in_ten_seconds() {
    let (house, dns) = claimed().await;
    let first = house.check().await.unwrap().dns.unwrap();
    house.is_later(9 * 1_000_000);
    let second = house.check().await.unwrap().dns.unwrap();
    assert_eq!(second.last_check_time, first.last_check_time);
    assert_eq!(second.detail, format!("{}{}", dns_proof::ASKED_A_MOMENT_AGO, first.detail));
    assert_eq!(dns.asked(), 1);
    house.is_later(1_000_000);
    let third = house.check().await.unwrap().dns.unwrap();
    assert_eq!((dns.asked(), third.detail), (2, first.detail));
}
