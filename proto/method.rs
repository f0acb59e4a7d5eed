//! The calls of the contract, by the path that they have on the wire.

use std::collections::HashMap;
use std::sync::LazyLock;

use prost::Message;
use prost_types::method_options::IdempotencyLevel;
use prost_types::{
    DescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto, MethodOptions,
};

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
    /// Whether the call may be sent again when its answer was lost.
    pub repeats: Repeats,
}

/// Whether a call that is sent twice does no more than one that is sent once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// It changes nothing, or the same as the first time (`idempotency_level` in the contract).
    ByItself,
    /// Under the same `operation_id` it is the same write.
    ByName,
    /// The second does what the first did once more.
    Never,
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

fn repeats(method: &MethodDescriptorProto, files: &[FileDescriptorProto]) -> Repeats {
    let level = method.options.as_ref().map(MethodOptions::idempotency_level);
    if level.is_some_and(|level| level != IdempotencyLevel::IdempotencyUnknown) {
        return Repeats::ByItself;
    }
    let name = method.input_type().rsplit('.').next();
    let mut messages = files.iter().flat_map(|file| &file.message_type);
    let input = messages.find(|message| Some(message.name()) == name);
    let is_named = |input: &DescriptorProto| input.field.iter().any(|f| f.name() == "operation_id");
    if input.is_some_and(is_named) { Repeats::ByName } else { Repeats::Never }
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
                    repeats: repeats(method, &files),
                });
            }
        }
    }
    methods
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// What may be sent twice says so, or takes a name by which the second sending is known. Of the rest a
    /// second one makes a second thing: a new call is put here only when that is meant.
    #[test]
    fn each_call_says_whether_it_may_be_sent_again() {
        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
        let mut once = Vec::new();
        for method in files.iter().flat_map(|file| &file.service).flat_map(|s| &s.method) {
            let level = method.options.as_ref().map(MethodOptions::idempotency_level);
            let reads = ["Get", "BatchGet", "Count", "List", "Read", "Watch"]
                .iter()
                .any(|verb| method.name().starts_with(verb))
                && method.name() != "ReadmitAddress";
            assert!(!reads || level == Some(IdempotencyLevel::NoSideEffects), "{}", method.name());
            if repeats(method, &files) == Repeats::Never {
                once.push(method.name());
            }
        }
        assert_eq!(once, ["CreateApiKey", "RotateApiKey", "CreateWorkspace"]);
    }

    /// The document for the clients of other languages has them repeat by themselves just what may be.
    #[test]
    fn the_service_config_repeats_what_may_be_repeated() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/service_config.json");
        let is = fs::read_to_string(&path).unwrap();
        let (before, _) = is.split_once("      \"name\": [\n").unwrap();
        let (_, behind) = is.split_once("\n      ],\n").unwrap();
        let all = methods();
        // A deadline fits no stream.
        let files = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap().file;
        let services: Vec<_> = files.iter().flat_map(|file| &file.service).collect();
        let is_stream = |method: &Method| {
            let mut described = services.iter().flat_map(|service| &service.method);
            described.any(|found| found.name() == method.name && found.server_streaming())
        };
        let repeated = all.iter().filter(|method| method.repeats == Repeats::ByItself);
        let repeated = repeated.filter(|method| !is_stream(method));
        let line = |method: &Method| {
            let Method { service, name, .. } = method;
            format!("        {{ \"service\": \"{service}\", \"method\": \"{name}\" }}")
        };
        let mut names: Vec<_> = repeated.map(line).collect();
        names.sort();
        let is_to_be =
            format!("{before}      \"name\": [\n{}\n      ],\n{behind}", names.join(",\n"));
        if is != is_to_be {
            fs::write(path, is_to_be).unwrap();
            panic!(
                "docs/service_config.json was behind and is written anew: look at it, and keep it"
            );
        }
        let config: serde_json::Value = serde_json::from_str(&is).unwrap();
        let limit = |name: &str| config["methodConfig"][1][name].as_u64().unwrap();
        assert_eq!(limit("maxRequestMessageBytes"), crate::MESSAGE_BYTES as u64);
        assert_eq!(limit("maxResponseMessageBytes"), crate::ANSWER_BYTES as u64);
    }

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
