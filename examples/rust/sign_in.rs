//! Whom a verified e-mail address signs in: `sign_in EMAIL`.

#![expect(clippy::print_stdout, reason = "it answers whoever runs it")]

mod directory;

use std::error::Error;
use std::time::Duration;

use directory_api::v1::ResolveLoginRequest;
use directory_api::v1::login_service_client::LoginServiceClient;
use tonic::Request;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let email = std::env::args().nth(1).ok_or("sign_in EMAIL")?;
    let mut logins = LoginServiceClient::new(directory::connect()?);

    // Behind Google, Microsoft or SAML: issuer and subject too, so that the first sign-in links them.
    let mut ask = Request::new(ResolveLoginRequest { email, ..ResolveLoginRequest::default() });
    ask.set_timeout(Duration::from_secs(5));
    let answer = logins.resolve_login(ask).await.map_err(|status| directory::tell(&status))?;
    let answer = answer.into_inner();

    for account in &answer.accounts {
        let whose = format!("user {} of workspace {}", account.user_id, account.workspace_id);
        if account.active {
            println!("{whose} signs in");
        } else {
            println!("{whose} is refused: {}", account.reason().as_str_name());
        }
    }
    for joinable in &answer.joinable {
        println!("workspace {} may be joined", joinable.workspace_id);
    }
    if answer.accounts.is_empty() && answer.joinable.is_empty() {
        println!("nobody");
    }
    Ok(())
}
