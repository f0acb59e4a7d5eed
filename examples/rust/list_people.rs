//! Everybody in a workspace, page by page: `list_people WORKSPACE`.

#![expect(clippy::print_stdout, reason = "it answers whoever runs it")]

mod directory;

use std::error::Error;
use std::time::Duration;

use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::{ListUsersRequest, View};
use tonic::Request;

/// The largest answer to take: a page of 200 large people is more than tonic's 4 MiB.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let workspace_id = std::env::args().nth(1).ok_or("list_people WORKSPACE")?;
    let mut users =
        UserServiceClient::new(directory::connect()?).max_decoding_message_size(ANSWER_BYTES);

    let mut ask = ListUsersRequest {
        workspace_id,
        page_size: Some(50),
        // What is not needed is not sent.
        view: Some(View { attributes: vec!["userName".to_owned()], ..View::default() }),
        ..ListUsersRequest::default()
    };
    let mut count = 0;
    loop {
        let mut page = Request::new(ask.clone());
        page.set_timeout(Duration::from_secs(10));
        let page = users.list_users(page).await.map_err(|status| directory::tell(&status))?;
        let page = page.into_inner();
        for user in &page.users {
            println!("{} {}", user.id, user.user_name);
        }
        count += page.users.len();
        if page.next_page_token.is_empty() {
            break;
        }
        ask.page_token = page.next_page_token;
    }
    println!("{count} people");
    Ok(())
}
