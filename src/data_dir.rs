//! The data directory and the small files beside the store. All of it is its owner's alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// Holds the credential with which operators call gRPC.
const OPERATOR_CREDENTIAL: &str = "operator.credential";

/// What tells a data directory from any other that is not empty.
const OURS: [&str; 2] = ["lock", OPERATOR_CREDENTIAL];

/// An existing data directory.
#[derive(Debug)]
pub(crate) struct DataDir(PathBuf);

impl DataDir {
    /// Makes the directory, or takes one that is empty or was made here before.
    ///
    /// # Errors
    /// When it cannot be made, or holds something else: its access would be cut to its owner.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let named = || format!("--data-dir (NESTR_SCIM_DATA_DIR) is {}", path.display());
        DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(named)?;
        let is_empty = fs::read_dir(path).with_context(named)?.next().is_none();
        ensure!(
            is_empty || OURS.iter().any(|file| path.join(file).exists()),
            "{}, which holds something else already; name an empty or a new directory",
            named()
        );
        fs::set_permissions(path, Permissions::from_mode(0o700)).with_context(named)?;
        if let Some(parent) = path.canonicalize().with_context(named)?.parent() {
            sync(parent).with_context(named)?;
        }
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The path of the operators' credential.
    pub(crate) fn operator_credential_path(&self) -> PathBuf {
        self.0.join(OPERATOR_CREDENTIAL)
    }

    /// The operators' credential, made with the directory.
    pub(crate) fn operator_credential(&self) -> anyhow::Result<String> {
        if let Some(text) = self.read(OPERATOR_CREDENTIAL)? {
            return Ok(text.trim().to_owned());
        }
        let secret: [u8; 32] = rand::random();
        let credential =
            secret.iter().fold(String::from("nop_"), |text, byte| format!("{text}{byte:02x}"));
        self.write(OPERATOR_CREDENTIAL, &credential)?;
        Ok(credential)
    }

    /// What a file of the directory holds; `None` when there is none.
    pub(crate) fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Writes a file for its owner alone. It is there whole or not at all, also after a power cut.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let (path, aside) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let write = || -> std::io::Result<()> {
            match fs::remove_file(&aside) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&aside, &path)?;
            sync(&self.0)
        };
        write().with_context(|| format!("writing {}", path.display()))
    }
}

fn sync(directory: &Path) -> std::io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn everything_is_its_owners_alone() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        fs::create_dir_all(&path).unwrap();
        let dir = DataDir::open(&path).unwrap();
        let credential = dir.operator_credential().unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&dir.operator_credential_path()), 0o600);
        assert_eq!(DataDir::open(&path).unwrap().operator_credential().unwrap(), credential);
    }

    #[test]
    fn a_directory_with_something_else_in_it_is_left_alone() {
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("notes.txt"), "mine").unwrap();
        fs::set_permissions(other.path(), Permissions::from_mode(0o755)).unwrap();
        let refused = DataDir::open(other.path()).unwrap_err().to_string();
        assert!(refused.contains("--data-dir"), "{refused}");
        assert_eq!(mode(other.path()), 0o755);
    }
}
