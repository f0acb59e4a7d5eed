//! TLS and a password between a directory and its PostgreSQL.

use std::fs;

use postgres_server::Server;
use tempfile::TempDir;

use crate::harness::{Nestr, nestr_scim, unique};
use crate::tls::Certificate;

/// A server that takes the role `nestr` by TLS and with a password alone.
struct Guarded {
    server: Server,
    certificate: Certificate,
    password: String,
    dir: TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let (certificate, password) = (Certificate::new(), unique());
        let server = Server::first_with_tls(&certificate.certificate(), &certificate.key()).await;
        let admin = server.client("postgres").await;
        for sql in [
            format!("CREATE ROLE nestr LOGIN PASSWORD '{password}'"),
            "CREATE DATABASE nestr OWNER nestr".to_owned(),
        ] {
            admin.batch_execute(&sql).await.expect("a role and its database");
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { server, certificate, password, dir }
    }

    fn url(&self, parameters: &str) -> String {
        format!("postgres://nestr@127.0.0.1:{}/nestr{parameters}", self.server.port())
    }

    /// The settings with which it is reached, with this password and trust in this certificate.
    fn settings(&self, password: &str, trusted: &Certificate) -> [String; 4] {
        let file = self.dir.path().join(unique());
        fs::write(&file, password).expect("a file");
        let [file, trusted] = [file, trusted.certificate()].map(|path| path.display().to_string());
        ["--postgres-password-file".to_owned(), file, "--postgres-ca".to_owned(), trusted]
    }

    /// What `nestr-scim migrate` says when it cannot reach it so.
    fn refusal(&self, url: &str, settings: &[String]) -> String {
        let mut migrate = nestr_scim(&["migrate", "--postgres", url], &[]);
        let output = migrate.args(settings).output().expect("the binary runs");
        let said = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success(), "{said}");
        assert!(!said.contains(&self.password), "{said}");
        said
    }
}

/// By all of its connections. Seen to fail with TLS left out, as the server then takes none of them.
#[tokio::test]
async fn a_directory_speaks_tls_with_its_server_and_proves_itself_by_a_password() {
    let guarded = Guarded::start().await;
    let settings = guarded.settings(&guarded.password, &guarded.certificate);
    let settings: Vec<_> = settings.iter().map(String::as_str).chain(["--no-demo"]).collect();
    let nestr = Nestr::start_on(&guarded.url(""), &settings).await;
    let acme = nestr.workspace_with_verified_domain("acme.com").await;
    let ada = acme.create("ada@acme.com").await;
    acme.get(&format!("/Users/{ada}")).await.is(200);

    let sql = "SELECT count(*), count(*) FILTER (WHERE ssl)
               FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'nestr'";
    let row = guarded.server.client("postgres").await.query_one(sql, &[]).await.expect("a count");
    let (all, by_tls): (i64, i64) = (row.get(0), row.get(1));
    assert!(all > 0 && all == by_tls, "{by_tls} of {all}");
    assert!(!nestr.log().contains(&guarded.password));
}

/// Nothing is said to a server that another vouches for, or to one of another name, and the reason is.
#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_told_nothing() {
    let guarded = Guarded::start().await;
    let (url, password) = (guarded.url(""), &guarded.password);
    let another = Certificate::new();
    let said = guarded.refusal(&url, &guarded.settings(password, &another));
    assert!(said.contains("certificate"), "{said}");

    let settings = guarded.settings(password, &guarded.certificate);
    let said = guarded.refusal(&url.replace("127.0.0.1", "localhost"), &settings);
    assert!(said.contains("certificate"), "{said}");

    let said = guarded.refusal(&guarded.url("?sslmode=disable"), &settings);
    assert!(said.contains("pg_hba.conf") || said.contains("reject"), "{said}");

    let said = guarded.refusal(&url, &guarded.settings("another", &guarded.certificate));
    assert!(said.contains("password"), "{said}");
}
