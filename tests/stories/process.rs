//! The binary as whoever runs it meets it: start, what it prints, settings, end.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Ask, Login, Nestr, refused_start, run_to_end};

/// Seen to fail with the lock file made and not locked.
#[tokio::test]
async fn a_second_process_on_the_same_data_directory_is_refused() {
    let nestr = Nestr::start().await;
    let ports = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    let (status, said) = run_to_end(&nestr.data_dir(), &ports).await;
    assert!(!status.success(), "{said}");
    assert!(said.contains(&nestr.data_dir().display().to_string()), "{said}");
    nestr.acme().create("ada@acme.com").await;

    // The kernel holds the lock, so a kill leaves none behind.
    nestr.kill_dash_nine();
    nestr.start_again().await;
    let (status, said) = run_to_end(&nestr.data_dir(), &ports).await;
    assert!(!status.success(), "{said}");
}

#[tokio::test]
async fn a_later_start_keeps_people_key_and_credential_and_tells_the_new_addresses() {
    let nestr = Nestr::start().await;
    let first = nestr.demo();
    let ada = nestr.acme().create("ada@acme.com").await;

    nestr.restart().await;

    let second = nestr.demo();
    assert_eq!(
        (&second.workspace_id, &second.api_key, &second.operator_credential),
        (&first.workspace_id, &first.api_key, &first.operator_credential)
    );
    assert_eq!(second.grpc, nestr.grpc().to_string());
    assert_eq!(second.scim_url, format!("http://{}/scim/v2/{}", nestr.http(), first.workspace_id));
    let acme = nestr.acme();
    acme.get(&format!("/Users/{ada}")).await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
    acme.create("bob@acme.com").await;
}

#[tokio::test]
async fn what_is_printed_can_be_copied_and_works() {
    let nestr = Nestr::start().await;
    let (demo, printed) = (nestr.demo(), nestr.printed());
    let has_line =
        |with: &[&str]| printed.lines().any(|line| with.iter().all(|w| line.contains(w)));
    assert!(has_line(&["URL", &demo.scim_url]), "{printed}");
    assert!(has_line(&["key", &demo.api_key]), "{printed}");
    assert!(has_line(&["curl ", &format!("Authorization: Bearer {}", demo.api_key)]), "{printed}");
    assert!(has_line(&["grpcurl ", "-plaintext"]), "{printed}");
    assert!(printed.contains(&demo.grpc), "{printed}");

    let home = tempfile::tempdir().unwrap();
    let curl: Vec<&str> =
        printed.lines().skip_while(|line| !line.trim().starts_with("curl")).collect();
    let end = curl.iter().position(|line| !line.trim_end().ends_with('\\')).unwrap();
    let script = curl[..=end].join("\n");
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(home.path())
        .output()
        .expect("sh runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(r#""totalResults":0"#), "{script}\n{said}\n{output:?}");
}

#[tokio::test]
async fn without_a_demo_there_is_none_and_an_operator_begins_from_nothing() {
    let nestr = Nestr::start_with(&["--no-demo"]).await;
    assert!(!nestr.data_dir().join("demo.json").exists());
    assert!(!nestr.printed().contains("nscim_"), "{}", nestr.printed());
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let ada = globex.create("ada@globex.example").await;
    assert_eq!(globex.resolve_login("ada@globex.example").await, Login::Active(ada));

    nestr.restart().await;
    globex.get("/Users").await.is(200);
    assert!(!nestr.data_dir().join("demo.json").exists());
}

#[tokio::test]
async fn a_demo_has_all_the_domains_that_it_is_given() {
    let nestr = Nestr::start_with(&["--demo", "acme.com,Acme.org"]).await;
    let acme = nestr.acme();
    acme.create("ada@acme.com").await;
    acme.create("ada@acme.org").await;
    acme.post("/Users", r#"{"userName":"ada@acme.net"}"#).await.refused(400, "invalidValue");
}

/// Each is refused before anything is made, in words that name the setting.
#[tokio::test]
async fn a_wrong_setting_is_refused_by_its_name() {
    for (settings, name) in [
        (["--http", "localhost"].as_slice(), "--http"),
        (&["--http", "127.0.0.1:99999"], "--http"),
        (&["--grpc", "here"], "--grpc"),
        (&["--public-url", "scim.example.com"], "--public-url"),
        (&["--public-url", "https://scim.example.com/?a=b"], "--public-url"),
        (&["--demo", "not a domain"], "--demo"),
        (&["--request-timeout", "soon"], "--request-timeout"),
        (&["--body-limit", "none"], "--body-limit"),
        (&["--tombstone-days", "many"], "--tombstone-days"),
        (&["--no-such-setting"], "--no-such-setting"),
    ] {
        let ports = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
        let ports = if settings[0] == "--http" { &ports[2..] } else { &ports };
        let ports = if settings[0] == "--grpc" { &ports[..2] } else { ports };
        let said = refused_start(&[settings, ports].concat()).await;
        assert!(said.contains(name), "{settings:?}: {said}");
    }
    let taken = Nestr::start().await;
    let address = taken.http().to_string();
    let said = refused_start(&["--http", &address, "--grpc", "127.0.0.1:0"]).await;
    assert!(said.contains("--http") && said.contains(&address), "{said}");
}

#[tokio::test]
async fn a_directory_of_somebody_elses_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("notes.txt"), "mine").unwrap();
    let ports = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    let (status, said) = run_to_end(home.path(), &ports).await;
    assert!(!status.success() && said.contains("--data-dir"), "{said}");
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
}

/// A request that is under way when SIGTERM comes is answered; a new one is not taken. Seen to fail
/// with the process ended by the signal's own default.
#[tokio::test]
async fn sigterm_lets_what_is_under_way_end() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let http = nestr.http();
    let body = r#"{"userName":"ada@acme.com"}"#;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        acme.path("/Users"),
        acme.key,
        body.len()
    );
    let mut under_way = TcpStream::connect(http).await.unwrap();
    let (begin, rest) = body.split_at(5);
    under_way.write_all(format!("{head}{begin}").as_bytes()).await.unwrap();
    // Another request is answered, so the one before it was taken by then.
    acme.get("/Users").await.is(200);

    nestr.ask_to_end();
    while Ask::new("GET", "/healthz").try_send(http).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    under_way.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    under_way.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert!(nestr.ended().await.success());

    nestr.start_again().await;
    assert_eq!(nestr.acme().find(r#"userName eq "ada@acme.com""#).await.rows().len(), 1);
}
