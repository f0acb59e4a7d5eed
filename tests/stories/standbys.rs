//! Reads that may be answered by a standby of PostgreSQL: they are, and none of them is ever wrong for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::consistency::Requirement;
use postgres_server::Server;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

use crate::harness::{Ask, Nestr, Operator, unique};
use crate::management::reason;

/// How long a read may take while a standby hangs: half of what a statement may, and its answer by the first; met
/// at five times that.
const READ: Duration = Duration::from_secs(1);
/// How long it may take until things are as they were; met at five times that.
const AGAIN: Duration = Duration::from_secs(5);
/// How long there is load before and after.
const LOAD: Duration = Duration::from_secs(1);
/// Callers who read at the same time.
const CALLERS: usize = 8;

/// A first server, one that follows it, and a directory that may read there.
struct House {
    first: Server,
    standby: Server,
    nestr: Nestr,
    operator: Operator,
    workspace_id: String,
}

/// Somebody, and the revision that made them.
#[derive(Clone)]
struct Made {
    id: String,
    revision: u64,
}

impl House {
    async fn new() -> Self {
        let first = Server::first().await;
        let client = first.client("postgres").await;
        client.batch_execute("CREATE DATABASE nestr").await.expect("a database");
        let standby = first.standby().await;
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", first.port(), standby.port());
        let url = format!("postgres://postgres@{hosts}/nestr?sslmode=disable");
        // All may be named, whoever is the first.
        let settings = ["--demo", "acme.com", "--rate", "0", "--postgres-standby", &url];
        let url = format!("{url}&target_session_attrs=read-write");
        let nestr = Nestr::start_on(&url, &settings).await;
        let (operator, workspace_id) = (nestr.operator(), nestr.acme().id.clone());
        let house = Self { first, standby, nestr, operator, workspace_id };
        house.until_read(1).await;
        house
    }

    /// Waits until so many standbys are read.
    async fn until_read(&self, standbys: u64) {
        let deadline = Instant::now() + AGAIN * 5;
        while self.metric("nestr_scim_standbys_up").await.get("") != Some(&standbys) {
            assert!(Instant::now() < deadline, "not {standbys}:\n{}", self.nestr.log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The values of a metric by its one label.
    async fn metric(&self, name: &str) -> BTreeMap<String, u64> {
        let told = self.nestr.send(Ask::new("GET", "/metrics")).await.body;
        let lines = told.lines().filter_map(|line| line.strip_prefix(name)?.rsplit_once(' '));
        let word = |labels: &str| labels.split('"').nth(1).unwrap_or_default().to_owned();
        lines.map(|(labels, value)| (word(labels), value.parse().expect("a number"))).collect()
    }

    /// How many reads standbys have answered, and how many they have not.
    async fn reads(&self) -> (u64, u64) {
        let reads = self.metric("nestr_scim_standby_reads_total").await;
        let answered = reads.get("ok").copied().unwrap_or(0);
        (answered, reads.values().sum::<u64>() - answered)
    }

    async fn make(&self) -> Made {
        let name = format!(r#"{{"userName":"{}"}}"#, unique());
        let ask = v1::CreateUserRequest {
            workspace_id: self.workspace_id.clone(),
            resource: Some(v1::create_user_request::Resource::ScimJson(name)),
            ..v1::CreateUserRequest::default()
        };
        let made = self.operator.users().create_user(ask).await.expect("a person").into_inner();
        Made { id: made.id, revision: made.meta.expect("their meta").revision }
    }

    fn reader(&self) -> Reader {
        Reader { operator: self.operator.clone(), workspace_id: self.workspace_id.clone() }
    }
}

#[derive(Clone)]
struct Reader {
    operator: Operator,
    workspace_id: String,
}

impl Reader {
    async fn get(&self, id: &str, as_new_as: Option<Requirement>) -> Result<v1::User, Status> {
        let ask = v1::GetUserRequest {
            workspace_id: self.workspace_id.clone(),
            id: id.to_owned(),
            consistency: as_new_as.map(|of| v1::Consistency { requirement: Some(of) }),
            ..v1::GetUserRequest::default()
        };
        Ok(self.operator.users().get_user(ask).await?.into_inner())
    }

    async fn own(&self, made: &Made) -> Result<v1::User, Status> {
        self.get(&made.id, Some(Requirement::AtLeastRevision(made.revision))).await
    }

    /// Reads this one without a pause; the longest that it took, and what went wrong.
    async fn read_on(self, made: Made, over: Arc<AtomicBool>) -> (Duration, Vec<Status>) {
        let (mut longest, mut wrong) = (Duration::ZERO, Vec::new());
        let mut any = false;
        while !over.load(Ordering::Relaxed) {
            let began = Instant::now();
            any = !any;
            let at_least = Requirement::AtLeastRevision(made.revision);
            let read = self.get(&made.id, Some(at_least).filter(|_| !any)).await;
            longest = longest.max(began.elapsed());
            wrong.extend(read.err());
        }
        (longest, wrong)
    }
}

/// Load that reads one person, who is everywhere.
struct Load {
    over: Arc<AtomicBool>,
    callers: JoinSet<(Duration, Vec<Status>)>,
}

impl Load {
    fn of(house: &House, made: &Made) -> Self {
        let (over, mut callers) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for _ in 0..CALLERS {
            callers.spawn(house.reader().read_on(made.clone(), Arc::clone(&over)));
        }
        Self { over, callers }
    }

    async fn end(self) -> (Duration, Vec<Status>) {
        self.over.store(true, Ordering::Relaxed);
        let all = self.callers.join_all().await;
        let longest = all.iter().map(|(longest, _)| *longest).max().unwrap_or_default();
        (longest, all.into_iter().flat_map(|(_, wrong)| wrong).collect())
    }
}

/// Who asks for at least the revision of what they wrote finds it, from whichever server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_reads_its_own_writes_although_the_standby_is_behind() {
    let house = House::new().await;
    let reader = house.reader();
    let ada = house.make().await;
    house.first.is_followed().await;
    let (answered, came_back) = house.reads().await;
    reader.own(&ada).await.unwrap();
    reader.get(&ada.id, None).await.unwrap();
    let (now, still) = house.reads().await;
    assert!(now > answered, "the standby has her");
    assert_eq!(still, came_back);
    reader.get(&ada.id, Some(Requirement::Strongest(true))).await.unwrap();
    assert_eq!(house.reads().await, (now, still), "it is not asked for the newest");

    house.standby.pause_receiver().await;
    for _ in 0..20 {
        let made = house.make().await;
        let read = reader.own(&made).await.expect("it is on the first");
        assert_eq!(read.meta.unwrap().revision, made.revision);
        reader.get(&made.id, Some(Requirement::Strongest(true))).await.unwrap();
    }
    let (answered, came_back) = house.reads().await;
    assert_eq!(answered, now, "it has none of them");
    assert!(came_back >= still + 20);
    let ahead = Requirement::AtLeastRevision(ada.revision + 1_000);
    assert_eq!(reason(reader.get(&ada.id, Some(ahead)).await), Reason::InvalidArgument);

    // It is not left at what is seconds old.
    house.until_read(0).await;
    house.nestr.until_logged("does not answer: the first server is asked instead").await;
}

/// What it does not answer, the first does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_hangs_or_dies_under_load_fails_no_read() {
    let house = House::new().await;
    let ada = house.make().await;
    house.first.is_followed().await;
    let load = Load::of(&house, &ada);
    sleep(LOAD).await;
    let (answered, _) = house.reads().await;
    assert!(answered > 0);
    house.standby.hang();
    house.until_read(0).await;
    sleep(LOAD).await;
    let (longest, wrong) = load.end().await;
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(longest < READ * 5, "{longest:?}");

    house.standby.go_on();
    house.until_read(1).await;
    let load = Load::of(&house, &ada);
    sleep(LOAD).await;
    assert!(house.reads().await.0 > answered, "it is read again");
    house.standby.kill();
    house.until_read(0).await;
    sleep(LOAD).await;
    let (_, wrong) = load.end().await;
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The standby becomes the first: what was read there before is read there as of the first. Who asks meanwhile may have
/// to ask again, but is told nothing wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_becomes_the_first_answers_as_that() {
    let house = House::new().await;
    let ada = house.make().await;
    house.first.is_followed().await;
    let load = Load::of(&house, &ada);
    sleep(LOAD).await;
    house.first.kill();
    house.standby.promote().await;
    house.until_read(0).await;
    let reader = house.reader();
    let deadline = Instant::now() + AGAIN * 5;
    while reader.own(&ada).await.is_err() {
        assert!(Instant::now() < deadline, "no read is answered:\n{}", house.nestr.log());
    }
    let (_, wrong) = load.end().await;
    let wrong: Vec<_> =
        wrong.into_iter().filter(|status| status.code() != Code::Unavailable).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let answered = house.reads().await.0;
    let bob = house.make().await;
    reader.own(&bob).await.unwrap();
    assert_eq!(house.reads().await.0, answered, "nobody follows it");
}
