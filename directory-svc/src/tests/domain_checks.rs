//! The DNS is asked by the clock.

use std::sync::Mutex;

use directory_api::v1::domain_service_client::DomainServiceClient;
use uuid::Uuid;

use super::*;
use crate::jobs::domain_checks::check_due;
use crate::jobs::waiting::sign_in_some;
use crate::rules::dns_proof;
use crate::store::{
    Author, DecidedHow, Decision, Domain, DomainCheck, DomainCheckStore, DomainState, LoginEmail,
    OperationId, Write,
};

const NAME: &str = "acme.org";
/// More people than are looked at in a call.
const PEOPLE: usize = 450;

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
    /// Makes others who wait for the domain, [`PEOPLE`] in all.
    async fn let_many_wait(&self) {
        let key = &self.demo.api_key;
        let document = |n: usize| {
            format!(r#"{{"userName":"{n}","emails":[{{"value":"p{n}@acme.org","primary":true}}]}}"#)
        };
        // No more at a time than a workspace is given.
        for some in (1..PEOPLE).collect::<Vec<_>>().chunks(16) {
            let made = some.iter().map(|&n| self.provision_as(key, document(n)));
            futures_util::future::try_join_all(made).await.unwrap();
        }
    }

    async fn known(&self) -> (Domain, DomainCheck) {
        let workspace = self.store.workspace(self.demo.workspace_id);
        workspace.domain_check(NAME.to_owned()).await.unwrap().unwrap()
    }

    /// Lets the jobs do what is due now.
    async fn do_what_is_due(&self) {
        self.ask_what_is_due().await;
        while sign_in_some(&self.directory.services).await {}
    }

    /// Lets the job ask the DNS about what is due now.
    async fn ask_what_is_due(&self) {
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
        let met = self.store.doorsteps(email, None).await.unwrap();
        met.into_iter().filter(|step| step.by_email.is_some()).count()
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

/// Whoever waits for a domain holds up nobody else's check, and the lease of none runs out over them. Seen to
/// fail with the people signed in by the check that verifies their domain.
#[tokio::test]
async fn a_check_does_not_wait_for_the_people_of_its_domain() {
    let (house, dns) = claimed().await;
    dns.says(proof(&house.known().await.0));
    house.is_later(MINUTE);
    house.ask_what_is_due().await;
    let (claim, check) = house.known().await;
    assert_eq!((claim.state, house.signed_in().await), (DomainState::Verified, 0));
    assert_eq!(check.proven_at, Some(BEGIN + MINUTE), "the check is done with");
    house.do_what_is_due().await;
    assert_eq!(house.signed_in().await, 1);
}

/// The decision is on the disk, and the process ended before the people who waited for it had their login
/// e-mail, or with some of them. Seen to fail with a lease that nobody looks at, and with a verification that marks
/// nothing.
#[tokio::test]
async fn a_verification_that_was_cut_short_is_finished() {
    let (house, _) = claimed().await;
    let workspace = house.store.workspace(house.demo.workspace_id);
    let write = Write {
        operation: OperationId("olga".to_owned()),
        author: Author::Service("olga".to_owned()),
        at: BEGIN,
    };
    let decide = |claim: Option<&Domain>, _| {
        let (by, note) = ("olga".to_owned(), String::new());
        let decision = Decision { at: BEGIN, by, how: DecidedHow::Operator, note };
        let (state, decision) = (DomainState::Verified, Some(decision));
        Ok(Domain { state, decision, ..claim.unwrap().clone() }.into())
    };
    workspace.change_domain(write, NAME.to_owned(), decide).await.unwrap();
    let taker = Uuid::from_u128(1);
    let theirs = house.store.take_waiting(taker, BEGIN, BEGIN + MINUTE, 10).await.unwrap();
    assert!(theirs.iter().any(|waiting| waiting.domain == NAME), "a process that goes no further");
    house.do_what_is_due().await;
    assert_eq!(house.signed_in().await, 0, "it may still be at it");

    house.is_later(MINUTE);
    house.do_what_is_due().await;
    assert_eq!(house.signed_in().await, 1);
    let changes = workspace.changes(0, 1_000).await.unwrap();
    let author = &changes.last().unwrap().author;
    assert_eq!(author.name(), "olga", "in the name of who verified it");
}

/// More than one page of people, each step behind the other. Seen to fail with the first page alone, and with
/// one that begins again with the first.
#[tokio::test]
async fn many_people_are_signed_in_step_by_step() {
    let (house, dns) = claimed().await;
    house.let_many_wait().await;
    dns.says(proof(&house.known().await.0));
    house.is_later(MINUTE);
    house.ask_what_is_due().await;
    let workspace = house.store.workspace(house.demo.workspace_id);
    let mut steps = Vec::new();
    while sign_in_some(&house.directory.services).await {
        steps.push(workspace.people_of_domain(NAME.to_owned()).await.unwrap());
    }
    assert_eq!(steps, [200, 400, u64::try_from(PEOPLE).unwrap()]);
}

/// The first of them can sign in once the call is answered, and the others follow. Seen to fail with a call that
/// goes on to the last of them, and with one that does not say how far it came.
#[tokio::test]
async fn whoever_verifies_a_domain_does_not_wait_for_all_its_people() {
    let (house, _) = claimed().await;
    house.let_many_wait().await;
    let mut ask = Request::new(v1::VerifyDomainRequest {
        workspace_id: house.demo.workspace_id.to_string(),
        domain: NAME.to_owned(),
        ..v1::VerifyDomainRequest::default()
    });
    ask.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
    DomainServiceClient::new(house.service()).verify_domain(ask).await.unwrap();
    let workspace = house.store.workspace(house.demo.workspace_id);
    let signed_in = async || workspace.people_of_domain(NAME.to_owned()).await.unwrap();
    assert_eq!(signed_in().await, 400);
    assert!(sign_in_some(&house.directory.services).await);
    assert_eq!(signed_in().await, u64::try_from(PEOPLE).unwrap());
    let due = house.store.take_waiting(Uuid::nil(), BEGIN + DAY, BEGIN + 2 * DAY, 9).await.unwrap();
    assert!(due.iter().all(|waiting| waiting.domain != NAME), "nobody is left");
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
