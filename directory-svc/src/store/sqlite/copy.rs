//! Copies of a store: made while a directory serves it, and brought back.
//!
//! A copy holds what stood at one moment, and whatever ended since would be back with it: a key that was
//! revoked, a person who was removed, an address that was barred. So a copy is marked, no directory serves
//! a marked one, and who takes the mark off says what is to become of the keys.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use super::statement::all;
use super::writing::{Changed, Writing};
use super::{FILE, beside, keys, lock, migrations, workspaces};
use crate::clock::{MINUTE, Micros};
use crate::ids::WorkspaceId;
use crate::store::portable::{Aside, CarryError, Keys, Step, Tell, with_companions};
use crate::store::record::{Detail, image_of_workspace};
use crate::store::{Answer, Author, ChangeKind, OperationId, StoreError, Write as StoreWrite};

/// How many pages are copied between two looks at what else there is to do.
const PAGES: i32 = 1_024;
/// How many bytes of a file are copied between two tellings.
const BYTES: u64 = 4 * 1024 * 1024;
/// By whom the records of a restore were made, as they tell.
const BY: &str = "restore";

/// What a restore brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the copy was made, to the minute. What was done after it is lost.
    pub made_at: Micros,
    /// How many workspaces it holds.
    pub workspaces: u64,
    /// How many keys were revoked.
    pub revoked: u64,
}

/// When the copy was made that this is; `None`: it is no copy.
pub(super) fn made_at(connection: &Connection) -> rusqlite::Result<Option<Micros>> {
    // The engine keeps a number for whoever owns the file: of a copy its minute, else 0.
    let minute: i32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok((minute != 0).then(|| Micros::from(minute) * MINUTE))
}

/// Makes a copy of the store of a directory at `to`, where nothing may be, at the moment `now`. Whoever
/// writes to the store meanwhile is not held up; the log grows until it is done. Blocks for as long as that
/// takes.
///
/// # Errors
/// When there is no store, when something is in the way, or when the copy cannot be written, or is not whole.
pub fn backup(dir: &Path, to: &Path, now: Micros, tell: Tell<'_>) -> Result<(), CarryError> {
    let source = beside(dir)?;
    let minute = i32::try_from(now / MINUTE).unwrap_or(i32::MAX).max(1);
    let aside = Aside::new(to, ".part")?;
    drop(aside.create()?);
    let mut copy = only(aside.path())?;
    copy_pages(&source, &mut copy, tell)?;
    drop(source);
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.pragma_update(None, "user_version", minute)?;
    is_whole(&copy, aside.path())?;
    drop(copy);
    aside.put()
}

/// Has a source that reads at one moment copied.
fn copy_pages(source: &Connection, copy: &mut Connection, tell: Tell<'_>) -> Answer<()> {
    let pages = |pages: i32| u64::try_from(pages).unwrap_or(0);
    let backup = Backup::new(source, copy)?;
    loop {
        let step = backup.step(PAGES)?;
        let progress = backup.progress();
        let (all, left) = (pages(progress.pagecount), pages(progress.remaining));
        tell(Step { done: all.saturating_sub(left), of: Some(all) });
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            _ => return Err(StoreError::Unavailable("the copy is in use".to_owned())),
        }
    }
}

/// A store that is made of a copy and is not in its place yet.
#[derive(Debug)]
pub struct Restoring {
    restored: Restored,
    aside: Aside,
    _lock: File,
}

impl Restoring {
    /// Puts it there.
    ///
    /// # Errors
    /// When that fails: there is no store then.
    pub fn put(self) -> Result<Restored, CarryError> {
        self.aside.put()?;
        Ok(self.restored)
    }
}

/// Makes the store of a directory of a copy. There may be no file of a store, and no process that has the
/// directory. Blocks for as long as that takes; one that is cut short leaves no store.
///
/// # Errors
/// When it is no copy or a damaged one, when something is in the way, or when the store cannot be written.
pub fn restore(
    from: &Path,
    dir: &Path,
    keys: Keys,
    now: Micros,
    tell: Tell<'_>,
) -> Result<Restoring, CarryError> {
    let lock = lock(dir)?;
    let path = dir.join(FILE);
    // A log that was left behind would be read into the file that comes.
    if let Some(file) = with_companions(&path).find(|file| file.exists()) {
        return Err(CarryError::StoreInTheWay(file));
    }
    let aside = Aside::new(&path, ".restoring")?;
    copy_file(from, aside.create()?, tell)?;
    let marked = only(aside.path()).and_then(|copy| {
        let made_at = if migrations::is_ours(&copy)? { made_at(&copy)? } else { None };
        Ok((copy, made_at))
    });
    let (mut copy, made_at) = match marked {
        Ok((copy, Some(made_at))) => (copy, made_at),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => {
            return Err(damaged(from, error.to_string()));
        }
        _ => return Err(CarryError::NotACopy(from.to_owned())),
    };
    is_whole(&copy, from)?;
    migrations::run(&mut copy)?;
    let transaction = copy.transaction()?;
    let mut restored = Restored { made_at, workspaces: 0, revoked: 0 };
    let ids = "SELECT id FROM workspace ORDER BY id";
    for workspace in all(&transaction, ids, [], |row| row.get::<_, WorkspaceId>(0))? {
        note(&transaction, workspace, now)?;
        restored.workspaces += 1;
        if keys == Keys::Revoke {
            restored.revoked += keys::revoke_all(&transaction, workspace, BY, now)?;
        }
    }
    transaction.pragma_update(None, "user_version", 0)?;
    transaction.commit()?;
    drop(copy);
    Ok(Restoring { restored, aside, _lock: lock })
}

/// Keeps the record that a workspace is as it was once.
fn note(connection: &Connection, workspace: WorkspaceId, at: Micros) -> Answer<()> {
    let Some(card) = workspaces::card(connection, workspace)? else { return Ok(()) };
    let write = StoreWrite {
        operation: OperationId(format!("{BY}/{at}")),
        author: Author::Service(BY.to_owned()),
        at,
    };
    let writing = Writing::begin(connection, workspace, None, write)?;
    let revision = writing.next_revision()?;
    let changed = Changed {
        kind: ChangeKind::WorkspaceChanged,
        subject: &workspace.to_string(),
        before: None,
        detail: Detail::of_state("restored"),
    };
    writing.record_act(revision, "workspace.restored", changed, Some(image_of_workspace(&card)))
}

/// The only connection to a file that nobody else knows of. It is synced when it is whole.
fn only(path: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, access)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn damaged(path: &Path, verdict: String) -> CarryError {
    CarryError::Damaged { path: path.to_owned(), verdict }
}

/// Has the engine read all of it.
fn is_whole(copy: &Connection, path: &Path) -> Result<(), CarryError> {
    match copy.query_row("PRAGMA integrity_check(1)", params![], |row| row.get::<_, String>(0)) {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(damaged(path, verdict)),
        Err(error) => Err(damaged(path, error.to_string())),
    }
}

fn copy_file(from: &Path, mut to: File, tell: Tell<'_>) -> Result<(), CarryError> {
    let mut copy = || {
        let mut source = File::open(from)?;
        let of = source.metadata()?.len();
        let mut done = 0;
        loop {
            let copied = io::copy(&mut io::Read::take(&mut source, BYTES), &mut to)?;
            if copied == 0 {
                return to.flush();
            }
            done += copied;
            tell(Step { done, of: Some(of) });
        }
    };
    copy().map_err(CarryError::file(format!("copying {}", from.display())))
}
