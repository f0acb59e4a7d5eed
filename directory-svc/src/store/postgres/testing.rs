//! A database for a test, and a connection of the test's own to it.

use std::time::Duration;

use postgres_server::Server;
use tokio_postgres::{Client, NoTls};

use super::{PostgresServer, PostgresStore, Statements};

/// An empty database, and how it is asked.
pub(in crate::store) async fn database(statements: Statements) -> PostgresServer {
    at(&postgres_server::database().await, statements)
}

/// The same on a server of the test's own.
pub(in crate::store) fn database_of(server: &Server) -> PostgresServer {
    let port = server.port();
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
    at(&url, Statements::Prepared)
}

/// Waits until so many standbys of a store are read.
pub(in crate::store) async fn until_followed(store: &PostgresStore, by: usize) {
    while store.0.standbys.good() != by {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn at(url: &str, statements: Statements) -> PostgresServer {
    PostgresServer {
        url: url.parse().unwrap(),
        standbys: None,
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
