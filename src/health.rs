//! `health`: asks a process on this machine whether it may take traffic, for what can run a command and not
//! ask by HTTP, in an image that holds nothing else.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};

use crate::cli::HealthConfig;

/// How long is waited for: the connection, and each piece of the answer. Longer than a gateway waits for its
/// directory before it says that it is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// Bytes of the answer that are looked at: its first line is among them.
const ENOUGH: u64 = 1024;

/// Asks `/readyz`.
///
/// # Errors
/// When nobody answers, or whoever does is not ready.
pub(crate) fn ask(config: &HealthConfig) -> anyhow::Result<()> {
    let at = on_this_machine(config.ops);
    let answer = answer(at).with_context(|| format!("nobody answers at {at} (NESTR_SCIM_OPS)"))?;
    let status = answer.split_whitespace().nth(1);
    ensure!(status == Some("200"), "not ready: {}", answer.lines().next().unwrap_or_default());
    Ok(())
}

/// Where a process that listens on every address is reached from here.
fn on_this_machine(mut at: SocketAddr) -> SocketAddr {
    match at.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => at.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => at.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    at
}

fn answer(at: SocketAddr) -> std::io::Result<String> {
    let mut connection = TcpStream::connect_timeout(&at, PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    // In one piece: whoever answers the first of several and closes would cut off its own answer.
    let ask = format!("GET /readyz HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\n\r\n");
    connection.write_all(ask.as_bytes())?;
    let mut answer = Vec::new();
    connection.take(ENOUGH).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Whether somebody who answers so is ready.
    fn is_ready(answer: &'static str) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ops = listener.local_addr().unwrap();
        let answering = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let mut asked = [0; 1024];
            let length = connection.read(&mut asked).unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        let is_ready = ask(&HealthConfig { ops }).is_ok();
        assert!(answering.join().unwrap().starts_with("GET /readyz HTTP/1.1\r\n"));
        is_ready
    }

    #[test]
    fn nothing_but_200_is_ready() {
        assert!(is_ready("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nready\n"));
        for answer in ["HTTP/1.1 503 Service Unavailable\r\n\r\nnot ready 200\n", "200", ""] {
            assert!(!is_ready(answer), "{answer}");
        }
    }

    #[test]
    fn who_listens_everywhere_is_asked_here() {
        for (bound, asked) in [
            ("0.0.0.0:9090", "127.0.0.1:9090"),
            ("[::]:9090", "[::1]:9090"),
            ("10.0.0.7:9090", "10.0.0.7:9090"),
        ] {
            assert_eq!(on_this_machine(bound.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
