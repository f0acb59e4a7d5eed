//! The stories: what identity providers, operators and strangers do to the running product.
//!
//! Each test starts the real binary on a data directory of its own and speaks to it over real
//! sockets: REST as the identity providers speak it, byte for byte, gRPC as Nestr's services do,
//! grpcurl as operators do. A story promises something to somebody outside; what a room promises
//! to another room is tested in the rooms.

mod harness;

mod audit;
mod authentication;
mod balancing;
mod bounds;
mod bulk;
mod callers;
mod certificates;
mod command_line;
mod connections;
mod deployments;
mod directories;
mod discovery;
mod disk;
mod dns;
mod documents;
mod domains;
mod durability;
mod entra;
mod entra_groups;
mod entra_names;
mod entra_patch;
mod examples;
mod extensions;
mod failover;
mod failpoints;
mod fairness;
mod grpc_clients;
mod guests;
mod halves;
mod hang_ups;
mod history;
mod identities;
mod integrations;
mod ipsie;
mod isolation;
mod joining;
mod keys;
mod leavers;
mod leniency;
mod links;
mod lists;
mod management;
mod messages;
mod notices;
mod observability;
mod okta;
mod okta_groups;
mod old_connections;
mod operator;
mod other_idps;
mod portability;
mod postgres_tls;
mod power_cut;
mod process;
mod protection;
mod races;
mod reasons;
mod receipts;
mod redis;
mod redis_faults;
mod redis_nodes;
mod refused_domains;
mod replicas;
mod rfc;
mod rolling;
mod runbook;
mod secrets;
mod shared_rates;
mod sign_in;
mod simulator;
mod site_rates;
mod site_writes;
mod standbys;
mod suspension;
mod tls;
mod traces;
mod typed_reads;
mod updates;
mod watch;
