//! A database for a test, and a connection of the test's own to it.

use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use super::{PostgresServer, Statements};

/// An empty database, and how it is asked.
pub(in crate::store) async fn database(statements: Statements) -> PostgresServer {
    PostgresServer {
        url: postgres_server::database().await.parse().unwrap(),
        password: None,
        certificates: None,
        statements,
        readers: 4,
        writers: 4,
        statement_timeout: Duration::from_secs(30),
    }
}

/// A connection of the test's own to a database.
pub(in crate::store) async fn client(server: &PostgresServer) -> Client {
    let (client, connection) = tokio_postgres::connect(server.url.expose(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
