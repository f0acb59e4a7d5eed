//! Clients that go away before they are answered: what they asked for is done whole or not at all, and
//! once, however often they ask again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::create_group_request::Resource as OfGroup;
use directory_api::v1::create_user_request::Resource;
use directory_api::v1::patch_operation::Operand;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rusqlite::{Connection, OpenFlags, Row};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::harness::{Disk, Fault, Nestr, Shape, Workspace, is_long, seed};

/// Who may belong to the team: so many bits say who does.
const PEOPLE: usize = 5;
/// Up to when a client waits that goes away by itself: some syncs of a slow disk.
const SHORT: u64 = 60;

/// A team whose name tells its members: a change of it that is half there shows.
#[derive(Clone)]
struct Team {
    path: String,
    people: Vec<String>,
}

impl Team {
    async fn found(acme: &Workspace) -> Self {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(acme.create(&format!("p{number}@acme.com")).await);
        }
        let board = json!({"displayName": "Board"}).to_string();
        acme.post("/Groups", board).await.is(201);
        let made = acme.post("/Groups", json!({"displayName": "Team 0"}).to_string()).await.is(201);
        let path = format!("/Groups/{}", made.text("/id"));
        Self { path, people }
    }

    /// The members that a number stands for.
    fn members(&self, number: usize) -> impl Iterator<Item = &String> {
        self.people.iter().enumerate().filter(move |(n, _)| number >> n & 1 == 1).map(|(_, id)| id)
    }

    /// A rename and new members, in one PATCH.
    fn change(&self, name: &str, number: usize) -> String {
        let members: Vec<_> = self.members(number).map(|id| json!({"value": id})).collect();
        let members = json!({"op": "replace", "path": "members", "value": members});
        let name = json!({"op": "replace", "path": "displayName", "value": name});
        json!({"Operations": [members, name]}).to_string()
    }

    /// The number of the team as it stands in the store, which is whole: the document, the count and the rows
    /// of one state, which REST reads one after the other.
    fn number(&self, store: &Connection) -> usize {
        let sql = "SELECT g.display_name, g.member_count, coalesce(group_concat(lower(hex(m.member_id))), '') \
                   FROM scim_group g LEFT JOIN group_member m ON m.workspace_id = g.workspace_id \
                   AND m.group_id = g.id WHERE g.display_name LIKE 'Team%' GROUP BY g.id";
        let columns = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (name, count, rows): (String, usize, String) =
            store.query_row(sql, [], columns).expect("the team");
        let number = name.strip_prefix("Team ").expect("a team").parse().expect("a number");
        let found: BTreeSet<_> = rows.split(',').filter(|id| !id.is_empty()).collect();
        let wanted: Vec<_> = self.members(number).map(|id| id.replace('-', "")).collect();
        let wanted: BTreeSet<_> = wanted.iter().map(String::as_str).collect();
        assert_eq!((found.len(), &found), (count, &wanted), "{name} is half a write");
        number
    }

    /// Looks at it until it is over; answers as which numbers it stood.
    fn watch(&self, store: &Connection, over: &AtomicBool) -> BTreeSet<usize> {
        let mut seen = BTreeSet::new();
        while !over.load(Ordering::Relaxed) {
            seen.insert(self.number(store));
            std::thread::yield_now();
        }
        seen
    }
}

async fn on_a_slow_disk(disk: &Disk) -> Nestr {
    let settings = ["--demo", "acme.com", "--rate", "0"];
    let shape = Shape::of_this_run();
    Nestr::start_prepared(shape, &settings, |dir| disk.environment(dir)).await
}

/// A rename of a group with other members are many rows. Its client hangs up in the middle of the body,
/// after it, while the commit waits for the disk, or when all is done; others are refused after some of
/// the rows were written. Whoever looks meanwhile sees all of a change or nothing. Seen to fail with a
/// write outside a transaction, and with a refused one that is not rolled back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_client_went_away_is_whole_or_not_there() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let disk = Disk::new();
    let nestr = on_a_slow_disk(&disk).await;
    let acme = nestr.acme();
    let team = Team::found(&acme).await;
    disk.has(Fault::Slow);
    let over = Arc::new(AtomicBool::new(false));
    let store = nestr.data_dir().join("directory.sqlite3");
    let store = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let watching = {
        let (team, over) = (team.clone(), Arc::clone(&over));
        tokio::task::spawn_blocking(move || (team.watch(&store, &over), store))
    };
    let mut sent = BTreeSet::from([0]);
    for number in 1..1 << PEOPLE {
        let name = if number % 4 == 3 { "Board".to_owned() } else { format!("Team {number}") };
        let body = team.change(&name, number);
        let missing = if number % 4 == 0 { rng.random_range(1..=body.len()) } else { 0 };
        let bytes = acme.ask("PATCH", &team.path).scim(body).bytes(nestr.http());
        let mut stream = TcpStream::connect(nestr.http()).await.unwrap();
        stream.write_all(&bytes[..bytes.len() - missing]).await.unwrap();
        let mut begin = [0; 12];
        match number % 4 {
            0 => {}
            1 => {
                sent.insert(number);
                sleep(Duration::from_millis(rng.random_range(0..SHORT))).await;
            }
            2 => {
                sent.insert(number);
                stream.read_exact(&mut begin).await.unwrap();
                assert_eq!(&begin, b"HTTP/1.1 200");
            }
            _ => {
                stream.read_exact(&mut begin).await.unwrap();
                assert_eq!(&begin, b"HTTP/1.1 409");
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    let (mut stood_as, store) = watching.await.unwrap();
    nestr.restart().await;
    let number = team.number(&store);
    stood_as.insert(number);
    println!("stood as {stood_as:?}");
    assert!(stood_as.len() > 5, "too little was seen: {stood_as:?}");
    assert!(stood_as.is_subset(&sent), "cut short, or refused: {stood_as:?}");
    let members = acme.get(&team.path).await.is(200).at("/members");
    let found: Vec<_> =
        members.as_array().into_iter().flatten().map(|m| m["value"].clone()).collect();
    assert_eq!(found, team.members(number).map(|id| json!(id)).collect::<Vec<_>>());
    let (workspace_id, id) = (acme.id.clone(), team.path.trim_start_matches("/Groups/"));
    let ask = v1::ListMembersRequest {
        workspace_id,
        group_id: id.to_owned(),
        ..v1::ListMembersRequest::default()
    };
    let listed = nestr.operator().groups().list_members(ask).await.unwrap().into_inner();
    assert_eq!(listed.total_size, u32::try_from(found.len()).unwrap());
    for (person, of) in team.people.iter().enumerate() {
        let groups = acme.get(&format!("/Users/{of}")).await.at("/groups");
        let count = groups.as_array().map_or(0, Vec::len);
        assert_eq!(count, number >> person & 1, "person {person} of {number}: {groups}");
    }
}

/// What asks again until it is answered, as the first time nobody waited for long.
async fn at_last<T>(
    first: impl Future<Output = T>,
    again: impl Future<Output = T>,
    wait: u64,
) -> T {
    drop(timeout(Duration::from_millis(wait), Box::pin(first)).await);
    again.await
}

/// A service gives up on a call at some moment while the disk is slow, and asks again under the same name:
/// the person is there once and no duplicate, and a change is not made a second time after somebody took it
/// back. Seen to fail with the operation id not recorded, for people and for groups.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_asked_for_again_under_its_name_is_done_once() {
    let seed = seed();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let disk = Disk::new();
    let nestr = on_a_slow_disk(&disk).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let staff = v1::CreateGroupRequest {
        workspace_id: acme.id.clone(),
        resource: Some(OfGroup::ScimJson(json!({"displayName": "Staff"}).to_string())),
        ..v1::CreateGroupRequest::default()
    };
    let group = operator.groups().create_group(staff).await.unwrap().into_inner().id;
    disk.has(Fault::Slow);
    for number in 0..12 {
        let create = || v1::CreateUserRequest {
            workspace_id: acme.id.clone(),
            resource: Some(Resource::ScimJson(
                json!({"userName": format!("p{number}")}).to_string(),
            )),
            operation_id: format!("create-{number}"),
            ..v1::CreateUserRequest::default()
        };
        let (mut first, mut again) = (operator.users(), operator.users());
        let wait = rng.random_range(0..SHORT);
        let made =
            Box::pin(at_last(first.create_user(create()), again.create_user(create()), wait)).await;
        let ada = made.unwrap().into_inner().id;
        let once_more = operator.users().create_user(create()).await.unwrap().into_inner();
        assert_eq!(once_more.id, ada);

        let patch = |op: &str, name: String| v1::PatchGroupRequest {
            workspace_id: acme.id.clone(),
            id: group.clone(),
            operations: vec![v1::PatchOperation {
                op: op.to_owned(),
                path: Some("members".to_owned()),
                operand: Some(Operand::ValueJson(json!([{"value": ada}]).to_string())),
            }],
            operation_id: name,
            ..v1::PatchGroupRequest::default()
        };
        let (mut first, mut again) = (operator.groups(), operator.groups());
        let add = || patch("add", format!("add-{number}"));
        let wait = rng.random_range(0..SHORT);
        at_last(first.patch_group(add()), again.patch_group(add()), wait).await.unwrap();
        let remove = patch("remove", format!("remove-{number}"));
        let removed = operator.groups().patch_group(remove).await.unwrap().into_inner();
        let late = operator.groups().patch_group(add()).await.unwrap().into_inner();
        assert_eq!(late.meta.unwrap().version, removed.meta.unwrap().version);
    }
    assert_eq!(acme.get("/Users?count=0").await.at("/totalResults"), json!(12));
    let members = acme.get(&format!("/Groups/{group}")).await.at("/members");
    assert_eq!(members, Value::Null, "who was removed stays out");
}

/// A client that hangs up resets no call but its own: in the long form 5,000 requests are given up beside 5,000
/// good ones, on the same channels to the directory, and each good one is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_hang_up_end_nobody_elses_call() {
    let seed = seed();
    println!("seed {seed}");
    let settings = ["--demo", "acme.com", "--rate", "0", "--max-connections-per-address", "0"];
    let nestr = Nestr::start_as(Shape::Split, &settings).await;
    let acme = nestr.acme();
    let path = format!("/Users/{}", acme.create("ada@acme.com").await);
    let each = if is_long() { 625 } else { 125 };
    let given_up = acme.ask("GET", &path).bytes(nestr.http());
    let mut clients = JoinSet::new();
    for number in 0..8 {
        let (acme, path) = (acme.clone(), path.clone());
        clients.spawn(async move {
            for _ in 0..each {
                acme.get(&path).await.is(200);
            }
        });
        let (at, bytes) = (nestr.http(), given_up.clone());
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(number));
        clients.spawn(async move {
            for _ in 0..each {
                let mut stream = TcpStream::connect(at).await.expect("a connection");
                stream.write_all(&bytes).await.expect("a request");
                sleep(Duration::from_micros(rng.random_range(0..3_000))).await;
            }
        });
    }
    clients.join_all().await;
}
