//! What a letter says, and what cannot be put into it.

use insta::assert_snapshot;

use super::{Letter, MailConfig, Mailer, NOBODY, Post, SENDING, SmtpPassword, Unsent};
use crate::clock::{DAY, Micros};
use crate::ids::WorkspaceId;
use crate::store::Occasion;

const NOW: Micros = 1_700_000_000_000_000;
const SCIM_URL: &str = "https://scim.nestr.example/scim/v2/00000000-0000-0000-0000-000000000001";

fn letter(occasion: &Occasion) -> Letter {
    Letter::about(occasion, "Acme Ltd", SCIM_URL)
}

fn post(letter: &Letter, to: &str) -> Post {
    let workspace = WorkspaceId::new(uuid::Uuid::from_u128(1));
    Post::new(letter, &NOBODY.parse().unwrap(), to, (workspace, "domain/acme.com"), NOW).unwrap()
}

/// Subject, plain text and HTML.
fn told(occasion: &Occasion) -> String {
    let letter = letter(occasion);
    let (text, html) = (letter.text().unwrap(), letter.html().unwrap());
    for elsewhere in ["http://", "src=", "url(", "<link", "<script"] {
        assert!(!html.contains(elsewhere), "{elsewhere} in {html}");
    }
    format!("Subject: {}\n\n{text}\n{html}", letter.subject)
}

#[test]
fn a_verified_domain() {
    assert_snapshot!(told(&Occasion::DomainVerified { domain: "acme.com".into() }));
}

#[test]
fn a_rejected_domain() {
    let reason = "The register names Globex as the owner.\nSend us a letter of theirs.".into();
    assert_snapshot!(told(&Occasion::DomainRejected { domain: "acme.com".into(), reason }));
}

#[test]
fn a_revoked_domain() {
    let reason = "The domain was sold.".into();
    assert_snapshot!(told(&Occasion::DomainRevoked { domain: "acme.com".into(), reason }));
}

#[test]
fn a_missing_proof() {
    assert_snapshot!(told(&Occasion::DomainProofMissing {
        domain: "acme.com".into(),
        since: NOW,
        record_name: "_nestr.acme.com".into(),
        record_value: "nestr-verification=0123456789abcdef".into(),
    }));
}

#[test]
fn a_protected_person() {
    assert_snapshot!(told(&Occasion::UserProtected {
        user_name: "ada@acme.com".into(),
        integration: "Head office".into(),
    }));
    let unnamed = told(&Occasion::UserProtected {
        user_name: "ada@acme.com".into(),
        integration: String::new(),
    });
    assert!(unnamed.contains("The identity provider was about to"), "{unnamed}");
}

#[test]
fn a_key_that_ends() {
    assert_snapshot!(told(&Occasion::ApiKeyExpiring {
        display_name: "Entra ID".into(),
        hint: "nscim_…abcd".into(),
        integration: "Head office".into(),
        expires_at: NOW + 14 * DAY,
    }));
    let unnamed = told(&Occasion::ApiKeyExpiring {
        display_name: String::new(),
        hint: "nscim_…abcd".into(),
        integration: String::new(),
        expires_at: NOW,
    });
    assert!(unnamed.contains("The API key (nscim_…abcd) in the workspace"), "{unnamed}");
}

/// As it goes out, plain text first. Made again it is the same to the byte.
#[test]
fn a_letter_in_its_envelope() {
    let letter = letter(&Occasion::DomainVerified { domain: "acme.com".into() });
    let bytes = post(&letter, "it@acme.com").bytes;
    assert_eq!(bytes, post(&letter, "it@acme.com").bytes);
    assert!(bytes.is_ascii());
    assert_snapshot!(String::from_utf8(bytes).unwrap().replace("\r\n", "\n"));
}

/// A server without SMTPUTF8 takes a letter to a domain in letters of its own. Seen to fail with the address as it
/// was said.
#[test]
fn the_domain_of_a_recipient_is_ascii() {
    let letter = letter(&Occasion::DomainVerified { domain: "acme.com".into() });
    let post = |to| post(&letter, to);
    assert_eq!(post("it@B\u{fc}cher.example").to.to_string(), "it@xn--bcher-kva.example");
    assert!(post("it@b\u{fc}cher.example").bytes.is_ascii());
    assert_eq!(post("It@Acme.com").to.to_string(), "It@acme.com");
    assert_eq!(post("j\u{f6}rg@acme.com").to.to_string(), "j\u{f6}rg@acme.com");
}

/// Names and reasons are somebody else's words. Seen to fail with the HTML's escaping off.
#[test]
fn nothing_that_somebody_called_something_gets_out_of_its_place() {
    let evil = "x\r\nBcc: eve@evil.example\r\n\r\n<img src=http://evil.example>\u{202e}";
    let occasion = Occasion::ApiKeyExpiring {
        display_name: evil.into(),
        hint: evil.into(),
        integration: evil.into(),
        expires_at: NOW,
    };
    let letter = Letter::about(&occasion, evil, SCIM_URL);
    let html = letter.html().unwrap();
    assert!(!html.contains("<img") && html.contains("&#60;img"), "{html}");
    assert!(!letter.text().unwrap().contains('\u{202e}'));
    let bytes = String::from_utf8(post(&letter, "it@acme.com").bytes).unwrap();
    let (head, _) = bytes.split_once("\r\n\r\n").unwrap();
    let names = head.split("\r\n").filter(|line| !line.starts_with(' '));
    let names: Vec<_> = names.map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type"
        ]
    );

    let occasion = Occasion::DomainRejected { domain: "acme.com".into(), reason: evil.into() };
    let text = Letter::about(&occasion, evil, SCIM_URL).text().unwrap();
    assert!(text.contains("> Bcc: eve@evil.example\n"), "what was said stands as such: {text}");
}

#[test]
fn settings_that_do_not_fit_together_are_refused_by_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let config = |url: &str, from: &str, ca: &str| MailConfig {
        smtp_url: (!url.is_empty()).then(|| url.parse().unwrap()),
        smtp_password_file: None,
        smtp_ca: (!ca.is_empty()).then(|| dir.path().join(ca)),
        mail_from: (!from.is_empty()).then(|| from.to_owned()),
        mail_dir: None,
    };
    let open = |config: &MailConfig, password: Option<&str>| {
        let password = password.map(|text| SmtpPassword::new(text.to_owned()));
        Mailer::open(config, password, Some(dir.path())).map(|mailer| mailer.way())
    };
    let from = "Nestr <nestr@example.com>";
    assert_eq!(open(&config("", "", ""), None).unwrap(), "files");
    assert_eq!(open(&config("smtp://a@127.0.0.1", from, ""), Some("secret")).unwrap(), "smtp");
    for (config, password, setting) in [
        (config("smtps://mail.example", "", ""), None, "--mail-from"),
        (config("", "nobody", ""), None, "--mail-from"),
        (config("smtps://a@mail.example", from, ""), None, "--smtp-password-file"),
        (config("smtps://mail.example", from, ""), Some("secret"), "--smtp-url"),
        (config("smtps://mail.example", from, "ca.pem"), None, "--smtp-ca"),
    ] {
        let refused = open(&config, password).unwrap_err().to_string();
        assert!(refused.contains(setting) && !refused.contains("secret"), "{refused}");
    }
    let nowhere = Mailer::open(&config("", "", ""), None, None).err().unwrap().to_string();
    assert!(nowhere.contains("--smtp-url") && nowhere.contains("--mail-dir"), "{nowhere}");
    let somewhere = MailConfig { mail_dir: Some(dir.path().join("letters")), ..config("", "", "") };
    assert_eq!(Mailer::open(&somewhere, None, None).unwrap().way(), "files");
}

/// Nobody answers there.
#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let mute = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = MailConfig {
        smtp_url: Some(format!("smtp://{}", mute.local_addr().unwrap()).parse().unwrap()),
        smtp_password_file: None,
        smtp_ca: None,
        mail_from: Some("nestr@nestr.example".to_owned()),
        mail_dir: None,
    };
    let mailer = Mailer::open(&config, None, Some(dir.path())).unwrap();
    let post =
        post(&letter(&Occasion::DomainVerified { domain: "acme.com".into() }), "it@acme.com");
    let began = tokio::time::Instant::now();
    let unsent = mailer.send(&post).await.unwrap_err();
    assert!(matches!(unsent, Unsent::NotNow(_)), "{unsent:?}");
    assert!(began.elapsed() <= SENDING, "{:?}", began.elapsed());
}

/// Written aside and renamed, for the owner alone; written again it is one file.
#[tokio::test]
async fn a_letter_becomes_a_file() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let config = MailConfig {
        smtp_url: None,
        smtp_password_file: None,
        smtp_ca: None,
        mail_from: None,
        mail_dir: None,
    };
    let mailer = Mailer::open(&config, None, Some(dir.path())).unwrap();
    let post =
        post(&letter(&Occasion::DomainVerified { domain: "acme.com".into() }), "it@acme.com");
    mailer.send(&post).await.unwrap();
    mailer.send(&post).await.unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let directory = dir.path().join("mail");
    let files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    assert_eq!((mode(&directory), mode(file)), (0o700, 0o600));
    assert_eq!(std::fs::read(file).unwrap(), post.bytes);
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("20231114T221320Z-"), "{name}");
    assert_eq!(file.extension().unwrap(), "eml");
}
