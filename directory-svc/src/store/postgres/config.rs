//! How the server is reached.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::PostgresServer;

/// Where everything is kept that several directories share.
#[derive(clap::Args, Clone, Debug)]
pub struct PostgresConfig {
    /// The database of a PostgreSQL server (15 or later) in which everything is kept, instead of a data
    /// directory, and which any number of directories share: `postgres://USER@HOST:PORT/DATABASE`. It belongs to
    /// this service alone. Several hosts may be named, with commas between them and
    /// `?target_session_attrs=read-write` behind: the one is asked that takes writes now. TLS is spoken with hosts
    /// beyond this machine, unless the URL says `sslmode=disable`, and their certificates are checked.
    /// `--credentials` and `--cluster-secret-file` have to be given with it, the same to all directories.
    #[arg(
        long,
        env = "NESTR_SCIM_POSTGRES",
        value_name = "URL",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub postgres: Option<PostgresUrl>,

    /// Servers that follow the one of `--postgres`, as a URL of the same database: reads go there whose caller allows
    /// it (`Consistency`), and come back to the first where a standby is not as new as asked for, or does not answer.
    /// Each of the hosts is asked by itself, while it follows and takes no writes: all servers may be named. Absent:
    /// everything is read from the first.
    #[arg(
        long,
        env = "NESTR_SCIM_POSTGRES_STANDBY",
        value_name = "URL",
        requires = "postgres",
        hide_env_values = true,
        hide_default_value = true
    )]
    pub postgres_standby: Option<PostgresUrl>,

    /// The file that holds the password for PostgreSQL, where a URL holds none. Instead of the file, the
    /// environment variable `NESTR_SCIM_POSTGRES_PASSWORD` may hold the password itself.
    #[arg(
        long,
        env = "NESTR_SCIM_POSTGRES_PASSWORD_FILE",
        value_name = "FILE",
        requires = "postgres"
    )]
    pub postgres_password_file: Option<PathBuf>,

    /// The certificates (PEM) that vouch for PostgreSQL's. Absent: those of the system. Given, TLS is spoken also
    /// on this machine.
    #[arg(long, env = "NESTR_SCIM_POSTGRES_CA", value_name = "FILE", requires = "postgres")]
    pub postgres_ca: Option<PathBuf>,

    /// How many connections a directory has to PostgreSQL at the most, half of them for writes. There is one
    /// more, that looks for what other directories have written. To each standby there are half as many.
    #[arg(
        long,
        env = "NESTR_SCIM_POSTGRES_POOL",
        value_name = "N",
        default_value_t = 16,
        value_parser = clap::value_parser!(u16).range(2..=1_000)
    )]
    pub postgres_pool: u16,

    /// Each URL leads to a pooler that lends a connection for a transaction, such as `PgBouncer` with
    /// `pool_mode = transaction`: no statement is kept prepared.
    #[arg(long, env = "NESTR_SCIM_POSTGRES_POOLER", requires = "postgres")]
    pub postgres_pooler: bool,
}

impl PostgresConfig {
    /// The server that is meant, if any is. `statement_timeout`: [`PostgresServer::statement_timeout`].
    #[must_use]
    pub fn server(
        &self,
        password: Option<String>,
        certificates: Option<Vec<u8>>,
        statement_timeout: Duration,
    ) -> Option<PostgresServer> {
        let pool = usize::from(self.postgres_pool);
        let writers = pool / 2;
        Some(PostgresServer {
            url: self.postgres.clone()?,
            standbys: self.postgres_standby.clone(),
            password,
            certificates,
            statements: if self.postgres_pooler {
                Statements::Unnamed
            } else {
                Statements::Prepared
            },
            readers: pool - writers,
            writers,
            statement_timeout,
        })
    }
}

/// Whether statements are kept prepared on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statements {
    /// They are: the connection leads to the server itself, or to a pooler that keeps a session together.
    Prepared,
    /// They are sent each time, with their types: a pooler that lends connections for a transaction, such as
    /// `PgBouncer` before 1.21, knows nothing of statements with names.
    Unnamed,
}

/// The address of a database. It may hold a password, so it is never printed.
#[derive(Clone)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for PostgresUrl {
    type Err = Infallible;

    /// Takes any text: whether it is a URL is found out at the opening, which does not repeat it.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
