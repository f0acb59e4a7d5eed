//! A way to the directory on which the first answer is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The head of a frame of HTTP/2 (RFC 9113 section 4.1), and the type of those with which an answer begins.
const FRAME_HEAD: usize = 9;
const HEADERS: u8 = 1;

/// Passes on what comes, both ways. When the first answer begins, the call has been done, and its connection
/// is cut before a byte of the answer is through. Everything behind that gets through.
pub(crate) struct Forgetful {
    at: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Forgetful {
    /// In front of a directory.
    pub(crate) async fn before(directory: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
                tokio::spawn(pass_on(client, directory, is_first));
            }
        });
        Self { at, connections }
    }

    /// Where it is.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Ends, and cuts both, as soon as one way does.
async fn pass_on(client: TcpStream, directory: SocketAddr, is_first: bool) {
    let directory = TcpStream::connect(directory).await.expect("a directory");
    let (mut asked, to_client) = client.into_split();
    let (answers, mut to_directory) = directory.into_split();
    let answers = async {
        if is_first {
            until_an_answer(answers, to_client).await
        } else {
            whole(answers, to_client).await
        }
    };
    tokio::select! {
        _ = copy(&mut asked, &mut to_directory) => {}
        _ = answers => {}
    }
}

async fn whole(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
    copy(&mut from, &mut to).await.map(drop)
}

/// Passes on frames until one begins an answer.
async fn until_an_answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> std::io::Result<()> {
    let mut head = [0; FRAME_HEAD];
    loop {
        from.read_exact(&mut head).await?;
        if head[3] == HEADERS {
            return Ok(());
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut frame = vec![0; length.try_into().expect("a length")];
        from.read_exact(&mut frame).await?;
        to.write_all(&[&head[..], &frame].concat()).await?;
    }
}
