//! Makes a person once, however often the directory or the way to it fails:
//! `create_person WORKSPACE EMAIL`.

#![expect(clippy::print_stdout, reason = "it answers whoever runs it")]

mod directory;

use std::error::Error;
use std::time::Duration;

use directory_api::v1::create_user_request::Resource;
use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::{CreateUserRequest, Reason, User};
use tokio::time::{Instant, sleep};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;

/// How long one try may take, and all of them together.
const A_TRY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest and the shortest pause between two tries, where the directory names none.
const PAUSE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_millis(100));

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(workspace_id), Some(email)) = (arguments.next(), arguments.next()) else {
        return Err("create_person WORKSPACE EMAIL".into());
    };
    let user = User { user_name: email, ..User::default() };
    let made = create(CreateUserRequest {
        workspace_id,
        resource: Some(Resource::User(user)),
        operation_id: new_id(),
        ..CreateUserRequest::default()
    });
    println!("made {}", made.await?.id);
    Ok(())
}

/// Sends it again until it is answered. All tries have one operation id, so that the directory does it once:
/// a try whose answer was lost is found again by the next.
async fn create(ask: CreateUserRequest) -> Result<User, Box<dyn Error>> {
    let mut users = UserServiceClient::new(directory::connect()?);
    let deadline = Instant::now() + PATIENCE;
    let (longest, mut pause) = PAUSE;
    loop {
        let mut a_try = Request::new(ask.clone());
        a_try.set_timeout(A_TRY);
        let status = match users.create_user(a_try).await {
            Ok(user) => return Ok(user.into_inner()),
            Err(status) => status,
        };
        let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
        // By lot, so that all who were cut off together do not come back together.
        let wait = told.unwrap_or(pause).mul_f64(rand::random_range(1.0..1.5));
        if !may_come_again(&status) || Instant::now() + wait > deadline {
            return Err(directory::tell(&status).into());
        }
        sleep(wait).await;
        pause = (pause * 2).min(longest);
    }
}

fn may_come_again(status: &Status) -> bool {
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded => true,
        Code::ResourceExhausted => Reason::of(status) == Some(Reason::RateLimited),
        // tonic says so of a connection that was lost under a call, and of a try whose time was over.
        Code::Unknown | Code::Cancelled => Reason::of(status).is_none(),
        _ => false,
    }
}

#[expect(clippy::disallowed_methods, reason = "an id of this write alone")]
fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
