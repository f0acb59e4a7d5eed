//! Letters to admins: what they are told, by a real mail server, whatever dies in between.

use std::path::PathBuf;
use std::time::Duration;

use directory_api::v1;
use directory_svc::clock::{Clock, DAY, SECOND};
use tokio::time::{Instant, sleep};

use crate::harness::{MailServer, Nestr, Received, Shape, free_address, refused_start};
use crate::tls::Certificate;

/// Who claims; in no log.
const ADMIN: &str = "admin@nestr.example";
/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Settings by which letters go to a server.
fn by(url: &str) -> Vec<&str> {
    vec!["--demo", "acme.com", "--mail-from", "Nestr <nestr@nestr.example>", "--smtp-url", url]
}

/// A new workspace, Globex, and its claim of this domain, verified.
async fn verified(nestr: &Nestr, domain: &str) -> String {
    let operator = nestr.operator();
    let id = operator.create_workspace("Globex").await;
    operator.claim(&id, domain).await;
    operator.verify(&id, domain).await;
    id
}

/// The letters that were written as files, the first first.
pub(crate) fn files(nestr: &Nestr) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(nestr.data_dir().join("mail")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    paths.iter().map(|path| std::fs::read_to_string(path).expect("a letter")).collect()
}

pub(crate) async fn until_there_are_files(nestr: &Nestr, count: usize) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let files = files(nestr);
        if files.len() >= count {
            return files;
        }
        assert!(Instant::now() < deadline, "{files:?}:\n{}", nestr.log());
        sleep(Duration::from_millis(20)).await;
    }
}

/// Of the letters about this domain, how many.
fn about(received: &[Received], domain: &str) -> usize {
    received.iter().filter(|letter| letter.text.contains(domain)).count()
}

/// By STARTTLS, as a user with a password, to whoever claimed.
#[tokio::test]
async fn who_claimed_a_domain_is_told_that_it_is_verified_and_what_to_do_next() {
    let certificate = Certificate::new();
    let (pem, key) = (certificate.certificate(), certificate.key());
    let (pem, key) = (pem.to_str().unwrap(), key.to_str().unwrap());
    let server = MailServer::start(&[
        "--certificate",
        pem,
        "--key",
        key,
        "--user",
        "nestr",
        "--password",
        "secret-of-mail",
    ])
    .await;
    let home = tempfile::tempdir().unwrap();
    let password = home.path().join("password");
    std::fs::write(&password, "secret-of-mail\n").unwrap();
    let url = format!("smtp://nestr@{}", server.at());
    let password = password.to_str().unwrap();
    let settings = [by(&url), vec!["--smtp-password-file", password, "--smtp-ca", pem]].concat();
    let nestr = Nestr::start_with(&settings).await;

    let id = verified(&nestr, "globex.example").await;

    let received = server.wait_for(1).await;
    let letter = &received[0];
    assert_eq!(
        (letter.from.as_str(), &letter.to[..]),
        ("nestr@nestr.example", &[ADMIN.to_owned()][..])
    );
    assert_eq!((letter.is_encrypted, letter.user.as_deref()), (true, Some("nestr")));
    assert_eq!(letter.parts, ["text/plain", "text/html"]);
    assert_eq!(letter.headers["From"], "Nestr <nestr@nestr.example>");
    assert_eq!(letter.headers["To"], ADMIN);
    assert_eq!(letter.headers["Subject"], "globex.example is verified");
    assert_eq!(letter.headers["Auto-Submitted"], "auto-generated");
    assert!(letter.headers["Message-ID"].ends_with(".nestr-scim@nestr.example>"));
    for part in [&letter.text, &letter.html] {
        for told in
            ["Globex", "globex.example", "Enable the SCIM integration", &format!("/scim/v2/{id}")]
        {
            assert!(part.contains(told), "{told} in {part}");
        }
    }
    nestr.terminate().await;
    let log = nestr.log();
    assert!(log.contains("a letter was sent"));
    for secret in [ADMIN, "secret-of-mail"] {
        assert!(!log.contains(secret), "{secret} in:\n{log}");
    }
}

#[tokio::test]
async fn who_claimed_a_domain_is_told_why_it_was_rejected() {
    let server = MailServer::start(&[]).await;
    let url = format!("smtp://{}", server.at());
    let nestr = Nestr::start_with(&by(&url)).await;
    let operator = nestr.operator();
    let id = operator.create_workspace("Globex").await;
    operator.claim(&id, "globex.example").await;
    let ask = v1::RejectDomainRequest {
        workspace_id: id,
        domain: "globex.example".to_owned(),
        reason: "The register names <b>Initech</b>.".to_owned(),
    };
    operator.domains().reject_domain(ask).await.unwrap();
    let received = server.wait_for(1).await;
    assert_eq!(received[0].to, [ADMIN]);
    assert!(received[0].text.contains("> The register names <b>Initech</b>."));
    assert!(received[0].html.contains("The register names &#60;b&#62;Initech&#60;/b&#62;."));
}

/// Also one that says to come again; and what was sent is not sent again by the next process. Seen to fail with
/// a letter that failed given up.
#[tokio::test]
async fn a_letter_arrives_once_however_long_the_server_is_away() {
    let at = free_address();
    let url = format!("smtp://{at}");
    let nestr = Nestr::start_with(&by(&url)).await;
    verified(&nestr, "globex.example").await;
    nestr.until_logged("it is tried again").await;

    let port = at.port().to_string();
    let server = MailServer::start(&["--port", &port]).await;
    server.wait_for(1).await;
    nestr.restart().await;
    verified(&nestr, "initech.example").await;
    let received = server.wait_for(2).await;
    assert_eq!(about(&received, "globex.example"), 1, "{received:#?}");
    nestr.terminate().await;
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn a_letter_that_is_put_off_by_the_server_arrives_once() {
    let server = MailServer::start(&["--first", "451 4.7.1 <{}>: come again"]).await;
    let url = format!("smtp://{}", server.at());
    let nestr = Nestr::start_with(&by(&url)).await;
    verified(&nestr, "globex.example").await;
    nestr.until_logged("RCPT TO was answered 451").await;
    server.wait_for(1).await;
    nestr.terminate().await;
    assert_eq!(server.received().len(), 1);
    assert!(!nestr.log().contains(ADMIN), "{}", nestr.log());
}

/// A server that wants another login, or knows no leave for us to send, says so of every letter: it waits until
/// the settings are mended. Seen to fail with every 5xx to the recipient final.
#[tokio::test]
async fn a_letter_waits_for_the_settings_of_the_mail_to_be_mended() {
    for answer in ["530 Authentication required", "550 5.7.1 <{}>: relaying denied"] {
        let server = MailServer::start(&["--first", answer]).await;
        let url = format!("smtp://{}", server.at());
        let nestr = Nestr::start_with(&by(&url)).await;
        verified(&nestr, "globex.example").await;
        nestr.until_logged(&format!("RCPT TO was answered {}", &answer[..3])).await;
        assert_eq!(server.wait_for(1).await.len(), 1);
        assert!(!nestr.log().contains("given up"), "{}", nestr.log());
    }
}

/// Loudly, and without the address that the server repeats. Seen to fail with the server's words in the log.
#[tokio::test]
async fn a_letter_to_nobody_is_given_up_at_once() {
    let server = MailServer::start(&["--refuse"]).await;
    let url = format!("smtp://{}", server.at());
    let nestr = Nestr::start_as(Shape::Whole, &by(&url)).await;
    verified(&nestr, "globex.example").await;
    nestr.until_logged("a letter was given up").await;
    let log = nestr.log();
    let line = log.lines().find(|line| line.contains("a letter was given up")).unwrap();
    assert!(line.contains("ERROR") && line.contains("RCPT TO was answered 550"), "{line}");
    assert!(!log.contains(ADMIN), "{log}");
    let scraped = nestr.send(crate::harness::Ask::new("GET", "/metrics")).await.is(200);
    assert!(scraped.body.contains(r#"nestr_scim_notices_total{outcome="gave_up"} 1"#), "{scraped}");
}

/// Between decision and letter nothing is lost; between letter and outbox it may be sent twice, and is then
/// the same. Seen to fail with the lease of the dead process kept.
#[tokio::test]
async fn a_crash_between_decision_and_letter_loses_none() {
    for (point, times) in [("before-mail:1", 1), ("after-mail:1", 2)] {
        let server = MailServer::start(&[]).await;
        let url = format!("smtp://{}", server.at());
        let environment = vec![("NESTR_SCIM_FAILPOINT".to_owned(), PathBuf::from(point))];
        let nestr = Nestr::start_prepared(Shape::of_this_run(), &by(&url), |_| environment).await;
        let operator = nestr.operator();
        let id = operator.create_workspace("Globex").await;
        operator.claim(&id, "globex.example").await;
        // The process may be gone before it answers.
        let _ = operator.try_verify(&id, "globex.example").await;
        nestr.has_died().await;
        nestr.kill_dash_nine();
        nestr.leave_environment();
        nestr.start_again().await;
        nestr.operator().verify(&id, "globex.example").await;
        let received = server.wait_for(times).await;
        nestr.terminate().await;
        assert_eq!(server.received().len(), times, "{point}");
        let ids: Vec<_> = received.iter().map(|letter| &letter.headers["Message-ID"]).collect();
        assert!(ids.iter().all(|id| *id == ids[0]), "{point}: {ids:?}");
    }
}

/// From the start and by STARTTLS; and where there is no TLS at all, on the way to another machine. Seen to
/// fail with any certificate taken.
#[tokio::test]
async fn nothing_is_sent_to_a_server_that_cannot_show_who_it_is() {
    let (its_own, trusted) = (Certificate::new(), Certificate::new());
    let (pem, key) = (its_own.certificate(), its_own.key());
    let shown = ["--certificate", pem.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let trusted = trusted.certificate();
    // To us an address of another machine, to the machine its own.
    for (options, scheme, host, why) in [
        ([&shown[..], &["--tls"]].concat(), "smtps", "127.0.0.1", "certificate"),
        (shown.to_vec(), "smtp", "127.0.0.1", "certificate"),
        (Vec::new(), "smtp", "[::ffff:127.0.0.1]", "the server has no STARTTLS"),
    ] {
        let server = MailServer::start(&options).await;
        let url = format!("{scheme}://{host}:{}", server.at().port());
        let settings = [by(&url), vec!["--smtp-ca", trusted.to_str().unwrap()]].concat();
        let nestr = Nestr::start_with(&settings).await;
        verified(&nestr, "globex.example").await;
        nestr.until_logged("a letter was not sent").await;
        let log = nestr.log();
        let line = log.lines().find(|line| line.contains("a letter was not sent")).unwrap();
        assert!(line.contains("ERROR") && line.contains(why), "{line}");
        assert!(server.received().is_empty());
    }
}

#[tokio::test]
async fn tls_from_the_start_is_spoken_to_a_server_that_is_vouched_for() {
    let certificate = Certificate::new();
    let (pem, key) = (certificate.certificate(), certificate.key());
    let pem = pem.to_str().unwrap();
    let server =
        MailServer::start(&["--certificate", pem, "--key", key.to_str().unwrap(), "--tls"]).await;
    let url = format!("smtps://{}", server.at());
    let nestr = Nestr::start_with(&[by(&url), vec!["--smtp-ca", pem]].concat()).await;
    verified(&nestr, "globex.example").await;
    assert!(server.wait_for(1).await[0].is_encrypted);
}

#[tokio::test]
async fn a_mail_server_is_set_up_whole_or_the_start_is_refused() {
    for (settings, setting) in [
        (vec!["--smtp-url", "smtps://mail.example"], "--mail-from"),
        (
            vec!["--smtp-url", "smtps://a@mail.example", "--mail-from", "a@b.example"],
            "--smtp-password-file",
        ),
        (
            vec!["--smtp-url", "smtps://a:b@mail.example", "--mail-from", "a@b.example"],
            "--smtp-password-file",
        ),
        (
            vec!["--smtp-url", "mail.example:25", "--mail-from", "a@b.example"],
            "smtps://user@host:465",
        ),
    ] {
        let said = refused_start(&settings).await;
        assert!(said.contains(setting), "{said}");
    }
}

/// Nobody is told of the demo's own domain. Seen to fail with its contact told.
#[tokio::test]
async fn without_a_mail_server_letters_are_files() {
    let nestr = Nestr::start().await;
    verified(&nestr, "globex.example").await;
    let files = until_there_are_files(&nestr, 1).await;
    assert!(files[0].contains("Subject: globex.example is verified\r\n"), "{}", files[0]);
    nestr.restart().await;
    verified(&nestr, "initech.example").await;
    until_there_are_files(&nestr, 2).await;
    nestr.terminate().await;
    assert_eq!(self::files(&nestr).len(), 2);
    assert!(!nestr.log().contains(ADMIN), "{}", nestr.log());
}

#[tokio::test]
async fn the_contact_of_a_workspace_is_reminded_of_a_key_that_ends() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let mut ask = v1::CreateApiKeyRequest {
        workspace_id: acme.id.clone(),
        display_name: "Entra ID".to_owned(),
        ..v1::CreateApiKeyRequest::default()
    };
    let in_two_days = (Clock::system().now() + 2 * DAY) / SECOND;
    ask.expire_time.get_or_insert_default().seconds = in_two_days;
    nestr.operator().integrations().create_api_key(ask).await.unwrap();
    // Keys are looked through at each start, and then once an hour.
    nestr.restart().await;
    let files = until_there_are_files(&nestr, 1).await;
    assert!(files[0].contains("To: admin@acme.com\r\n"), "{}", files[0]);
    assert!(files[0].contains("Subject: An API key of Demo ends on "), "{}", files[0]);
    nestr.restart().await;
    nestr.terminate().await;
    assert_eq!(self::files(&nestr).len(), 1);
}
