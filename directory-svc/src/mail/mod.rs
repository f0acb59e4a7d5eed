//! Letters to admins: their words, their form, and the way they go out.
//!
//! Which letters are owed, and when they are tried again, is for the rules and the outbox; nothing here
//! remembers what it sent.

mod config;
mod files;
mod letter;
mod post;
mod smtp;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lettre::message::Mailbox;

pub use config::{MailConfig, SmtpPassword, SmtpUrl};

use self::files::Files;
pub(crate) use self::letter::Letter;
pub(crate) use self::post::Post;
use self::smtp::Smtp;

/// How long sending one letter may take, until the server has taken it or the file is on the disk.
pub(crate) const SENDING: Duration = Duration::from_secs(45);

/// Who a letter is from when nobody says so: good for files alone.
const NOBODY: &str = "Nestr <nestr-scim@localhost>";

/// Why letters cannot go out as it was set.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct MailError(String);

/// The way out for letters. Clones share it.
#[derive(Clone)]
pub struct Mailer {
    from: Mailbox,
    way: Arc<Way>,
}

enum Way {
    Smtp(Smtp),
    Files(Files),
}

/// Why a letter was not sent, in words of our own: what a server said may hold the address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// This letter will never be taken.
    Refused(String),
    /// It may go later.
    NotNow(String),
}

impl Mailer {
    /// By SMTP where a server is named, or else into files, below `data_dir` where no directory is named. Nothing
    /// is tried yet.
    ///
    /// # Errors
    /// When the settings do not fit together or a file cannot be read; it names the setting and the fix.
    pub fn open(
        config: &MailConfig,
        password: Option<SmtpPassword>,
        data_dir: Option<&Path>,
    ) -> Result<Self, MailError> {
        let said = config.mail_from.as_deref();
        let from = said.unwrap_or(NOBODY).parse().map_err(|_| {
            MailError(format!(
                "--mail-from (NESTR_SCIM_MAIL_FROM) is {said:?}: write an address, like \
                 nestr@example.com, or with a name, like Nestr <nestr@example.com>"
            ))
        })?;
        let way = match &config.smtp_url {
            Some(url) if said.is_some() => Way::Smtp(Smtp::new(url, config, password, &from)?),
            Some(_) => {
                return Err(MailError(
                    "--smtp-url (NESTR_SCIM_SMTP_URL) needs --mail-from (NESTR_SCIM_MAIL_FROM): set it \
                     to the address that letters come from"
                        .to_owned(),
                ));
            }
            None => Way::Files(match (&config.mail_dir, data_dir) {
                (Some(directory), _) => Files::at(directory),
                (None, Some(data_dir)) => Files::below(data_dir),
                (None, None) => {
                    return Err(MailError(
                        "--smtp-url (NESTR_SCIM_SMTP_URL) is needed, as there is no data directory that \
                         letters could be written to: set it to the server that takes them, or --mail-dir \
                         (NESTR_SCIM_MAIL_DIR) to a directory for them"
                            .to_owned(),
                    ));
                }
            }),
        };
        Ok(Self { from, way: Arc::new(way) })
    }

    /// How letters go out: `smtp` or `files`.
    #[must_use]
    pub fn way(&self) -> &'static str {
        match *self.way {
            Way::Smtp(_) => "smtp",
            Way::Files(_) => "files",
        }
    }

    /// Who letters are from.
    pub(crate) fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Sends a letter; it is sent once somebody else answers for it.
    pub(crate) async fn send(&self, post: &Post) -> Result<(), Unsent> {
        let sending = async {
            match &*self.way {
                Way::Smtp(smtp) => smtp.send(post).await,
                Way::Files(files) => files.write(post).await,
            }
        };
        match tokio::time::timeout(SENDING, sending).await {
            Ok(sent) => sent,
            Err(_) => Err(Unsent::NotNow(format!("not taken within {} s", SENDING.as_secs()))),
        }
    }
}
