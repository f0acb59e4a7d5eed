//! A store is backed up and brought back, exported and imported, by the commands of the binary.

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::harness::{
    Ask, Login, Nestr, Operated, Shape, Terminal, Workspace, nestr_scim, run_to_end, unique,
};

/// Links are the same wherever the store is served, so that whole answers can be compared.
const SETTINGS: [&str; 6] =
    ["--demo", "acme.com", "--rate", "0", "--public-url", "https://scim.example.com"];
/// Clients that write at the same time.
const CLIENTS: usize = 3;
/// People of whom an export is longer than what is on its way between two processes, some 300 KiB.
const ENOUGH: u64 = 150;

/// Runs a command of the binary to its end.
fn run(words: &[&str]) -> Operated {
    nestr_scim(words, &[]).output().expect("the binary runs").into()
}

/// The same, which ends well.
#[track_caller]
fn done(words: &[&str]) -> Operated {
    let operated = run(words);
    assert_eq!(operated.code, 0, "{words:?}: {}", operated.err);
    operated
}

/// The same, which is refused; what it complains of.
#[track_caller]
fn refused(words: &[&str]) -> String {
    let operated = run(words);
    assert_ne!(operated.code, 0, "{words:?} was done");
    operated.err
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the tests")
}

/// Clients that make people, put them into groups, change and remove them, until told to stop.
struct Load {
    is_over: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    fn on(acme: &Workspace) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(provision(acme.clone(), Arc::clone(&is_over)));
        }
        Self { is_over, clients }
    }

    async fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.clients.join_all().await;
    }
}

async fn provision(acme: Workspace, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::Relaxed) {
        let (one, two) = (person(&acme).await, person(&acme).await);
        let members = json!([{"value": one}, {"value": two}]);
        let group = json!({"displayName": unique(), "externalId": unique(), "members": members});
        acme.post("/Groups", group.to_string()).await.is(201);
        let off = r#"{"Operations":[{"op":"Replace","path":"active","value":"False"}]}"#;
        acme.patch(&format!("/Users/{one}"), off).await.is(200);
        acme.delete(&format!("/Users/{two}")).await.is(204);
    }
}

async fn person(acme: &Workspace) -> String {
    let name = format!("p-{}@acme.com", unique());
    let body = json!({
        "userName": name, "externalId": unique(), "displayName": "Somebody", "title": "Ünïcode \u{1F600}",
        "emails": [{"value": name, "type": "work", "primary": true}],
    });
    acme.post("/Users", body.to_string()).await.is(201).text("/id")
}

/// The rows of an export, by table.
fn rows(export: &str) -> HashMap<String, Vec<Value>> {
    let mut rows: HashMap<String, Vec<Value>> = HashMap::new();
    for line in export.lines() {
        let line: serde_json::Map<String, Value> = serde_json::from_str(line).expect("JSON");
        let (name, row) = line.into_iter().next().expect("a line says what it is");
        rows.entry(name).or_default().push(row);
    }
    rows
}

/// What tells of two moments: a revision without its change, or one behind the workspace's; a group that
/// counts other members than it has.
fn is_of_one_moment(export: &str) {
    let rows = rows(export);
    let revision = rows["workspace"][0]["revision"].as_u64().expect("a revision");
    let revisions: Vec<_> =
        rows["change"].iter().map(|change| change["revision"].as_u64().expect("one")).collect();
    assert_eq!(revisions, (1..=revision).collect::<Vec<_>>(), "the changes of the workspace");
    let newest = |table: &str| {
        rows[table].iter().map(|row| row["revision"].as_u64().expect("one")).max().expect("a row")
    };
    assert!(newest("user") <= revision && newest("scim_group") <= revision);
    for group in &rows["scim_group"] {
        let is_in = |member: &&Value| member["group_id"] == group["id"];
        let members = rows["group_member"].iter().filter(is_in).count();
        assert_eq!(group["member_count"], members, "{group}");
    }
}

/// An export without its first line, which tells when it was made, and its last, which sums that up.
fn body(export: &str) -> Vec<&str> {
    let lines: Vec<_> = export.lines().collect();
    lines[1..lines.len() - 1].to_vec()
}

/// All that can be asked of a workspace, as it is answered.
async fn answers(nestr: &Nestr, acme: &Workspace) -> Vec<String> {
    let mut answers = Vec::new();
    let mut people = Vec::new();
    let mut lists = vec!["/Users?filter=active+eq+false&count=50".to_owned()];
    for endpoint in ["/Users", "/Groups"] {
        for start in (1..).step_by(50) {
            let page = format!("{endpoint}?startIndex={start}&count=50&sortBy=id");
            let rows = acme.get(&page).await.rows();
            lists.extend([page, format!("{endpoint}?startIndex={start}&count=50")]);
            let id = |row: &Value| format!("{endpoint}/{}", row["id"].as_str().expect("an id"));
            people.extend(rows.iter().map(id));
            if rows.len() < 50 {
                break;
            }
        }
    }
    // Of the people and groups one in five is asked for alone; the lists have all.
    for endpoint in lists.iter().chain(people.iter().step_by(5)) {
        answers.push(format!("{endpoint}: {:?}", acme.get(endpoint).await.essence()));
    }
    let (olga, workspace) = (Terminal::of_directory(nestr), acme.id.as_str());
    for words in [
        &["workspace", "get", workspace][..],
        &["domain", "list", workspace],
        &["integration", "list", workspace],
        &["key", "list", workspace],
        &["user", "deleted", workspace],
        &["group", "deleted", workspace],
        &["audit", "list", workspace],
        &["user", "resolve-login", "ada@acme.com"],
    ] {
        let mut answer = olga.operate(&[words, &["--json"]].concat()).json();
        forget_what_asking_changes(&mut answer);
        answers.push(format!("{words:?}: {answer}"));
    }
    answers
}

/// Takes out of an answer what each question changes: when keys were used and integrations seen; and page tokens,
/// no two of which are alike.
fn forget_what_asking_changes(answer: &mut Value) {
    let Value::Object(members) = answer else { return };
    members.remove("nextPageToken");
    for (list, name) in [("apiKeys", "lastUseTime"), ("integrations", "status")] {
        for thing in members.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            thing.as_object_mut().expect("an object").remove(name);
        }
    }
}

/// A directory on the store that an export is imported into, without the demo workspace.
async fn imported(export: &Path) -> Nestr {
    let import = |data_dir: &Path| {
        done(&["import", "--data-dir", text(data_dir), "--from", text(export)]);
        Vec::new()
    };
    Nestr::start_prepared(Shape::of_this_run(), &SETTINGS, import).await
}

/// Seen to fail with each table read at a moment of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_of_one_moment_and_its_import_answers_alike() {
    let nestr = Nestr::start_with(&SETTINGS).await;
    let acme = nestr.acme();
    let home = tempfile::tempdir().expect("a temporary directory");
    let body_of_ada = json!({"userName": "ada@acme.com", "externalId": "ada",
        "emails": [{"value": "ada@acme.com", "primary": true}]});
    let ada = acme.post("/Users", body_of_ada.to_string()).await.is(201).text("/id");
    let group = json!({"displayName": "Staff", "externalId": "staff", "members": [{"value": ada}]});
    acme.post("/Groups", group.to_string()).await.is(201);

    let load = Load::on(&acme);
    while acme.get("/Users?count=0").await.at("/totalResults").as_u64() < Some(ENOUGH) {
        sleep(Duration::from_millis(20)).await;
    }
    // Whoever reads it stops for a while, and much is written before it goes on.
    let data_dir = nestr.data_dir();
    let words = ["export", "--data-dir", text(&data_dir), "--workspace", &acme.id];
    let mut export = nestr_scim(&words, &[]);
    let mut export = export.stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut output = export.stdout.take().expect("its output");
    let mut first = vec![0; 1_024];
    output.read_exact(&mut first).expect("the first bytes");
    for _ in 0..10 {
        person(&acme).await;
    }
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).expect("the rest");
    assert!(export.wait().expect("its end").success());
    is_of_one_moment(&String::from_utf8([first, rest].concat()).expect("text"));
    load.stop().await;

    let before = answers(&nestr, &acme).await;
    assert!(before.len() > 10, "there is something to compare");
    let export = home.path().join("export");
    nestr.terminate().await;
    done(&["export", "--data-dir", text(&data_dir), "--to", text(&export)]);
    let mode = fs::metadata(&export).expect("the export").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is its owner's alone");
    let twice = refused(&["export", "--data-dir", text(&data_dir), "--to", text(&export)]);
    assert!(twice.contains("is there already"), "{twice}");

    let other = imported(&export).await;
    let moved = Workspace::new(&other, acme.id.clone(), acme.key.clone());
    let after = answers(&other, &moved).await;
    assert_eq!(after.len(), before.len());
    for (after, before) in after.iter().zip(&before) {
        assert_eq!(after, before);
    }
    assert_eq!(moved.resolve_login("ADA@acme.com").await, Login::Active(ada));
    person(&moved).await;
    other.terminate().await;

    // Nobody looked at this one in between: it is the same to the byte.
    let third = tempfile::tempdir().expect("a temporary directory");
    let into = text(third.path());
    done(&["import", "--data-dir", into, "--from", text(&export)]);
    let again = done(&["export", "--data-dir", into]).out;
    assert_eq!(body(&again), body(&fs::read_to_string(&export).expect("the export")));
}

/// From the embedded store to PostgreSQL, from there to another database, and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moves_to_postgresql_answers_alike_there_and_comes_back() {
    const THERE: [&str; 5] =
        ["--no-demo", "--rate", "0", "--public-url", "https://scim.example.com"];
    let nestr = Nestr::start_with(&SETTINGS).await;
    let acme = nestr.acme();
    let body_of_ada = json!({"userName": "ada@acme.com", "externalId": "ada",
        "emails": [{"value": "ada@acme.com", "primary": true}]});
    let ada = acme.post("/Users", body_of_ada.to_string()).await.is(201).text("/id");
    let load = Load::on(&acme);
    while acme.get("/Users?count=0").await.at("/totalResults").as_u64() < Some(ENOUGH) {
        sleep(Duration::from_millis(20)).await;
    }
    load.stop().await;
    let before = answers(&nestr, &acme).await;
    nestr.terminate().await;
    let home = tempfile::tempdir().expect("a temporary directory");
    let files = ["embedded", "postgres"].map(|name| home.path().join(name));
    let [embedded, postgres] = files.each_ref().map(|file| text(file));
    done(&["export", "--data-dir", text(&nestr.data_dir()), "--to", embedded]);

    let (one, other) = (postgres_server::database().await, postgres_server::database().await);
    done(&["import", "--postgres", &one, "--from", embedded]);
    let there = Nestr::start_on(&one, &THERE).await;
    let moved = Workspace::new(&there, acme.id.clone(), acme.key.clone());
    assert_eq!(answers(&there, &moved).await, before);
    assert_eq!(moved.resolve_login("ADA@acme.com").await, Login::Active(ada.clone()));
    person(&moved).await;

    // Also while it is served; of the two exports one is of a database that nobody has looked at.
    done(&["export", "--postgres", &one, "--to", postgres]);
    let before = answers(&there, &moved).await;
    there.terminate().await;
    done(&["import", "--postgres", &other, "--from", postgres]);
    let again = done(&["export", "--postgres", &other]).out;
    assert_eq!(body(&again), body(&fs::read_to_string(postgres).expect("the export")));
    let twice = refused(&["import", "--postgres", &other, "--from", postgres]);
    assert!(twice.contains("is here already"), "{twice}");

    let back = imported(Path::new(postgres)).await;
    let acme = Workspace::new(&back, acme.id.clone(), acme.key.clone());
    assert_eq!(answers(&back, &acme).await, before);
    assert_eq!(acme.resolve_login("ADA@acme.com").await, Login::Active(ada));
}

/// The cursor of a service that has done all changes of all workspaces.
async fn followed(nestr: &Nestr) -> String {
    let ask = v1::WatchRequest { all: true, ..v1::WatchRequest::default() };
    let mut feed = nestr.operator().watch(ask).await.expect("a watch");
    feed.message().await.expect("an answer").expect("no end").cursor
}

/// Why it does not go on from there.
async fn cannot_follow(nestr: &Nestr, cursor: String) -> Reason {
    let ask = v1::WatchRequest { all: true, cursor, ..v1::WatchRequest::default() };
    let refused = nestr.operator().watch(ask).await.expect_err("a cursor of another time");
    Reason::of(&refused).expect("a reason")
}

/// One workspace moves in among others, its keys revoked where that is said; a second time it is refused. Seen
/// to fail with the flag passed over.
#[tokio::test]
async fn a_workspace_moves_into_a_store_that_has_others() {
    let nestr = Nestr::start_with(&SETTINGS).await;
    let (acme, globex) =
        (nestr.acme(), nestr.workspace_with_verified_domain("globex.example").await);
    let grace = globex.create("grace@globex.example").await;
    let home = tempfile::tempdir().expect("a temporary directory");
    let (export, data_dir) = (home.path().join("export"), nestr.data_dir());
    let export = text(&export);
    done(&["export", "--data-dir", text(&data_dir), "--workspace", &globex.id, "--to", export]);
    let exported = fs::read_to_string(export).expect("the export");
    assert!(!exported.contains(&acme.id) && !exported.contains("acme.com"), "another's rows");
    assert!(!exported.contains(&globex.key), "a key is in no file");

    let other = Nestr::start_with(&SETTINGS).await;
    let (into, words) = (other.data_dir(), ["--from", export]);
    let import = [&["import", "--data-dir", text(&into), "--revoke-keys"][..], &words].concat();
    assert!(refused(&import).contains("in use by another process"), "it is served");
    let cursor = followed(&other).await;
    other.terminate().await;
    done(&import);
    assert!(refused(&import).contains(&globex.id), "it is here already");
    other.start_again().await;
    assert_eq!(cannot_follow(&other, cursor).await, Reason::CursorExpired);

    let moved = Workspace::new(&other, globex.id.clone(), globex.key.clone());
    moved.get("/Users").await.is(401);
    let (key, _) = other.operator().create_key(&globex.id).await;
    let moved = moved.with_key(&key);
    moved.get(&format!("/Users/{grace}")).await.is(200);
    other.acme().get("/Users").await.is(200);
    let audit = ["audit", "list", &globex.id, "--act", "key.revoked"];
    assert!(Terminal::of(&other).operate(&audit).done().contains("import"));
}

/// Whenever it dies, nothing of it is here, and it can be done again: in the middle of the file, and when all
/// of it was read. Seen to fail with a commit for each hundred rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_killed_leaves_nothing() {
    let nestr = Nestr::start_with(&SETTINGS).await;
    let acme = nestr.acme();
    for _ in 0..100 {
        person(&acme).await;
    }
    nestr.terminate().await;
    let data_dir = nestr.data_dir();
    let export = done(&["export", "--data-dir", text(&data_dir)]).out;

    let to = tempfile::tempdir().expect("a temporary directory");
    let import = ["import", "--data-dir", text(to.path())];
    let mut in_the_middle =
        nestr_scim(&import, &[]).stdin(Stdio::piped()).spawn().expect("the binary runs");
    let mut input = in_the_middle.stdin.take().expect("its input");
    // More than fits into a pipe was taken when this returns.
    let most = export.len() - export.len() / 20;
    input.write_all(&export.as_bytes()[..most]).expect("it reads");
    input.flush().expect("it reads");
    in_the_middle.kill().expect("SIGKILL");
    in_the_middle.wait().expect("its end");
    drop(input);
    assert!(!exports_anybody(to.path()));

    let mut at_the_end = nestr_scim(&import, &[("NESTR_SCIM_FAILPOINT", "before-commit:1")]);
    let mut at_the_end = at_the_end.stdin(Stdio::piped()).spawn().expect("the binary runs");
    let mut input = at_the_end.stdin.take().expect("its input");
    input.write_all(export.as_bytes()).expect("it reads");
    drop(input);
    assert!(!at_the_end.wait().expect("its end").success(), "it died before the commit");
    assert!(!exports_anybody(to.path()));

    let cut = to.path().with_extension("cut");
    fs::write(&cut, &export[..most]).expect("a file");
    let refused = refused(&[&import[..], &["--from", text(&cut)]].concat());
    assert!(refused.contains("cut off"), "{refused}");
    fs::write(&cut, &export).expect("a file");
    done(&[&import[..], &["--from", text(&cut)]].concat());
    fs::remove_file(&cut).expect("the file");
    assert!(exports_anybody(to.path()));
}

/// Whether the store of a directory holds any workspace. One that was not begun holds none.
fn exports_anybody(data_dir: &Path) -> bool {
    let exported = run(&["export", "--data-dir", text(data_dir)]);
    match exported.code {
        0 => exported.out.contains("{\"workspace\":{"),
        _ if exported.err.contains("there is no store") => false,
        _ => panic!("{}", exported.err),
    }
}

/// A copy is of one moment, holds nobody up for good, and is not served before it was said what becomes of
/// its keys. Seen to fail with the cluster's secret left as it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_comes_back_without_its_keys() {
    let nestr = Nestr::start_with(&SETTINGS).await;
    let acme = nestr.acme();
    let (old_key, old_id) = nestr.operator().create_key(&acme.id).await;
    let leaver = acme.create("leaver@acme.com").await;
    let home = tempfile::tempdir().expect("a temporary directory");
    let (copy, data_dir) = (home.path().join("copy"), nestr.data_dir());
    let load = Load::on(&acme);
    done(&["backup", "--data-dir", text(&data_dir), "--to", text(&copy)]);
    load.stop().await;
    assert_eq!(fs::metadata(&copy).expect("the copy").permissions().mode() & 0o777, 0o600);

    nestr.operator().revoke_key(&acme.id, &old_id).await;
    acme.delete(&format!("/Users/{leaver}")).await.is(204);
    let cursor = acme.get("/Users?count=1&cursor").await.text("/nextCursor");
    acme.get(&format!("/Users?count=1&cursor={cursor}")).await.is(200);
    let followed = followed(&nestr).await;
    nestr.terminate().await;

    // The disk is lost: the copy is put in its place.
    for end in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(data_dir.join(format!("directory.sqlite3{end}")));
    }
    fs::copy(&copy, data_dir.join("directory.sqlite3")).expect("the copy in place");
    let (status, said) =
        run_to_end(&data_dir, &["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]).await;
    assert!(!status.success() && said.contains("nestr-scim restore"), "{said}");
    let restore = ["restore", "--data-dir", text(&data_dir), "--from", text(&copy)];
    assert!(refused(&restore).contains("--revoke-keys"), "nobody said what becomes of the keys");
    let restore = [&restore[..], &["--revoke-keys"]].concat();
    assert!(refused(&restore).contains("directory.sqlite3"), "a file is in the way");
    fs::remove_file(data_dir.join("directory.sqlite3")).expect("the file in the way");
    let said = done(&restore).err;
    assert!(said.contains("docs/backup.md"), "{said}");

    nestr.start_again().await;
    for key in [&acme.key, &old_key] {
        nestr.send(Ask::new("GET", acme.path("/Users")).bearer(key)).await.is(401);
    }
    let (key, _) = nestr.operator().create_key(&acme.id).await;
    let back = Workspace::new(&nestr, acme.id.clone(), key);
    back.get(&format!("/Users/{leaver}")).await.is(200);
    back.get(&format!("/Users?count=1&cursor={cursor}")).await.refused(400, "invalidCursor");
    assert_eq!(cannot_follow(&nestr, followed).await, Reason::InvalidCursor);
    let audit =
        Terminal::of(&nestr).operate(&["audit", "list", &acme.id, "--actor", "restore"]).done();
    assert!(audit.contains("workspace.restored") && audit.contains("key.revoked"), "{audit}");
    person(&back).await;
}

/// What `--keep-keys` means, as its help says.
#[tokio::test]
async fn a_restore_that_keeps_keys_brings_back_those_that_were_revoked() {
    let nestr = Nestr::start_with(&SETTINGS).await;
    let acme = nestr.acme();
    let (key, id) = nestr.operator().create_key(&acme.id).await;
    let home = tempfile::tempdir().expect("a temporary directory");
    let (copy, data_dir) = (home.path().join("copy"), nestr.data_dir());
    done(&["backup", "--data-dir", text(&data_dir), "--to", text(&copy)]);
    nestr.operator().revoke_key(&acme.id, &id).await;
    let with = acme.with_key(&key);
    with.get("/Users").await.is(401);
    nestr.terminate().await;

    let aside = data_dir.with_extension("aside");
    fs::rename(&data_dir, &aside).expect("the old directory");
    let from = ["--from", text(&copy), "--keep-keys"];
    done(&[&["restore", "--data-dir", text(&data_dir)][..], &from].concat());
    nestr.start_again().await;
    with.get("/Users").await.is(200);
}
