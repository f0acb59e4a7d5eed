//! What `deploy/` makes and runs, with the product that it is for.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::harness::{Ask, Nestr, Redis, Shape, Terminal, free_address, nestr_scim};

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// The secrets of a deployment, as `deploy/make-secrets` makes them.
struct Secrets(TempDir);

impl Secrets {
    fn new() -> Self {
        let secrets = Self(tempfile::tempdir().expect("a directory"));
        secrets.make();
        secrets
    }

    fn make(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/make-secrets");
        let made = Command::new(script).arg(self.0.path()).output().expect("the script runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("a secret")
    }
}

/// A gateway and an operator are let in by their credentials, over TLS by the authority that was made. Seen to
/// fail with the newline of a credential hashed along.
#[tokio::test]
async fn the_halves_and_an_operator_go_by_the_secrets_that_the_script_makes() {
    let secrets = Secrets::new();
    let [cert, key, ca] = ["tls.crt", "tls.key", "ca.crt"].map(|name| secrets.path(name));
    let [known, cluster] = ["credentials.toml", "cluster-secret"].map(|name| secrets.path(name));
    let settings = ["--demo", "acme.com", "--grpc-tls-cert", &cert, "--grpc-tls-key", &key];
    let settings = [&settings[..], &["--credentials", &known, "--cluster-secret-file", &cluster]];
    let settings = [&settings.concat()[..], &["--directory-ca", &ca]].concat();
    let nestr = Nestr::start_as(Shape::Split, &settings).await;

    // The gateway's own credential gives way to the one that was made, which the file alone knows.
    nestr.kill_gateway();
    let credential = secrets.text("gateway-credential");
    std::fs::write(nestr.data_dir().join("gateway.credential"), credential).unwrap();
    nestr.start_gateway_again().await;
    nestr.wait_until_ready().await;
    nestr.acme().create("ada@acme.com").await;

    let (directory, credential) =
        (format!("https://{}", nestr.grpc()), secrets.path("operator-credential"));
    let operated = Terminal::operate_by_words(&[
        "--directory",
        &directory,
        "--directory-ca",
        &ca,
        "--credential-file",
        &credential,
        "domain",
        "pending",
    ]);
    assert_eq!(operated.code, 0, "{}", operated.err);
}

/// Run again, the script makes what is missing and leaves what is there.
#[test]
fn the_script_keeps_what_is_there() {
    let secrets = Secrets::new();
    let (password, secret) = (secrets.text("postgres-password"), secrets.text("cluster-secret"));
    std::fs::remove_file(secrets.path("postgres-password")).unwrap();
    secrets.make();
    assert_ne!(secrets.text("postgres-password"), password);
    assert_eq!(secrets.text("cluster-secret"), secret);
}

/// Its user of Redis may do what directories do. Seen to fail with the right to publish left out.
#[tokio::test]
async fn the_directory_uses_redis_as_the_user_that_the_script_makes() {
    let secrets = Secrets::new();
    let redis = Redis::start_with(&["--aclfile", &secrets.path("redis-users.acl")]).await;
    let url = format!("redis://nestr-scim@{}", redis.there());
    let password = secrets.path("redis-password");
    let settings = ["--demo", "acme.com", "--redis", &url, "--redis-password-file", &password];
    let nestr = Nestr::start_as(Shape::Whole, &settings).await;
    let deadline = Instant::now() + PATIENCE;
    let numbers = loop {
        let numbers = nestr.send(Ask::new("GET", "/metrics")).await.body;
        if numbers.contains("nestr_scim_redis_up 1") {
            break numbers;
        }
        assert!(Instant::now() < deadline, "{numbers}\n{}", nestr.log());
        sleep(Duration::from_millis(10)).await;
    };
    assert!(!numbers.contains(r#"outcome="failed""#), "{numbers}");
    nestr.acme().get("/Users").await.is(200);
    nestr.operator().enable_scim(&nestr.acme().id).await;
    let numbers = nestr.send(Ask::new("GET", "/metrics")).await.body;
    for call in ["set", "publish"] {
        let good = format!(r#"nestr_scim_redis_calls_total{{call="{call}",outcome="ok"}} "#);
        assert!(numbers.contains(&good), "{numbers}");
    }
}

/// What an image without a shell is asked by its engine.
#[tokio::test]
async fn a_command_tells_whether_a_process_may_take_traffic() {
    let settings = ["--demo", "acme.com", "--ops", "127.0.0.1:0"];
    let nestr = Nestr::start_as(Shape::Whole, &settings).await;
    let ops = nestr.ops().expect("an address of its own").to_string();
    let nobody = free_address().to_string();
    for (at, is_ready) in [(&ops, true), (&nobody, false)] {
        let mut health = nestr_scim(&["health"], &[("NESTR_SCIM_OPS", at)]);
        let asked = tokio::task::spawn_blocking(move || health.output().unwrap());
        let output = asked.await.unwrap();
        assert_eq!(output.status.success(), is_ready, "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr).contains("nobody answers"), !is_ready);
    }
}
