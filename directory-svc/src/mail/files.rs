//! Letters as files, where no mail server is named.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Post, Unsent};

/// The name of the directory in the data directory.
const DIRECTORY: &str = "mail";

/// A directory that is made with the first letter.
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn below(data_dir: &Path) -> Self {
        Self(data_dir.join(DIRECTORY))
    }

    pub(super) fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// Writes the letter for its owner alone. It is there whole or not at all, also
    /// after a power cut; written again, it is the same file.
    pub(super) async fn write(&self, post: &Post) -> Result<(), Unsent> {
        let at = Timestamp::from_microsecond(post.created_at).unwrap_or(Timestamp::MAX);
        let at = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let path = self.0.join(format!("{at}-{}.eml", post.name));
        let (directory, bytes) = (self.0.clone(), post.bytes.clone());
        let writing = tokio::task::spawn_blocking(move || write(&directory, &path, &bytes));
        let written = writing.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        written.map_err(|error| Unsent::NotNow(format!("the file was not written: {error}")))
    }
}

fn write(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Ok(()) => directory.parent().map_or(Ok(()), sync)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let aside = path.with_extension("new");
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&aside, path)?;
    sync(directory)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}
