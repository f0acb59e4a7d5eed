//! Connections to the server: how they are made, lent out and given up.

use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
};
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::in_our_words;
use super::statement::Value;
use super::{OpenError, PostgresServer, PostgresUrl, Statements, hosts, tls};
use crate::store::{Answer, StoreError};

/// How long a connection may take to be made, unless the URL says.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After which silence of the other side a connection is given up, unless the URL says: a server that lost its
/// machine says no good-bye.
const DEAD_AFTER: Duration = Duration::from_secs(15);
/// How long a request waits for a connection to be free.
const WAIT: Duration = Duration::from_secs(5);

/// Whether a statement's text is kept prepared, where statements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Yes,
    No,
}

/// What connections are made of.
#[derive(Clone)]
pub(super) struct Server {
    config: Config,
    /// `None`: the URL says that there is none to be.
    tls: Option<MakeRustlsConnect>,
    statements: Statements,
}

impl Server {
    /// Reads the URL.
    ///
    /// # Errors
    /// When it is none, or certificates cannot be read.
    pub(super) fn of(asked: &PostgresServer) -> Result<Self, OpenError> {
        Self::at(read(&asked.url)?, asked)
    }

    /// Each host of the standbys by itself, and its name. Whoever takes writes now is found out later.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn standbys(asked: &PostgresServer) -> Result<Vec<(String, Self)>, OpenError> {
        let Some(url) = &asked.standbys else { return Ok(Vec::new()) };
        let mut config = read(url).map_err(OpenError::standby)?;
        config.target_session_attrs(TargetSessionAttrs::Any);
        let each = hosts::each(&config).into_iter();
        let each = each.map(|(name, config)| Ok((name, Self::at(config, asked)?)));
        each.collect::<Result<_, _>>().map_err(OpenError::standby)
    }

    fn at(mut config: Config, asked: &PostgresServer) -> Result<Self, OpenError> {
        if let Some(password) = &asked.password {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(DEAD_AFTER).keepalives_idle(DEAD_AFTER);
        }
        if config.get_application_name().is_none() {
            config.application_name("nestr-scim");
        }
        // A pooler between us and the server takes no options of a session.
        if asked.statements == Statements::Prepared && config.get_options().is_none() {
            let limit = asked.statement_timeout.as_millis();
            config.options(format!("-c statement_timeout={limit}"));
        }
        let tls = tls::of(&mut config, asked.certificates.as_deref())?;
        Ok(Self { config, tls, statements: asked.statements })
    }

    /// A pool of at most `size` connections. None is made yet.
    pub(super) fn pool(&self, size: usize) -> Result<Connections, OpenError> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let config = self.config.clone();
        let manager = match self.tls.clone() {
            Some(tls) => Manager::from_config(config, tls, recycling),
            None => Manager::from_config(config, NoTls, recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .build()
            .map_err(|error| OpenError::Server(Box::new(error)))?;
        Ok(Connections { pool, statements: self.statements })
    }
}

fn read(url: &PostgresUrl) -> Result<Config, OpenError> {
    url.expose().parse().map_err(|_| OpenError::Url)
}

/// A pool.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool,
    statements: Statements,
}

impl Connections {
    /// One that is free, or a new one.
    pub(super) async fn get(&self) -> Answer<Connection> {
        let client = self.pool.get().await.map_err(|error| {
            StoreError::Unavailable(match error {
                PoolError::Backend(error) => in_our_words(&error),
                error => error.to_string(),
            })
        })?;
        Ok(Connection { client, statements: self.statements })
    }
}

/// A connection, for as long as it is lent.
pub(super) struct Connection {
    client: Object,
    statements: Statements,
}

type Done<T> = Result<T, tokio_postgres::Error>;

impl Connection {
    pub(super) async fn query(
        &self,
        sql: &str,
        params: &[Value<'_>],
        kept: Kept,
    ) -> Done<Vec<Row>> {
        let typed: Vec<_> = params.iter().map(Value::typed).collect();
        if self.statements == Statements::Unnamed || kept == Kept::No {
            return self.client.query_typed(sql, &typed).await;
        }
        let (values, kinds): (Vec<_>, Vec<_>) = typed.into_iter().unzip();
        let statement = self.client.prepare_typed_cached(sql, &kinds).await?;
        self.client.query(&statement, &values).await
    }

    pub(super) async fn execute(&self, sql: &str, params: &[Value<'_>]) -> Done<u64> {
        let typed: Vec<_> = params.iter().map(Value::typed).collect();
        if self.statements == Statements::Unnamed {
            return self.client.execute_typed(sql, &typed).await;
        }
        let (values, kinds): (Vec<_>, Vec<_>) = typed.into_iter().unzip();
        let statement = self.client.prepare_typed_cached(sql, &kinds).await?;
        self.client.execute(&statement, &values).await
    }

    /// Statements without values, such as those round a transaction.
    pub(super) async fn command(&self, sql: &str) -> Done<()> {
        self.client.batch_execute(sql).await
    }

    /// Closes it, instead of giving it back: with it ends the transaction that it is in.
    pub(super) fn close(self) {
        drop(Object::take(self.client));
    }
}
