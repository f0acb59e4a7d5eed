//! What a key may be used for and from where, as it is written by whoever asks for one.

use std::net::IpAddr;

use directory_api::v1::ApiKeyScope;
use ipnet::IpNet;

use crate::refusal::echo;
use crate::store::Scope;

/// How many networks a key may be sent from.
pub(crate) const NETWORKS: usize = 50;

/// The scopes of these numbers of the contract, each once; of none: people and groups.
///
/// # Errors
/// The cause.
pub(crate) fn read_scopes(numbers: &[i32]) -> Result<Vec<Scope>, String> {
    if numbers.is_empty() {
        return Ok(vec![Scope::Users, Scope::Groups]);
    }
    let read = |number: &i32| match ApiKeyScope::try_from(*number) {
        Ok(ApiKeyScope::Read) => Ok(Scope::Read),
        Ok(ApiKeyScope::Users) => Ok(Scope::Users),
        Ok(ApiKeyScope::Groups) => Ok(Scope::Groups),
        Ok(ApiKeyScope::Unspecified) | Err(_) => {
            Err(format!("{number} is no scope; there are READ, USERS and GROUPS"))
        }
    };
    let mut scopes = numbers.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    scopes.sort_unstable();
    scopes.dedup();
    Ok(scopes)
}

/// The networks that are written so, each once: `192.0.2.0/24`, `2001:db8::/32`, or a single address.
///
/// # Errors
/// The cause.
pub(crate) fn read_networks(texts: &[String]) -> Result<Vec<IpNet>, String> {
    if texts.len() > NETWORKS {
        return Err(format!("at most {NETWORKS} networks are allowed"));
    }
    let mut networks = Vec::with_capacity(texts.len());
    for text in texts {
        let network = read_network(text.trim())?;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(networks)
}

fn read_network(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network: IpNet = text.parse().map_err(|_| {
        format!("{:?} is no network; write it as 192.0.2.0/24 or 2001:db8::/32", echo(text))
    })?;
    match network {
        // Addresses are compared as what they stand for, so that nothing would ever come from there.
        IpNet::V6(mapped) if mapped.addr().to_ipv4_mapped().is_some() => {
            Err(format!("{:?} stands for a network of IPv4; write it so", echo(text)))
        }
        network => Ok(network.trunc()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_kept_in_order_and_once() {
        let read = |scopes: &[ApiKeyScope]| {
            read_scopes(&scopes.iter().map(|scope| *scope as i32).collect::<Vec<_>>())
        };
        assert_eq!(read(&[]), Ok(vec![Scope::Users, Scope::Groups]));
        let mixed = [ApiKeyScope::Groups, ApiKeyScope::Read, ApiKeyScope::Groups];
        assert_eq!(read(&mixed), Ok(vec![Scope::Read, Scope::Groups]));
        assert!(read(&[ApiKeyScope::Users, ApiKeyScope::Unspecified]).is_err());
        assert!(read_scopes(&[9]).is_err());
    }

    #[test]
    fn networks_are_read_as_admins_write_them() {
        let read = |texts: &[&str]| {
            let texts: Vec<_> = texts.iter().map(|&text| text.to_owned()).collect();
            let networks = read_networks(&texts)?;
            Ok::<_, String>(networks.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let written = [" 10.1.2.3/8 ", "10.0.0.0/8", "192.0.2.7", "2001:DB8::1/32", "::1"];
        let kept = ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128"].map(str::to_owned);
        assert_eq!(read(&written), Ok(kept.to_vec()));
        assert_eq!(read(&["::ffff:192.0.2.7"]), Ok(vec!["192.0.2.7/32".to_owned()]));
        assert_eq!(read(&[]), Ok(Vec::new()));
        for bad in ["", "10.0.0.0/33", "acme.com", "10.0.0.0-10.0.0.9", "::ffff:10.0.0.0/104"] {
            assert!(read(&[bad]).is_err(), "{bad}");
        }
        let many: Vec<_> = (0..=NETWORKS).map(|n| format!("10.0.0.{n}")).collect();
        assert!(read_networks(&many).is_err());
        assert!(read_networks(&many[1..]).is_ok());
    }
}
