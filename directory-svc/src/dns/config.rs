//! How the DNS is asked.

use std::net::SocketAddr;
use std::time::Duration;

/// How domains are verified by DNS.
#[derive(clap::Args, Clone, Debug)]
pub struct DnsConfig {
    /// The DNS servers that are asked for the records which prove that a domain is a workspace's, each
    /// as IP:PORT. Absent: those of `/etc/resolv.conf`.
    #[arg(
        long = "dns-server",
        env = "NESTR_SCIM_DNS_SERVER",
        value_name = "ADDR[,ADDR...]",
        value_delimiter = ',',
        value_parser = address
    )]
    pub servers: Vec<SocketAddr>,

    /// How long after a claim its DNS record is looked for the first time, such as `1m`. The pauses
    /// behind it grow to a day.
    #[arg(
        long = "dns-first-check",
        env = "NESTR_SCIM_DNS_FIRST_CHECK",
        value_name = "TIME",
        default_value = "1m",
        value_parser = duration
    )]
    pub first_check: Duration,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an IP address and a port are needed, like 10.0.0.53:53".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|error| format!("{error}"))?;
    let duration = Duration::try_from(span).map_err(|error| format!("{error}"))?;
    let is_fit = !duration.is_zero() && duration <= MOST;
    is_fit.then_some(duration).ok_or_else(|| "more than nothing and at most 24h".to_owned())
}

/// Later than a day no first question is asked.
const MOST: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        dns: DnsConfig,
    }

    fn read(words: &str) -> Result<DnsConfig, String> {
        let words = std::iter::once("test").chain(words.split_whitespace());
        Command::try_parse_from(words).map(|command| command.dns).map_err(|e| e.to_string())
    }

    #[test]
    fn the_systems_servers_are_asked_unless_others_are_named() {
        let none = read("").unwrap();
        assert_eq!((none.servers.len(), none.first_check), (0, Duration::from_mins(1)));
        let two = read("--dns-server 10.0.0.53:53,[::1]:5353 --dns-first-check 30s").unwrap();
        assert_eq!((two.servers.len(), two.first_check), (2, Duration::from_secs(30)));
    }

    #[test]
    fn what_is_no_server_and_no_time_is_refused() {
        for no in ["10.0.0.53", "dns.example:53", "10.0.0.53:53,"] {
            assert!(read(&format!("--dns-server {no}")).is_err(), "{no}");
        }
        for no in ["0s", "-5s", "25h", "30"] {
            assert!(read(&format!("--dns-first-check={no}")).is_err(), "{no}");
        }
    }
}
