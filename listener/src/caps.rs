//! How many connections there are, in all and by address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::ListenerConfig;

/// Counts connections. Clones share the count.
#[derive(Clone, Debug)]
pub(crate) struct Caps {
    config: ListenerConfig,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Which cap a connection was over, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    All,
    Address,
}

impl Over {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Address => "address",
        }
    }
}

/// A connection that is counted, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Ticket {
    caps: Caps,
    of: IpAddr,
}

impl Caps {
    pub(crate) fn new(config: ListenerConfig) -> Self {
        Self { config, counts: Arc::default() }
    }

    /// Counts a connection of this address, unless that is over a cap.
    pub(crate) fn ticket(&self, address: IpAddr) -> Result<Ticket, Over> {
        let of = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.config.max_connections {
            return Err(Over::All);
        }
        let cap = self.config.max_connections_per_address;
        let count = counts.by_address.entry(of).or_default();
        if cap != 0 && *count >= cap {
            return Err(Over::Address);
        }
        *count += 1;
        counts.all += 1;
        Ok(Ticket { caps: self.clone(), of })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.caps.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(count) = counts.by_address.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&self.of);
            }
        }
    }
}

/// What counts as one address: whoever has one of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn caps_hold_in_all_and_by_address_until_a_connection_ends() {
        let caps = Caps::new(ListenerConfig { max_connections: 3, max_connections_per_address: 2 });
        let (ada, bob) = (address("10.0.0.1"), address("10.0.0.2"));
        let first = caps.ticket(ada).unwrap();
        let second = caps.ticket(ada).unwrap();
        assert_eq!(caps.ticket(ada).unwrap_err(), Over::Address);
        let third = caps.ticket(bob).unwrap();
        assert_eq!(caps.ticket(bob).unwrap_err(), Over::All);
        drop(first);
        let fourth = caps.ticket(ada).unwrap();
        drop((second, third, fourth));
        let counts = caps.counts.lock().unwrap();
        assert!(counts.all == 0 && counts.by_address.is_empty(), "{counts:?}");
    }

    #[test]
    fn a_network_of_ipv6_is_one_address_and_a_mapped_ipv4_its_own() {
        assert_eq!(network(address("2001:db8::1")), network(address("2001:db8::ffff:1")));
        assert_ne!(network(address("2001:db8::1")), network(address("2001:db8:0:1::1")));
        assert_ne!(network(address("::ffff:10.0.0.1")), network(address("::ffff:10.0.0.2")));
    }

    #[test]
    fn no_cap_by_address_is_none() {
        let caps = Caps::new(ListenerConfig { max_connections: 9, max_connections_per_address: 0 });
        let all: Vec<_> = (0..9).map(|_| caps.ticket(address("10.0.0.1")).unwrap()).collect();
        assert_eq!(all.len(), 9);
    }
}
