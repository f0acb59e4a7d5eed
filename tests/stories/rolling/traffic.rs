//! Everybody at once: identity providers behind a proxy, a service on gRPC's own library, one who follows the feed.
//! Each of them fails with the first request that does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::WatchStart;
use directory_api::v1::watch_response::Item;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::harness::{
    Answer, Ask, Balancer, EACH, Examples, Fleet, Half, Language, Mirror, Operator, unique,
};
use crate::watch::as_it_is;

/// Identity providers that ask at the same time.
const IDPS: usize = 4;
/// Between two requests of each: connections lie idle meanwhile.
const PAUSE: Duration = Duration::from_millis(10);
/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);

/// An identity provider before the gateways.
#[derive(Clone)]
pub(super) struct Idp {
    balancer: Balancer,
    pub(super) workspace_id: String,
    key: String,
}

/// What was acknowledged, and has to be there.
#[derive(Debug, Default, PartialEq)]
struct Acknowledged {
    /// Ids and names of people.
    people: BTreeSet<(String, String)>,
    /// Ids and names of groups.
    groups: BTreeSet<(String, String)>,
    /// How many answers there were.
    answers: usize,
}

pub(super) struct Traffic {
    idp: Idp,
    over: Arc<AtomicBool>,
    idps: JoinSet<Acknowledged>,
    service: Child,
    says: Lines<BufReader<ChildStdout>>,
    /// What the service is run from.
    _examples: Examples,
    follower: JoinHandle<Followed>,
    /// Nobody writes any more.
    written: Arc<AtomicBool>,
}

/// What somebody has who followed the feed.
struct Followed {
    mirror: Mirror,
    /// How often the stream broke off.
    ends: usize,
}

impl Idp {
    /// In a workspace that is made for it, with this domain verified.
    pub(super) async fn before(fleet: &Fleet, domain: &str) -> Self {
        let operator = fleet.operator(0);
        let workspace_id = operator.create_workspace(domain).await;
        operator.claim(&workspace_id, domain).await;
        operator.verify(&workspace_id, domain).await;
        operator.enable_scim(&workspace_id).await;
        let (key, _) = operator.create_key(&workspace_id).await;
        let balancer = Balancer::before(&fleet.addresses(Half::Gateway));
        Self { balancer, workspace_id, key }
    }

    /// The answer to a request, which has one.
    pub(super) async fn send(&self, method: &str, endpoint: &str, body: Option<Value>) -> Answer {
        let ask = Ask::new(method, format!("/scim/v2/{}{endpoint}", self.workspace_id));
        let mut ask = ask.bearer(&self.key);
        if let Some(body) = body {
            ask = ask.scim(body.to_string());
        }
        let lost = |error| panic!("{method} {endpoint} was lost: {error}");
        self.balancer.send(&ask).await.unwrap_or_else(lost)
    }

    pub(super) async fn get(&self, endpoint: &str) -> Answer {
        self.send("GET", endpoint, None).await
    }

    /// Makes a person; answers their id.
    pub(super) async fn create(&self, user_name: &str) -> String {
        let body = json!({"userName": user_name});
        self.send("POST", "/Users", Some(body)).await.is(201).text("/id")
    }

    /// Makes people, changes each and looks at them, removes some and gives some a group, until it is over.
    async fn provisions(self, over: Arc<AtomicBool>) -> Acknowledged {
        let mut done = Acknowledged::default();
        for n in 0.. {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let name = unique();
            let id = self.create(&name).await;
            let path = format!("/Users/{id}");
            sleep(PAUSE).await;
            let title = json!({"Operations": [{"op": "replace", "value": {"title": "x"}}]});
            self.send("PATCH", &path, Some(title)).await.is(200);
            sleep(PAUSE).await;
            assert_eq!(self.get(&path).await.is(200).text("/title"), "x");
            sleep(PAUSE).await;
            done.answers += 3;
            match n % 4 {
                0 => {
                    self.send("DELETE", &path, None).await.is(204);
                    done.answers += 1;
                    continue;
                }
                1 => {
                    let body = json!({"displayName": name, "members": [{"value": id}]});
                    let group = self.send("POST", "/Groups", Some(body)).await.is(201).text("/id");
                    done.groups.insert((group, name.clone()));
                    done.answers += 1;
                }
                _ => {}
            }
            done.people.insert((id, name));
        }
        done
    }

    /// Ids and names of all that are there; each once.
    async fn all(&self, endpoint: &str, attribute: &str) -> BTreeSet<(String, String)> {
        let mut found = Vec::new();
        loop {
            let start = found.len() + 1;
            let page = format!("{endpoint}?attributes={attribute}&count=200&startIndex={start}");
            let rows = self.get(&page).await.rows();
            let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
            found.extend(rows.iter().map(|row| (text(row, "id"), text(row, attribute))));
            if rows.is_empty() {
                break;
            }
        }
        let names: BTreeSet<_> = found.iter().map(|(_, name)| name).collect();
        assert_eq!(names.len(), found.len(), "something was done twice");
        found.into_iter().collect()
    }
}

impl Traffic {
    pub(super) async fn begin(fleet: &Fleet) -> Self {
        let idp = Idp::before(fleet, "acme.com").await;
        let (over, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut idps = JoinSet::new();
        for _ in 0..IDPS {
            idps.spawn(idp.clone().provisions(Arc::clone(&over)));
        }
        let examples =
            Examples::built(Language::Python).with("service.py", include_str!("service.py"));
        let directories = fleet.addresses(Half::Directory);
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/service_config.json");
        let mut arguments = vec![config.to_owned(), idp.workspace_id.clone()];
        arguments.extend(directories.iter().map(ToString::to_string));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let credential = fleet.credential();
        let (service, says) = examples.start("service", &arguments, (directories[0], &credential));
        let operators = (0..EACH).map(|n| fleet.operator(n)).collect();
        let follower =
            tokio::spawn(follow(operators, idp.workspace_id.clone(), Arc::clone(&written)));
        Self { idp, over, idps, service, says, _examples: examples, follower, written }
    }

    /// The proxy before the gateways.
    pub(super) fn balancer(&self) -> &Balancer {
        &self.idp.balancer
    }

    /// Lets everybody come to an end, and holds what they were told to what is there.
    #[expect(clippy::print_stdout, reason = "a test under load prints how much there was")]
    pub(super) async fn ends(mut self, fleet: &Fleet) {
        self.over.store(true, Ordering::Relaxed);
        let mut done = Acknowledged::default();
        for one in self.idps.join_all().await {
            done.people.extend(one.people);
            done.groups.extend(one.groups);
            done.answers += one.answers;
        }
        let pid = self.service.id().expect("the service has not given up");
        kill(Pid::from_raw(pid.try_into().expect("a process id")), Signal::SIGTERM).expect("sent");
        let mut served = 0;
        while let Some(line) = self.says.next_line().await.expect("lines") {
            let (id, name) = line.split_once(' ').expect("an id and a name");
            done.people.insert((id.to_owned(), name.to_owned()));
            served += 1;
        }
        let end = self.service.wait().await.expect("its end");
        assert!(end.success(), "a call of the service failed: {end}");
        self.written.store(true, Ordering::Relaxed);
        let Followed { mut mirror, ends } = self.follower.await.expect("it follows to the end");
        let answers = done.answers;
        println!("{answers} answers, {served} people of the service, {ends} ends of the watch");
        assert!(answers > 100 && served > 20, "there was load");
        assert!(ends >= EACH, "the watch met the end of each directory");

        let (people, groups) = (
            self.idp.all("/Users", "userName").await,
            self.idp.all("/Groups", "displayName").await,
        );
        assert_eq!(Acknowledged { people, groups, answers }, done);
        let is = as_it_is(&fleet.operator(0), &self.idp.workspace_id).await;
        let mirrored = mirror.copies.remove(&self.idp.workspace_id).expect("a copy");
        assert_eq!(mirrored.without_stamps(), is.without_stamps());
    }
}

/// Follows a workspace, at one directory and where that ends at the next, from its snapshot until all is told that
/// was written.
async fn follow(
    operators: Vec<Operator>,
    workspace_id: String,
    written: Arc<AtomicBool>,
) -> Followed {
    let mut followed = Followed { mirror: Mirror::default(), ends: 0 };
    let (mut revision, mut quiet) = (None, 0);
    for operator in operators.iter().cycle() {
        let ask = v1::WatchRequest {
            workspace_id: workspace_id.clone(),
            cursor: followed.mirror.cursor.clone(),
            start: WatchStart::Snapshot.into(),
            heartbeat_interval: Some(pbjson_types::Duration { seconds: 1, nanos: 0 }),
            ..v1::WatchRequest::default()
        };
        // A directory that is not there refuses the connection, and the next is asked.
        let Ok(mut feed) = operator.watch(ask).await else {
            sleep(PAUSE).await;
            continue;
        };
        loop {
            let answer = match timeout(PATIENCE, feed.message()).await.expect("a word in time") {
                Ok(answer) => answer.expect("a watch ends with an error"),
                Err(end) => {
                    assert_eq!(end.code(), Code::Unavailable, "{end}");
                    followed.ends += 1;
                    break;
                }
            };
            match &answer.item {
                Some(Item::Change(change)) => {
                    let is_next = revision.is_none_or(|last| change.revision == last + 1);
                    assert!(is_next, "{} behind {revision:?}", change.revision);
                    revision = Some(change.revision);
                }
                Some(Item::Heartbeat(_)) if written.load(Ordering::Relaxed) => quiet += 1,
                _ => {}
            }
            followed.mirror.take(answer);
            // The first sign that nothing is left may be from before the last write.
            if quiet > 1 {
                return followed;
            }
        }
    }
    unreachable!("the directories come in turn for ever")
}
