//! The hosts of a URL, each by itself.

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// The same settings for each of the hosts, and what it is called.
pub(super) fn each(config: &Config) -> Vec<(String, Config)> {
    let hosts = config.get_hosts().len().max(config.get_hostaddrs().len());
    (0..hosts).map(|at| (name(config, at), only(config, at))).collect()
}

/// The port of a host: its own, or that of all.
fn port(config: &Config, at: usize) -> Option<u16> {
    let ports = config.get_ports();
    ports.get(at).or(ports.first()).copied()
}

fn name(config: &Config, at: usize) -> String {
    let host = match config.get_hosts().get(at) {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => config.get_hostaddrs().get(at).map(ToString::to_string).unwrap_or_default(),
    };
    format!("{host}:{}", port(config, at).unwrap_or(5432))
}

/// Everything but the other hosts. A configuration cannot forget any.
fn only(config: &Config, at: usize) -> Config {
    let mut one = Config::new();
    match config.get_hosts().get(at) {
        Some(Host::Tcp(name)) => drop(one.host(name)),
        Some(Host::Unix(path)) => drop(one.host_path(path)),
        None => {}
    }
    if let Some(address) = config.get_hostaddrs().get(at) {
        one.hostaddr(*address);
    }
    if let Some(port) = port(config, at) {
        one.port(port);
    }
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(name) = config.get_dbname() {
        one.dbname(name);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    if let Some(name) = config.get_application_name() {
        one.application_name(name);
    }
    if let Some(limit) = config.get_connect_timeout() {
        one.connect_timeout(*limit);
    }
    if let Some(limit) = config.get_tcp_user_timeout() {
        one.tcp_user_timeout(*limit);
    }
    if let Some(interval) = config.get_keepalives_interval() {
        one.keepalives_interval(interval);
    }
    if let Some(retries) = config.get_keepalives_retries() {
        one.keepalives_retries(retries);
    }
    one.keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A setting that is not taken over makes the two differ.
    #[test]
    fn a_host_by_itself_keeps_all_that_is_said_of_it() {
        let text = "host=db.example hostaddr=10.0.0.9 port=6000 user=nestr password=hunter2 dbname=nestr \
                    options='-c jit=off' application_name=scim sslmode=require sslnegotiation=direct \
                    connect_timeout=7 tcp_user_timeout=8 keepalives=0 keepalives_idle=9 keepalives_interval=10 \
                    keepalives_retries=11 target_session_attrs=read-only channel_binding=require \
                    load_balance_hosts=random";
        let config: Config = text.parse().unwrap();
        assert!(each(&config) == [("db.example:6000".to_owned(), config)]);
    }

    #[test]
    fn hosts_are_told_apart_with_their_ports() {
        for (url, names) in [
            ("postgres://a,b,c/nestr", &["a:5432", "b:5432", "c:5432"][..]),
            ("postgres://a:1,b:2/nestr", &["a:1", "b:2"]),
            ("host=a,b port=7 dbname=nestr", &["a:7", "b:7"]),
            ("hostaddr=10.0.0.1,10.0.0.2 dbname=nestr", &["10.0.0.1:5432", "10.0.0.2:5432"]),
            ("postgres://%2Frun%2Fpostgresql/nestr", &["/run/postgresql:5432"]),
        ] {
            let each = each(&url.parse().unwrap());
            assert_eq!(each.iter().map(|(name, _)| name).collect::<Vec<_>>(), names, "{url}");
            assert!(each.iter().all(|(_, config)| config.get_dbname() == Some("nestr")));
        }
    }
}
