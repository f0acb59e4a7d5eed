//! A cycle: what an identity provider does to a server from the first test of the connection to the
//! last DELETE, with a look at every answer.

mod groups;
mod people;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::exchange::{Exchange, Kind, shown_request};
use crate::report::{FORMAT, Finding, Recorder};
use crate::{
    Check, Client, Company, Dialect, Draw, Idp, NoAnswer, Person, Report, Request, SimulateConfig,
    Step, Team,
};

/// After so many requests in a row without an answer the server is gone.
const SILENCE: u32 = 3;
/// Of how many people, at most, a thing is tried that a provider does now and then only.
const SAMPLE: usize = 5;

/// What is to be played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whom.
    pub idp: Idp,
    /// How many people, 1 at least.
    pub users: usize,
    /// How many groups; 0 leaves them out.
    pub groups: usize,
    /// What names, addresses and order come from.
    pub seed: u64,
    /// The domain of all addresses.
    pub domain: String,
    /// Whether people and groups stay at the server.
    pub keep: bool,
}

impl From<&SimulateConfig> for Plan {
    fn from(config: &SimulateConfig) -> Self {
        let SimulateConfig { idp, users, groups, seed, keep, .. } = *config;
        Self { idp, users, groups, seed, domain: config.domain.clone(), keep }
    }
}

/// Why nothing could be played.
#[derive(Debug, thiserror::Error)]
pub enum CannotRun {
    /// The server does not answer.
    #[error("{url} does not answer: {cause}")]
    NoAnswer {
        /// The SCIM URL.
        url: String,
        /// What went wrong.
        cause: NoAnswer,
    },
    /// The server does not take the key.
    #[error("{url} answers {status} to the key: look at --url and --key (NESTR_SCIM_KEY)")]
    Key {
        /// The SCIM URL.
        url: String,
        /// 401 or 403.
        status: u16,
    },
    /// Somebody of the same name is there, from a cycle before this one it seems.
    #[error("{0} is at the server already: name another --seed, or delete what one left behind")]
    Taken(String),
}

/// Plays the cycle of `plan`, and tells what was wrong. When `stop` is cancelled it goes straight to
/// its end and cleans up.
///
/// # Errors
/// When there is nothing to play against: no answer, no admission, or somebody is there already of
/// the same name. Nothing was written then.
pub async fn play(
    plan: &Plan,
    client: &Client,
    stop: CancellationToken,
) -> Result<Report, CannotRun> {
    let mut cycle = Play::new(plan, client, stop);
    cycle.test_connection().await?;
    cycle.match_everything().await?;
    cycle.people().await;
    if plan.groups > 0 && cycle.serves_groups {
        cycle.groups().await;
    }
    cycle.clean_up().await;
    Ok(cycle.report())
}

/// A person whom the server knows.
struct Known {
    number: usize,
    id: String,
    person: Person,
    /// The last answer of the server about them.
    held: Value,
}

struct Play<'a> {
    plan: &'a Plan,
    client: &'a Client,
    dialect: &'static dyn Dialect,
    company: Company,
    draw: Draw,
    stop: CancellationToken,
    recorder: Recorder,
    /// Hired, and not known to the server.
    hired: Vec<Person>,
    teams: Vec<Team>,
    people: Vec<Known>,
    /// What is at the server and has to go, in the order in which it came.
    made: Vec<(Kind, String)>,
    serves_groups: bool,
    requests: usize,
    silent: u32,
    stopped: Option<String>,
}

impl<'a> Play<'a> {
    fn new(plan: &'a Plan, client: &'a Client, stop: CancellationToken) -> Self {
        let company = Company::new(plan.seed, &plan.domain);
        let mut draw = Draw::new(plan.seed);
        let hired = (1..=plan.users).map(|number| company.hire(number, &mut draw)).collect();
        let teams = (1..=plan.groups).map(|number| company.found(number, &mut draw)).collect();
        Self {
            plan,
            client,
            dialect: plan.idp.dialect(),
            company,
            draw,
            stop,
            recorder: Recorder::default(),
            hired,
            teams,
            people: Vec::new(),
            made: Vec::new(),
            serves_groups: true,
            requests: 0,
            silent: 0,
            stopped: None,
        }
    }

    async fn test_connection(&mut self) -> Result<(), CannotRun> {
        let nobody = self.draw.guid();
        let request = self.dialect.test_connection(&nobody);
        let url = || self.client.url();
        let answer = self.client.send(&request).await;
        let answer = answer.map_err(|cause| CannotRun::NoAnswer { url: url(), cause })?;
        if let status @ (401 | 403) = answer.status {
            return Err(CannotRun::Key { url: url(), status });
        }
        let exchange = self.answered(Step::TestConnection, &request, answer);
        if request.endpoint.contains("filter=") {
            exchange.nobody(&mut self.recorder, "userName", &nobody);
        } else {
            exchange.rows(&mut self.recorder, Some(1));
        }
        Ok(())
    }

    /// Nobody of them is there yet, under today's name or tomorrow's.
    async fn match_everything(&mut self) -> Result<(), CannotRun> {
        for (number, person) in (1..).zip(self.hired.clone()) {
            let later = self.company.rename(number, &person).user_name;
            let names = self.dialect.matching(&person).into_iter().chain([("userName", later)]);
            for (attribute, value) in names {
                let request = self.dialect.find(attribute, &value);
                if let Some(exchange) = self.ask(Step::Match, &request).await
                    && !exchange.nobody(&mut self.recorder, attribute, &value).is_empty()
                {
                    return Err(CannotRun::Taken(value));
                }
            }
        }
        for team in self.teams.clone() {
            for (attribute, value) in self.dialect.group_matching(&team) {
                let request = self.dialect.find_group(attribute, &value);
                let Some(exchange) = self.ask(Step::GroupMatch, &request).await else { continue };
                if !exchange.nobody(&mut self.recorder, attribute, &value).is_empty() {
                    return Err(CannotRun::Taken(value));
                }
                if !exchange.is_done() {
                    self.serves_groups = false;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Sends a request, unless the cycle has ended. `None`: there is no answer to look at.
    async fn ask(&mut self, step: Step, request: &Request) -> Option<Exchange> {
        if self.stop.is_cancelled() && self.stopped.is_none() {
            self.stopped = Some("it was asked to end".to_owned());
        }
        if self.stopped.is_some() {
            return None;
        }
        self.ask_anyhow(step, request).await
    }

    async fn ask_anyhow(&mut self, step: Step, request: &Request) -> Option<Exchange> {
        match self.client.send(request).await {
            Ok(answer) => {
                self.silent = 0;
                Some(self.answered(step, request, answer))
            }
            Err(NoAnswer(cause)) => {
                self.silent += 1;
                self.recorder.find(Finding {
                    step,
                    check: Check::Answered,
                    count: 1,
                    sent: shown_request(request),
                    expected: "an answer".to_owned(),
                    why: Check::Answered.why(),
                    came: cause,
                });
                if self.silent == SILENCE {
                    self.stopped = Some(format!("{SILENCE} requests in a row had no answer"));
                }
                None
            }
        }
    }

    fn answered(&mut self, step: Step, request: &Request, mut answer: crate::Answer) -> Exchange {
        self.requests += 1;
        self.recorder.answered(step, answer.took, answer.retries);
        answer.body = self.client.key().hidden_in(&answer.body);
        let exchange = Exchange::new(step, request, answer);
        if exchange.answer.unsaid {
            exchange.wrong(&mut self.recorder, Check::RetryAfter, "Retry-After with a 429 or 503");
        }
        exchange
    }

    /// A resource, read by `request`. `None`: it cannot be read, which is a finding.
    async fn read(&mut self, step: Step, request: &Request, kind: Kind) -> Option<Value> {
        let exchange = self.ask(step, request).await?;
        exchange.resource(&mut self.recorder, 200, kind)
    }

    /// Ends with a DELETE, a read that finds nothing, and another DELETE.
    async fn end(&mut self, step: Step, kind: Kind, id: &str) {
        let (delete, read) = match kind {
            Kind::User => (self.dialect.delete(id), self.dialect.read(id)),
            Kind::Group => (self.dialect.delete_group(id), self.dialect.read_group(id)),
        };
        let Some(exchange) = self.ask_anyhow(step, &delete).await else { return };
        if !exchange.done(&mut self.recorder, 204) {
            return;
        }
        self.made.retain(|(_, made)| made != id);
        for again in [&read, &delete] {
            if let Some(exchange) = self.ask_anyhow(step, again).await {
                exchange.refused(&mut self.recorder, Check::Gone, 404);
            }
        }
    }

    /// Deletes all that was made and is still there; groups go first, as they came last.
    async fn clean_up(&mut self) {
        if self.plan.keep {
            return;
        }
        let mut made = self.made.clone();
        made.reverse();
        for (kind, id) in made {
            if self.silent >= SILENCE {
                return;
            }
            let step = if kind == Kind::User { Step::Delete } else { Step::GroupDelete };
            self.end(step, kind, &id).await;
        }
        for Known { person, .. } in std::mem::take(&mut self.people) {
            for (attribute, value) in self.dialect.matching(&person) {
                let request = self.dialect.find(attribute, &value);
                let Some(exchange) = self.ask(Step::Delete, &request).await else { continue };
                if !exchange.nobody(&mut self.recorder, attribute, &value).is_empty() {
                    exchange.wrong(&mut self.recorder, Check::Gone, "an empty ListResponse");
                }
            }
        }
    }

    fn report(self) -> Report {
        let retries = self.recorder.retries;
        let (steps, findings) = self.recorder.into_parts();
        Report {
            format: FORMAT,
            idp: self.plan.idp,
            url: self.client.url(),
            seed: self.plan.seed,
            users: self.plan.users,
            groups: self.plan.groups,
            requests: self.requests,
            retries,
            stopped: self.stopped,
            steps,
            findings,
            left_behind: self.made.iter().map(|(kind, id)| kind.endpoint(id)).collect(),
        }
    }
}
