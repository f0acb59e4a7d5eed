//! Every statement that runs in a test, and how the engine goes about it: one that walks through what
//! can be many rows is refused by its text. Seen to fail, the suite with this in it, with each index of
//! the migrations left out in turn.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::{connection, migrations};

static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Statements that may walk, by a piece of each, and the step at which it may.
const MAY_WALK: [(&str, &str); 24] = [
    // A listing by whatever filter was sent. Those that have to be served from an index are listed in
    // `filters`; the rest ends at the statement's time limit.
    (" FROM user u ", ""),
    (" FROM scim_group g ", ""),
    // What was found on the way up from a person to groups; and all members of a group that are
    // replaced, or asked for by what is no index.
    ("WITH RECURSIVE up", "SCAN up"),
    // What was found on the way down from a group to those that belong to it.
    ("WITH RECURSIVE down(id) AS (SELECT ?2", "SCAN down"),
    // The tombstones of groups.
    ("d.seq > ?2 ORDER BY d.seq", ""),
    // Registered schemas are a few.
    ("FROM registered_schema", ""),
    // The domains of a workspace are a few, and so are its integrations.
    (" FROM domain WHERE workspace_id = ?1", "SEARCH domain USING PRIMARY KEY (workspace_id=?)"),
    (
        " FROM domain_check WHERE workspace_id = ?1",
        "SEARCH domain_check USING PRIMARY KEY (workspace_id=?)",
    ),
    (" FROM integration WHERE workspace_id = ?1", ""),
    // Allowed outside addresses and refused domains are a thousand of a workspace at the most.
    ("count(*) FROM allowed_address", "SEARCH allowed_address USING PRIMARY KEY (workspace_id=?)"),
    ("LIMIT -1 OFFSET ?2", "SEARCH refused_domain USING PRIMARY KEY (workspace_id=?)"),
    ("LIMIT -1 OFFSET ?2", "USE TEMP B-TREE FOR ORDER BY"),
    // A page of what waits, in the order of its index.
    ("state = 'pending' ORDER BY claimed_at", "SCAN domain USING INDEX domain_pending"),
    // Domains whose people wait are those that were just verified.
    (" FROM waiting_people WHERE free_at", ""),
    // What waits in the outbox is little, and all of it is counted.
    ("FROM notice WHERE due_at IS NOT NULL", "USING COVERING INDEX notice_due"),
    ("UPDATE notice SET leased_until = NULL", "USING COVERING INDEX notice_due"),
    // Removed people who had the same externalId are a few.
    ("AND external_id = ?3 AND login_email_key = ?4", "USE TEMP B-TREE FOR ORDER BY"),
    // Keys that are about to end, page by page: each workspace is asked by its own index.
    ("FROM workspace w CROSS JOIN api_key", "SCAN w"),
    // A migration looks at everybody once.
    ("c.author_integration IS NOT NULL FROM", ""),
    ("DELETE FROM barred_address WHERE EXISTS", "SCAN barred_address"),
    // Those who acknowledge are a few services.
    (" FROM consumer", ""),
    ("DELETE FROM receipt WHERE at < ?1", "SCAN receipt"),
    // Clean-up, a bounded step at a time.
    ("FROM change ORDER BY position LIMIT", "SCAN change USING INDEX change_position"),
    // The engine's own questions when it opens a file.
    ("sqlite_", ""),
];

/// The connection, noting what it runs from now on.
pub(super) fn noted(mut connection: Connection) -> rusqlite::Result<Connection> {
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note))?;
    Ok(connection)
}

fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(statement, _) = event {
        let text = statement.sql().into_owned();
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
    }
}

/// Asserts that an index serves everything that ran in this process.
pub(in crate::store) fn assert_served() {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plans.sqlite3");
    connection::create(&path).unwrap();
    let mut store = connection::writer(&path).unwrap();
    migrations::run(&mut store).unwrap();
    let mut walks = Vec::new();
    for sql in seen.iter().filter(|sql| is_query(sql)) {
        for step in plan(&store, sql).iter().filter(|step| is_walk(step)) {
            let may = |(piece, at): &(&str, &str)| sql.contains(piece) && step.contains(at);
            if !MAY_WALK.iter().any(may) {
                walks.push(format!("{step}\n    in {sql}"));
            }
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}

fn is_query(sql: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].iter().any(|word| sql.starts_with(word))
}

fn plan(store: &Connection, sql: &str) -> Vec<String> {
    let mut explain = store.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = explain.raw_query().mapped(|row| row.get("detail")).collect::<Result<_, _>>();
    steps.unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// Whether a step reads rows that are as many as people or changes.
fn is_walk(step: &str) -> bool {
    let is_scan = step.starts_with("SCAN")
        && !["CONSTANT ROW", "VIRTUAL TABLE", "migration", "sqlite_schema"]
            .iter()
            .any(|small| step.contains(small));
    let of_workspace = step.starts_with("SEARCH") && step.ends_with("(workspace_id=?)");
    is_scan || of_workspace || step.contains("TEMP B-TREE")
}
