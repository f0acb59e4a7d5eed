//! Everything that a store holds, carried to the other engine and back.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use idp_simulator::Request;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::binary::command;
use crate::fleet::{Fleet, Plan, Servers, owned};
use crate::processor::most_memory;
use crate::workspace::{Workspace, person};

/// How many people a bulk makes.
const BULK: u32 = 500;
/// The workspaces that they are spread over.
const WORKSPACES: u32 = 16;

/// Fills an embedded store, exports it, imports that on PostgreSQL, exports it there, and imports that into another
/// embedded store.
pub(crate) async fn both_ways(people: u32) {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (embedded, postgres) = (Servers::embedded(), Servers::postgres().await);
    let filled = fill(&embedded, people).await;
    let data_dir = filled.path().join("data");

    println!(
        "\n## {people} people in {WORKSPACES} workspaces, from one engine to the other and back\n"
    );
    println!("| what | people a second | most memory |\n| --- | --- | --- |");
    let [first, second] = ["first", "second"].map(|name| home.path().join(name));
    let again = home.path().join("data");
    let ways: [(&str, &str, &Servers, &Path, &Path); 4] = [
        ("export", "embedded store", &embedded, &data_dir, &first),
        ("import", "PostgreSQL", &postgres, home.path(), &first),
        ("export", "PostgreSQL", &postgres, home.path(), &second),
        ("import", "embedded store", &embedded, &again, &second),
    ];
    for (does, engine, servers, data_dir, file) in ways {
        let flag = if does == "export" { "--to" } else { "--from" };
        let file = file.display().to_string();
        let arguments =
            [owned(&[does]), servers.settings(data_dir), owned(&[flag, &file])].concat();
        let (took, memory) = run(&arguments).await;
        let rate = f64::from(people) / took.as_secs_f64();
        println!("| {does}, {engine} | {rate:.0} | {} MiB |", memory / 1024 / 1024);
    }
}

/// Fills the store of a deployment by bulks, one after the other in each workspace; answers where it is, once nobody
/// serves it.
async fn fill(servers: &Servers, people: u32) -> TempDir {
    let fleet = Fleet::start(servers, &Plan::default()).await;
    let workspaces = Workspace::some(&fleet, WORKSPACES as usize).await;
    let each = people.div_ceil(WORKSPACES);
    let gateway = fleet.gateways[0].at();
    join_all(workspaces.iter().map(|workspace| async move {
        let client = workspace.client(gateway);
        let mut left = each;
        while left > 0 {
            let some = left.min(BULK);
            let request = bulk(workspace, some);
            let answer = client.send(&request).await.expect("an answer");
            let made = answer.body.matches(r#""status":"201""#).count();
            assert_eq!(u32::try_from(made), Ok(some), "{} {}", answer.status, answer.body);
            left -= some;
        }
    }))
    .await;
    fleet.end()
}

/// Makes so many newcomers.
fn bulk(workspace: &Workspace, some: u32) -> Request {
    let operations: Vec<_> = (0..some)
        .map(|n| {
            let data: Value = serde_json::from_str(&person(&workspace.newcomer())).expect("JSON");
            json!({ "method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": data })
        })
        .collect();
    let schemas = ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"];
    let body = json!({ "schemas": schemas, "Operations": operations }).to_string();
    let headers = vec![("content-type", "application/scim+json")];
    Request { method: "POST", endpoint: "/Bulk".to_owned(), headers, body: Some(body) }
}

/// Runs a command to its end; how long it took, and the most memory that it had.
async fn run(arguments: &[String]) -> (Duration, u64) {
    let began = Instant::now();
    let mut child = command(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut memory = 0;
    let status = loop {
        memory = most_memory(child.id()).unwrap_or(memory);
        if let Some(status) = child.try_wait().expect("its state") {
            break status;
        }
        sleep(Duration::from_millis(10)).await;
    };
    assert!(status.success(), "{arguments:?} ends with {status}");
    (began.elapsed(), memory)
}
