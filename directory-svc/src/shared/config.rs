//! What is said of the Redis that directories share.

use std::path::PathBuf;

use super::RedisUrl;

/// The longest prefix, in bytes.
const PREFIX_BYTES: usize = 64;

/// Where directories on one store share what they looked up.
#[derive(clap::Args, Clone, Debug)]
pub struct RedisConfig {
    /// A Redis of version 6 or later in which the directories on one store share API keys that they looked up,
    /// and tell each other of changes and of what was asked: `redis://HOST:PORT/DB`;
    /// `redis-sentinel://HOST:PORT,HOST:PORT/MASTER/DB` with the sentinels that know where the master of
    /// this name is; or `redis-cluster://HOST:PORT,HOST:PORT` with some nodes of a cluster. `rediss://`,
    /// `rediss-sentinel://` and `rediss-cluster://` for TLS, and `USER:PASSWORD@` before the hosts where
    /// Redis asks for them. It makes things faster and decides nothing: without it, or with it away, the
    /// answers are the same. Absent: each directory remembers by itself.
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

    #[test]
    fn a_prefix_is_of_plain_characters() {
        assert!(prefix("nestr-scim:eu.1").is_ok());
        for text in ["", "a b", "a*", "{a}", &"a".repeat(PREFIX_BYTES + 1)] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }
}
