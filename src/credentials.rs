//! The credentials of service callers: in the data directory, in the file of `--credentials`, and
//! made for somebody new.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use directory_svc::{ClusterSecret, Redis, RedisConfig, Role, ServiceCaller, SmtpPassword};
use serde::Deserialize;

use crate::cli::CredentialCommand;
use crate::data_dir::{self, DataDir};

/// The settings that a gateway's own credential comes from.
pub(crate) const OF_GATEWAY: &str =
    "--directory-credential-file (NESTR_SCIM_DIRECTORY_CREDENTIAL_FILE)";

/// The longest name of a caller, in characters.
const NAME_LENGTH: usize = 64;

/// What the file of `--credentials` holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    caller: Vec<Entry>,
}

/// One who may call, known by one of the two. The same name may stand twice, so that a credential can be
/// replaced without a moment in which none holds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    role: String,
    /// SHA-256 of the credential, as 64 hex digits.
    sha256: Option<String>,
    /// A DNS name or a URI of the certificate.
    certificate: Option<String>,
}

/// Every caller: those whose credentials lie in the data directory, and those of the file.
///
/// # Errors
/// When a credential or the file cannot be read, or a certificate is named where none is asked for; the error
/// names the entry.
pub(crate) fn all(
    data_dir: Option<&DataDir>,
    file: Option<&Path>,
    asks_for_certificates: bool,
) -> anyhow::Result<Vec<ServiceCaller>> {
    let mut callers = Vec::new();
    if let Some(data_dir) = data_dir {
        let operator = data_dir.credential(data_dir::OPERATOR)?;
        callers.push(ServiceCaller::new("operator", Role::Operator, &operator));
        if let Some(gateway) = data_dir.read(data_dir::GATEWAY.file)? {
            callers.push(ServiceCaller::new("gateway", Role::Gateway, gateway.trim()));
        }
    }
    if let Some(path) = file {
        let named = || format!("--credentials (NESTR_SCIM_CREDENTIALS) is {}", path.display());
        let text = fs::read_to_string(path).with_context(named)?;
        callers.extend(read(&text, asks_for_certificates).with_context(named)?);
    }
    Ok(callers)
}

fn read(text: &str, asks_for_certificates: bool) -> anyhow::Result<Vec<ServiceCaller>> {
    let file: File = toml::from_str(text)?;
    let mut certified: Vec<ServiceCaller> = Vec::new();
    let mut callers = Vec::new();
    for Entry { name, role, sha256, certificate } in file.caller {
        check_name(&name)?;
        let role = Role::of(&role).with_context(|| {
            let roles = Role::ALL.map(Role::name).join(", ");
            format!("the role of {name:?} is {role:?}; the roles are {roles}")
        })?;
        callers.push(match (sha256, certificate) {
            (Some(sha256), None) => {
                let hash = from_hex(&sha256).with_context(|| {
                    format!("the sha256 of {name:?} is not 64 hex digits, as sha256sum prints them")
                })?;
                ServiceCaller::hashed(name, role, hash)
            }
            (None, Some(certificate)) => {
                ensure!(
                    asks_for_certificates,
                    "{name:?} is known by a certificate, and none is asked for: \
                     --grpc-tls-client-ca (NESTR_SCIM_GRPC_TLS_CLIENT_CA) names who vouches for them"
                );
                check_certificate(&name, &certificate)?;
                let caller = ServiceCaller::certified(name, role, &certificate);
                let other = certified.iter().find(|other| other.is_mistaken_for(&caller));
                if let Some(ServiceCaller { name, role, .. }) = other {
                    bail!("the certificate {certificate:?} is that of {name:?} ({role}) already");
                }
                certified.push(caller.clone());
                caller
            }
            _ => bail!("{name:?} has to be known by one of sha256 and certificate"),
        });
    }
    Ok(callers)
}

/// A name in a certificate is a DNS name or a URI, and stands for one caller.
fn check_certificate(of: &str, name: &str) -> anyhow::Result<()> {
    let is_dns = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    let is_uri = name.contains("://") && name.chars().all(|c| c.is_ascii_graphic());
    ensure!(
        !name.is_empty() && (is_uri || name.chars().all(is_dns)),
        "the certificate of {of:?} is {name:?}: write a DNS name or a URI that stands in it, whole and \
         without a wildcard, like billing.nestr.example or spiffe://nestr.example/billing"
    );
    Ok(())
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
    ensure!(
        (1..=NAME_LENGTH).contains(&name.len()) && name.chars().all(is_fit),
        "{name:?} is no name for a caller: letters, digits and . _ @ - are, {NAME_LENGTH} at most"
    );
    Ok(())
}

/// The credential with which a gateway calls its directory; `None` when it is known by a certificate alone.
///
/// # Errors
/// When there is neither, or its file cannot be read.
pub(crate) fn of_gateway(
    file: Option<&Path>,
    shows_certificate: bool,
) -> anyhow::Result<Option<String>> {
    let said = said(file, OF_GATEWAY, "NESTR_SCIM_DIRECTORY_CREDENTIAL")?;
    ensure!(
        said.is_some() || shows_certificate,
        "{OF_GATEWAY} or --directory-cert is needed: the directory writes a credential to \
         gateway.credential in its data directory, and `nestr-scim credential NAME gateway` makes others"
    );
    Ok(said)
}

/// The secret that the directories of one store share, made in the data directory when none is said.
///
/// # Errors
/// When its file cannot be read, it is too short, or none is said and there is no data directory.
pub(crate) fn cluster_secret(
    data_dir: Option<&DataDir>,
    file: Option<&Path>,
) -> anyhow::Result<ClusterSecret> {
    const SETTING: &str = "--cluster-secret-file (NESTR_SCIM_CLUSTER_SECRET_FILE)";
    let text = match (said(file, SETTING, "NESTR_SCIM_CLUSTER_SECRET")?, data_dir) {
        (Some(text), _) => text,
        (None, Some(data_dir)) => data_dir.cluster_secret()?,
        (None, None) => bail!(
            "{SETTING} is needed with --postgres: the same secret for all directories that share the \
             database, such as `openssl rand -hex 32` prints"
        ),
    };
    let length = ClusterSecret::LENGTH;
    ClusterSecret::new(&text)
        .with_context(|| format!("{SETTING}: the secret has fewer than {length} characters"))
}

/// The Redis in which directories share what they looked up, if there is to be one.
///
/// # Errors
/// When its URL or a file cannot be used. The error repeats neither URL nor password.
pub(crate) fn redis(config: &RedisConfig) -> anyhow::Result<Option<Redis>> {
    const PASSWORD: &str = "--redis-password-file (NESTR_SCIM_REDIS_PASSWORD_FILE)";
    let Some(url) = &config.redis else { return Ok(None) };
    let file = config.redis_password_file.as_deref();
    let password = said(file, PASSWORD, "NESTR_SCIM_REDIS_PASSWORD")?;
    let named = |path: &Path| format!("--redis-ca (NESTR_SCIM_REDIS_CA) is {}", path.display());
    let read = |path: &Path| fs::read(path).with_context(|| named(path));
    let certificates = config.redis_ca.as_deref().map(read).transpose()?;
    Redis::open(url, password.as_deref(), certificates, &config.redis_prefix)
        .map(Some)
        .context("--redis (NESTR_SCIM_REDIS)")
}

/// The password at the mail server; `None` when none is said.
///
/// # Errors
/// When its file cannot be read.
pub(crate) fn smtp_password(file: Option<&Path>) -> anyhow::Result<Option<SmtpPassword>> {
    const SETTING: &str = "--smtp-password-file (NESTR_SCIM_SMTP_PASSWORD_FILE)";
    Ok(said(file, SETTING, "NESTR_SCIM_SMTP_PASSWORD")?.map(SmtpPassword::new))
}

/// The secret of a file, or else of an environment variable.
///
/// # Errors
/// When the file, which `setting` names, cannot be read.
pub(crate) fn said(
    file: Option<&Path>,
    setting: &str,
    variable: &str,
) -> anyhow::Result<Option<String>> {
    if let Some(path) = file {
        let text =
            fs::read_to_string(path).with_context(|| format!("{setting} is {}", path.display()))?;
        return Ok(Some(text.trim().to_owned()));
    }
    #[expect(clippy::disallowed_methods, reason = "a secret has no flag that clap could read")]
    let said = std::env::var(variable).ok();
    Ok(said.map(|text| text.trim().to_owned()))
}

/// Makes a credential, and prints it with its entry for the file.
pub(crate) fn make(config: &CredentialCommand) -> anyhow::Result<()> {
    check_name(&config.name)?;
    let credential = data_dir::new_credential(config.role);
    let sha256 = to_hex(&ServiceCaller::sha256(&credential));
    let (name, role) = (&config.name, config.role);
    writeln!(
        std::io::stdout(),
        "# The credential, shown this once. It goes to {name}:\n# {credential}\n\n\
         # For the file of --credentials:\n\
         [[caller]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{sha256}\""
    )?;
    Ok(())
}

/// Bytes as hex digits in lower case.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_that_cannot_be_meant_is_refused_without_repeating_it() {
        let config = |url: &str, ca: Option<&str>| RedisConfig {
            redis: Some(url.parse().unwrap()),
            redis_password_file: None,
            redis_ca: ca.map(Into::into),
            redis_prefix: "p".to_owned(),
        };
        assert!(redis(&RedisConfig { redis: None, ..config("", None) }).unwrap().is_none());
        assert!(redis(&config("redis://u:hunter2@h", None)).unwrap().is_some());
        for (url, ca) in [("http://u:hunter2@h", None), ("redis://u:hunter2@h", Some("/dev/null"))]
        {
            let refused = format!("{:#}", redis(&config(url, ca)).unwrap_err());
            assert!(refused.contains("--redis") && !refused.contains("hunter2"), "{refused}");
        }
    }

    /// Two directories on one store would each make their own.
    #[test]
    fn without_a_data_directory_no_cluster_secret_is_made_up() {
        let refused = cluster_secret(None, None).unwrap_err().to_string();
        assert!(refused.contains("--cluster-secret-file"), "{refused}");
    }

    #[test]
    fn a_file_names_callers_by_hash() {
        let sha256 = to_hex(&ServiceCaller::sha256("secret"));
        let entry = |name: &str, role: &str, hash: &str| {
            format!("[[caller]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{hash}\"\n")
        };
        let all = ["gateway", "internal", "operator", "reader"];
        let text: String = all.map(|role| entry("same-name", role, &sha256)).concat();
        let read = |text: &str| read(text, false);
        let roles: Vec<_> = read(&text).unwrap().iter().map(|caller| caller.role).collect();
        assert_eq!(roles, Role::ALL);
        assert!(read("").unwrap().is_empty());

        for (text, cause) in [
            (entry("olga", "admin", &sha256), "admin"),
            (entry("olga", "reader", "secret"), "sha256"),
            (entry("olga", "reader", &sha256[1..]), "sha256"),
            (entry("o lga", "reader", &sha256), "o lga"),
            (entry("", "reader", &sha256), "name"),
            (format!("{}secret = 1", entry("olga", "reader", &sha256)), "secret"),
        ] {
            let refused = format!("{:#}", read(&text).expect_err(cause));
            assert!(refused.contains(cause), "{refused}");
        }
    }

    /// Seen to fail with two callers of one certificate, and with a wildcard let through.
    #[test]
    fn a_file_names_callers_by_certificate() {
        let entry = |name: &str, role: &str, certificate: &str| {
            format!(
                "[[caller]]\nname = \"{name}\"\nrole = \"{role}\"\ncertificate = \"{certificate}\"\n"
            )
        };
        let uri = "spiffe://nestr.example/billing";
        let dns = "Billing-2.nestr.example";
        let text =
            [entry("a", "reader", uri), entry("a", "reader", uri), entry("b", "gateway", dns)];
        assert_eq!(read(&text.concat(), true).unwrap().len(), 3);
        let both = format!("{}sha256 = \"{}\"\n", entry("a", "reader", uri), "0".repeat(64));
        for (text, asks, cause) in [
            (entry("a", "reader", uri), false, "--grpc-tls-client-ca"),
            (entry("a", "reader", "*.nestr.example"), true, "wildcard"),
            (entry("a", "reader", ""), true, "whole"),
            (entry("a", "reader", "spiffe:billing"), true, "spiffe:billing"),
            (entry("a", "reader", "spiffe://nestr example"), true, "URI"),
            (both, true, "one of sha256 and certificate"),
            ("[[caller]]\nname = \"a\"\nrole = \"reader\"".to_owned(), true, "one of"),
            ([entry("a", "reader", dns), entry("b", "reader", dns)].concat(), true, "already"),
            (
                [entry("a", "reader", dns), entry("a", "operator", &dns.to_lowercase())].concat(),
                true,
                "(reader) already",
            ),
        ] {
            let refused = format!("{:#}", read(&text, asks).expect_err(cause));
            assert!(refused.contains(cause), "{refused}");
        }
    }
}
