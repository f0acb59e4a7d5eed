//! How long `LoginService.ResolveLogin` takes in a full directory: through every layer but the socket, the store
//! on disk and warm.
//!
//! ```sh
//! cargo bench -p directory-svc --bench resolve_login -- --people 1000000 --workspaces 500
//! ```
//!
//! The directory is filled by the store's own writes, in the temporary directory (`TMPDIR`), and goes with the end.
#![expect(clippy::print_stdout, reason = "a bench prints what it finds")]

use std::convert::Infallible;
use std::time::{Duration, Instant};

use clap::Parser;
use directory_api::v1;
use directory_api::v1::login_service_client::LoginServiceClient;
use directory_svc::clock::Clock;
use directory_svc::ids::{UserId, WorkspaceId};
use directory_svc::store::sqlite::{SqliteConfig, SqliteStore};
use directory_svc::store::{
    Admission, Author, DecidedHow, Decision, Domain, DomainState, Draft, EmailJoin, Identity,
    JoiningStore, LoginEmail, Names, OperationId, Passage, Provided, Store, Workspace,
    WorkspaceStore, Write,
};
use directory_svc::{
    ClusterSecret, Directory, Found, LimitsConfig, Role, ServiceCaller, ServiceCallers, Settings,
    TxtResolver,
};
use futures_util::{FutureExt, StreamExt, stream};
use tonic::Request;
use tower::ServiceExt;
use uuid::Uuid;

/// Writes that are queued at a time.
const AT_ONCE: usize = 512;
/// Of so many people one has not signed in yet.
const NEW_EVERY: u64 = 100;
/// First sign-ins that are timed: each is a write on the disk.
const FIRST_SIGN_INS: u64 = 1_000;
const ISSUER: &str = "https://accounts.google.example";
const CREDENTIAL: &str = "bench";

/// Whoever signs people in, without a socket between.
type Logins = LoginServiceClient<
    tower::util::BoxCloneService<
        http::Request<tonic::body::Body>,
        axum::response::Response,
        Infallible,
    >,
>;

#[derive(Parser)]
struct Args {
    /// How many people there are.
    #[arg(long, default_value_t = 100_000)]
    people: u64,

    /// How many workspaces they are spread over, each with a domain of its own.
    #[arg(long, default_value_t = 500)]
    workspaces: u64,

    /// How often each question is asked.
    #[arg(long, default_value_t = 100_000)]
    asks: u64,

    /// What `cargo bench` says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Somebody of the full directory.
struct Person {
    workspace_id: WorkspaceId,
    id: UserId,
    email: LoginEmail,
    subject: String,
    has_signed_in: bool,
}

impl Args {
    fn person(&self, n: u64) -> Person {
        let address = format!("first.last{n}@workspace{}.example", n % self.workspaces);
        Person {
            workspace_id: workspace_id(n % self.workspaces),
            id: UserId::new(Uuid::from_u128(u128::from(scattered(n)) << 64 | u128::from(n))),
            email: LoginEmail { address: address.clone(), key: address },
            subject: format!("{:020}", scattered(n)),
            has_signed_in: !n.is_multiple_of(NEW_EVERY),
        }
    }
}

impl Person {
    fn identity(&self) -> Identity {
        Identity { issuer: ISSUER.to_owned(), subject: self.subject.clone() }
    }

    /// As Entra ID describes somebody.
    fn document(&self) -> String {
        let address = &self.email.address;
        format!(
            r#"{{"userName":"{address}","active":true,"displayName":"First Last",
                "name":{{"givenName":"First","familyName":"Last","formatted":"First Last"}},
                "title":"Engineer","preferredLanguage":"en-GB",
                "emails":[{{"type":"work","value":"{address}","primary":true}}],
                "phoneNumbers":[{{"type":"work","value":"+31 20 555 0100"}}],
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                {{"employeeNumber":"{}","department":"Engineering"}}}}"#,
            self.subject
        )
    }
}

fn workspace_id(n: u64) -> WorkspaceId {
    WorkspaceId::new(Uuid::from_u128(u128::from(scattered(n)) << 64 | u128::from(n)))
}

/// Numbers without an order, and always the same (splitmix64).
fn scattered(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn write(operation: String) -> Write {
    let author = Author::Service("bench".to_owned());
    Write { operation: OperationId(operation), author, at: Clock::system().now() }
}

async fn open_workspace(store: &SqliteStore, n: u64) {
    let (id, now) = (workspace_id(n), Clock::system().now());
    let card = Workspace::new(id, format!("Workspace {n}"), "it@example.com", now);
    store.create_workspace(write("make".to_owned()), card).await.expect("a workspace");
    let by = "bench".to_owned();
    let domain = Domain {
        name: format!("workspace{n}.example"),
        state: DomainState::Verified,
        contact_email: "it@example.com".to_owned(),
        claimed_at: now,
        claimed_by: by.clone(),
        challenge: String::new(),
        decision: Some(Decision { at: now, by, how: DecidedHow::Operator, note: String::new() }),
    };
    let workspace = store.workspace(id);
    let name = domain.name.clone();
    let decide = move |_: Option<&Domain>, _| Ok(domain.clone().into());
    workspace.change_domain(write("verify".to_owned()), name, decide).await.expect("a domain");
    let open =
        |standing: &Workspace| Ok(Workspace { email_join: EmailJoin::Open, ..standing.clone() });
    workspace.change_workspace(write("open".to_owned()), open).await.expect("an open workspace");
}

async fn provision(store: &SqliteStore, person: Person) {
    let workspace = store.workspace(person.workspace_id);
    let resource = scim::Schemas::standard().user().read(&person.document()).expect("a person");
    let draft = Draft {
        resource,
        login_email: Some(person.email.clone()),
        binding: None,
        provided: Provided::default(),
        is_protected: false,
        predecessor: None,
        is_guest: false,
        passage: Passage::default(),
    };
    let login_email = Some(person.email.clone());
    let names = Names { user_name: person.email.key.clone(), login_email, external_id: None };
    let decide = move |_: &_, _: &_| Ok(Admission::Create(draft.clone()));
    let operation = write(format!("make {}", person.id));
    workspace.create_user(operation, person.id, names, decide).await.expect("a person is made");
    if person.has_signed_in {
        let (identity, id) = (person.identity(), person.id);
        let operation = write(format!("link {id}"));
        let linked =
            workspace.link_identity(operation, person.email, identity, move |_| Some(id)).await;
        linked.expect("an identity is linked");
    }
}

/// The times that a question took.
struct Times(Vec<Duration>);

impl Times {
    fn within(&self, of_100_000: usize) -> Duration {
        self.0[(self.0.len() * of_100_000 / 100_000).min(self.0.len() - 1)]
    }

    fn print(mut self, question: &str) {
        self.0.sort_unstable();
        let [p50, p99, p999] = [50_000, 99_000, 99_900].map(|share| micros(self.within(share)));
        println!("| {question} | {} | {p50} | {p99} | {p999} |", self.0.len());
    }
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

/// Asks one after the other, and looks at every answer.
async fn time(
    logins: &mut Logins,
    asks: u64,
    question: impl Fn(u64) -> v1::ResolveLoginRequest,
    is_right: impl Fn(&v1::ResolveLoginResponse) -> bool,
) -> Times {
    let mut times = Vec::with_capacity(usize::try_from(asks).unwrap_or_default());
    for n in 0..asks {
        let mut ask = Request::new(question(n));
        let bearer = format!("Bearer {CREDENTIAL}").parse().expect("a header");
        ask.metadata_mut().insert("authorization", bearer);
        let begin = Instant::now();
        let answer = logins.resolve_login(ask).await.expect("an answer").into_inner();
        times.push(begin.elapsed());
        assert!(is_right(&answer), "{answer:?}");
    }
    Times(times)
}

async fn logins(store: SqliteStore) -> Logins {
    let settings = Settings {
        public_url: "https://scim.example".to_owned(),
        tombstone_days: 30,
        txt: TxtResolver::from_fn(|_| futures_util::future::ready(Found::NoRecord).boxed()),
        first_domain_check: Duration::from_mins(1),
        limits: LimitsConfig { rate: 0, burst: 1 },
        cluster_secret: ClusterSecret::new(&"secret".repeat(6)).expect("a secret"),
        redis: None,
    };
    let callers =
        ServiceCallers::new(vec![ServiceCaller::new("bench", Role::Operator, CREDENTIAL)]);
    let directory = Directory::new(store, Clock::system(), settings, callers).expect("a directory");
    let router = directory.router().await.expect("a router");
    let service = tower::service_fn(move |ask: http::Request<_>| router.clone().oneshot(ask));
    LoginServiceClient::new(tower::util::BoxCloneService::new(service))
}

async fn fill(store: &SqliteStore, args: &Args) {
    let begin = Instant::now();
    stream::iter(0..args.workspaces)
        .for_each_concurrent(AT_ONCE, |n| open_workspace(store, n))
        .await;
    stream::iter(0..args.people)
        .for_each_concurrent(AT_ONCE, |n| provision(store, args.person(n)))
        .await;
    println!(
        "{} people in {} workspaces, made in {:.0} s\n",
        args.people,
        args.workspaces,
        begin.elapsed().as_secs_f64()
    );
}

#[tokio::main]
async fn main() {
    let args = Args::parse();
    let dir = tempfile::tempdir().expect("a directory");
    let statement_timeout = Duration::from_secs(2);
    let store = SqliteStore::open(SqliteConfig { dir: dir.path().to_owned(), statement_timeout });
    let store = store.expect("a store");
    fill(&store, &args).await;

    let mut logins = logins(store).await;
    let ask = |email: String, subject: Option<String>| v1::ResolveLoginRequest {
        email,
        issuer: subject.as_ref().map_or_else(String::new, |_| ISSUER.to_owned()),
        subject: subject.unwrap_or_default(),
    };
    let anybody = |n: u64| args.person(scattered(n) % args.people);
    let by_address = |n| ask(anybody(n).email.address.to_uppercase(), None);
    let by_identity = |n| {
        let person = anybody(n);
        ask(person.email.address, person.has_signed_in.then_some(person.subject))
    };
    let renamed = |n| {
        let person = args.person(scattered(n) % (args.people / 2) * 2 + 1);
        ask(format!("renamed{n}@gmail.example"), Some(person.subject))
    };
    let joins =
        |n: u64| ask(format!("new{n}@workspace{}.example", scattered(n) % args.workspaces), None);
    let nobody = |n| ask(format!("new{n}@nowhere.example"), None);
    let gets_in = |met: &v1::ResolveLoginResponse| {
        met.accounts.iter().all(|a| a.active) && met.accounts.len() == 1
    };
    let may_join = |met: &v1::ResolveLoginResponse| met.joinable.len() == 1;
    let is_nobody =
        |met: &v1::ResolveLoginResponse| met.accounts.is_empty() && met.joinable.is_empty();
    time(&mut logins, args.asks, by_address, gets_in).await;

    println!("| who signs in | asked | p50 | p99 | p99.9 |\n| --- | --- | --- | --- | --- |");
    let asks = args.asks;
    time(&mut logins, asks, by_address, gets_in).await.print("by an address");
    time(&mut logins, asks, by_identity, gets_in).await.print("by an address and its identity");
    time(&mut logins, asks, renamed, gets_in).await.print("by an identity, the address changed");
    time(&mut logins, asks, joins, may_join).await.print("nobody yet, may join");
    time(&mut logins, asks, nobody, is_nobody).await.print("nobody, of no domain here");
    let first = |n: u64| {
        let person = args.person(n * NEW_EVERY % args.people);
        ask(person.email.address, Some(person.subject))
    };
    let firsts = FIRST_SIGN_INS.min(args.people / NEW_EVERY);
    time(&mut logins, firsts, first, gets_in)
        .await
        .print("for the first time: the identity is linked");
}
