//! What the tiers cost, what one more of each brings, and how fast everything is carried to another engine: the
//! processes of a deployment, over sockets, on servers of their own.
//!
//! ```sh
//! cargo bench --bench scaling            # all of it, some ten minutes
//! cargo bench --bench scaling -- engines # or a part: engines, directories, gateways, carry
//! ```
//!
//! Whoever asks is on the same machine, and takes CPU from those who answer: what counts are the ratios, and the CPU that
//! a tier takes for a request. Where it is measured what one more process brings, each of that tier is held to a share of
//! a core (by `cpulimit`, of the Debian package of that name), so that the machine is not what ends it.
//!
//! It takes PostgreSQL as Debian packages it. Everything is in the temporary directory (`TMPDIR`) and goes with the end.
#![expect(clippy::print_stdout, reason = "a bench prints what it finds")]

#[path = "../../tests/stories/harness/binary.rs"]
#[expect(dead_code, reason = "the stories run the binary in more ways")]
mod binary;
mod carry;
mod fleet;
mod load;
mod processor;
mod workspace;

use std::time::Duration;

use clap::{Parser, ValueEnum};

use fleet::{Fleet, Plan, Servers};
use load::{Asked, Load, Measured};
use workspace::Workspace;

#[derive(Parser)]
struct Args {
    /// What is measured. Absent: all of it.
    parts: Vec<Part>,

    /// For how long each figure is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,

    /// How many ask at the same time, each the next thing when the last is answered.
    #[arg(long, default_value_t = 32)]
    clients: usize,

    /// The share of a core, in percent, that a process of the tier has which grows.
    #[arg(long, default_value_t = 10)]
    share: u32,

    /// How many people are carried from one engine to the other.
    #[arg(long, default_value_t = 100_000)]
    people: u32,

    /// What `cargo bench` says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Each engine, with one directory and one gateway: requests a second, and the CPU that each tier takes for one.
    Engines,
    /// One, two and four directories.
    Directories,
    /// One, two and four gateways.
    Gateways,
    /// Export and import, from the embedded store to PostgreSQL and back.
    Carry,
}

impl Args {
    fn load(&self) -> Load {
        Load { clients: self.clients, seconds: Duration::from_secs(self.seconds) }
    }
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let parts = if args.parts.is_empty() { Part::value_variants() } else { &args.parts };
    for part in parts {
        match part {
            Part::Engines => engines(&args).await,
            Part::Directories => {
                grow(&args, "directories", |n, share| Plan {
                    directories: n,
                    directory_share: Some(share),
                    gateways: 2,
                    gateway_share: None,
                })
                .await;
            }
            Part::Gateways => {
                grow(&args, "gateways", |n, share| Plan {
                    directories: 2,
                    directory_share: None,
                    gateways: n,
                    gateway_share: Some(share),
                })
                .await;
            }
            Part::Carry => carry::both_ways(args.people).await,
        }
    }
}

/// What is asked of each deployment, with the number of workspaces in which.
const ASKED: [(Asked, usize); 4] =
    [(Asked::Create, 1), (Asked::Create, 16), (Asked::Find, 16), (Asked::SignIn, 16)];

async fn engines(args: &Args) {
    println!("\n## Engines\n");
    println!(
        "| asked | workspaces | engine | a second | to the embedded one | CPU for one: gateway | directory | PostgreSQL |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut embedded = Vec::new();
    for servers in [Servers::embedded(), Servers::postgres().await, Servers::synchronous().await] {
        let fleet = Fleet::start(&servers, &Plan::default()).await;
        let workspaces = Workspace::some(&fleet, 16).await;
        for (n, (asked, among)) in ASKED.into_iter().enumerate() {
            let measured = args.load().measure(&fleet, &workspaces[..among], asked).await;
            if embedded.len() == n {
                embedded.push(measured.a_second());
            }
            let (rate, ratio) = (measured.a_second(), measured.a_second() / embedded[n]);
            let Measured { gateway, directory, postgres, .. } = measured;
            let [gateway, directory, postgres] = [gateway, directory, postgres].map(micros);
            println!(
                "| {asked} | {among} | {} | {rate:.0} | {ratio:.2} | {gateway} | {directory} | {postgres} |",
                servers.name()
            );
        }
    }
}

async fn grow(args: &Args, tier: &str, plan: impl Fn(usize, u32) -> Plan) {
    println!("\n## One, two, four {tier}, each with {}% of a core\n", args.share);
    println!("| asked | {tier} | a second | to one |\n| --- | --- | --- | --- |");
    let mut first = Vec::new();
    for count in [1, 2, 4] {
        let servers = Servers::postgres().await;
        let fleet = Fleet::start(&servers, &plan(count, args.share)).await;
        let workspaces = Workspace::some(&fleet, 16).await;
        for (n, asked) in [Asked::Create, Asked::Find].into_iter().enumerate() {
            let rate = args.load().measure(&fleet, &workspaces, asked).await.a_second();
            if first.len() == n {
                first.push(rate);
            }
            println!("| {asked} | {count} | {rate:.0} | {:.2} |", rate / first[n]);
        }
    }
}

fn micros(time: Duration) -> String {
    if time.is_zero() { String::new() } else { format!("{:.0} µs", time.as_secs_f64() * 1e6) }
}
