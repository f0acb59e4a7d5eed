//! HTTP/1.1 by hand. What an identity provider sends is the test's data, to the byte: no client
//! library adds a header, normalises a path or repeats a request here.

use std::fmt::Write as _;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Answer;

/// How long an answer may take at all. Nothing is measured by it: over it the call hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request as it goes over the wire. `Host`, `Content-Length` and `Connection: close` are added
/// where they are not given; nothing else is.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Ask {
    /// `target` is what stands in the request line: path and query, as they are.
    pub(crate) fn new(method: &str, target: impl Into<String>) -> Self {
        Self { method: method.to_owned(), target: target.into(), headers: Vec::new(), body: None }
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With the key as every identity provider sends it.
    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header("Authorization", format!("Bearer {key}"))
    }

    /// The same request with another key.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.headers.retain(|(name, _)| name != "Authorization");
        self.bearer(key)
    }

    /// With a body, and no word of its type.
    pub(crate) fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// With a body of the type that SCIM has.
    pub(crate) fn scim(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/scim+json; charset=utf-8").body(body)
    }

    /// Sends it and takes the whole answer.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) async fn send(self, to: SocketAddr) -> Answer {
        let line = format!("{} {}", self.method, self.target);
        self.try_send(to).await.unwrap_or_else(|error| panic!("{line}: no answer: {error}"))
    }

    /// Sends it and takes the whole answer; an error when the other side is not there, goes away
    /// before all of the answer is here, or does not answer in time.
    pub(crate) async fn try_send(self, to: SocketAddr) -> Result<Answer> {
        timeout(PATIENCE, self.exchange(to)).await?
    }

    async fn exchange(self, to: SocketAddr) -> Result<Answer> {
        let (mut read, mut write) = TcpStream::connect(to).await?.into_split();
        let is_head = self.method == "HEAD";
        let bytes = self.bytes(to);
        // Whoever is refused early need not have been heard to the end: what counts is the answer.
        let writing = tokio::spawn(async move {
            let written = write.write_all(&bytes).await;
            (write, written)
        });
        let mut answer = Vec::new();
        let reading = read.read_to_end(&mut answer).await;
        let (_write, written) = writing.await?;
        if answer.is_empty() {
            written?;
            reading?;
        }
        read_answer(&answer, is_head)
    }

    /// What goes over the wire to `to`.
    pub(crate) fn bytes(&self, to: SocketAddr) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !has("Host") {
            let _ = write!(head, "Host: {to}\r\n");
        }
        if !has("Connection") {
            head.push_str("Connection: close\r\n");
        }
        if let Some(body) = &self.body
            && !has("Content-Length")
        {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

/// Reads an answer that is here whole; an error of the kind `UnexpectedEof` when it was cut short.
pub(super) fn read_answer(bytes: &[u8], is_head: bool) -> Result<Answer> {
    let cut = || Error::from(ErrorKind::UnexpectedEof);
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(cut)?;
    let head = str::from_utf8(&bytes[..end]).map_err(Error::other)?;
    let body = &bytes[end + 4..];
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let status = status.ok_or_else(|| Error::other("no status line"))?;
    let mut answer = Answer { status, headers, body: String::new() };
    let has_body = !is_head && status != 204 && status != 304;
    let body = if has_body && answer.header("transfer-encoding") == Some("chunked") {
        of_chunks(body).ok_or_else(cut)?
    } else {
        let length = if has_body { answer.header("content-length") } else { Some("0") };
        let is_whole = length.map(str::parse) == Some(Ok(body.len()));
        is_whole.then(|| body.to_vec()).ok_or_else(cut)?
    };
    answer.body = String::from_utf8(body).map_err(Error::other)?;
    Ok(answer)
}

/// The body that came in chunks (RFC 9112 section 7.1); `None` when the last of them is missing.
fn of_chunks(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
        let (chunk, rest) = bytes[end + 2..].split_at_checked(size)?;
        body.extend_from_slice(chunk);
        bytes = rest.strip_prefix(b"\r\n")?;
        if size == 0 {
            return bytes.is_empty().then_some(body);
        }
    }
}
