//! The words of a letter: once, for its two forms.

use askama::Template;
use jiff::Timestamp;

use crate::clock::Micros;
use crate::store::Occasion;

/// The longest text of somebody else's that stands in a letter, in characters.
const SAID: usize = 2_000;
/// The longest name of somebody else's that stands in a line, in characters.
const NAME: usize = 200;

/// A letter, in words that have no form yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// One line.
    pub(crate) subject: String,
    /// What it is about, from its head to its foot.
    blocks: Vec<Block>,
    /// What the workspace is called.
    workspace: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    /// A paragraph.
    Text(String),
    /// What somebody said, word for word.
    Said(String),
    /// What is to be done, one after the other.
    Steps(Vec<String>),
    /// What is to be copied: its name, and it.
    Fact(&'static str, String),
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a>(&'a Letter);

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a>(&'a Letter);

impl Letter {
    /// The letter about an occasion in the workspace of this name and SCIM API URL.
    pub(crate) fn about(occasion: &Occasion, workspace: &str, scim_url: &str) -> Self {
        let workspace = line(workspace);
        let (subject, blocks) = match occasion {
            Occasion::DomainVerified { domain } => verified(domain, &workspace, scim_url),
            Occasion::DomainRejected { domain, reason } => rejected(domain, reason, &workspace),
            Occasion::DomainRevoked { domain, reason } => revoked(domain, reason, &workspace),
            Occasion::DomainProofMissing { domain, since, record_name, record_value } => {
                proof_missing(domain, *since, record_name, record_value)
            }
            Occasion::UserProtected { user_name, integration } => {
                protected(&line(user_name), &line(integration), &workspace)
            }
            Occasion::ApiKeyExpiring { display_name, hint, integration, expires_at } => {
                let key = if_named("API key", &line(display_name));
                let key = format!("{key} ({})", line(hint));
                expiring(&key, &line(integration), *expires_at, &workspace)
            }
        };
        Self { subject, blocks, workspace }
    }

    /// As plain text.
    pub(crate) fn text(&self) -> askama::Result<String> {
        Text(self).render()
    }

    /// As HTML that shows nothing from elsewhere.
    pub(crate) fn html(&self) -> askama::Result<String> {
        Html(self).render()
    }
}

fn verified(domain: &str, workspace: &str, scim_url: &str) -> (String, Vec<Block>) {
    let blocks = vec![
        text(format!("The domain {domain} is verified for the workspace {workspace}.")),
        text(format!(
            "People with an address at {domain} can be provisioned now, and sign in once they are."
        )),
        text("What to do next:".to_owned()),
        Block::Steps(steps([
            "Enable the SCIM integration in the settings of the workspace, if it is not on yet.",
            "Make an API key there. It is shown once.",
            "Copy the SCIM API URL and the key into your identity provider (in Entra ID: Tenant URL and \
             Secret Token), test the connection, and start provisioning.",
        ])),
        Block::Fact("SCIM API URL", scim_url.to_owned()),
    ];
    (format!("{domain} is verified"), blocks)
}

fn rejected(domain: &str, reason: &str, workspace: &str) -> (String, Vec<Block>) {
    let blocks = vec![
        text(format!("The claim of {domain} by the workspace {workspace} was rejected.")),
        text("The reason:".to_owned()),
        Block::Said(said(reason)),
        text("What to do next:".to_owned()),
        Block::Steps(steps([
            "Settle what the reason names. If it is a mistake, tell Nestr's support.",
            "Claim the domain again in the settings of the workspace. Nestr's operators look at it anew.",
        ])),
        text(format!(
            "Until then nobody with an address at {domain} can be provisioned or sign in by it here."
        )),
    ];
    (format!("{domain} was rejected"), blocks)
}

fn revoked(domain: &str, reason: &str, workspace: &str) -> (String, Vec<Block>) {
    let blocks = vec![
        text(format!(
            "The domain {domain} is not verified any more for the workspace {workspace}."
        )),
        text("The reason:".to_owned()),
        Block::Said(said(reason)),
        text(format!(
            "Nobody is removed. But nobody signs in by an address at {domain} until the domain is verified \
             again, and your identity provider is refused when it sends one."
        )),
        text("What to do next:".to_owned()),
        Block::Steps(steps([
            "Settle what the reason names. If it is a mistake, tell Nestr's support.",
            "Claim the domain again in the settings of the workspace. Nestr's operators look at it anew, \
             and people sign in again as before once it is verified.",
        ])),
    ];
    (format!("{domain} is not verified any more"), blocks)
}

fn proof_missing(domain: &str, since: Micros, name: &str, value: &str) -> (String, Vec<Block>) {
    let blocks = vec![
        text(format!(
            "The TXT record that proves that {domain} is yours was not found in DNS since {}.",
            time(since)
        )),
        text(
            "Nothing has changed: the domain is verified, and people sign in as before.".to_owned(),
        ),
        text("What to do next:".to_owned()),
        Block::Steps(steps(["Put the record back, or tell Nestr's support why it had to go."])),
        Block::Fact("Name of the TXT record", line(name)),
        Block::Fact("Its text", line(value)),
    ];
    (format!("The DNS record of {domain} is missing"), blocks)
}

fn protected(user_name: &str, integration: &str, workspace: &str) -> (String, Vec<Block>) {
    let provider = if integration.is_empty() {
        "identity provider".to_owned()
    } else {
        format!("identity provider of the SCIM integration {integration}")
    };
    let blocks = vec![
        text(format!(
            "The {provider} was about to remove or deactivate {user_name} in the workspace {workspace}. Nestr \
             refused it: {user_name} is protected, as the last admin of a workspace is, so that somebody can \
             still look after it."
        )),
        text(format!("Nothing has changed: {user_name} still signs in.")),
        text("What to do next:".to_owned()),
        Block::Steps(steps([
            "If they have left: make somebody else admin of the workspace in Nestr. That ends the protection, \
             and the next attempt of your identity provider succeeds.",
            "If they are to stay: assign them again in your identity provider.",
        ])),
    ];
    (format!("{user_name} was not removed from {workspace}"), blocks)
}

fn expiring(
    key: &str,
    integration: &str,
    expires_at: Micros,
    workspace: &str,
) -> (String, Vec<Block>) {
    let of = if integration.is_empty() {
        String::new()
    } else {
        format!(", of the SCIM integration {integration},")
    };
    let blocks = vec![
        text(format!(
            "The {key}{of} in the workspace {workspace} ends on {}. From then on your identity provider is \
             refused, and people who join, change or leave are not told to Nestr.",
            time(expires_at)
        )),
        text("What to do next:".to_owned()),
        Block::Steps(steps([
            "Make a new key in the settings of the workspace. It is shown once; the old one goes on.",
            "Copy the new key into your identity provider (in Entra ID: Secret Token), and test the \
             connection.",
            "Revoke the old key.",
        ])),
    ];
    (format!("An API key of {workspace} ends on {}", day(expires_at)), blocks)
}

fn text(text: String) -> Block {
    Block::Text(text)
}

fn steps<const N: usize>(steps: [&str; N]) -> Vec<String> {
    steps.map(str::to_owned).to_vec()
}

fn if_named(what: &str, name: &str) -> String {
    if name.is_empty() { what.to_owned() } else { format!("{what} \u{201c}{name}\u{201d}") }
}

/// Somebody else's words as one line: what steers a screen or a header is left out.
pub(super) fn line(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    plain.trim().chars().filter(|c| !steers(*c)).take(NAME).collect()
}

/// Somebody else's words, line by line.
fn said(text: &str) -> String {
    let plain = text.chars().filter(|c| *c == '\n' || !(c.is_control() || steers(*c)));
    plain.take(SAID).collect::<String>().trim().to_owned()
}

/// Whether a character changes the direction of those behind it, and so what a reader sees.
fn steers(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A time as people read it, such as `3 November 2026, 10:00 UTC`.
fn time(at: Micros) -> String {
    format_time(at, "%-d %B %Y, %H:%M UTC")
}

/// A day as people read it.
fn day(at: Micros) -> String {
    format_time(at, "%-d %B %Y")
}

fn format_time(at: Micros, form: &str) -> String {
    let at = Timestamp::from_microsecond(at).unwrap_or(Timestamp::MAX);
    at.strftime(form).to_string()
}
