//! `nestr-scim simulate`: every identity provider's whole cycle against the product, and what the
//! command ends with. That its checks can fail is shown against servers with faults, in
//! `simulator/tests/cycles`.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Demo, Nestr, simulate};

/// The arguments that name the server.
fn against<'a>(demo: &'a Demo, idp: &'a str) -> [&'a str; 5] {
    [idp, "--url", &demo.scim_url, "--domain", "acme.com"]
}

#[rstest]
#[tokio::test]
async fn the_simulator_finds_nothing_wrong_here(
    #[values("entra", "entra-legacy", "okta", "onelogin", "jumpcloud")] idp: &str,
) {
    let nestr = Nestr::start().await;
    let demo = nestr.demo();
    let size = ["--users", "8", "--groups", "2", "--seed", "42", "--json"];
    let key = [("NESTR_SCIM_KEY", demo.api_key.as_str())];
    let (code, reported, said) = simulate(&[&against(&demo, idp)[..], &size].concat(), &key).await;

    assert_eq!(code, 0, "{reported}{said}");
    let report: Value = serde_json::from_str(&reported).unwrap();
    assert_eq!((&report["findings"], &report["left_behind"]), (&json!([]), &json!([])));
    assert!(report["requests"].as_u64() > Some(100), "{reported}");
    // It leaves nobody behind.
    for endpoint in ["/Users", "/Groups"] {
        assert_eq!(nestr.acme().get(endpoint).await.at("/totalResults"), json!(0));
    }
}

#[tokio::test]
async fn findings_end_with_1_and_tell_what_was_sent_and_came_but_not_the_key() {
    let nestr = Nestr::start().await;
    let demo = nestr.demo();
    let arguments = ["okta", "--url", &demo.scim_url, "--key", &demo.api_key];
    let (code, reported, _) =
        simulate(&[&arguments[..], &["--domain", "evil.example"]].concat(), &[]).await;
    assert_eq!(code, 1, "{reported}");
    for told in
        ["status in create, 10 times", "POST /Users", "status 201", "RFC 7644", "invalidValue"]
    {
        assert!(reported.contains(told), "{told}:\n{reported}");
    }
    assert!(!reported.contains(&demo.api_key), "{reported}");
}

#[tokio::test]
async fn what_cannot_be_played_ends_with_2_and_says_why() {
    let nestr = Nestr::start().await;
    let demo = nestr.demo();
    let nowhere = [("NESTR_SCIM_KEY", "not-a-key")];
    for (url, why) in [
        (demo.scim_url.as_str(), "answers 401 to the key"),
        ("http://127.0.0.1:1", "does not answer"),
        ("127.0.0.1:1", "a SCIM URL is like"),
    ] {
        let (code, reported, said) = simulate(&["entra", "--url", url], &nowhere).await;
        assert_eq!((code, reported.as_str()), (2, ""), "{said}");
        assert!(said.contains(why) && !said.contains("not-a-key"), "{said}");
    }
    // Words that clap refuses end alike.
    assert_eq!(simulate(&["google", "--url", "http://127.0.0.1:1"], &nowhere).await.0, 2);

    let key = [("NESTR_SCIM_KEY", demo.api_key.as_str())];
    let keep = [&against(&demo, "okta")[..], &["--groups", "0", "--keep"]].concat();
    assert_eq!(simulate(&keep, &key).await.0, 0);
    let (code, _, said) = simulate(&keep, &key).await;
    assert!(code == 2 && said.contains("--seed"), "{said}");
}
