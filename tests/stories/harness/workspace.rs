//! A workspace with a key of its own.

use idp_simulator::{Request, form_encoded};

use super::{Answer, Ask, Dialect, Entra, Nestr, Operator};

/// What became of a sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// The person of this id gets in.
    Active(String),
    /// The person of this id is known and does not get in.
    Inactive(String),
    /// The address is nobody's.
    Nobody,
}

/// A workspace, seen by whoever holds its key.
#[derive(Clone)]
pub(crate) struct Workspace {
    nestr: Nestr,
    pub(crate) id: String,
    pub(crate) key: String,
}

impl Workspace {
    pub(crate) fn new(nestr: &Nestr, id: String, key: String) -> Self {
        Self { nestr: nestr.clone(), id, key }
    }

    /// The same workspace, with another key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    /// The path of an endpoint, such as `/Users`, in this workspace.
    pub(crate) fn path(&self, endpoint: &str) -> String {
        format!("/scim/v2/{}{endpoint}", self.id)
    }

    /// A request to an endpoint, with the key and nothing else.
    pub(crate) fn ask(&self, method: &str, endpoint: &str) -> Ask {
        Ask::new(method, self.path(endpoint)).bearer(&self.key)
    }

    /// Sends what an identity provider says, with the key.
    pub(crate) async fn say(&self, request: Request) -> Answer {
        let mut ask = self.ask(request.method, &request.endpoint);
        for (name, value) in request.headers {
            ask = ask.header(name, value);
        }
        self.send(request.body.into_iter().fold(ask, Ask::body)).await
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, ask: Ask) -> Answer {
        self.nestr.send(ask).await
    }

    /// Sends a request to a server that may go away meanwhile.
    pub(crate) async fn try_send(&self, ask: Ask) -> std::io::Result<Answer> {
        match self.nestr.http_if_running() {
            Some(address) => ask.try_send(address).await,
            None => Err(std::io::ErrorKind::NotConnected.into()),
        }
    }

    pub(crate) async fn get(&self, endpoint: &str) -> Answer {
        self.send(self.ask("GET", endpoint)).await
    }

    pub(crate) async fn post(&self, endpoint: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(self.ask("POST", endpoint).scim(body)).await
    }

    pub(crate) async fn put(&self, endpoint: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(self.ask("PUT", endpoint).scim(body)).await
    }

    pub(crate) async fn patch(&self, endpoint: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(self.ask("PATCH", endpoint).scim(body)).await
    }

    pub(crate) async fn delete(&self, endpoint: &str) -> Answer {
        self.send(self.ask("DELETE", endpoint)).await
    }

    /// People who match a filter.
    pub(crate) async fn find(&self, filter: &str) -> Answer {
        self.get(&format!("/Users?filter={}", form_encoded(filter))).await
    }

    /// Creates a person of this userName, who has nothing else; answers their id.
    pub(crate) async fn create(&self, user_name: &str) -> String {
        let body = format!(r#"{{"userName":"{user_name}"}}"#);
        self.post("/Users", body).await.is(201).text("/id")
    }

    /// What becomes of a sign-in with this address, here.
    pub(crate) async fn resolve_login(&self, email: &str) -> Login {
        let accounts = self.operator().resolve_login(email).await;
        let mut here = accounts.into_iter().filter(|account| account.workspace_id == self.id);
        let account = here.next();
        assert!(here.next().is_none(), "{email} is two people's");
        match account {
            None => Login::Nobody,
            Some(account) if account.active => Login::Active(account.user_id),
            Some(account) => Login::Inactive(account.user_id),
        }
    }

    /// Nestr's operator.
    pub(crate) fn operator(&self) -> Operator {
        self.nestr.operator()
    }

    /// Entra ID, with this workspace's URL and key pasted into it.
    pub(crate) fn connect_entra(&self, dialect: Dialect) -> Entra {
        Entra::new(self.clone(), dialect)
    }
}
