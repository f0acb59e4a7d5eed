//! The data directory and the small files beside the store. All of it is its owner's alone.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use directory_svc::Role;
use directory_svc::clock::Clock;

use crate::credentials::to_hex;

/// A credential that lies in the data directory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Credential {
    /// The name of its file.
    pub(crate) file: &'static str,
    role: Role,
}

/// The credential with which operators call gRPC.
pub(crate) const OPERATOR: Credential =
    Credential { file: "operator.credential", role: Role::Operator };

/// The credential with which a gateway in another process calls gRPC.
pub(crate) const GATEWAY: Credential =
    Credential { file: "gateway.credential", role: Role::Gateway };

/// The name of the file of the cluster secret.
const CLUSTER_SECRET: &str = "cluster.secret";

/// How the names begin that tell a data directory from any other that is not empty: of what is made
/// first, and of what it is written aside as. A power cut may leave any one of them alone.
const OURS: [&str; 3] = ["lock", OPERATOR.file, GATEWAY.file];

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
        let entries = fs::read_dir(path).with_context(named)?.collect::<Result<Vec<_>, _>>();
        let entries = entries.with_context(named)?;
        let is_ours = |name: &str| OURS.iter().any(|ours| name.starts_with(ours));
        ensure!(
            entries.is_empty()
                || entries.iter().any(|entry| entry.file_name().to_str().is_some_and(is_ours)),
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

    /// The path of a credential.
    pub(crate) fn credential_path(&self, credential: Credential) -> PathBuf {
        self.0.join(credential.file)
    }

    /// A credential, made when there is none.
    pub(crate) fn credential(&self, credential: Credential) -> anyhow::Result<String> {
        if let Some(text) = self.read(credential.file)? {
            return Ok(text.trim().to_owned());
        }
        let text = new_credential(credential.role);
        self.write(credential.file, &text)?;
        Ok(text)
    }

    /// The secret that seals what is given out to be brought back, made when there is none.
    pub(crate) fn cluster_secret(&self) -> anyhow::Result<String> {
        if let Some(text) = self.read(CLUSTER_SECRET)? {
            return Ok(text.trim().to_owned());
        }
        let text = to_hex(&Clock::system().random::<32>());
        self.write(CLUSTER_SECRET, &text)?;
        Ok(text)
    }

    /// Has what was sealed so far open no more: the next start makes another secret.
    pub(crate) fn forget_cluster_secret(&self) -> anyhow::Result<()> {
        let path = self.0.join(CLUSTER_SECRET);
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => sync(&self.0),
        };
        removed.with_context(|| format!("removing {}", path.display()))
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

/// A new credential: 256 random bits behind a prefix that tells its role to whoever finds it.
pub(crate) fn new_credential(role: Role) -> String {
    let prefix = match role {
        Role::Gateway => "ngw_",
        Role::Internal => "nin_",
        Role::Operator => "nop_",
        Role::Reader => "nrd_",
    };
    let secret = Clock::system().random::<32>();
    format!("{prefix}{}", to_hex(&secret))
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
        let credential = dir.credential(OPERATOR).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&dir.credential_path(OPERATOR)), 0o600);
        assert_eq!(DataDir::open(&path).unwrap().credential(OPERATOR).unwrap(), credential);
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
