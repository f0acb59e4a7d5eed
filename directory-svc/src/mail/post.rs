//! A letter in its envelope: the bytes that go out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use sha2::{Digest, Sha256};

use super::{Letter, Unsent};
use crate::clock::Micros;
use crate::ids::WorkspaceId;

/// A letter, ready to go. Made again of the same notice it is the same to the byte, so that one who gets it
/// twice can tell.
pub(crate) struct Post {
    /// Its name among all letters: 32 hex digits.
    pub(super) name: String,
    /// Since when it is owed.
    pub(super) created_at: Micros,
    pub(super) from: Address,
    pub(super) to: Address,
    /// As RFC 5322 has it, in ASCII.
    pub(super) bytes: Vec<u8>,
}

impl Post {
    /// Puts the letter into its envelope. `key` is the name of its notice in the workspace.
    ///
    /// # Errors
    /// When the recipient's address is none, or no letter can be made of it.
    pub(crate) fn new(
        letter: &Letter,
        from: &Mailbox,
        to: &str,
        (workspace, key): (WorkspaceId, &str),
        created_at: Micros,
    ) -> Result<Self, Unsent> {
        let unfit = |what: &str| Unsent::Refused(format!("no letter can be made: {what}"));
        let to = address(to).ok_or_else(|| unfit("the recipient's address is none"))?;
        let name = name(workspace, key);
        let since_epoch = Duration::from_micros(created_at.max(0).unsigned_abs());
        let date = UNIX_EPOCH.checked_add(since_epoch).unwrap_or(SystemTime::UNIX_EPOCH);
        let text = letter.text().map_err(|_| unfit("its text"))?;
        let html = letter.html().map_err(|_| unfit("its HTML"))?;
        let body = MultiPart::alternative()
            .boundary(format!("=_{name}"))
            .singlepart(SinglePart::plain(text))
            .singlepart(SinglePart::html(html));
        let message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(letter.subject.clone())
            .date(date)
            .message_id(Some(format!("<{name}.nestr-scim@{}>", from.email.domain())))
            .raw_header(said("Auto-Submitted", "auto-generated"))
            .multipart(body)
            .map_err(|_| unfit("its head"))?;
        let bytes = message.formatted();
        Ok(Self { name, created_at, from: from.email.clone(), to, bytes })
    }
}

/// An address that any server takes, its domain as ASCII (IDNA). Letters beyond it in front of the `@` stay.
fn address(text: &str) -> Option<Address> {
    let said: Address = text.parse().ok()?;
    Address::new(said.user(), idna::domain_to_ascii(said.domain()).ok()?).ok()
}

fn said(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Of workspace and key, so that it tells neither.
fn name(workspace: WorkspaceId, key: &str) -> String {
    let digest = Sha256::digest(format!("{workspace}/{key}"));
    digest.iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
