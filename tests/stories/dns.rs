//! A domain is verified by a TXT record, asked for at a real name server.

use std::time::Duration;

use directory_api::v1::{
    DecidedHow, Domain, DomainProof, DomainState, ProofOutcome, VerifyDomainRequest,
};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tonic::Code;

use crate::harness::{Ask, Dns, Login, Nestr, Operator, Says, Shape, Workspace};

/// How long to wait for what happens by itself. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_mins(1);

/// A product that asks this server.
async fn start(settings: &[&str]) -> (Dns, Nestr) {
    let dns = Dns::start().await;
    let server = dns.at().to_string();
    let all = ["--demo", "acme.com", "--dns-server", &server];
    let nestr = Nestr::start_with(&[&all[..], settings].concat()).await;
    (dns, nestr)
}

/// Claims a domain; answers name and value of the record that proves it.
async fn claim(operator: &Operator, workspace_id: &str, domain: &str) -> (String, String) {
    operator.claim(workspace_id, domain).await;
    record(operator, workspace_id, domain).await
}

/// Name and value of the record that proves a claim, as the settings pages show it.
async fn record(operator: &Operator, workspace_id: &str, domain: &str) -> (String, String) {
    let listed = operator.list_domains(workspace_id).await;
    let claim = listed.into_iter().find(|claim| claim.domain == domain).expect("the claim");
    let proof = claim.dns.expect("a record to publish");
    (proof.record_name, proof.record_value)
}

fn state(of: &Domain) -> (DomainState, ProofOutcome) {
    let outcome = of.dns.as_ref().map(DomainProof::outcome).unwrap_or_default();
    (of.state(), outcome)
}

/// Makes a person with a staff number, whose address is of a domain; answers their id.
async fn staff(workspace: &Workspace, number: u32, address: &str) -> String {
    let emails = json!([{"value": address, "type": "work", "primary": true}]);
    let person = json!({"userName": number.to_string(), "emails": emails});
    workspace.post("/Users", person.to_string()).await.is(201).text("/id")
}

/// Seen to fail with those who waited left waiting.
#[tokio::test]
async fn the_record_of_the_claim_verifies_it_and_who_waited_signs_in() {
    let (dns, nestr) = start(&[]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let ada = staff(&acme, 4711, "ada@acme.org").await;
    let (name, value) = claim(&operator, &acme.id, "acme.org").await;
    assert_eq!(name, "_nestr-scim.acme.org");
    dns.publish(&name, &["v=spf1 -all", &format!("\"{value}\"")]);
    assert_eq!(acme.resolve_login("ada@acme.org").await, Login::Nobody);

    let verified = operator.check_domain(&acme.id, "@ACME.org").await.unwrap();

    assert_eq!(state(&verified), (DomainState::Verified, ProofOutcome::Proven));
    assert_eq!((verified.decided_by.as_str(), verified.decided_how()), ("dns", DecidedHow::Dns));
    let proof = verified.dns.unwrap();
    assert!(proof.proven_time.is_some() && proof.next_check_time.is_some());
    assert_eq!(acme.resolve_login("ADA@acme.org").await, Login::Active(ada));
    // Apart, the numbers of the directory are on an address of their own.
    if Shape::of_this_run() == Shape::Whole {
        let line = r#"nestr_scim_domain_checks_total{outcome="proven"} 1"#;
        let numbers = nestr.send(Ask::new("GET", "/metrics")).await.is(200);
        assert!(numbers.body.contains(line));
    }
}

/// Seen to fail with the lease of a check ignored.
#[tokio::test]
async fn without_the_record_a_claim_stays_and_the_admin_reads_what_to_publish() {
    let (dns, nestr) = start(&[]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let (name, value) = claim(&operator, &acme.id, "acme.org").await;

    let pending = operator.check_domain(&acme.id, "acme.org").await.unwrap();

    assert_eq!(state(&pending), (DomainState::Pending, ProofOutcome::NoRecord));
    let proof = pending.dns.unwrap();
    assert_eq!((&proof.record_name, &proof.record_value), (&name, &value));
    assert!(proof.detail.contains("TXT record"), "{}", proof.detail);
    let asked: Vec<_> = dns.asked().into_iter().map(|asked| asked.name.to_lowercase()).collect();
    assert_eq!(asked, [name]);

    let again = operator.check_domain(&acme.id, "acme.org").await.unwrap().dns.unwrap();
    assert!(again.detail.contains("10 seconds"), "it says that it did not ask: {}", again.detail);
    assert_eq!(dns.asked().len(), 1, "nobody makes it flood a name server");

    let unknown = operator.check_domain(&acme.id, "acme.net").await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

/// Seen to fail without the job.
#[tokio::test]
async fn the_record_is_found_without_anybody_asking() {
    let (dns, nestr) = start(&["--dns-first-check", "1s"]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let ada = staff(&acme, 4711, "ada@acme.org").await;
    let (name, value) = claim(&operator, &acme.id, "acme.org").await;
    dns.publish(&name, &[&value]);

    let deadline = Instant::now() + PATIENCE;
    while acme.resolve_login("ada@acme.org").await != Login::Active(ada.clone()) {
        assert!(Instant::now() < deadline, "{:?}", operator.list_domains(&acme.id).await);
        sleep(Duration::from_millis(100)).await;
    }
}

/// Seen to fail with a challenge that all claims share.
#[tokio::test]
async fn the_record_of_another_workspace_proves_nothing() {
    let (dns, nestr) = start(&[]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let evil = operator.create_workspace("Evil").await;
    let (name, value) = claim(&operator, &acme.id, "acme.org").await;
    let (same, other) = claim(&operator, &evil, "acme.org").await;
    assert_eq!(name, same);
    assert_ne!(value, other);
    dns.publish(&name, &[&value]);

    let pending = operator.check_domain(&evil, "acme.org").await.unwrap();
    assert_eq!(state(&pending), (DomainState::Pending, ProofOutcome::OtherValue));
    let verified = operator.check_domain(&acme.id, "acme.org").await.unwrap();
    assert_eq!(state(&verified), (DomainState::Verified, ProofOutcome::Proven));
}

/// Seen to fail with a proof that verifies whoever else has the domain.
#[tokio::test]
async fn a_domain_that_another_workspace_has_is_not_verified_by_its_record_alone() {
    let (dns, nestr) = start(&[]).await;
    let operator = nestr.operator();
    let globex = operator.create_workspace("Globex").await;
    let (name, value) = claim(&operator, &globex, "acme.com").await;
    dns.publish(&name, &[&value]);

    let proven = operator.check_domain(&globex, "acme.com").await.unwrap();
    assert_eq!(state(&proven), (DomainState::Pending, ProofOutcome::Proven));
    assert!(proven.dns.unwrap().detail.contains("operator"));
    let listed = operator.list_domains(&globex).await.remove(0).dns.unwrap();
    assert!(listed.proven_time.is_some(), "the operator who decides sees that it is proven");

    let mut ask = VerifyDomainRequest {
        workspace_id: globex.clone(),
        domain: "acme.com".to_owned(),
        ..VerifyDomainRequest::default()
    };
    let no = operator.domains().verify_domain(ask.clone()).await.unwrap_err();
    assert_eq!(no.code(), Code::FailedPrecondition);
    ask.allow_shared = true;
    operator.domains().verify_domain(ask).await.unwrap();
}

/// Seen to fail with a claim that an operator rejected before verified like any other.
#[tokio::test]
async fn a_record_does_not_overrule_an_operator() {
    let (dns, nestr) = start(&[]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    claim(&operator, &acme.id, "acme.org").await;
    let no = directory_api::v1::RejectDomainRequest {
        workspace_id: acme.id.clone(),
        domain: "acme.org".to_owned(),
        reason: "Not yours.".to_owned(),
    };
    operator.domains().reject_domain(no).await.unwrap();
    let refused = operator.check_domain(&acme.id, "acme.org").await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("ClaimDomains"), "{}", refused.message());

    let (name, value) = claim(&operator, &acme.id, "acme.org").await;
    dns.publish(&name, &[&value]);
    let proven = operator.check_domain(&acme.id, "acme.org").await.unwrap();
    assert_eq!(state(&proven), (DomainState::Pending, ProofOutcome::Proven));
}

/// Seen to fail with every error taken for the absence of the record.
#[tokio::test]
async fn what_the_dns_says_later_cuts_nobody_off() {
    let (dns, nestr) = start(&[]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let later = [
        ("gone.example", None, ProofOutcome::NoRecord),
        ("other.example", Some(Says::Txt(vec!["another".to_owned()])), ProofOutcome::OtherValue),
        ("empty.example", Some(Says::Nothing), ProofOutcome::NoRecord),
        ("failing.example", Some(Says::Failure), ProofOutcome::NotAsked),
        ("silent.example", Some(Says::Silence), ProofOutcome::NotAsked),
        ("moved.example", Some(Says::Referral), ProofOutcome::NotAsked),
    ];
    for (domain, _, _) in &later {
        let (name, value) = claim(&operator, &acme.id, domain).await;
        dns.publish(&name, &[&value]);
        let verified = operator.check_domain(&acme.id, domain).await.unwrap();
        assert_eq!(state(&verified), (DomainState::Verified, ProofOutcome::Proven), "{domain}");
        acme.create(&format!("ada@{domain}")).await;
    }
    for (domain, says, outcome) in later {
        let name = format!("_nestr-scim.{domain}");
        match says {
            Some(says) => dns.says(&name, says),
            None => dns.withdraw(&name),
        }
        let seen = ask_until_asked(&operator, &acme.id, domain).await;
        assert_eq!(state(&seen), (DomainState::Verified, outcome), "{domain}");
        let is_missing = seen.dns.unwrap().missing_time.is_some();
        assert_eq!(is_missing, outcome != ProofOutcome::NotAsked, "{domain}");
        let login = acme.resolve_login(&format!("ada@{domain}")).await;
        assert!(matches!(login, Login::Active(_)), "{domain}");
    }
}

/// Asks until the ten seconds since the last question are over.
async fn ask_until_asked(operator: &Operator, workspace_id: &str, domain: &str) -> Domain {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = operator.check_domain(workspace_id, domain).await.expect("an answer");
        if !seen.dns.as_ref().expect("a proof").detail.contains("10 seconds") {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen:?}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_claim_is_pending_still_whatever_is_wrong_with_its_dns() {
    let (dns, nestr) = start(&[]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    for (domain, says) in [
        ("failing.example", Says::Failure),
        ("silent.example", Says::Silence),
        ("moved.example", Says::Referral),
    ] {
        let (name, _) = claim(&operator, &acme.id, domain).await;
        dns.says(&name, says);
        let pending = operator.check_domain(&acme.id, domain).await.unwrap();
        assert_eq!(state(&pending), (DomainState::Pending, ProofOutcome::NotAsked), "{domain}");
        assert!(pending.dns.unwrap().next_check_time.is_some(), "it is asked again: {domain}");
    }
}

/// Seen to fail without TCP.
#[tokio::test]
async fn an_alias_and_an_answer_too_long_for_udp_prove_as_well() {
    let (dns, nestr) = start(&[]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let (name, value) = claim(&operator, &acme.id, "alias.example").await;
    dns.says(&name, Says::Alias("proofs.host.example."));
    dns.publish("proofs.host.example", &[&value]);
    let verified = operator.check_domain(&acme.id, "alias.example").await.unwrap();
    assert_eq!(state(&verified), (DomainState::Verified, ProofOutcome::Proven));
    assert!(dns.asked().iter().all(|asked| !asked.over_tcp));

    let (name, value) = claim(&operator, &acme.id, "long.example").await;
    dns.publish(&name, &["x".repeat(2_000).as_str(), &value]);
    let verified = operator.check_domain(&acme.id, "long.example").await.unwrap();
    assert_eq!(state(&verified), (DomainState::Verified, ProofOutcome::Proven));
    assert!(dns.asked().iter().any(|asked| asked.over_tcp));
}
