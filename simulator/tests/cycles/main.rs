//! The cycles against a stand-in: one that is right, and one for every thing that can be wrong. Each
//! check was seen to fail by that.

mod resource;
mod stand_in;

use std::time::Duration;

use idp_simulator::{CannotRun, Check, Client, Idp, MOST_RETRIES, Plan, Report, play};
use rstest::rstest;
use stand_in::{Fault, StandIn};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

fn plan(idp: Idp) -> Plan {
    Plan { idp, users: 7, groups: 2, seed: 1, domain: "example.com".to_owned(), keep: false }
}

fn client(server: &StandIn) -> Client {
    let key = "key-of-the-test".parse().expect("a key");
    Client::new(&server.url, key, PATIENCE).expect("a client")
}

async fn played(plan: &Plan, server: &StandIn) -> Result<Report, CannotRun> {
    play(plan, &client(server), CancellationToken::new()).await
}

#[rstest]
#[tokio::test]
async fn a_server_that_is_right_is_found_right_and_left_as_it_was(
    #[values(Idp::Entra, Idp::EntraLegacy, Idp::Okta, Idp::OneLogin, Idp::JumpCloud)] idp: Idp,
) {
    let server = StandIn::start(Fault::Nothing).await;
    let report = played(&plan(idp), &server).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((server.left(), report.left_behind.len()), ((0, 0), 0));
    let one = Plan { users: 1, groups: 1, ..plan(idp) };
    let report = played(&one, &server).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

/// What is wrong, who notices it, and by which check.
const FAULTS: [(Fault, Idp, Check); 30] = [
    (Fault::HangsUp, Idp::Entra, Check::Answered),
    (Fault::CreatesWith200, Idp::Okta, Check::Status),
    (Fault::ThrottlesWithoutAWord, Idp::JumpCloud, Check::RetryAfter),
    (Fault::PlainJson, Idp::OneLogin, Check::ContentType),
    (Fault::NoSchemas, Idp::Entra, Check::Body),
    (Fault::PlainErrors, Idp::Okta, Check::ErrorBody),
    (Fault::NoId, Idp::Entra, Check::Id),
    (Fault::NoLocation, Idp::JumpCloud, Check::Location),
    (Fault::NoTimes, Idp::Entra, Check::Meta),
    (Fault::WrongEtag, Idp::Okta, Check::Etag),
    (Fault::LosesTitles, Idp::EntraLegacy, Check::AsSent),
    (Fault::LosesTitles, Idp::JumpCloud, Check::AsSent),
    (Fault::PatchLosesPhones, Idp::Entra, Check::Untouched),
    (Fault::PatchAnswersWhatWas, Idp::Entra, Check::SameAsRead),
    (Fault::WrongItemsPerPage, Idp::Okta, Check::List),
    (Fault::EmptyLookupIs404, Idp::Entra, Check::EmptyLookup),
    (Fault::IgnoresFilters, Idp::Entra, Check::Lookup),
    (Fault::CaseSensitive, Idp::Entra, Check::LetterCase),
    (Fault::CaseSensitive, Idp::JumpCloud, Check::Duplicate),
    (Fault::TakesDuplicates, Idp::Okta, Check::Duplicate),
    (Fault::EveryTextIsTrue, Idp::EntraLegacy, Check::Active),
    (Fault::PatchesHalf, Idp::Okta, Check::Atomic),
    (Fault::ShowsPasswords, Idp::Okta, Check::Password),
    (Fault::EveryPageIsTheFirst, Idp::Okta, Check::Paging),
    (Fault::LosesAMember, Idp::OneLogin, Check::Members),
    (Fault::AddReplacesMembers, Idp::Entra, Check::Members),
    (Fault::RemoveEmptiesTheGroup, Idp::EntraLegacy, Check::Members),
    (Fault::IgnoresExcluded, Idp::EntraLegacy, Check::Excluded),
    (Fault::RefusesUnknownMembers, Idp::Okta, Check::GoneMember),
    (Fault::KeepsTheDeleted, Idp::JumpCloud, Check::Gone),
];

#[tokio::test]
async fn every_fault_is_found_out_by_its_check() {
    for (fault, idp, check) in FAULTS {
        let server = StandIn::start(fault).await;
        let report = played(&plan(idp), &server).await.unwrap();
        let found = report.findings.iter().any(|finding| finding.check == check);
        assert!(found, "{fault:?} should be found by {check:?}:\n{report}");
    }
}

#[test]
fn every_check_was_seen_to_fail() {
    for check in Check::ALL {
        assert!(FAULTS.iter().any(|(_, _, by)| *by == check), "{check:?}");
    }
}

/// A fault in one place is one finding, not one in everything that follows.
#[tokio::test]
async fn a_fault_brings_no_crowd_of_findings() {
    for (fault, idp, check) in [
        (Fault::EveryTextIsTrue, Idp::EntraLegacy, Check::Active),
        (Fault::LosesAMember, Idp::OneLogin, Check::Members),
        (Fault::RefusesUnknownMembers, Idp::Okta, Check::GoneMember),
        (Fault::LosesTitles, Idp::Entra, Check::AsSent),
    ] {
        let server = StandIn::start(fault).await;
        let report = played(&plan(idp), &server).await.unwrap();
        assert!(report.findings.iter().all(|finding| finding.check == check), "{report}");
    }
}

#[tokio::test]
async fn what_is_kept_is_told_and_met_again() {
    let server = StandIn::start(Fault::Nothing).await;
    let keep = Plan { keep: true, ..plan(Idp::Okta) };
    let report = played(&keep, &server).await.unwrap();
    assert!(report.is_clean(), "{report}");
    assert_eq!((server.left(), report.left_behind.len()), ((7, 2), 9));
    let again = played(&keep, &server).await.unwrap_err();
    assert!(matches!(again, CannotRun::Taken(_)), "{again}");
    assert!(played(&Plan { seed: 2, ..keep }, &server).await.unwrap().is_clean());
}

#[tokio::test]
async fn whoever_asks_it_to_end_gets_the_server_back_as_it_was() {
    let server = StandIn::start(Fault::Nothing).await;
    let client = client(&server);
    let stop = CancellationToken::new();
    let plan = Plan { users: 50, ..plan(Idp::Entra) };
    let watch = async {
        while server.left().0 < 3 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (report, ()) = tokio::join!(play(&plan, &client, stop.clone()), watch);
    let report = report.unwrap();
    assert!(report.stopped.is_some() && report.findings.is_empty(), "{report}");
    assert_eq!((server.left(), report.left_behind.len()), ((0, 0), 0));
}

/// Seen to fail with names drawn anew in each run.
#[tokio::test]
async fn the_same_seed_sends_the_same() {
    let mut heard = Vec::new();
    for seed in [1, 1, 2] {
        let server = StandIn::start(Fault::Nothing).await;
        played(&Plan { seed, ..plan(Idp::Entra) }, &server).await.unwrap();
        heard.push(server.heard());
    }
    assert_eq!(heard[0], heard[1]);
    assert_ne!(heard[0], heard[2]);
}

/// Seen to fail with the answer shown as it came.
#[tokio::test]
async fn a_key_that_the_server_repeats_is_not_reported() {
    let server = StandIn::start(Fault::RepeatsTheKey).await;
    let report = played(&plan(Idp::Okta), &server).await.unwrap();
    let text = report.to_string() + &report.to_json();
    assert!(text.contains("*** is no key") && !text.contains("key-of-the-test"), "{text}");
}

/// Seen to fail, by never ending, without the bound.
#[tokio::test]
async fn a_server_that_stays_busy_is_asked_six_times_and_no_more() {
    let server = StandIn::start(Fault::IsBusyForEver).await;
    let two = Plan { users: 2, groups: 0, ..plan(Idp::Okta) };
    let report = played(&two, &server).await.unwrap();
    assert_eq!((report.findings[0].check, report.findings[0].count), (Check::Status, 2));
    assert_eq!(report.retries, 2 * MOST_RETRIES);
    let posts = server.heard().iter().filter(|asked| asked.starts_with("POST")).count();
    assert_eq!(posts, 12);
}

/// Seen to fail, by never ending, without the time limit.
#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_after_three_requests() {
    let server = StandIn::start(Fault::NeverAnswersAPatch).await;
    let key = "key-of-the-test".parse().unwrap();
    let client = Client::new(&server.url, key, Duration::from_secs(1)).unwrap();
    let report = play(&plan(Idp::Entra), &client, CancellationToken::new()).await.unwrap();
    assert!(report.stopped.is_some() && !report.is_clean(), "{report}");
    assert_eq!((report.findings[0].check, report.findings[0].count), (Check::Answered, 3));
    assert_eq!(report.left_behind.len(), 7);
}

/// The shape of the JSON is a promise to machines, that of the text a help for people.
#[tokio::test]
async fn a_report_is_written_for_people_and_for_machines() {
    let server = StandIn::start(Fault::EveryTextIsTrue).await;
    let two = Plan { users: 2, groups: 1, ..plan(Idp::EntraLegacy) };
    let mut report = played(&two, &server).await.unwrap();
    for step in &mut report.steps {
        step.latency_ms = idp_simulator::Latency { p50: 1.25, p99: 20.5, max: 300.0 };
    }
    let shown = |text: String| text.replace(&server.url, "https://scim.example.com/scim");
    insta::assert_snapshot!("text", shown(report.to_string()));
    insta::assert_snapshot!("json", shown(report.to_json()));
}
