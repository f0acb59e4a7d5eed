//! A mail server: one connection a letter, every step of it told apart when it fails.

use std::error::Error as _;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};

use super::{MailConfig, MailError, Post, SmtpPassword, SmtpUrl, Unsent};

/// How long the server may take to be there.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long the server may take to say good-bye, which changes nothing any more.
const LEAVING: Duration = Duration::from_secs(2);

/// A server that letters are given to.
pub(super) struct Smtp {
    url: SmtpUrl,
    hello: ClientId,
    credentials: Option<Credentials>,
    tls: TlsParameters,
}

impl Smtp {
    pub(super) fn new(
        url: &SmtpUrl,
        config: &MailConfig,
        password: Option<SmtpPassword>,
        from: &Mailbox,
    ) -> Result<Self, MailError> {
        let credentials = match (&url.user, password) {
            (Some(user), Some(password)) => Some(Credentials::new(user.clone(), password.expose())),
            (None, None) => None,
            (Some(_), None) => {
                return Err(MailError(
                    "--smtp-url (NESTR_SCIM_SMTP_URL) names a user, whose password is not said: put it \
                     into the file of --smtp-password-file (NESTR_SCIM_SMTP_PASSWORD_FILE)"
                        .to_owned(),
                ));
            }
            (None, Some(_)) => {
                return Err(MailError(
                    "--smtp-password-file (NESTR_SCIM_SMTP_PASSWORD_FILE) is of nobody: name the user in \
                     --smtp-url, as in smtps://user@smtp.example.com"
                        .to_owned(),
                ));
            }
        };
        let hello = ClientId::Domain(from.email.domain().to_owned());
        Ok(Self { url: url.clone(), hello, credentials, tls: tls(&url.host, config)? })
    }

    /// Gives the letter to the server. It is sent when the server says that it has it.
    pub(super) async fn send(&self, post: &Post) -> Result<(), Unsent> {
        let mut connection = self.connect().await?;
        let given = give(&mut connection, post).await;
        // What is said after the letter changes nothing any more.
        let _ = tokio::time::timeout(LEAVING, connection.quit()).await;
        given
    }

    /// A connection on which letters are taken. What fails here fails every letter, so none is refused.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Unsent> {
        let SmtpUrl { is_tls, host, port, .. } = &self.url;
        let from_the_start = is_tls.then(|| self.tls.clone());
        let server = (host.as_str(), *port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            server,
            Some(CONNECTING),
            &self.hello,
            from_the_start,
            None,
        )
        .await
        .map_err(|error| not_now("connecting", &error))?;
        if !connection.is_encrypted() {
            if connection.can_starttls() {
                let upgraded = connection.starttls(self.tls.clone(), &self.hello).await;
                upgraded.map_err(|error| not_now("STARTTLS", &error))?;
            } else if !self.url.is_loopback() {
                return Err(Unsent::NotNow("the server has no STARTTLS".to_owned()));
            }
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let known = connection.auth(&mechanisms, credentials).await;
            known.map_err(|error| not_now("AUTH", &error))?;
        }
        Ok(connection)
    }
}

/// What an answer of 5xx to the recipient or to the letter refuses is this letter alone, unless it is about who we
/// are ([`is_of_settings`]); one to the sender is about the settings.
async fn give(connection: &mut AsyncSmtpConnection, post: &Post) -> Result<(), Unsent> {
    let mut parameters = Vec::new();
    if !(post.to.to_string().is_ascii() && post.from.to_string().is_ascii()) {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Unsent::Refused("the server takes no address beyond ASCII".to_owned()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let mail = Mail::new(Some(post.from.clone()), parameters);
    connection.command(mail).await.map_err(|error| not_now("MAIL FROM", &error))?;
    let recipient = Rcpt::new(post.to.clone(), Vec::new());
    connection.command(recipient).await.map_err(|error| unsent("RCPT TO", &error))?;
    connection.command(Data).await.map_err(|error| unsent("DATA", &error))?;
    connection.message(&post.bytes).await.map_err(|error| unsent("the letter", &error))?;
    Ok(())
}

fn tls(host: &str, config: &MailConfig) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = &config.smtp_ca {
        let named = |error: &dyn std::fmt::Display| {
            MailError(format!("--smtp-ca (NESTR_SCIM_SMTP_CA) is {}: {error}", path.display()))
        };
        let pem = std::fs::read(path).map_err(|error| named(&error))?;
        let certificates = Certificate::from_pem(&pem).map_err(|error| named(&error))?;
        builder =
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificates);
    }
    builder.build_rustls().map_err(|error| {
        MailError(format!("TLS to the server of --smtp-url (NESTR_SCIM_SMTP_URL): {error}"))
    })
}

fn unsent(step: &str, error: &Error) -> Unsent {
    let is_final = error.is_permanent() && !is_of_settings(error);
    if is_final { Unsent::Refused(why(step, error)) } else { not_now(step, error) }
}

/// Whether a server that says no asks for another login, or for leave to send at all: 530 (RFC 4954 section 6),
/// or a status of security and policy, `5.7.x` (RFC 3463 section 3.8). Every letter would fare alike until
/// somebody mends it.
fn is_of_settings(error: &Error) -> bool {
    let Some(code) = error.status() else { return false };
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    u16::from(code) == 530 || said.trim_start().starts_with("5.7.")
}

fn not_now(step: &str, error: &Error) -> Unsent {
    Unsent::NotNow(why(step, error))
}

/// What went wrong, without a word of the server's: it may repeat the address.
fn why(step: &str, error: &Error) -> String {
    if let Some(code) = error.status() {
        return format!("{step} was answered {code}");
    }
    if error.is_response() {
        return format!("{step} was not answered as SMTP has it");
    }
    let mut causes = format!("{step}: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !causes.ends_with(&told) {
            causes = format!("{causes}: {told}");
        }
        source = cause.source();
    }
    causes
}
