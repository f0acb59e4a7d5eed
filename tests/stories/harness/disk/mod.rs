//! A disk that fails when it is told to, and whose every image after a power cut can be had.
//!
//! `disk.c` is loaded into the real, unchanged binary and stands between it and its data directory.

mod image;

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) use image::Journal;

/// What is wrong with the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None = 0,
    /// It is full.
    Full,
    /// A write fails.
    IoError,
    /// A sync fails, and what was to be synced may be lost.
    SyncError,
    /// It went read-only.
    ReadOnly,
    /// It says that it synced, and did not.
    Lying,
    /// A sync of the store's file fails, of its log none does.
    StoreSyncError,
    /// A sync takes 20 ms.
    Slow,
}

/// The disk of a data directory.
pub(crate) struct Disk {
    home: TempDir,
}

impl Disk {
    /// A good disk.
    ///
    /// # Panics
    /// Without a C compiler, which the product needs as well.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories/harness/disk/disk.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
            .arg(home.path().join("disk.so"))
            .arg(source)
            .arg("-lpthread")
            .status()
            .expect("a C compiler");
        assert!(compiled.success(), "disk.c compiles");
        File::create(home.path().join("fault"))
            .and_then(|mut fault| fault.write_all(&[0]))
            .expect("a file");
        let disk = Self { home };
        File::create(disk.journal_path()).expect("a file");
        disk
    }

    /// What a process whose data directory is `dir` is started with.
    pub(crate) fn environment(&self, dir: &Path) -> Vec<(String, PathBuf)> {
        [
            ("LD_PRELOAD", self.home.path().join("disk.so")),
            ("NESTR_DISK_DIR", dir.to_owned()),
            ("NESTR_DISK_JOURNAL", self.journal_path()),
            ("NESTR_DISK_FAULT", self.home.path().join("fault")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// From now on this is wrong with it.
    pub(crate) fn has(&self, fault: Fault) {
        let file = File::options().write(true).open(self.home.path().join("fault"));
        file.and_then(|file| file.write_all_at(&[fault as u8], 0)).expect("the fault is told");
    }

    /// How much was written down until now: what was acknowledged is in it.
    pub(crate) fn written(&self) -> u64 {
        fs::metadata(self.journal_path()).expect("the journal").len()
    }

    /// All that was written down.
    pub(crate) fn journal(&self) -> Journal {
        Journal::read(&fs::read(self.journal_path()).expect("the journal"))
    }

    fn journal_path(&self) -> PathBuf {
        self.home.path().join("journal")
    }
}
