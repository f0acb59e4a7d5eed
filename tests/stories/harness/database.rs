//! What a product on PostgreSQL is given in place of what its data directory would hold.
//!
//! `NESTR_TEST_STORE=postgres` has every story told on a database of its own, but for those that are about the
//! data directory itself (the profile `postgres` of nextest names them).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directory_svc::clock::Clock;
use directory_svc::store::postgres::{PostgresServer, PostgresStore, Statements};
use directory_svc::{
    ClusterSecret, Directory, Found, LimitsConfig, Role, ServiceCaller, ServiceCallers, Settings,
    TxtResolver,
};
use serde_json::json;

use super::unique;

/// What all directories on a database have the same.
const SECRET: &str = "the secret of all who share a database";

/// A database, and the files beside it: where a data directory would have them, so that stories find them.
#[derive(Clone)]
pub(super) struct Database {
    url: String,
    /// The directory of the files.
    dir: PathBuf,
    operator: String,
    gateway: Option<String>,
    /// The file of callers that the story has of its own.
    callers: Option<PathBuf>,
    demo: Option<directory_svc::Demo>,
}

impl Database {
    /// Whether this run is on PostgreSQL.
    #[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the product")]
    pub(super) fn is_asked_for() -> bool {
        match std::env::var("NESTR_TEST_STORE").as_deref() {
            Ok("postgres") => true,
            Ok(other) => panic!("NESTR_TEST_STORE is {other:?}; postgres is the only value"),
            Err(_) => false,
        }
    }

    /// An empty one for a product of these settings, with the demo workspace that they ask for.
    pub(super) async fn new(url: String, dir: &Path, settings: &[String], is_split: bool) -> Self {
        let credential = |file: &str, prefix: &str| {
            let credential = format!("{prefix}_{}{}", unique(), unique());
            fs::write(dir.join(file), &credential).expect("a credential");
            credential
        };
        let operator = credential("operator.credential", "nop");
        let gateway = is_split.then(|| credential("gateway.credential", "ngw"));
        let callers = value(settings, "--credentials").map(PathBuf::from);
        let mut demo = None;
        if !settings.iter().any(|setting| setting == "--no-demo") {
            let domains = value(settings, "--demo").unwrap_or("example.com");
            let is_pooled = settings.iter().any(|setting| setting == "--postgres-pooler");
            demo = Some(make_demo(&url, is_pooled, domains).await);
        }
        Self { url, dir: dir.to_owned(), operator, gateway, callers, demo }
    }

    /// The same for another product, whose files are there.
    pub(super) fn beside(&self, dir: &Path) -> Self {
        fs::write(dir.join("operator.credential"), &self.operator).expect("a credential");
        Self { dir: dir.to_owned(), ..self.clone() }
    }

    /// The settings in place of those of a data directory.
    pub(super) fn settings(&self, settings: &[String]) -> Vec<String> {
        self.write_callers();
        let mut all = Vec::new();
        let mut rest = settings.iter();
        while let Some(setting) = rest.next() {
            match setting.as_str() {
                "--demo" | "--credentials" => drop(rest.next()),
                _ => all.push(setting.clone()),
            }
        }
        let beside = |name: &str| self.dir.join(name).display().to_string();
        all.extend(["--credentials".to_owned(), beside("callers.toml")]);
        all.extend(["--mail-dir".to_owned(), beside("mail")]);
        all
    }

    /// The environment of a directory.
    pub(super) fn environment(&self) -> [(&'static str, &str); 2] {
        [("NESTR_SCIM_POSTGRES", &self.url), ("NESTR_SCIM_CLUSTER_SECRET", SECRET)]
    }

    /// Writes who may call: those whom a data directory would know, and those of the story's own file.
    pub(super) fn write_callers(&self) {
        let own = [("operator", Some(&self.operator)), ("gateway", self.gateway.as_ref())];
        let mut text = String::new();
        for (name, credential) in own {
            let Some(credential) = credential else { continue };
            text += &caller(name, credential);
        }
        if let Some(path) = &self.callers {
            text += &fs::read_to_string(path).expect("the story's callers");
        }
        fs::write(self.dir.join("callers.toml"), text).expect("a file of callers");
    }

    /// Writes `demo.json` as a data directory has it.
    pub(super) fn tell_demo(&self, url: &str, grpc: &str) {
        let Some(demo) = &self.demo else { return };
        let mut text = json!({
            "workspace_id": demo.workspace_id.to_string(),
            "scim_url": format!("{}/scim/v2/{}", url.trim_end_matches('/'), demo.workspace_id),
            "api_key": demo.api_key.expose(),
            "grpc": grpc,
            "operator_credential": self.operator,
        });
        if let Some(gateway) = &self.gateway {
            text["gateway_credential"] = json!(gateway);
        }
        fs::write(self.dir.join("demo.json"), text.to_string()).expect("demo.json");
    }
}

/// Who has this credential, named after the role, as a file of callers says it.
pub(super) fn caller(role: &str, credential: &str) -> String {
    let hash = ServiceCaller::sha256(credential);
    let hash = hash.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("[[caller]]\nname = {role:?}\nrole = {role:?}\nsha256 = {hash:?}\n")
}

/// The value of a setting, where it is given.
pub(super) fn value<'a>(settings: &'a [String], name: &str) -> Option<&'a str> {
    let at = settings.iter().position(|setting| setting == name)?;
    settings.get(at + 1).map(String::as_str)
}

/// A store of its own on a database, with few connections.
pub(super) async fn open(url: &str, statements: Statements) -> PostgresStore {
    let server = PostgresServer {
        url: url.parse().expect("a URL"),
        standbys: None,
        password: None,
        certificates: None,
        statements,
        readers: 2,
        writers: 2,
        statement_timeout: Duration::from_secs(30),
    };
    PostgresStore::open(&server).await.expect("a store")
}

/// A demo workspace such as a directory makes in an empty data directory.
async fn make_demo(url: &str, is_pooled: bool, domains: &str) -> directory_svc::Demo {
    let statements = if is_pooled { Statements::Unnamed } else { Statements::Prepared };
    let store = open(url, statements).await;
    let settings = Settings {
        public_url: "https://scim.example".to_owned(),
        tombstone_days: 30,
        txt: TxtResolver::from_fn(|_| Box::pin(async { Found::NoRecord })),
        first_domain_check: Duration::from_mins(1),
        limits: LimitsConfig { rate: 0, burst: 1 },
        cluster_secret: ClusterSecret::new(SECRET).expect("a secret"),
        redis: None,
    };
    let callers = ServiceCallers::new(vec![ServiceCaller::new("demo", Role::Operator, "demo")]);
    let directory = Directory::new(store, Clock::system(), settings, callers).expect("keys");
    let demo = directory.plan_demo().await.expect("a store").expect("an empty one");
    let domains: Vec<_> = domains.split(',').map(str::to_owned).collect();
    directory.make_demo(&demo, &domains).await.expect("a demo workspace");
    demo
}
