//! A way to the directory on which an answer is lost.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The head of a frame of HTTP/2 (RFC 9113 section 4.1), and the type of those with which an answer begins.
const FRAME_HEAD: usize = 9;
const HEADERS: u8 = 1;

/// Passes on what comes, both ways. When the answer begins that is to be lost, of those on the first connection, the
/// call has been done, and the connection is cut before a byte of the answer is through. Every other connection gets
/// everything through.
pub(crate) struct Forgetful {
    at: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Forgetful {
    /// In front of a directory, whose first answer is lost.
    pub(crate) async fn before(directory: SocketAddr) -> Self {
        Self::losing(1, directory).await
    }

    /// In front of a directory, whose answer of this number is lost.
    pub(crate) async fn losing(answer: usize, directory: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
                tokio::spawn(pass_on(client, directory, is_first.then_some(answer)));
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
async fn pass_on(client: TcpStream, directory: SocketAddr, lost: Option<usize>) {
    let directory = TcpStream::connect(directory).await.expect("a directory");
    let (mut asked, to_client) = client.into_split();
    let (answers, mut to_directory) = directory.into_split();
    let answers = async {
        match lost {
            Some(lost) => until_answer(lost, answers, to_client).await,
            None => whole(answers, to_client).await,
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

/// Passes on frames until one begins the answer of this number. Those before it are of streams that are open.
async fn until_answer(
    mut number: usize,
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
) -> std::io::Result<()> {
    let mut head = [0; FRAME_HEAD];
    loop {
        from.read_exact(&mut head).await?;
        if head[3] == HEADERS {
            number -= 1;
            if number == 0 {
                return Ok(());
            }
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut frame = vec![0; length.try_into().expect("a length")];
        from.read_exact(&mut frame).await?;
        to.write_all(&[&head[..], &frame].concat()).await?;
    }
}
