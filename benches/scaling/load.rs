//! Clients who ask without a pause, and how often they are answered.

use std::fmt;
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::login_service_client::LoginServiceClient;
use futures_util::future::join_all;
use idp_simulator::{Client, Request, equals, percent_encoded};
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use crate::fleet::{Fleet, Member};
use crate::processor::taken;
use crate::workspace::{Workspace, by_operator, channel, person};

/// For how long is asked before it counts.
const WARM_UP: Duration = Duration::from_secs(2);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Somebody is made, by SCIM.
    Create,
    /// Somebody is looked for by their name, by SCIM.
    Find,
    /// Who signs in with an address, by gRPC.
    SignIn,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "`POST /Users`",
            Self::Find => "`GET /Users?filter=userName eq`",
            Self::SignIn => "`ResolveLogin`",
        })
    }
}

/// How much.
pub(crate) struct Load {
    pub(crate) clients: usize,
    /// For how long it counts.
    pub(crate) seconds: Duration,
}

/// How often it was answered, and the CPU that each tier took for one answer.
pub(crate) struct Measured {
    answers: u32,
    within: Duration,
    pub(crate) gateway: Duration,
    pub(crate) directory: Duration,
    pub(crate) postgres: Duration,
}

impl Measured {
    pub(crate) fn a_second(&self) -> f64 {
        f64::from(self.answers) / self.within.as_secs_f64()
    }
}

impl Load {
    /// Asks the deployment, each client of the next workspace by the next gateway.
    ///
    /// # Panics
    /// When an answer is not what it has to be.
    pub(crate) async fn measure(
        &self,
        fleet: &Fleet<'_>,
        workspaces: &[Workspace],
        asked: Asked,
    ) -> Measured {
        let begin = Instant::now() + WARM_UP;
        let end = begin + self.seconds;
        let mut clients = Vec::with_capacity(self.clients);
        for n in 0..self.clients {
            let workspace = &workspaces[n % workspaces.len()];
            let way = Way::of(fleet, workspace, n, asked).await;
            clients.push(self.ask(way, workspace, n, begin, end));
        }
        let watch = async {
            sleep(begin - Instant::now()).await;
            let before = taken_by_tiers(fleet);
            sleep(end - Instant::now()).await;
            let after = taken_by_tiers(fleet);
            std::array::from_fn(|tier| after[tier].saturating_sub(before[tier]))
        };
        let (answers, taken): (_, [Duration; 3]) = tokio::join!(join_all(clients), watch);
        let answers: u32 = answers.into_iter().sum();
        let [gateway, directory, postgres] = taken.map(|all| all / answers.max(1));
        Measured { answers, within: self.seconds, gateway, directory, postgres }
    }

    /// Asks until the end; how often it was answered from the beginning on.
    async fn ask(
        &self,
        mut way: Way,
        workspace: &Workspace,
        client: usize,
        begin: Instant,
        end: Instant,
    ) -> u32 {
        let mut answers = 0;
        for round in 0.. {
            // Far from what the others ask at the moment.
            let address = workspace.somebody(round * 7919 + client * 104_729, self.clients);
            way.ask(workspace, &address).await;
            let now = Instant::now();
            if now >= end {
                break;
            }
            answers += u32::from(now >= begin);
        }
        answers
    }
}

/// The way of one client.
enum Way {
    Create(Client),
    Find(Client),
    SignIn(LoginServiceClient<Channel>),
}

impl Way {
    async fn of(fleet: &Fleet<'_>, workspace: &Workspace, n: usize, asked: Asked) -> Self {
        let client = workspace.client(fleet.gateways[n % fleet.gateways.len()].at());
        match asked {
            Asked::Create => Self::Create(client),
            Asked::Find => Self::Find(client),
            Asked::SignIn => Self::SignIn(LoginServiceClient::new(channel(fleet, n).await)),
        }
    }

    async fn ask(&mut self, workspace: &Workspace, address: &str) {
        match self {
            Self::Create(client) => {
                let body = Some(person(&workspace.newcomer()));
                let headers = vec![("content-type", "application/scim+json")];
                let endpoint = "/Users".to_owned();
                let request = Request { method: "POST", endpoint, headers, body };
                let answer = client.send(&request).await.expect("an answer");
                assert_eq!(answer.status, 201, "{}", answer.body);
            }
            Self::Find(client) => {
                let filter = percent_encoded(&equals("userName", address));
                let endpoint = format!("/Users?filter={filter}");
                let request = Request { method: "GET", endpoint, headers: Vec::new(), body: None };
                let answer = client.send(&request).await.expect("an answer");
                assert!(answer.body.contains(address), "{} {}", answer.status, answer.body);
            }
            Self::SignIn(logins) => {
                let email = address.to_owned();
                let ask = v1::ResolveLoginRequest { email, ..v1::ResolveLoginRequest::default() };
                let answer = logins.resolve_login(by_operator(ask)).await.expect("an answer");
                assert_eq!(answer.into_inner().accounts.len(), 1, "{address}");
            }
        }
    }
}

fn taken_by_tiers(fleet: &Fleet<'_>) -> [Duration; 3] {
    [
        taken(fleet.gateways.iter().map(Member::pid)),
        taken(fleet.directories.iter().map(Member::pid)),
        taken(fleet.servers.processes()),
    ]
}
