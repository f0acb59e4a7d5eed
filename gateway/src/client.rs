//! Whose request it is, by address; and how many wrong keys an address may send.
//!
//! The address is the socket's, or what a proxy says that is listed (promises of links and addresses
//! are the configuration's, never a stranger's header).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

/// What proxies append the address to of whoever came to them.
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many addresses are remembered before those that did nothing for a while are forgotten.
const ADDRESSES: usize = 100_000;

/// Whose word is believed on an address, and what an address may do.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct ClientConfig {
    /// The networks of the proxies before this gateway. What one of them says in X-Forwarded-For is
    /// believed: the last address there that is not a proxy's. Absent: the socket's address counts.
    #[arg(
        long,
        env = "NESTR_SCIM_TRUSTED_PROXIES",
        value_name = "CIDR[,CIDR...]",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<IpNet>,

    /// Requests a minute with a wrong key that are answered 401 to one address, as many at once; an
    /// IPv6 network of 64 bits is one address. Over it: 429 with Retry-After. Good keys from the same
    /// address are never affected. 0: no limit.
    #[arg(long, env = "NESTR_SCIM_WRONG_KEY_RATE", value_name = "COUNT", default_value_t = 300)]
    pub wrong_key_rate: u32,
}

/// Where a request comes from, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The last address that is known: the client's, or that of the proxy whose word cannot be read.
    pub(crate) nearest: IpAddr,
    /// The client's address; `None` when a proxy's word on it cannot be read.
    pub(crate) address: Option<IpAddr>,
}

/// What is known of addresses. Clones share it.
#[derive(Clone)]
pub(crate) struct Clients {
    proxies: Arc<[IpNet]>,
    wrong_keys: Option<Arc<DefaultKeyedRateLimiter<IpAddr>>>,
}

impl Clients {
    pub(crate) fn new(config: &ClientConfig) -> Self {
        let rate = NonZeroU32::new(config.wrong_key_rate);
        let wrong_keys = rate.map(|rate| Arc::new(RateLimiter::keyed(Quota::per_minute(rate))));
        Self { proxies: config.trusted_proxies.as_slice().into(), wrong_keys }
    }

    /// Where a request comes from; `None` when it did not come over a socket.
    pub(crate) fn origin(&self, request: &Request) -> Option<Origin> {
        let ConnectInfo(socket) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        Some(self.behind(socket.ip().to_canonical(), request.headers()))
    }

    /// What is behind the proxies: theirs is passed over from the nearest on.
    fn behind(&self, socket: IpAddr, headers: &HeaderMap) -> Origin {
        let said = headers.get_all(FORWARDED).iter();
        let said: Vec<_> = said.flat_map(|value| value.as_bytes().split(|b| *b == b',')).collect();
        let mut nearest = socket;
        for hop in said.into_iter().rev() {
            if !self.proxies.iter().any(|network| network.contains(&nearest)) {
                break;
            }
            match std::str::from_utf8(hop).ok().and_then(|hop| read(hop.trim())) {
                Some(next) => nearest = next.to_canonical(),
                None => return Origin { nearest, address: None },
            }
        }
        Origin { nearest, address: Some(nearest) }
    }

    /// Notes a wrong key from an address; answers how long it has to wait when it has sent too many.
    pub(crate) fn wrong_key(&self, address: IpAddr) -> Option<Duration> {
        let buckets = self.wrong_keys.as_ref()?;
        if buckets.len() > ADDRESSES {
            buckets.retain_recent();
        }
        let early = buckets.check_key(&network(address)).err()?;
        metrics::counter!("nestr_scim_rate_limited_total", "limit" => "wrong_key").increment(1);
        Some(early.wait_time_from(DefaultClock::default().now()))
    }
}

/// An address, as proxies write it: some with the port.
fn read(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse::<SocketAddr>().ok().map(|socket| socket.ip());
    hop.parse().ok().or_else(with_port)
}

/// What counts as one address: whoever has one of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn clients(proxies: &[&str], wrong_key_rate: u32) -> Clients {
        let trusted_proxies = proxies.iter().map(|network| network.parse().unwrap()).collect();
        Clients::new(&ClientConfig { trusted_proxies, wrong_key_rate })
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// Seen to fail with the header believed from anybody.
    #[test]
    fn only_a_listed_proxy_is_believed_and_only_on_its_own_client() {
        for (proxies, socket, said, expected) in [
            (&[][..], "192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            (&["10.0.0.0/8"], "192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            // What the client itself wrote stands before what the proxy appended.
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
            (&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (&["::1/128"], "::1", &["2001:db8::7"], "2001:db8::7"),
            (&["10.0.0.0/8"], "10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            // Bytes that are no text spoil their own place alone.
            (&["10.0.0.0/8"], "10.0.0.1", &["é, 198.51.100.7"], "198.51.100.7"),
        ] {
            let mut headers = HeaderMap::new();
            for value in said {
                headers.append(FORWARDED, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let found = clients(proxies, 0).behind(address(socket), &headers);
            assert_eq!(found.address, Some(address(expected)), "{socket} {said:?}");
            assert_eq!(found.nearest, address(expected));
        }
    }

    /// Else a key that is good in the proxy's network opens to a stranger who makes its word unreadable. Seen
    /// to fail with the proxy taken for the client.
    #[test]
    fn an_unreadable_word_of_a_proxy_is_nobodys_address() {
        for said in ["198.51.100.7, unknown", "é", "198.51.100.7:", ""] {
            let mut headers = HeaderMap::new();
            headers.append(FORWARDED, HeaderValue::from_bytes(said.as_bytes()).unwrap());
            let found = clients(&["10.0.0.0/8"], 0).behind(address("10.0.0.1"), &headers);
            assert_eq!(found, Origin { nearest: address("10.0.0.1"), address: None }, "{said:?}");
        }
    }

    #[test]
    fn wrong_keys_are_counted_by_address() {
        let clients = clients(&[], 3);
        let wrong = |text: &str| clients.wrong_key(address(text)).is_some();
        let all: Vec<bool> = (0..4).map(|_| wrong("192.0.2.1")).collect();
        assert_eq!(all, [false, false, false, true]);
        assert!(!wrong("192.0.2.2"));
        for host in 1..4 {
            assert!(!wrong(&format!("2001:db8::{host}")));
        }
        assert!(wrong("2001:db8::4") && !wrong("2001:db8:0:1::4"));
    }

    #[test]
    fn no_limit_is_none() {
        let clients = clients(&[], 0);
        assert!((0..1_000).all(|_| clients.wrong_key(address("192.0.2.1")).is_none()));
    }
}
