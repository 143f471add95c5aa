//! Addresses that a user has set for hosts, in place of the system's resolver.

use std::collections::HashMap;
use std::net::SocketAddr;

#[derive(Clone, Debug, Default)]
pub(crate) struct Hosts(HashMap<String, Vec<SocketAddr>>);

impl Hosts {
    pub(crate) fn set(&mut self, host: &str, addrs: Vec<SocketAddr>) {
        self.0.insert(normal(host), addrs);
    }

    /// The addresses of a host, as the URL standard writes it.
    pub(crate) fn get(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        let addrs = self.0.get(host)?.iter().map(|addr| match addr.port() {
            0 => SocketAddr::new(addr.ip(), port),
            _ => *addr,
        });
        Some(addrs.collect())
    }
}

/// As the hosts of URLs are written. What no URL can hold is never asked for.
fn normal(host: &str) -> String {
    url::Host::parse(host).map_or_else(|_| host.to_owned(), |host| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_as_urls_write_them() {
        let addr: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let mut hosts = Hosts::default();
        hosts.set("Exämple.org", vec![addr, "[::1]:8080".parse().unwrap()]);
        let found = hosts.get("xn--exmple-cua.org", 81).unwrap();
        assert_eq!(found, ["127.0.0.1:81".parse().unwrap(), "[::1]:8080".parse().unwrap()]);
        hosts.set("EXÄMPLE.org", Vec::new());
        assert_eq!(hosts.get("xn--exmple-cua.org", 81), Some(Vec::new()));
        assert_eq!(hosts.get("example.org", 81), None);
    }
}
