//! That all of a store is carried, by exports and by copies.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::*;
use crate::clock::{DAY, MINUTE};
use crate::store::portable::{
    Becomes, Carried, Import, Keys, Kind, NOT_CARRIED, Step, TABLES, Table, Value, Wanted, hex,
};
use crate::store::{
    Acknowledged, Author, Consumer, Done, FeedMark, OperationId, Standing, StoreError,
};

const ACME: Uuid = Uuid::from_u128(1);
const GLOBEX: Uuid = Uuid::from_u128(2);
/// A moment in 2023, between two minutes.
const NOW: Micros = 1_700_000_000_000_000;

fn quiet(_: Step) {}

fn open(dir: &Path) -> Result<SqliteStore, OpenError> {
    let statement_timeout = Duration::from_secs(30);
    SqliteStore::open(SqliteConfig { dir: dir.to_owned(), statement_timeout })
}

fn at(dir: &Path) -> Connection {
    connection::writer(&dir.join(FILE)).unwrap()
}

/// Something of every column of every table, as the engine's own rules let it be: of two workspaces, two rows
/// each, of which the second holds nothing where nothing may be.
fn fill(connection: &Connection) {
    let mut number = 100;
    for workspace in [ACME, GLOBEX] {
        for table in TABLES {
            for is_second in [false, true] {
                if table.name == "workspace" && is_second {
                    continue;
                }
                let columns: Vec<_> = table.columns.iter().map(|column| column.name).collect();
                let values = table.columns.iter().map(|column| {
                    number += 1;
                    let name = format!("{}.{}", table.name, column.name);
                    let kind = column.kind;
                    match name.as_str() {
                        _ if column.name == table.workspace() => Value::Id(workspace),
                        "workspace.revision" => Value::Integer(2_000_000),
                        "group_member.kind" => Value::Text("user".to_owned()),
                        "domain.state" => Value::Text("rejected".to_owned()),
                        "api_key.scopes" => Value::Text("users".to_owned()),
                        "api_key.networks" => Value::Text("10.0.0.0/8".to_owned()),
                        "workspace.email_join" => Value::Text("off".to_owned()),
                        "change.kind" => Value::Text("user-created".to_owned()),
                        "change.author_service" => of(kind, number),
                        // An owed letter, and one that was sent.
                        "notice.outcome" => Value::Text("sent".to_owned()),
                        "notice.due_at" if is_second => Value::Null,
                        "notice.ended_at" if !is_second => Value::Null,
                        "notice.ended_at" => Value::Integer(number),
                        _ if is_second && may_be_null(connection, table, column.name) => {
                            Value::Null
                        }
                        _ => of(kind, number),
                    }
                });
                let sql = format!(
                    "INSERT INTO {} ({}) VALUES ({})",
                    table.name,
                    [columns.clone(), table.stays.iter().map(|c| c.name).collect()]
                        .concat()
                        .join(", "),
                    vec!["?"; columns.len() + table.stays.len()].join(", "),
                );
                let mut values: Vec<_> = values.collect();
                values.extend(table.stays.iter().map(|column| match column.becomes {
                    Becomes::Place => Value::Integer(number),
                    Becomes::Value(_) if column.name == "taker" => of(Kind::Id, 7),
                    Becomes::Value(_) => Value::Integer(7),
                }));
                connection.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
            }
        }
        counts::count_anew(connection, WorkspaceId::new(workspace)).unwrap();
    }
}

fn of(kind: Kind, number: i64) -> Value {
    match kind {
        Kind::Id => Value::Id(Uuid::from_u128(number.unsigned_abs().into())),
        // Far apart, so that there are counters of several places.
        Kind::Integer => Value::Integer(number * 300),
        Kind::Flag => Value::Flag(number % 2 == 0),
        Kind::Text => Value::Text(format!("text \"{number}\"\nof Ä\u{1F600}\0")),
        Kind::Bytes => Value::Bytes(number.to_be_bytes().to_vec()),
    }
}

struct Shape {
    name: String,
    declared: String,
    may_be_null: bool,
    /// Its place in the primary key, from 1; 0: none.
    in_key: usize,
}

fn shapes(connection: &Connection, table: &str) -> Vec<Shape> {
    let sql = "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1)";
    let mut statement = connection.prepare(sql).unwrap();
    let shapes = statement.query_map([table], |row| {
        Ok(Shape {
            name: row.get(0)?,
            declared: row.get(1)?,
            may_be_null: !row.get::<_, bool>(2)?,
            in_key: row.get(3)?,
        })
    });
    shapes.unwrap().collect::<Result<_, _>>().unwrap()
}

fn may_be_null(connection: &Connection, table: &Table, column: &str) -> bool {
    let shapes = shapes(connection, table.name);
    shapes.iter().any(|shape| shape.name == column && shape.may_be_null)
}

/// Every row of every table of a store but those of its own, in the order of their keys. Places in the feed are
/// each store's own.
fn contents(dir: &Path) -> Vec<String> {
    let connection = connection::reader(&dir.join(FILE)).unwrap();
    let names = TABLES.iter().map(|table| table.name).chain(["listing_count"]);
    let mut rows = Vec::new();
    for table in names {
        let mut columns = shapes(&connection, table);
        columns.retain(|column| (table, column.name.as_str()) != ("change", "position"));
        let key = columns.iter().filter(|c| c.in_key > 0).map(|c| c.name.clone());
        let key = key.collect::<Vec<_>>().join(", ");
        let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY {key}", names.join(", "));
        let mut statement = connection.prepare(&sql).unwrap();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<_> =
                (0..columns.len()).map(|at| format!("{:?}", row.get_ref(at).unwrap())).collect();
            rows.push(format!("{table}: {}", values.join(", ")));
        }
    }
    rows
}

fn exported(dir: &Path, workspace: Option<Uuid>) -> Result<Vec<u8>, CarryError> {
    let mut out = Vec::new();
    let wanted = Wanted { workspace: workspace.map(WorkspaceId::new), at: NOW };
    export(dir, wanted, &mut out, &mut quiet).map(|_| out)
}

fn imported(dir: &Path, text: &[u8], keys: Keys) -> Result<Carried, CarryError> {
    let plan = Import { keys, may_share_domains: false, now: NOW };
    import(dir, Box::new(text), plan, &mut quiet)
}

/// Whoever adds a table or a column says here how it is carried, or that it is not. Seen to fail with a
/// column, and with a table, taken out of the description.
#[test]
fn every_table_and_column_is_carried_or_said_to_stay() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let connection = at(dir.path());
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(sql).unwrap();
    let found = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let found: BTreeSet<String> = found.collect::<Result<_, _>>().unwrap();
    let known = TABLES.iter().map(|table| table.name).chain(NOT_CARRIED.iter().copied());
    assert_eq!(found, known.map(str::to_owned).collect::<BTreeSet<_>>());

    for table in TABLES {
        let shapes = shapes(&connection, table.name);
        let columns = table.columns.iter().map(|column| column.name);
        let known: BTreeSet<_> = columns.chain(table.stays.iter().map(|c| c.name)).collect();
        let found: BTreeSet<_> = shapes.iter().map(|shape| shape.name.as_str()).collect();
        assert_eq!(found, known, "{}", table.name);
        let mut key: Vec<_> = shapes.iter().filter(|shape| shape.in_key > 0).collect();
        key.sort_by_key(|shape| shape.in_key);
        let key: Vec<_> = key.iter().map(|shape| shape.name.as_str()).collect();
        assert_eq!(key, table.key, "{}", table.name);
        assert_eq!(table.columns[0].name, table.workspace(), "{}", table.name);
        for column in table.columns {
            let shape = shapes.iter().find(|shape| shape.name == column.name).unwrap();
            let declared = match column.kind {
                Kind::Id | Kind::Bytes => "BLOB",
                Kind::Integer | Kind::Flag => "INTEGER",
                Kind::Text => "TEXT",
            };
            assert_eq!(shape.declared, declared, "{}.{}", table.name, column.name);
        }
    }
}

/// Seen to fail with the counters not made anew.
#[test]
fn every_row_comes_as_it_was_and_leases_do_not() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(from.path()).unwrap());
    fill(&at(from.path()));
    let file = exported(from.path(), None).unwrap();
    let carried = imported(to.path(), &file, Keys::Keep).unwrap();
    assert_eq!(carried.workspaces, 2);
    assert_eq!(carried.rows, TABLES.len() as u64 * 4 - 2);

    let ends = "UPDATE notice SET leased_until = NULL; UPDATE domain_check SET lease_until = 0; \
                UPDATE waiting_people SET taker = NULL, free_at = 0";
    at(from.path()).execute_batch(ends).unwrap();
    assert_eq!(contents(to.path()), contents(from.path()));
    assert_eq!(exported(to.path(), None).unwrap(), file, "to the byte");
    drop(open(to.path()).unwrap());
}

/// Seen to fail with rows of every workspace in the file of one.
#[test]
fn a_workspace_is_carried_alone_and_once() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(from.path()).unwrap());
    fill(&at(from.path()));
    let (acme, globex) = (exported(from.path(), Some(ACME)), exported(from.path(), Some(GLOBEX)));
    let (acme, globex) = (acme.unwrap(), globex.unwrap());
    assert!(!String::from_utf8_lossy(&acme).contains(&GLOBEX.to_string()));
    let absent = exported(from.path(), Some(Uuid::from_u128(9))).unwrap_err();
    assert!(matches!(absent, CarryError::NoWorkspace(_)), "{absent}");

    imported(to.path(), &acme, Keys::Keep).unwrap();
    imported(to.path(), &globex, Keys::Keep).unwrap();
    assert_eq!(exported(to.path(), None).unwrap(), exported(from.path(), None).unwrap());
    let before = contents(to.path());
    let again = imported(to.path(), &acme, Keys::Keep).unwrap_err();
    assert!(matches!(again, CarryError::WorkspaceIsHere(id) if id.uuid() == ACME), "{again}");
    assert_eq!(contents(to.path()), before);
}

/// The changes of a feed behind a mark, by workspace and revision; `None`: the mark is void.
fn fed(dir: &Path, after: &FeedMark) -> Option<Vec<(Uuid, u64)>> {
    let fed = changes::feed(&at(dir), after, 100).unwrap()?;
    Some(fed.iter().map(|fed| (fed.workspace_id.uuid(), fed.change.revision)).collect())
}

/// Each workspace comes with its changes in order, and whoever follows all of them is told to begin anew: what
/// comes may be older than what they have done.
#[test]
fn the_feed_begins_anew_with_what_comes() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(from.path()).unwrap());
    fill(&at(from.path()));
    let (of_source, end) =
        (changes::feed_begin(&at(from.path())), changes::feed_end(&at(from.path())));
    let of_source = [of_source.unwrap(), end.unwrap()];
    let all = fed(from.path(), &of_source[0]).unwrap();
    assert_eq!(all.len(), 4);
    let of = |workspace| all.iter().copied().filter(|(of, _)| *of == workspace).collect::<Vec<_>>();

    let import = |workspace, at| {
        let file = exported(from.path(), Some(workspace)).unwrap();
        let plan = Import { keys: Keys::Keep, may_share_domains: false, now: at };
        import(to.path(), Box::new(&*file), plan, &mut quiet).unwrap();
    };
    import(GLOBEX, NOW);
    let begin = changes::feed_begin(&at(to.path())).unwrap();
    let end = changes::feed_end(&at(to.path())).unwrap();
    assert_eq!(fed(to.path(), &begin).unwrap(), of(GLOBEX));
    let consumer = |workspace: Option<Uuid>| Consumer {
        workspace: workspace.map(WorkspaceId::new),
        caller: "sessions".to_owned(),
        name: String::new(),
    };
    let (everyone, globex) = (consumer(None), consumer(Some(GLOBEX)));
    let done = of(GLOBEX)[0].1;
    for (consumer, done) in [(&everyone, Done::All(end.clone())), (&globex, Done::One(done))] {
        let kept = receipts::acknowledge(&at(to.path()), consumer, &done, NOW, 9).unwrap();
        assert_eq!(kept, Acknowledged::Kept);
    }
    let standing = receipts::consumers(&at(to.path())).unwrap();

    // Even by a clock that is behind.
    import(ACME, NOW - DAY);
    // Such as stores give out that count from one.
    let low = (0..100_u64).map(|position| FeedMark(position.to_be_bytes().to_vec()));
    for mark in of_source.into_iter().chain([begin, end]).chain(low) {
        assert_eq!(fed(to.path(), &mark), None);
    }
    let begin = changes::feed_begin(&at(to.path())).unwrap();
    assert_eq!(fed(to.path(), &begin).unwrap(), [of(GLOBEX), of(ACME)].concat());
    let stands = receipts::consumers(&at(to.path())).unwrap();
    let of_globex = |standing: &[Standing]| standing.iter().find(|s| s.consumer == globex).cloned();
    assert_eq!(of_globex(&stands), of_globex(&standing));
    let places = |of: &str| -> Vec<i64> {
        let connection = at(to.path());
        let sql = format!("SELECT position FROM {of} ORDER BY position");
        let mut statement = connection.prepare(&sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let of_globex = places(&format!("change WHERE workspace_id = x'{}'", GLOBEX.simple()));
    assert_eq!((places("consumer"), places("receipt")), (of_globex.clone(), of_globex));
    drop(open(to.path()).unwrap());
}

/// A file that somebody changed, with the checksum of what it is now.
fn sealed(text: &str) -> String {
    let (lines, end) = text.trim_end().rsplit_once('\n').unwrap();
    let (lines, mut end) =
        (format!("{lines}\n"), serde_json::from_str::<serde_json::Value>(end).unwrap());
    end["end"]["sha256"] = hex(&Sha256::digest(&lines)).into();
    format!("{lines}{end}\n")
}

/// Whatever is wrong with a file, at whichever line it shows: nothing of it is here. Seen to fail with a
/// commit for each workspace, and with rows taken whosever they are.
#[test]
fn a_file_that_is_wrong_leaves_nothing() {
    let from = tempfile::tempdir().unwrap();
    drop(open(from.path()).unwrap());
    fill(&at(from.path()));
    let text = String::from_utf8(exported(from.path(), None).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let cut = |lines: &[&str]| lines.join("\n") + "\n";
    let one_line_of = |table: &str| {
        let begin = format!("{{\"{table}\":");
        lines.iter().position(|line| line.starts_with(&begin)).unwrap()
    };
    let mut twice = lines.clone();
    twice.insert(one_line_of("user"), lines[one_line_of("user")]);
    let foreign = text.replacen(
        &format!("{{\"user\":{{\"workspace_id\":\"{ACME}\""),
        &format!("{{\"user\":{{\"workspace_id\":\"{GLOBEX}\""),
        1,
    );
    let nameless = text.replacen("\"user_name_key\":\"text", "\"login_email\":\"text", 1);
    let wrong = [
        ("is cut off", cut(&lines[..lines.len() - 1])),
        ("checksum", text.replacen("text \\\"1", "text \\\"9", 1)),
        ("does not take this user", sealed(&cut(&twice))),
        ("another workspace", sealed(&foreign)),
        ("NOT NULL", sealed(&nameless)),
    ];
    for (what, file) in wrong {
        assert_ne!(file, text, "{what}");
        let to = tempfile::tempdir().unwrap();
        let refused = imported(to.path(), file.as_bytes(), Keys::Keep).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.contains(what) && refused.contains("Nothing was imported"), "{refused}");
        assert_eq!(contents(to.path()), [""; 0], "{what}");
        imported(to.path(), text.as_bytes(), Keys::Keep).unwrap();
    }
}

/// Seen to fail without the look at what others have.
#[test]
fn a_domain_comes_into_two_hands_on_purpose_alone() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(open(from.path()).unwrap());
    fill(&at(from.path()));
    let share = "UPDATE domain SET name = 'acme.com', state = 'verified' \
                 WHERE name IN (SELECT min(name) FROM domain GROUP BY workspace_id)";
    at(from.path()).execute_batch(share).unwrap();
    let of = |workspace| exported(from.path(), Some(workspace)).unwrap();
    imported(to.path(), &of(ACME), Keys::Keep).unwrap();
    let refused = imported(to.path(), &of(GLOBEX), Keys::Keep).unwrap_err().to_string();
    assert!(refused.contains("acme.com") && refused.contains(&ACME.to_string()), "{refused}");
    let plan = Import { keys: Keys::Keep, may_share_domains: true, now: NOW };
    let file = of(GLOBEX);
    import(to.path(), Box::new(&*file), plan, &mut quiet).unwrap();
}

#[test]
fn an_import_waits_for_no_directory_to_end() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let running = open(from.path()).unwrap();
    let file = exported(from.path(), None).unwrap();
    let serving = open(to.path()).unwrap();
    let refused = imported(to.path(), &file, Keys::Keep).unwrap_err();
    assert!(refused.to_string().contains("in use by another process"), "{refused}");
    drop((serving, running));
    let nowhere = exported(&to.path().join("nowhere"), None).unwrap_err();
    assert!(matches!(nowhere, CarryError::NoStore(_)), "{nowhere}");
}

fn write(operation: &str) -> Write {
    let author = Author::Service("test".to_owned());
    Write { operation: OperationId(operation.to_owned()), author, at: NOW }
}

async fn make(store: &SqliteStore, number: u128) -> Result<(), StoreError> {
    let id = WorkspaceId::new(Uuid::from_u128(number));
    // Of such a length that a copy takes many steps.
    let card = Workspace::new(id, "Acme ".repeat(10_000), "admin@acme.com", NOW);
    store.create_workspace(write(&number.to_string()), card).await
}

/// A copy that is made while others write is of one moment: of the workspaces that are made one after
/// another it holds the first ones, and none behind one that is missing. It never begins again for what is
/// written meanwhile, and no write is refused. Seen to fail without the transaction that the pages are read in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_is_of_one_moment() {
    let home = tempfile::tempdir().unwrap();
    let (data, target) = (home.path().join("data"), home.path().join("restored"));
    fs::create_dir(&data).unwrap();
    fs::create_dir(&target).unwrap();
    let store = open(&data).unwrap();
    for number in 0..200 {
        make(&store, number).await.unwrap();
    }
    let is_over = Arc::new(AtomicBool::new(false));
    let (over, writing) = (Arc::clone(&is_over), store.clone());
    let load = tokio::spawn(async move {
        let mut number = 200;
        while !over.load(Ordering::Relaxed) {
            make(&writing, number).await.unwrap();
            number += 1;
        }
        number
    });
    let copy = home.path().join("copy");
    let (from, to) = (data.clone(), copy.clone());
    let copying = tokio::task::spawn_blocking(move || {
        let mut copied = 0;
        let mut goes_on = |step: Step| {
            assert!(step.done >= copied, "it began again");
            copied = step.done;
        };
        backup(&from, &to, NOW + DAY, &mut goes_on)
    });
    copying.await.unwrap().unwrap();
    is_over.store(true, Ordering::Relaxed);
    let made = load.await.unwrap();
    drop(store);

    let restored = restore(&copy, &target, Keys::Keep, NOW, &mut quiet).unwrap().put().unwrap();
    assert_eq!(restored.made_at, (NOW + DAY) / MINUTE * MINUTE);
    let here: u64 =
        at(&target).query_row("SELECT count(*) FROM workspace", [], |row| row.get(0)).unwrap();
    assert_eq!(restored.workspaces, here);
    assert!((200..=made).contains(&u128::from(here)), "{here} of {made}");
    let last = Uuid::from_u128(u128::from(here) - 1).into_bytes();
    let newest: Vec<u8> =
        at(&target).query_row("SELECT max(id) FROM workspace", [], |row| row.get(0)).unwrap();
    assert_eq!(newest, last, "none is missing before the last");
    drop(open(&target).unwrap());
}

/// Seen to fail with the mark passed over, and without the look for a log that was left behind.
#[test]
fn a_copy_is_served_once_it_was_said_what_becomes_of_its_keys() {
    let home = tempfile::tempdir().unwrap();
    let dir = |name: &str| {
        let dir = home.path().join(name);
        fs::create_dir(&dir).unwrap();
        dir
    };
    let (data, copy) = (dir("data"), home.path().join("copy"));
    drop(open(&data).unwrap());
    fill(&at(&data));
    at(&data).execute_batch("UPDATE api_key SET revoked_at = NULL").unwrap();
    backup(&data, &copy, NOW, &mut quiet).unwrap();
    let again = backup(&data, &copy, NOW, &mut quiet).unwrap_err();
    assert!(matches!(again, CarryError::InTheWay(_)), "{again}");
    let names = fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().file_name());
    assert_eq!(names.filter(|name| name.to_str().unwrap().starts_with("copy")).count(), 1);

    let by_hand = dir("by hand");
    fs::copy(&copy, by_hand.join(FILE)).unwrap();
    let refused = open(&by_hand).err().unwrap().to_string();
    assert!(
        refused.contains("nestr-scim restore") && refused.contains("2023-11-14T22:13:00Z"),
        "{refused}"
    );

    let kept = dir("kept");
    let restored = restore(&copy, &kept, Keys::Keep, NOW, &mut quiet).unwrap().put().unwrap();
    assert_eq!((restored.workspaces, restored.revoked), (2, 0));
    let revoked = dir("revoked");
    let restored = restore(&copy, &revoked, Keys::Revoke, NOW, &mut quiet).unwrap().put().unwrap();
    assert_eq!(restored.revoked, 4);
    let count =
        |dir: &Path, sql: &str| -> u32 { at(dir).query_row(sql, [], |row| row.get(0)).unwrap() };
    let living = "SELECT count(*) FROM api_key WHERE revoked_at IS NULL";
    assert_eq!((count(&kept, living), count(&revoked, living)), (4, 0));
    let records = "SELECT count(*) FROM audit_record WHERE actor = 'restore' AND act = ";
    assert_eq!(count(&kept, &format!("{records}'workspace.restored'")), 2);
    assert_eq!(count(&revoked, &format!("{records}'key.revoked'")), 4);
    drop((open(&kept).unwrap(), open(&revoked).unwrap()));

    let full = restore(&copy, &kept, Keys::Keep, NOW, &mut quiet).unwrap_err();
    assert!(matches!(full, CarryError::StoreInTheWay(_)), "{full}");
    let log = dir("log");
    fs::write(log.join("directory.sqlite3-wal"), "old").unwrap();
    let full = restore(&copy, &log, Keys::Keep, NOW, &mut quiet).unwrap_err();
    assert!(matches!(full, CarryError::StoreInTheWay(_)), "{full}");
}

#[test]
fn what_is_no_copy_or_a_damaged_one_is_not_restored() {
    let home = tempfile::tempdir().unwrap();
    let (data, copy, to) =
        (home.path().join("data"), home.path().join("copy"), home.path().join("to"));
    fs::create_dir(&data).unwrap();
    fs::create_dir(&to).unwrap();
    drop(open(&data).unwrap());
    fill(&at(&data));
    let restored = |from: &Path| restore(from, &to, Keys::Keep, NOW, &mut quiet).unwrap_err();
    for other in ["", "no store"] {
        fs::write(&copy, other).unwrap();
        assert!(matches!(restored(&copy), CarryError::NotACopy(_)), "{other:?}");
    }
    fs::remove_file(&copy).unwrap();
    assert!(matches!(restored(&copy), CarryError::File { .. }));
    assert!(matches!(restored(&data.join(FILE)), CarryError::NotACopy(_)));

    backup(&data, &copy, NOW, &mut quiet).unwrap();
    let whole = fs::read(&copy).unwrap();
    fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(restored(&copy), CarryError::Damaged { .. }));
    assert_eq!(fs::read_dir(&to).unwrap().count(), 1, "the lock and nothing else");
    fs::write(&copy, &whole).unwrap();
    restore(&copy, &to, Keys::Keep, NOW, &mut quiet).unwrap().put().unwrap();
}
