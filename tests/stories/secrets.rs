//! No key, password, body, address or filter value where it does not belong.

use std::fs;
use std::path::Path;

use crate::harness::{Answer, Collector, Nestr, Workspace, unique};

/// Values that are found again wherever they turn up.
struct Marks {
    password: String,
    address: String,
    body: String,
    filter: String,
}

impl Marks {
    fn new() -> Self {
        let mark = |kind: &str| format!("{kind}-{}", unique());
        Self {
            password: mark("password"),
            address: format!("{}@acme.com", mark("address")),
            body: mark("body"),
            filter: mark("filter"),
        }
    }

    fn all(&self) -> [&str; 4] {
        [&self.password, &self.address, &self.body, &self.filter]
    }
}

/// A person's life, with what goes wrong in it; answers the errors.
async fn a_story(acme: &Workspace, marks: &Marks) -> Vec<Answer> {
    let Marks { password, address, body, filter } = marks;
    let person = format!(
        r#"{{"userName":"{address}","displayName":"{body}","password":"{password}","emails":[{{"value":"{address}","type":"work"}}]}}"#
    );
    let id = acme.post("/Users", person.as_str()).await.is(201).text("/id");
    let ada = format!("/Users/{id}");
    acme.get(&ada).await.is(200);
    acme.find(&format!(r#"userName eq "{address}""#)).await.is(200);
    acme.find(&format!(r#"displayName co "{filter}" and title pr"#)).await.is(200);
    let patch = |value: &str| format!(r#"{{"Operations":[{{"op":"replace","value":{value}}}]}}"#);
    let new_password = format!(r#"{{"password":"{password}","title":"{body}"}}"#);
    acme.patch(&ada, patch(&new_password)).await.is(200);
    acme.put(&ada, person.as_str()).await.is(200);
    acme.resolve_login(address).await;
    let stranger = acme.with_key("nscim_not-a-key");
    let no_target = format!(
        r#"{{"Operations":[{{"op":"replace","path":"emails[value eq \"{filter}\"].type","value":"home"}}]}}"#
    );
    let errors = vec![
        acme.post("/Users", person.as_str()).await.is(409),
        acme.post("/Users", format!(r#"{{"userName":"{address}","#)).await.is(400),
        acme.post("/Users", format!(r#"{{"userName":"{address}","active":"{body}"}}"#))
            .await
            .is(400),
        acme.post("/Users", format!(r#"{{"displayName":"{body}"}}"#)).await.is(400),
        acme.patch(&ada, patch(&format!(r#"{{"active":"{body}"}}"#))).await.is(400),
        acme.patch(&ada, format!(r#"["{body}"]"#)).await.is(400),
        acme.find(&format!(r#"userName eq "{filter}"#)).await.is(400),
        acme.find(&format!(r#"active gt "{filter}""#)).await.is(400),
        acme.find(&format!(r#"userName eq "{filter}" oder title pr"#)).await.is(400),
        acme.find(&format!(r#"userName eq "x" "{filter}""#)).await.is(400),
        acme.find(&format!(r#"meta.created gt "{filter}""#)).await.is(400),
        acme.patch(&ada, no_target).await.is(400),
        stranger.post("/Users", person.as_str()).await.is(401),
    ];
    acme.delete(&ada).await.is(204);
    errors
}

/// The files below a directory, with what is in them; of a directory below it, all.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let below = |entry: fs::DirEntry| {
        if entry.path().is_dir() {
            return files(&entry.path());
        }
        let bytes = fs::read(entry.path()).expect("a file");
        vec![(entry.file_name().display().to_string(), bytes)]
    };
    entries.expect("the data directory").into_iter().flat_map(below).collect()
}

fn holds(bytes: &[u8], mark: &str) -> bool {
    bytes.windows(mark.len()).any(|window| window == mark.as_bytes())
}

/// Every module of ours says all that it has to say. Seen to fail with the query in the request's
/// span, with the value of a filter in an error's detail, with the key kept as its own hint, and
/// with `password` in the schema; of traces with path and query as the name of the request's span.
#[tokio::test]
async fn no_secret_is_in_logs_traces_files_error_bodies_or_the_command_line() {
    let levels = "info,nestr_scim=trace,gateway=trace,directory_svc=trace,scim=trace";
    let collector = Collector::start().await;
    let url = collector.url();
    let settings = ["--demo", "acme.com", "--log", levels, "--otlp-endpoint", &url];
    let nestr = Nestr::start_with(&settings).await;
    let demo = nestr.acme();
    let (key, _) = demo.operator().create_key(&demo.id).await;
    demo.operator().claim(&demo.id, "acme.org").await;
    demo.operator().verify(&demo.id, "acme.org").await;
    nestr.until_logged("a letter was sent").await;
    let (acme, marks) = (demo.with_key(&key), Marks::new());

    let errors = a_story(&acme, &marks).await;
    let secrets = [marks.all().as_slice(), &[&key, &demo.key]].concat();
    let told = errors.iter().filter(|e| secrets.iter().any(|s| e.to_string().contains(s)));
    let told: Vec<_> = told.collect();
    assert!(told.is_empty(), "errors that tell a secret: {told:#?}");
    let command_line = fs::read(format!("/proc/{}/cmdline", nestr.pid())).unwrap();
    let title = fs::read(format!("/proc/{}/comm", nestr.pid())).unwrap();
    let running = files(&nestr.data_dir());
    nestr.terminate().await;

    let credential = nestr.demo().operator_credential;
    let log = nestr.log();
    assert!(log.lines().count() > 20, "the story was logged:\n{log}");
    let contact = "admin@nestr.example";
    for secret in secrets.iter().copied().chain([credential.as_str(), contact]) {
        assert!(!log.contains(secret), "{secret} in the log:\n{log}");
        assert!(!holds(&command_line, secret) && !holds(&title, secret), "{secret} in /proc");
    }
    let told = collector.everything();
    assert!(collector.told().len() > 60, "the story was told:\n{told}");
    // Nor is it told in whose workspace all that was.
    for secret in secrets.iter().copied().chain([credential.as_str(), &demo.id, "acme.com"]) {
        assert!(!told.contains(secret), "{secret} in a trace");
    }
    // What was printed for the user to copy is the demo's key, and nothing that came later.
    for secret in secrets.iter().filter(|secret| **secret != demo.key) {
        assert!(!nestr.printed().contains(secret), "{secret} was printed");
    }
    for (name, bytes) in running.into_iter().chain(files(&nestr.data_dir())) {
        let is_store = name.starts_with("directory.sqlite3");
        for secret in &secrets {
            // The store keeps people, and of a person no password. demo.json hands out its key.
            let belongs = is_store && (*secret == marks.address || *secret == marks.body)
                || name == "demo.json" && *secret == demo.key;
            assert!(belongs || !holds(&bytes, secret), "{secret} in {name}");
        }
        let is_its_place = name == "operator.credential" || name == "demo.json";
        assert!(is_its_place || !holds(&bytes, &credential), "the credential in {name}");
    }
}
