//! The calls of the contract, by the path that they have on the wire.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::FILE_DESCRIPTOR_SET;

/// A call of the contract. Its names are words of ours, unlike the path that a caller sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Service and call, such as `nestr.directory.v1.UserService/GetUser`.
    pub full: &'static str,
    /// The service, such as `nestr.directory.v1.UserService`.
    pub service: &'static str,
    /// The call, such as `GetUser`.
    pub name: &'static str,
    /// Both without the package, such as `UserService/GetUser`.
    pub short: &'static str,
    /// The request message without the package, such as `GetUserRequest`.
    pub asks: &'static str,
}

impl Method {
    /// The call of a path, such as `/nestr.directory.v1.UserService/GetUser`; `None` when the contract
    /// has none there.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        static BY_PATH: LazyLock<HashMap<&'static str, Method>> =
            LazyLock::new(|| Method::all().iter().map(|method| (method.full, *method)).collect());
        BY_PATH.get(path.strip_prefix('/')?).copied()
    }

    /// Every call of the contract, in its order.
    #[must_use]
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Method>> = LazyLock::new(methods);
        &ALL
    }
}

/// Every call of the contract. Read once, and kept for as long as the process lives.
fn methods() -> Vec<Method> {
    let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET);
    let files = files.map(|set| set.file).unwrap_or_default();
    let mut methods = Vec::new();
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                let (package, service, name) = (file.package(), service.name(), method.name());
                let full: &'static str = format!("{package}.{service}/{name}").leak();
                let service_ends = full.len() - name.len() - 1;
                let asks = method.input_type().rsplit('.').next().unwrap_or_default();
                methods.push(Method {
                    full,
                    service: &full[..service_ends],
                    name: &full[service_ends + 1..],
                    short: &full[package.len() + 1..],
                    asks: asks.to_owned().leak(),
                });
            }
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_by_its_path_and_nothing_else_is() {
        let method = Method::of("/nestr.directory.v1.UserService/GetUser").unwrap();
        assert_eq!(method.full, "nestr.directory.v1.UserService/GetUser");
        assert_eq!(method.service, "nestr.directory.v1.UserService");
        assert_eq!((method.name, method.short), ("GetUser", "UserService/GetUser"));
        assert_eq!(method.asks, "GetUserRequest");
        for other in
            ["", "/", "nestr.directory.v1.UserService/GetUser", "/grpc.health.v1.Health/Check"]
        {
            assert_eq!(Method::of(other), None, "{other}");
        }
    }
}
