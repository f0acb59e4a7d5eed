//! What the documents say of the tests is true.

use std::fs;
use std::path::{Path, PathBuf};

use idp_simulator::{Check, Step};
use rstest::rstest;

/// The threats and the limits name the tests that show what stands against them. Seen to fail with a
/// letter of a name changed.
#[rstest]
fn every_test_that_a_document_names_is_there(
    #[values("docs/security.md", "docs/limits.md")] document: &str,
) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String = sources(root).iter().map(|path| read(path)).collect();
    let document = read(&root.join(document));
    let rows = document.lines().filter(|line| line.starts_with('|'));
    let quoted = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let is_test = |name: &&str| {
        name.matches('_').count() > 2 && name.chars().all(|c| c == '_' || c.is_ascii_lowercase())
    };
    let tests: Vec<_> = quoted.filter(is_test).collect();
    assert!(tests.len() > 20, "{tests:?}");
    for test in tests {
        let is_there = ["(", "<"].iter().any(|end| sources.contains(&format!("fn {test}{end}")));
        assert!(is_there, "there is no test {test}");
    }
}

/// How the rows are spread over servers is said of every table. Seen to fail with a table left out, and with one
/// spread by another column.
#[test]
fn every_table_is_distributed_by_workspace_or_said_to_stay() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = read(&root.join("docs/scaling.md"));
    let told = |line: &str| {
        let (table, rest) =
            line.strip_prefix("SELECT create_distributed_table('")?.split_once("', '")?;
        Some((table.to_owned(), rest.split('\'').next()?.to_owned()))
    };
    let told: Vec<_> = page.lines().filter_map(told).collect();
    let mut tables = Vec::new();
    for migration in fs::read_dir(root.join("directory-svc/src/store/postgres/migrations")).unwrap()
    {
        let text = read(&migration.unwrap().path());
        let made = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
        tables.extend(made.filter_map(|line| line.split_whitespace().next()).map(str::to_owned));
    }
    for table in &tables {
        let by = told.iter().find(|(told, _)| told == table).map(|(_, by)| &**by);
        match &**table {
            "feed" | "write_probe" => assert_eq!(by, None, "{table} is of no workspace"),
            "workspace" => assert_eq!(by, Some("id")),
            _ => assert_eq!(by, Some("workspace_id"), "{table}"),
        }
    }
    let gone: Vec<_> = told.iter().filter(|(table, _)| !tables.contains(table)).collect();
    assert!(gone.is_empty() && !tables.is_empty(), "{gone:?}");
}

/// Each row of requirements says how it is met and names the tests that show it, as `file::name`, or
/// says that it is not; and each test of the RFCs' sections is named. Seen to fail with a letter of a
/// name changed, with the test of a row left out, and with a test that no row names.
#[test]
fn every_requirement_names_the_tests_that_show_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: Vec<_> = sources(root).into_iter().map(|path| (read(&path), path)).collect();
    let mut named = String::new();
    for (document, least) in [("docs/conformance.md", 150), ("docs/ipsie.md", 25)] {
        let document = read(&root.join(document));
        let mut count = 0;
        for row in document.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<_> = row.trim_matches(['|', ' ']).split(" | ").collect();
            let [_, level, how, tests] = cells[..] else { panic!("four cells: {row}") };
            if level == "level" || level == "---" {
                continue;
            }
            assert!(["MUST", "SHOULD", "MAY"].contains(&level), "{row}");
            let tests: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
            assert!(how.starts_with("not ") || !tests.is_empty(), "how is it shown? {row}");
            for test in tests {
                let (file, name) = test.split_once("::").unwrap_or_else(|| panic!("{test}"));
                let file = format!("{file}.rs");
                let is_there = sources.iter().any(|(source, path)| {
                    let has = |end: &str| source.contains(&format!("fn {name}{end}"));
                    path.ends_with(&file) && (has("(") || has("<"))
                });
                assert!(is_there, "there is no test {test}");
            }
            named.push_str(row);
            count += 1;
        }
        assert!(count >= least, "{count} rows");
    }
    let of_sections = sources
        .iter()
        .filter(|(_, path)| path.parent().is_some_and(|at| at.ends_with("stories/rfc")));
    for (source, path) in of_sections {
        for test in source.split("#[tokio::test]\nasync fn ").skip(1) {
            let (name, _) = test.split_once('(').expect("a test");
            let file = path.file_stem().expect("a name").to_string_lossy();
            assert!(named.contains(&format!("`{file}::{name}`")), "{file}::{name} is in no row");
        }
    }
}

/// Every constant of the SCIM language's limits, with its value as the code has it. Seen to fail with a
/// value changed.
#[test]
fn the_document_of_limits_has_each_with_its_value() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (code, document) =
        (read(&root.join("scim/src/limits.rs")), read(&root.join("docs/limits.md")));
    let constants = code.lines().filter_map(|line| line.strip_prefix("pub const "));
    let mut count = 0;
    for constant in constants {
        let (name, value) = constant.split_once(": usize = ").expect("a limit is a usize");
        let row = format!("| `{name}` | {} |", value.trim_end_matches(';'));
        assert!(document.contains(&row), "{row}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

/// Seen to fail with the row of a check taken out.
#[test]
fn the_document_of_the_simulator_has_every_step_and_every_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let document = read(&root.join("docs/simulator.md"));
    for check in Check::ALL {
        let row = format!("\n| `{}` | ", check.name());
        assert!(document.contains(&row), "{check:?}");
    }
    let firsts = document.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let named: Vec<&str> = firsts.flat_map(|first| first.split('`').skip(1).step_by(2)).collect();
    for step in Step::ALL {
        assert!(named.contains(&step.name()), "{step:?}");
    }
}

/// What the guides quote of Nestr, between “ and ”, is what it says; … stands for what differs from case to
/// case. Seen to fail with a word of a message changed.
#[test]
fn the_guides_quote_what_is_said() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rooms = ["directory-svc/src", "gateway/src"].map(|room| root.join(room));
    let speaking =
        sources(root).into_iter().filter(|path| rooms.iter().any(|r| path.starts_with(r)));
    // Texts go on behind a backslash at the end of the line.
    let joined = |text: String| {
        let lines = text.split("\\\n").map(str::trim_start).collect::<String>();
        lines.replace("\\\"", "\"")
    };
    let said: String = speaking.map(|path| joined(read(&path))).collect();
    let mut count = 0;
    for guide in ["entra-id", "okta", "onelogin", "google-workspace"] {
        let text = read(&root.join(format!("docs/guides/{guide}.md")));
        for quote in text.split('“').skip(1) {
            let (quote, _) = quote.split_once('”').expect("a quote ends");
            for piece in quote.split('…').map(str::trim).filter(|piece| !piece.is_empty()) {
                assert!(said.contains(piece), "{guide}: nothing says {piece:?}");
            }
            count += 1;
        }
    }
    assert!(count > 20, "{count} quotes");
}

/// Seen to fail with a letter of a link changed.
#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for folder in
        ["", "docs", "docs/guides", "docs/decisions", "deploy"].map(|folder| root.join(folder))
    {
        for entry in fs::read_dir(&folder).expect("a folder of documents") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            for link in read(&path).split("](").skip(1) {
                let (link, _) = link.split_once(')').expect("a link ends");
                let file = link.split('#').next().expect("a file");
                if !file.is_empty() && !file.contains(':') {
                    let there = folder.join(file).exists();
                    assert!(there, "{}: there is no {link}", path.display());
                    count += 1;
                }
            }
        }
    }
    assert!(count > 40, "{count} links");
}

/// Seen to fail with the lints of a crate taken out.
#[test]
fn unsafe_is_forbidden_in_every_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(read(&root.join("Cargo.toml")).contains("unsafe_code = \"forbid\""));
    for room in
        [".", "proto", "scim", "listener", "traces", "gateway", "directory-svc", "simulator"]
    {
        let manifest = read(&root.join(room).join("Cargo.toml"));
        assert!(manifest.contains("[lints]\nworkspace = true"), "{room}");
    }
}

/// All Rust files of the house.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<_> = [
        "proto",
        "scim",
        "listener",
        "traces",
        "gateway",
        "directory-svc",
        "simulator",
        "src",
        "tests",
    ]
    .map(|folder| root.join(folder))
    .into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the house") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
