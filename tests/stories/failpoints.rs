//! The process dies between two steps that belong together, at each such place in turn.

use std::path::PathBuf;

use directory_svc::failpoint::Point;
use serde_json::json;

use crate::harness::{Nestr, Redis, Shape, Workspace, unique};

/// Makes people, after each switches the integration on again and has a domain verified, whose claimant is
/// written to, until the process is gone. Answers who was acknowledged, and who was asked for at the end.
async fn until_it_dies(nestr: &Nestr, acme: &Workspace) -> (Vec<String>, Option<String>) {
    let mut acknowledged = Vec::new();
    for _ in 0..100 {
        let name = format!("p-{}", unique());
        let body = json!({"userName": name, "displayName": name}).to_string();
        match acme.try_send(acme.ask("POST", "/Users").scim(body)).await {
            Ok(answer) if answer.status == 201 => acknowledged.push(name.clone()),
            Ok(answer) if answer.status == 503 => return (acknowledged, Some(name)),
            Ok(answer) => panic!("{answer}"),
            Err(_) => return (acknowledged, Some(name)),
        }
        let (operator, domain) = (nestr.operator(), format!("{name}.example"));
        if operator.try_enable_scim(&acme.id).await.is_err()
            || operator.try_claim(&acme.id, &domain).await.is_err()
            || operator.try_verify(&acme.id, &domain).await.is_err()
        {
            return (acknowledged, None);
        }
    }
    panic!("the process did not die: failpoints are in debug builds alone");
}

/// Whatever was acknowledged is there, once and whole; what was not answered is there whole or not at
/// all; and the process starts and goes on. Seen to fail with writes answered before their commit.
#[tokio::test]
async fn dying_between_two_steps_loses_nothing_and_leaves_no_half() {
    // Some are passed beside a Redis alone.
    let redis = Redis::start().await;
    let url = redis.url();
    for point in Point::ALL {
        // Making the demo workspace commits, too; the other points come first while people are made.
        let time = if matches!(point, Point::BeforeCommit | Point::AfterCommit) { 16 } else { 3 };
        let wanted = PathBuf::from(format!("{}:{time}", point.name()));
        let environment = vec![("NESTR_SCIM_FAILPOINT".to_owned(), wanted)];
        let settings = ["--demo", "acme.com", "--request-timeout", "2s", "--redis", &url];
        let shape = Shape::of_this_run();
        let nestr = Nestr::start_prepared(shape, &settings, |_| environment).await;
        let acme = nestr.acme();
        let (acknowledged, asked) = until_it_dies(&nestr, &acme).await;
        assert!(!acknowledged.is_empty(), "{point:?}");

        nestr.kill_dash_nine();
        nestr.leave_environment();
        nestr.start_again().await;
        let acme = nestr.acme();
        let mut found: Vec<String> = Vec::new();
        for row in acme.get("/Users?count=200").await.rows() {
            assert_eq!(row["displayName"], row["userName"], "{point:?}: half a write");
            found.push(row["userName"].as_str().expect("a name").to_owned());
        }
        let unanswered = asked.filter(|name| found.contains(name));
        let mut expected = [acknowledged, unanswered.into_iter().collect()].concat();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "{point:?}");
        acme.create("the next one").await;
    }
}
