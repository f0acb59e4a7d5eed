//! A file that is there whole or not at all.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::CarryError;

/// What the files end in that an engine makes beside its own.
const BESIDE: [&str; 3] = ["-journal", "-wal", "-shm"];

/// A file that is made beside its place, for its owner alone, and put there once it is whole and on the
/// disk. Dropped before that, it is gone.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    to: PathBuf,
}

impl Aside {
    /// The file that is to be at `to`, under its name and `end` until then. What one that was cut short left
    /// there is removed.
    ///
    /// # Errors
    /// [`CarryError::InTheWay`], or the system's.
    pub fn new(to: &Path, end: &str) -> Result<Self, CarryError> {
        if to.exists() {
            return Err(CarryError::InTheWay(to.to_owned()));
        }
        let aside = Self { path: with_end(to, end), to: to.to_owned() };
        for file in with_companions(&aside.path) {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(CarryError::file(format!("removing {}", file.display()))(error));
                }
                _ => {}
            }
        }
        Ok(aside)
    }

    /// Where it is until it is whole.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it, empty.
    ///
    /// # Errors
    /// When that fails.
    pub fn create(&self) -> Result<File, CarryError> {
        let made = File::options().write(true).create_new(true).mode(0o600).open(&self.path);
        made.map_err(self.failed())
    }

    /// Has it on the disk, and puts it in its place.
    ///
    /// # Errors
    /// When that fails.
    pub fn put(self) -> Result<(), CarryError> {
        let put = || {
            File::open(&self.path)?.sync_all()?;
            fs::rename(&self.path, &self.to)?;
            let dir = self.to.parent().filter(|dir| *dir != Path::new(""));
            File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
        };
        put().map_err(self.failed())
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> CarryError + use<> {
        CarryError::file(format!("writing {}", self.path.display()))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Nothing is there once it was put in its place.
        for file in with_companions(&self.path) {
            let _ = fs::remove_file(file);
        }
    }
}

/// A file, and those that an engine makes beside it.
pub(in crate::store) fn with_companions(path: &Path) -> impl Iterator<Item = PathBuf> {
    let beside = BESIDE.map(|end| with_end(path, end));
    [path.to_owned()].into_iter().chain(beside)
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
