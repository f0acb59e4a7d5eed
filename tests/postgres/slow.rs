//! A way to the server on which some statements take long, and cost the machine nothing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpStream, UnixStream, tcp};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::new_database;

/// Passes on what comes, both ways; what holds a word it passes on after a while. It ends with this.
pub struct Slow {
    at: SocketAddr,
    database: String,
    accepting: JoinHandle<()>,
}

impl Slow {
    /// Before a new, empty database; what is asked of it with this word in it takes so long.
    ///
    /// # Panics
    /// When there is no server, and none can be started.
    pub async fn start(word: &'static str, long: Duration) -> Self {
        let (server, database) = new_database().await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server.join(".s.PGSQL.5432"), word, long));
            }
        });
        Self { at, database, accepting }
    }

    /// The database, by this way.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@{}/{}?sslmode=disable", self.at, self.database)
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_on(client: TcpStream, server: PathBuf, word: &str, long: Duration) {
    let Ok(server) = UnixStream::connect(server).await else { return };
    let ((from_client, mut to_client), (mut from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        _ = ask(from_client, to_server, word, long) => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// What a client asks comes in few pieces, and the word in one of them: it is short.
async fn ask(
    mut client: tcp::OwnedReadHalf,
    mut server: OwnedWriteHalf,
    word: &str,
    long: Duration,
) -> std::io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = client.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        if piece[..read].windows(word.len()).any(|bytes| bytes == word.as_bytes()) {
            sleep(long).await;
        }
        server.write_all(&piece[..read]).await?;
    }
}
