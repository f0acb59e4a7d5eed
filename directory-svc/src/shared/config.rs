//! How Redis is reached.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use redis::{Client, IntoConnectionInfo, ProtocolVersion, TlsCertificates};

/// The longest prefix, in bytes.
const PREFIX_BYTES: usize = 64;

/// Where directories on one store share what they looked up.
#[derive(clap::Args, Clone, Debug)]
pub struct RedisConfig {
    /// A Redis of version 6 or later in which the directories on one store share API keys that they looked up,
    /// and tell each other of changes: `redis://HOST:PORT/DB`, or `rediss://` for TLS, with
    /// `USER:PASSWORD@` before the host where it asks for them. It makes things faster and decides
    /// nothing: without it, or with it away, the answers are the same. Absent: each directory
    /// remembers by itself.
    #[arg(
        long,
        env = "NESTR_SCIM_REDIS",
        value_name = "URL",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub redis: Option<RedisUrl>,

    /// The file that holds the password for Redis, where the URL holds none. Instead of the file, the
    /// environment variable `NESTR_SCIM_REDIS_PASSWORD` may hold the password itself.
    #[arg(long, env = "NESTR_SCIM_REDIS_PASSWORD_FILE", value_name = "FILE", requires = "redis")]
    pub redis_password_file: Option<PathBuf>,

    /// The certificates (PEM) that vouch for Redis's. Absent: those of the system.
    #[arg(long, env = "NESTR_SCIM_REDIS_CA", value_name = "FILE", requires = "redis")]
    pub redis_ca: Option<PathBuf>,

    /// How every name in Redis begins, so that several deployments can share one. The rights that a user
    /// of Redis needs are on `~PREFIX:*` and `&PREFIX:*`.
    #[arg(
        long,
        env = "NESTR_SCIM_REDIS_PREFIX",
        value_name = "TEXT",
        default_value = "nestr-scim",
        value_parser = prefix
    )]
    pub redis_prefix: String,
}

/// The address of a Redis. It may hold a password, so it is never printed.
#[derive(Clone)]
pub struct RedisUrl(String);

impl FromStr for RedisUrl {
    type Err = Infallible;

    /// Takes any text: whether it is a URL is found out by [`Redis::open`], which does not repeat it.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A Redis that can be connected to. Nothing is connected yet.
#[derive(Clone)]
pub struct Redis {
    pub(super) client: Client,
    pub(super) prefix: String,
}

/// Why there is no Redis of a URL.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum NoRedis {
    /// The URL is none of Redis.
    #[error("write redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], or rediss:// for TLS")]
    Url,
    /// The certificates cannot be read.
    #[error(
        "the certificates of --redis-ca (NESTR_SCIM_REDIS_CA) are no PEM, or the URL is not rediss://"
    )]
    Certificates,
}

impl Redis {
    /// The Redis at `url`, with this password where the URL holds none, and these certificates (PEM) to
    /// vouch for it.
    ///
    /// # Errors
    /// When the URL or the certificates are of no use.
    pub fn open(
        url: &RedisUrl,
        password: Option<&str>,
        certificates: Option<Vec<u8>>,
        prefix: &str,
    ) -> Result<Self, NoRedis> {
        let is_tls = url.0.starts_with("rediss://");
        if !is_tls && !url.0.starts_with("redis://") {
            return Err(NoRedis::Url);
        }
        let info = url.0.as_str().into_connection_info().map_err(|_| NoRedis::Url)?;
        // Answers and notices come over one connection.
        let mut redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        redis = redis.set_skip_set_lib_name();
        if let Some(password) = password.filter(|_| redis.password().is_none()) {
            redis = redis.set_password(password);
        }
        let info = info.set_redis_settings(redis);
        let client = match certificates {
            None => Client::open(info).map_err(|_| NoRedis::Url)?,
            Some(_) if !is_tls => return Err(NoRedis::Certificates),
            root_cert @ Some(_) => {
                let certificates = TlsCertificates { client_tls: None, root_cert };
                Client::build_with_tls(info, certificates).map_err(|_| NoRedis::Certificates)?
            }
        };
        Ok(Self { client, prefix: prefix.to_owned() })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis(***)")
    }
}

fn prefix(text: &str) -> Result<String, String> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "._-:".contains(c);
    if (1..=PREFIX_BYTES).contains(&text.len()) && text.chars().all(is_fit) {
        Ok(text.to_owned())
    } else {
        Err(format!("1 to {PREFIX_BYTES} letters, digits and . _ - : are needed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str) -> Result<Redis, NoRedis> {
        Redis::open(&url.parse().unwrap(), Some("elsewhere"), None, "p")
    }

    #[test]
    fn a_url_of_redis_opens_and_no_other() {
        for url in
            ["redis://h", "redis://h:1/2", "redis://u:p@h", "redis://:p@[::1]:1", "rediss://h"]
        {
            assert!(open(url).is_ok(), "{url}");
        }
        for url in ["", "h", "http://h", "unix:///s", "redis://", "redis://h/x", "redis://0.0.0.0"]
        {
            assert!(open(url).is_err(), "{url}");
        }
        let ca = Some(b"none".to_vec());
        assert!(Redis::open(&"redis://h".parse().unwrap(), None, ca, "p").is_err());
    }

    #[test]
    fn a_password_is_not_printed_and_the_urls_goes_first() {
        let url: RedisUrl = "redis://u:secret@h".parse().unwrap();
        let redis = open("redis://u:secret@h").unwrap();
        assert_eq!(redis.client.get_connection_info().redis_settings().password(), Some("secret"));
        assert!(!format!("{url:?} {redis:?}").contains("secret"));
        let other = open("redis://u@h").unwrap();
        let other = other.client.get_connection_info().redis_settings().password().unwrap();
        assert_eq!(other, "elsewhere");
    }

    #[test]
    fn a_prefix_is_of_plain_characters() {
        assert!(prefix("nestr-scim:eu.1").is_ok());
        for text in ["", "a b", "a*", "{a}", &"a".repeat(PREFIX_BYTES + 1)] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }
}
