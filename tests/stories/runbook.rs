//! docs/operators.md, done as it stands there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rstest::rstest;

use crate::harness::{Dns, Nestr, grpcurl};

/// The blocks of a document that are done with this tool, from top to bottom: what stands behind `sh` where a
/// block begins names the tools.
fn script(document: &str, tool: &str) -> String {
    let blocks = document.split("\n```sh ").skip(1).filter_map(|block| {
        let (block, _) = block.split_once("\n```").expect("a block ends");
        let (tools, commands) = block.split_once('\n').expect("a block has lines");
        tools.split(' ').any(|named| named == tool).then_some(commands)
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// Whoever has the document and grpcurl takes a workspace from nothing to a provisioned person, and does all
/// else that it tells of; and so does whoever has the command line. Seen to fail with a field of a message, a
/// flag of a verb and a path of a file changed in the document.
#[rstest]
#[tokio::test]
async fn the_operators_document_can_be_done_as_it_stands(
    #[values("grpcurl", "nestr-scim")] tool: &str,
) {
    let dns = Dns::start().await;
    let settings = ["--no-demo", "--dns-server", &dns.at().to_string()];
    let nestr = Nestr::start_with(&settings).await;
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let script = script(&fs::read_to_string(document).unwrap(), tool);
    let default = "127.0.0.1:50051";
    assert!(script.contains(default) && script.lines().count() > 30, "{script}");
    let script = script.replace(default, &nestr.grpc().to_string());

    // A shell beside the data directory, which finds the binary and grpcurl by their names.
    let home = tempfile::tempdir().unwrap();
    symlink(nestr.data_dir(), home.path().join("nestr-scim-data")).unwrap();
    let tools = home.path().join("bin");
    fs::create_dir(&tools).unwrap();
    symlink(grpcurl(), tools.join("grpcurl")).unwrap();
    symlink(env!("CARGO_BIN_EXE_nestr-scim"), tools.join("nestr-scim")).unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-euxo", "pipefail", "-c", &script]).current_dir(home.path()).env_clear();
    bash.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", tools.display()));
    let done =
        tokio::task::spawn_blocking(move || bash.output().expect("bash runs")).await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{err}\n{out}");
    assert!(!out.contains(r#""status":"#), "SCIM refused nothing:\n{out}");

    let accounts = nestr.operator().resolve_login("ada@acme.com").await;
    assert!(accounts.len() == 1 && accounts[0].active, "{accounts:?}\n{out}");
}
