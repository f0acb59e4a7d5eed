//! A migration that is killed in the middle, on a store that is full.
//!
//! Each image is what the files hold at one moment of the migration: what a process that is killed
//! then leaves behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use uuid::Uuid;

use super::*;
use crate::ids::{UserId, WorkspaceId};
use crate::store::sqlite::writing::Writing;
use crate::store::sqlite::{connection, users, workspaces};
use crate::store::{
    Admission, Author, Draft, LoginEmail, Names, OperationId, Passage, Provided, Workspace, Write,
};

const PEOPLE: u32 = 4_000;
/// How many images are taken while the migration runs.
const IMAGES: usize = 16;
/// Steps of the engine between two looks at the clock of the images.
const STEPS: i32 = 1_000;
const FILE: &str = "directory.sqlite3";

/// The next migration, a hard one: everybody is written anew, and a table and indexes are made of it.
const NEXT: Migration = Migration::new(
    MIGRATIONS[MIGRATIONS.len() - 1].number + 1,
    "next",
    "ALTER TABLE user ADD COLUMN family_key TEXT;
          UPDATE user SET family_key = lower(document ->> '$.name.familyName');
          CREATE INDEX user_family ON user (workspace_id, family_key, seq);
          CREATE TABLE nickname (
              workspace_id BLOB NOT NULL,
              user_id      BLOB NOT NULL,
              value        TEXT NOT NULL,
              PRIMARY KEY (workspace_id, user_id)
          ) STRICT, WITHOUT ROWID;
          INSERT INTO nickname SELECT workspace_id, id, 'nick ' || seq FROM user;
          DROP INDEX user_modified;
          CREATE INDEX user_modified ON user (workspace_id, modified_at);",
);

/// What the next version knows.
fn next() -> Vec<Migration> {
    MIGRATIONS.into_iter().chain([NEXT]).collect()
}

/// Whom the store holds, and by which schema; and that the engine finds it whole.
#[derive(Debug, PartialEq)]
struct Contents {
    people: usize,
    everybody: Vec<u8>,
    schema: Vec<u8>,
}

fn contents(connection: &Connection) -> Contents {
    let verdict: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
    let digest = |sql: &str| {
        let (mut digest, mut rows) = (Sha256::new(), 0);
        let mut statement = connection.prepare(sql).unwrap();
        let texts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        for text in texts {
            digest.update(text.unwrap());
            rows += 1;
        }
        (rows, digest.finalize().to_vec())
    };
    let (people, everybody) = digest(
        "SELECT concat_ws('|', hex(u.id), u.seq, u.revision, u.user_name_key, u.login_email_key, \
         u.active, u.created_at, u.document, u.search, e.value_key, c.operation_id, c.detail) \
         FROM user u JOIN user_email e ON e.workspace_id = u.workspace_id AND e.user_id = u.id \
         JOIN change c ON c.workspace_id = u.workspace_id AND c.revision = u.revision \
         ORDER BY u.seq",
    );
    let (_, schema) = digest("SELECT concat_ws('|', name, sql) FROM sqlite_schema ORDER BY name");
    Contents { people, everybody, schema }
}

/// Makes people by the store's own statements, in one transaction.
fn fill(connection: &mut Connection, people: std::ops::Range<u32>) {
    let workspace = WorkspaceId::new(Uuid::from_u128(1));
    let write = |operation: &str, at| {
        let author = Author::Service("test".to_owned());
        Write { operation: OperationId(operation.to_owned()), author, at }
    };
    let card = Workspace::new(workspace, "Acme", "admin@acme.com", 0);
    let transaction = connection.transaction().unwrap();
    workspaces::create(&transaction, &write("make", 0), &card).unwrap();
    for n in people {
        let address = format!("person{n}@acme.com");
        let document = format!(
            r#"{{"userName":"{address}","name":{{"familyName":"Family {n}"}},"emails":[{{"value":"{address}"}}]}}"#
        );
        let draft = Draft {
            resource: scim::Schemas::standard().user().read(&document).unwrap(),
            login_email: Some(LoginEmail { address: address.clone(), key: address.clone() }),
            binding: None,
            provided: Provided::default(),
            is_protected: false,
            predecessor: None,
            is_guest: false,
            passage: Passage::default(),
        };
        let write = write(&address, i64::from(n));
        let writing = Writing::begin(&transaction, workspace, None, write).unwrap();
        let id = UserId::new(Uuid::from_u128(u128::from(n) + 10));
        let names = Names { user_name: address, ..Names::default() };
        users::create(&writing, id, &names, |_, _| Ok(Admission::Create(draft.clone()))).unwrap();
    }
    transaction.commit().unwrap();
}

/// The files of a store as they are now, in place of what is at `to`.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Brings a copy of the store in `full` to the next version. Answers how many looks were taken
/// meanwhile, and the images: at those of `moments`, before the last commit and behind it.
fn images(full: &Path, home: &Path, moments: &[usize]) -> (usize, Vec<PathBuf>) {
    let under_way = home.join("under way");
    copy(full, &under_way);
    let mut connection = connection::writer(&under_way.join(FILE)).unwrap();
    // So few pages are kept that the log holds much of what is not committed.
    connection.pragma_update(None, "cache_size", 20).unwrap();
    let paths: Vec<_> = (0..moments.len() + 2).map(|n| home.join(format!("image {n}"))).collect();

    let looks = Arc::new(AtomicUsize::new(0));
    let (seen, moments) = (Arc::clone(&looks), moments.to_vec());
    let (from, to) = (under_way.clone(), paths.clone());
    let look = move || {
        if let Ok(number) = moments.binary_search(&seen.fetch_add(1, Ordering::Relaxed)) {
            copy(&from, &to[number]);
        }
        false
    };
    connection.progress_handler(STEPS, Some(look)).unwrap();
    let (from, to) = (under_way.clone(), paths[paths.len() - 2].clone());
    let before_commit = move || {
        copy(&from, &to);
        false
    };
    connection.commit_hook(Some(before_commit)).unwrap();
    bring(&mut connection, &next()).unwrap();
    copy(&under_way, &paths[paths.len() - 1]);
    (looks.load(Ordering::Relaxed), paths)
}

/// The next start undoes or finishes it, and nobody is lost: the version of before serves as before
/// or, when the migration was done, refuses the store with a message; the next version finishes it.
/// Seen to fail with the transaction round a migration taken out, and with its note written in a
/// transaction of its own.
#[test]
fn a_migration_killed_in_the_middle_of_a_full_store_is_finished_or_undone() {
    let home = tempfile::tempdir().unwrap();
    let full = home.path().join("full");
    fs::create_dir(&full).unwrap();
    connection::create(&full.join(FILE)).unwrap();
    let mut connection = connection::writer(&full.join(FILE)).unwrap();
    bring(&mut connection, &MIGRATIONS).unwrap();
    fill(&mut connection, 0..PEOPLE);
    let before = contents(&connection);
    assert_eq!(before.people, PEOPLE as usize);
    drop(connection);

    let (looks, _) = images(&full, home.path(), &[]);
    let moments: Vec<_> = (0..IMAGES).map(|n| (2 * n + 1) * looks / (2 * IMAGES)).collect();
    let (_, images) = images(&full, home.path(), &moments);
    assert!(looks > 2 * IMAGES, "{looks} looks");
    let finished = {
        let connection = connection::writer(&images[IMAGES + 1].join(FILE)).unwrap();
        contents(&connection)
    };
    assert_eq!((finished.people, &finished.everybody), (before.people, &before.everybody));
    assert_ne!(finished.schema, before.schema);

    let mut half_written = 0;
    for (number, image) in images.iter().enumerate() {
        let log = fs::metadata(image.join(format!("{FILE}-wal"))).map_or(0, |log| log.len());
        half_written += usize::from(number <= IMAGES && log > 100_000);

        let older = home.path().join("older");
        copy(image, &older);
        let mut older = connection::writer(&older.join(FILE)).unwrap();
        if number <= IMAGES {
            bring(&mut older, &MIGRATIONS).unwrap();
            assert_eq!(contents(&older), before, "image {number}, undone");
            fill(&mut older, PEOPLE..PEOPLE + 1);
            assert_eq!(contents(&older).people, before.people + 1);
        } else {
            let error = bring(&mut older, &MIGRATIONS).unwrap_err();
            assert!(error.to_string().contains("made by a newer version"), "{error}");
        }

        let mut newer = connection::writer(&image.join(FILE)).unwrap();
        bring(&mut newer, &next()).unwrap_or_else(|error| panic!("image {number}: {error:?}"));
        assert_eq!(contents(&newer), finished, "image {number}, finished");
        let nicknames: u32 =
            newer.query_row("SELECT count(*) FROM nickname", [], |row| row.get(0)).unwrap();
        assert_eq!(nicknames, PEOPLE);
        let unnamed = "SELECT count(*) FROM user WHERE family_key NOT LIKE 'family %'";
        let unnamed: u32 = newer.query_row(unnamed, [], |row| row.get(0)).unwrap();
        assert_eq!(unnamed, 0);
    }
    // Else the images would all be of before the first page was written.
    assert!(half_written > IMAGES / 2, "{half_written} images hold a half-written log");
}
