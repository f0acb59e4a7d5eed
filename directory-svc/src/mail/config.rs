//! How letters go out, as it is set.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;
use percent_encoding::percent_decode_str;

/// How letters to admins go out.
#[derive(clap::Args, Clone, Debug)]
pub struct MailConfig {
    /// The server that takes letters to admins: `smtps://user@smtp.example.com:465` for TLS from the start,
    /// `smtp://user@smtp.example.com:587` for STARTTLS, without which nothing is sent; only a server on
    /// loopback may have none. A user needs `--smtp-password-file`. Absent: letters are written as `.eml`
    /// files.
    #[arg(long, env = "NESTR_SCIM_SMTP_URL", value_name = "URL")]
    pub smtp_url: Option<SmtpUrl>,

    /// The file that holds the password of the user at that server. Instead of the file, the environment
    /// variable `NESTR_SCIM_SMTP_PASSWORD` may hold the password itself.
    #[arg(long, env = "NESTR_SCIM_SMTP_PASSWORD_FILE", value_name = "FILE")]
    pub smtp_password_file: Option<PathBuf>,

    /// The certificates (PEM) that vouch for that server's. Absent: those of the system.
    #[arg(long, env = "NESTR_SCIM_SMTP_CA", value_name = "FILE")]
    pub smtp_ca: Option<PathBuf>,

    /// Who letters are from, as `nestr@example.com` or `Nestr <nestr@example.com>`. It has to be given with
    /// `--smtp-url`.
    #[arg(long, env = "NESTR_SCIM_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,

    /// Where letters are written as files, for their owner alone, while there is no `--smtp-url`. Absent: `mail`
    /// in the data directory.
    #[arg(long, env = "NESTR_SCIM_MAIL_DIR", value_name = "DIR")]
    pub mail_dir: Option<PathBuf>,
}

/// Where a mail server is, and as whom it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpUrl {
    /// TLS from the start, instead of STARTTLS.
    pub(super) is_tls: bool,
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: u16,
}

impl SmtpUrl {
    /// Whether the server is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        address.map_or(self.host == "localhost", |address| address.is_loopback())
    }
}

impl FromStr for SmtpUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str =
            "write smtps://user@host:465 for TLS, or smtp://user@host:587 for STARTTLS";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let (is_tls, port) = match uri.scheme_str() {
            Some("smtps") => (true, 465),
            Some("smtp") => (false, 587),
            _ => return Err(FORM),
        };
        let authority = uri.authority().ok_or(FORM)?;
        if uri.path().len() > 1 || uri.query().is_some() || authority.host().is_empty() {
            return Err(FORM);
        }
        let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
        if user.is_some_and(|user| user.contains(':')) {
            return Err(
                "the password does not belong here: put it into the file of --smtp-password-file",
            );
        }
        let user = user.map(|user| percent_decode_str(user).decode_utf8().map_err(|_| FORM));
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(port);
        Ok(Self { is_tls, user: user.transpose()?.map(Into::into), host, port })
    }
}

/// The password at a mail server.
#[derive(Clone)]
pub struct SmtpPassword(String);

impl SmtpPassword {
    /// The password.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn expose(self) -> String {
        self.0
    }
}

impl fmt::Debug for SmtpPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<(bool, Option<String>, String, u16), &'static str> {
        let SmtpUrl { is_tls, user, host, port } = text.parse()?;
        Ok((is_tls, user, host, port))
    }

    #[test]
    fn a_server_is_named_by_scheme_user_host_and_port() {
        let named = |user: Option<&str>, host: &str| (user.map(str::to_owned), host.to_owned());
        for (text, is_tls, (user, host), port) in [
            ("smtps://mail.example", true, named(None, "mail.example"), 465),
            ("smtp://mail.example", false, named(None, "mail.example"), 587),
            ("smtp://ada@mail.example:25/", false, named(Some("ada"), "mail.example"), 25),
            ("smtps://ada%40acme.com@[::1]:4650", true, named(Some("ada@acme.com"), "::1"), 4650),
        ] {
            assert_eq!(url(text), Ok((is_tls, user, host, port)), "{text}");
        }
        for bad in
            ["mail.example:25", "http://mail.example", "smtp://", "smtp://a/b", "smtp://a?tls=none"]
        {
            assert!(url(bad).unwrap_err().contains("smtps://user@host:465"), "{bad}");
        }
        assert!(
            url("smtps://ada:secret@mail.example").unwrap_err().contains("--smtp-password-file")
        );
    }

    #[test]
    fn loopback_is_this_machine() {
        let is_loopback = |text: &str| text.parse::<SmtpUrl>().unwrap().is_loopback();
        for here in ["smtp://localhost", "smtp://127.0.0.1:25", "smtp://[::1]"] {
            assert!(is_loopback(here), "{here}");
        }
        for elsewhere in ["smtp://10.0.0.1", "smtp://localhost.example.com"] {
            assert!(!is_loopback(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(format!("{:?}", SmtpPassword::new("secret".to_owned())), "***");
    }
}
