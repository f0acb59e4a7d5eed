//! What the stories are told with: the product as a process, and those who come to it.

mod answer;
mod balancer;
mod binary;
mod caller;
mod collector;
mod database;
mod disk;
mod dns;
mod entra;
mod examples;
mod fleet;
mod forgetful;
mod gateways;
mod grpc;
mod mail;
mod mirror;
mod process;
mod redis;
mod redis_nodes;
mod replicas;
mod site;
mod terminal;
mod wire;
mod workspace;

pub(crate) use answer::Answer;
pub(crate) use balancer::Balancer;
pub(crate) use binary::{
    Program, free_address, new_credential, refused_start, run_to_end, simulate,
};
pub(crate) use caller::{Caller, Ungranted};
pub(crate) use collector::{Collector, Told};
pub(crate) use disk::{Disk, Fault, Journal};
pub(crate) use dns::{Dns, Says};
pub(crate) use entra::{Dialect, Entra, Person};
pub(crate) use examples::{Examples, Language};
pub(crate) use fleet::{EACH, Fleet, Half};
pub(crate) use forgetful::Forgetful;
pub(crate) use gateways::Gateway;
pub(crate) use grpc::Operator;
pub(crate) use idp_simulator::form_encoded;
pub(crate) use mail::{MailServer, Received};
pub(crate) use mirror::{Mirror, Mirrored};
pub(crate) use process::{Demo, Nestr, Shape};
pub(crate) use redis::Redis;
pub(crate) use redis_nodes::{Cluster, Watched};
pub(crate) use replicas::{GATEWAY, House, Key, Replica, by_operator};
pub(crate) use site::Site;
pub(crate) use terminal::{Operated, Terminal, grpcurl, nestr_scim};
pub(crate) use wire::Ask;
pub(crate) use workspace::{Login, Workspace};

/// An id that nobody has.
#[expect(
    clippy::disallowed_methods,
    reason = "an id of a story is nobody else's, also in the next run"
)]
pub(crate) fn nobody() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// The address of a new person, or part of one: nobody else has it.
pub(crate) fn unique() -> String {
    nobody().replace('-', "")
}

/// Whether `./test --long` asked for the long form of the tests that have one.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the product")]
pub(crate) fn is_long() -> bool {
    std::env::var_os("NESTR_TEST_LONG").is_some_and(|value| value == "1")
}

/// A seed for what a test draws by lot; it prints it.
#[expect(clippy::disallowed_methods, reason = "a test that draws prints what it drew")]
pub(crate) fn seed() -> u64 {
    rand::random()
}
