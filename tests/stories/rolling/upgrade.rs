//! From the newest release to this program. `./test` builds the release in a step of its own, and names it; these are
//! not among the other stories.

use std::path::Path;

use directory_api::v1;
use serde_json::json;

use super::traffic::{Idp, Traffic};
use crate::harness::{
    Ask, Balancer, Demo, EACH, Fleet, Half, Login, Nestr, Program, Shape, unique,
};

/// As docs/versioning.md has it: the schema, the directories, the gateways. Both versions serve side by side, and read
/// what the other writes; the keys, cursors and page tokens that the old one gave out, and the watch that began there,
/// go on. Where the schema is the same, the way back is the same way, gateways first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_is_upgraded_under_load_and_taken_back_where_the_schema_is_the_same() {
    let (released, this) = (Program::released(), Program::this());
    let mut fleet = Fleet::start(&released).await;
    let traffic = Traffic::begin(&fleet).await;
    // Another one beside it, whose people are counted by nobody.
    let idp = Idp::before(&fleet, "globex.example").await;
    for _ in 0..10 {
        idp.create(&unique()).await;
    }
    let cursor = Pages::begun(&fleet, &idp).await;

    let (from, to) = fleet.migrate(&this).await;
    fleet.replace(Half::Directory, 0, &this).await;
    each_reads_what_the_other_writes(&fleet, &idp).await;
    fleet.replace(Half::Directory, 1, &this).await;
    cursor.go_on(&fleet, &idp).await;
    replace_gateways(&mut fleet, traffic.balancer(), &this).await;

    if from == to {
        let cursor = Pages::begun(&fleet, &idp).await;
        replace_gateways(&mut fleet, traffic.balancer(), &released).await;
        fleet.replace(Half::Directory, 0, &released).await;
        each_reads_what_the_other_writes(&fleet, &idp).await;
        fleet.replace(Half::Directory, 1, &released).await;
        cursor.go_on(&fleet, &idp).await;
    } else {
        fleet.end(Half::Directory, 0).await;
        is_refused(&mut fleet, &released).await;
    }
    traffic.ends(&fleet).await;
}

/// A step that neither program knows stands for those of a later version.
#[tokio::test]
async fn a_directory_older_than_the_schema_is_refused_and_those_that_run_go_on() {
    let released = Program::released();
    let mut fleet = Fleet::start(&released).await;
    let idp = Idp::before(&fleet, "acme.com").await;
    let later = "INSERT INTO migration (number, name, sha256, applied_at) \
                 SELECT max(number) + 1, 'later', '', max(applied_at) FROM migration";
    postgres_server::client(fleet.database()).await.batch_execute(later).await.unwrap();
    fleet.end(Half::Directory, 0).await;
    for program in [&released, &Program::this()] {
        is_refused(&mut fleet, program).await;
    }
    let ada = idp.create(&unique()).await;
    idp.get(&format!("/Users/{ada}")).await.is(200);
}

/// Everything is there under this program that was under the release, and goes on.
#[tokio::test]
async fn a_data_directory_of_the_release_is_taken_over_with_all_that_is_in_it() {
    let home = tempfile::tempdir().unwrap();
    let (data_dir, settings) = (home.path().join("data"), ["--demo", "acme.com"]);
    let released = Program::released().serves(&data_dir, &settings).await;
    let demo = Demo::read(&data_dir);
    let ask = |method: &str, endpoint: &str| {
        let path = format!("/scim/v2/{}{endpoint}", demo.workspace_id);
        Ask::new(method, path).bearer(&demo.api_key)
    };
    let ada = json!({"userName": "ada@acme.com", "title": "Countess"}).to_string();
    let ada = ask("POST", "/Users").scim(ada).send(released.http()).await.is(201).text("/id");
    let staff = json!({"displayName": "Staff", "members": [{"value": ada}]}).to_string();
    let staff = ask("POST", "/Groups").scim(staff).send(released.http()).await.is(201).text("/id");
    let gone = json!({"userName": "bob@acme.com"}).to_string();
    let gone = ask("POST", "/Users").scim(gone).send(released.http()).await.is(201).text("/id");
    ask("DELETE", &format!("/Users/{gone}")).send(released.http()).await.is(204);
    released.ends().await;

    let nestr = Nestr::start_prepared(Shape::Whole, &settings, |place| {
        copy(&data_dir, place);
        Vec::new()
    })
    .await;
    let acme = nestr.acme();
    let is = nestr.demo();
    assert_eq!(
        (is.workspace_id, is.api_key, is.operator_credential),
        (demo.workspace_id, demo.api_key, demo.operator_credential)
    );
    assert_eq!(acme.get(&format!("/Users/{ada}")).await.is(200).text("/title"), "Countess");
    let staff = acme.get(&format!("/Groups/{staff}")).await.is(200);
    assert_eq!(staff.text("/members/0/value"), ada);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada.clone()));
    nestr.operator().restore(&acme.id, &gone).await.expect("they are back");
    let title = json!({"Operations": [{"op": "replace", "value": {"title": "Lady"}}]}).to_string();
    acme.patch(&format!("/Users/{ada}"), title).await.is(200);
    acme.create("grace@acme.com").await;
}

/// Each is taken out of its balancer first: those of 0.1.0 close connections of HTTP/1.1 without a word.
async fn replace_gateways(fleet: &mut Fleet, balancer: &Balancer, program: &Program) {
    for gateway in 0..EACH {
        balancer.take_out(gateway).await;
        fleet.replace(Half::Gateway, gateway, program).await;
        balancer.put_in(gateway);
    }
}

/// A directory that is older than the schema says so, and does not start.
async fn is_refused(fleet: &mut Fleet, program: &Program) {
    let said = fleet.refused(Half::Directory, 0, program).await;
    assert!(said.contains("the store was made by a newer version"), "{said}");
}

/// Through either directory what was written by way of the other.
async fn each_reads_what_the_other_writes(fleet: &Fleet, idp: &Idp) {
    for (writer, reader) in [(0, 1), (1, 0)] {
        let name = unique();
        let person = json!({ "userName": name }).to_string();
        let id = fleet.operator(writer).create_user(&idp.workspace_id, &person).await;
        let read = fleet.operator(reader).get_user(&idp.workspace_id, &id).await.expect("a person");
        assert_eq!(read.user_name, name);
    }
}

/// Lists of which the first page was read, and where they go on.
struct Pages {
    cursor: String,
    page_token: String,
    /// Who was on the first page, of either list.
    read: [Vec<String>; 2],
}

impl Pages {
    async fn begun(fleet: &Fleet, idp: &Idp) -> Self {
        let (first, cursor) = Self::by_cursor(idp, "").await;
        let (read, page_token) = Self::by_token(fleet, idp, String::new()).await;
        Self { cursor, page_token, read: [first, read] }
    }

    async fn go_on(self, fleet: &Fleet, idp: &Idp) {
        let (by_cursor, _) = Self::by_cursor(idp, &self.cursor).await;
        let (by_token, _) = Self::by_token(fleet, idp, self.page_token).await;
        for (first, second) in self.read.iter().zip([by_cursor, by_token]) {
            assert_eq!((first.len(), second.len()), (3, 3));
            assert!(first.iter().all(|id| !second.contains(id)), "{first:?} {second:?}");
        }
    }

    async fn by_cursor(idp: &Idp, cursor: &str) -> (Vec<String>, String) {
        let page = idp.get(&format!("/Users?count=3&cursor={cursor}")).await.is(200);
        let ids =
            page.rows().iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect();
        (ids, page.text("/nextCursor"))
    }

    async fn by_token(fleet: &Fleet, idp: &Idp, page_token: String) -> (Vec<String>, String) {
        let ask = v1::ListUsersRequest {
            workspace_id: idp.workspace_id.clone(),
            page_size: Some(3),
            page_token,
            ..v1::ListUsersRequest::default()
        };
        let page = fleet.operator(0).users().list_users(ask).await.expect("a page").into_inner();
        (page.users.into_iter().map(|user| user.id).collect(), page.next_page_token)
    }
}

/// All that is in one directory, in another.
fn copy(from: &Path, to: &Path) {
    let everything = from.join(".");
    let copied = std::process::Command::new("cp").arg("-a").arg(everything).arg(to).status();
    assert!(copied.expect("cp runs").success());
}
