//! Where Redis is: a server, the master that sentinels name, or the masters of a cluster.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion,
    RedisConnectionInfo, RedisResult, TlsCertificates,
};

use super::slots::Address;

/// Where a sentinel is on its host, unless something else is said. What the library takes for a Redis is 6379.
const SENTINEL_PORT: u16 = 26_379;

/// The address of a Redis. It may hold a password, so it is never printed.
#[derive(Clone)]
pub struct RedisUrl(String);

impl FromStr for RedisUrl {
    type Err = Infallible;

    /// Takes any text: whether it is a URL is found out by [`Redis::open`], which does not repeat it.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A Redis that can be connected to. Nothing is connected yet.
#[derive(Clone)]
pub struct Redis {
    pub(super) kind: Kind,
    /// Whom to ask first: the server, the sentinels, or some nodes of the cluster.
    pub(super) hosts: Vec<Address>,
    /// Credentials, database and TLS, the same for every node; the host in it is one of `hosts`.
    node: ConnectionInfo,
    pub(super) prefix: String,
}

/// How the servers are found that hold what is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is the one that is named.
    Server,
    /// Sentinels say where the master of this name is.
    Sentinel(String),
    /// Each node of the cluster knows the masters.
    Cluster,
}

/// Why there is no Redis of a URL.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub enum NoRedis {
    /// The URL is none of Redis.
    #[error(
        "write redis://[USER[:PASSWORD]@]HOST[:PORT][/DB], \
         redis-sentinel://[USER[:PASSWORD]@]HOST[:PORT],.../MASTER[/DB] or \
         redis-cluster://[USER[:PASSWORD]@]HOST[:PORT],...; with rediss in the place of redis for TLS"
    )]
    Url,
    /// The certificates cannot be read.
    #[error(
        "the certificates of --redis-ca (NESTR_SCIM_REDIS_CA) are no PEM, or the URL does not begin with rediss"
    )]
    Certificates,
}

impl Redis {
    /// The Redis at `url`, with this password where the URL holds none, and these certificates (PEM) to
    /// vouch for it.
    ///
    /// # Errors
    /// When the URL or the certificates are of no use.
    pub fn open(
        url: &RedisUrl,
        password: Option<&str>,
        certificates: Option<Vec<u8>>,
        prefix: &str,
    ) -> Result<Self, NoRedis> {
        let parts = Parts::of(&url.0).ok_or(NoRedis::Url)?;
        let nodes = parts.nodes().map_err(|_| NoRedis::Url)?;
        let node = nodes.first().cloned().ok_or(NoRedis::Url)?;
        let hosts = nodes.iter().map(|node| address(node.addr())).collect::<Option<Vec<_>>>();
        // Answers and notices come over one connection.
        let mut settings = node.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        settings = settings.set_skip_set_lib_name();
        if let Some(password) = password.filter(|_| settings.password().is_none()) {
            settings = settings.set_password(password);
        }
        let node = node.set_redis_settings(settings);
        let client = match certificates {
            None => Client::open(node).map_err(|_| NoRedis::Url)?,
            Some(_) if !parts.is_tls => return Err(NoRedis::Certificates),
            root_cert @ Some(_) => {
                let certificates = TlsCertificates { client_tls: None, root_cert };
                Client::build_with_tls(node, certificates).map_err(|_| NoRedis::Certificates)?
            }
        };
        let (kind, node) = (parts.kind, client.get_connection_info().clone());
        Ok(Self { kind, hosts: hosts.ok_or(NoRedis::Url)?, node, prefix: prefix.to_owned() })
    }

    /// The server at an address, to be reached as all of them are.
    pub(super) fn at(&self, address: &Address) -> RedisResult<Client> {
        Client::open(self.node.clone().set_addr(self.addressed(address)))
    }

    /// The same, to be asked as a sentinel: with nobody's credentials, or with those for Redis.
    pub(super) fn sentinel(
        &self,
        address: &Address,
        shows_credentials: bool,
    ) -> RedisResult<Client> {
        let of_redis = self.node.redis_settings();
        let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        if let Some(password) = of_redis.password().filter(|_| shows_credentials) {
            settings = settings.set_password(password);
            if let Some(user) = of_redis.username() {
                settings = settings.set_username(user);
            }
        }
        let node = self.node.clone().set_addr(self.addressed(address));
        Client::open(node.set_redis_settings(settings))
    }

    fn addressed(&self, (host, port): &Address) -> ConnectionAddr {
        let (host, port) = (host.clone(), *port);
        match self.node.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                let (insecure, tls_params) = (*insecure, tls_params.clone());
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redis(***)")
    }
}

/// The parts of a URL, which are those of several URLs of one server each.
struct Parts<'a> {
    kind: Kind,
    is_tls: bool,
    /// `USER:PASSWORD@`, or nothing.
    credentials: &'a str,
    hosts: Vec<String>,
    database: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let at = authority.rfind('@').map_or(0, |at| at + 1);
        let (credentials, hosts) = authority.split_at(at);
        let (is_tls, kind) = match scheme.split_once('-').unwrap_or((scheme, "")) {
            ("redis", kind) => (false, kind),
            ("rediss", kind) => (true, kind),
            _ => return None,
        };
        let (kind, database) = match kind {
            "" if !hosts.contains(',') => (Kind::Server, path),
            "sentinel" => {
                let (master, database) = path.split_once('/').unwrap_or((path, ""));
                let is_fit = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                if master.is_empty() || !master.chars().all(is_fit) {
                    return None;
                }
                (Kind::Sentinel(master.to_owned()), database)
            }
            // A cluster has one database.
            "cluster" if path.is_empty() => (Kind::Cluster, path),
            _ => return None,
        };
        let has_port = |host: &str| host.contains(':') && !host.ends_with(']');
        let hosts = hosts.split(',').map(|host| match kind {
            Kind::Sentinel(_) if !has_port(host) => format!("{host}:{SENTINEL_PORT}"),
            _ => host.to_owned(),
        });
        Some(Self { hosts: hosts.collect(), kind, is_tls, credentials, database })
    }

    /// What the library makes of each host.
    fn nodes(&self) -> RedisResult<Vec<ConnectionInfo>> {
        let Self { is_tls, credentials, database, .. } = self;
        let scheme = if *is_tls { "rediss" } else { "redis" };
        let url = |host: &String| format!("{scheme}://{credentials}{host}/{database}");
        self.hosts.iter().map(|host| url(host).into_connection_info()).collect()
    }
}

fn address(addr: &ConnectionAddr) -> Option<Address> {
    match addr {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some((host.clone(), *port))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str) -> Result<Redis, NoRedis> {
        Redis::open(&url.parse().unwrap(), Some("elsewhere"), None, "p")
    }

    #[test]
    fn a_url_of_redis_opens_and_no_other() {
        for url in [
            "redis://h",
            "redis://h:1/2",
            "redis://u:p@h",
            "redis://:p@[::1]:1",
            "rediss://h",
            "redis-sentinel://h/m",
            "rediss-sentinel://u:p@h:1,[::1]/mymaster/3",
            "redis-cluster://h",
            "rediss-cluster://u:p%40@h:1,i:2",
        ] {
            assert!(open(url).is_ok(), "{url}");
        }
        for url in [
            "",
            "h",
            "http://h",
            "unix:///s",
            "redis://",
            "redis://h/x",
            "redis://0.0.0.0",
            "redis://h,i",
            "redis-sentinel://h",
            "redis-sentinel://h/",
            "redis-sentinel://h/a b",
            "redis-sentinel://h/m/x",
            "redis-sentinel:///m",
            "redis-cluster://",
            "redis-cluster://h,",
            "redis-cluster://h/1",
            "redis-ring://h",
            "valkey://h",
        ] {
            assert!(open(url).is_err(), "{url}");
        }
        let ca = Some(b"none".to_vec());
        assert!(Redis::open(&"redis://h".parse().unwrap(), None, ca, "p").is_err());
    }

    #[test]
    fn each_host_has_the_port_of_its_kind_and_what_is_said_holds_for_all() {
        let redis = open("rediss-sentinel://u:p%40@h,[::1]:7/mymaster/3").unwrap();
        assert_eq!(redis.kind, Kind::Sentinel("mymaster".to_owned()));
        assert_eq!(redis.hosts, [("h".to_owned(), SENTINEL_PORT), ("::1".to_owned(), 7)]);
        let master = redis.at(&("found".to_owned(), 1)).unwrap();
        let info = master.get_connection_info();
        let settings = info.redis_settings();
        assert_eq!((settings.username(), settings.password()), (Some("u"), Some("p@")));
        assert_eq!(settings.db(), 3);
        assert_eq!(address(info.addr()), Some(("found".to_owned(), 1)));
        assert!(matches!(info.addr(), ConnectionAddr::TcpTls { insecure: false, .. }));

        for (shows, password) in [(false, None), (true, Some("p@"))] {
            let sentinel = redis.sentinel(&redis.hosts[0], shows).unwrap();
            let settings = sentinel.get_connection_info().redis_settings();
            assert_eq!((settings.password(), settings.db()), (password, 0));
        }
        assert_eq!(open("redis-cluster://h").unwrap().hosts, [("h".to_owned(), 6379)]);
    }

    #[test]
    fn a_password_is_not_printed_and_the_urls_goes_first() {
        let password = |redis: &Redis| redis.node.redis_settings().password().map(str::to_owned);
        let url: RedisUrl = "redis://u:secret@h".parse().unwrap();
        let redis = open("redis://u:secret@h").unwrap();
        assert_eq!(password(&redis).as_deref(), Some("secret"));
        assert!(!format!("{url:?} {redis:?}").contains("secret"));
        assert_eq!(password(&open("redis://u@h").unwrap()).as_deref(), Some("elsewhere"));
    }
}
