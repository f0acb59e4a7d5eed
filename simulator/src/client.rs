//! The way to the server: HTTP or HTTPS, one request at a time, each with a time limit.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use http::uri::{Authority, Scheme, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::{sleep, timeout};

use crate::{Answer, Request};

/// How often a request is sent again that is answered 429 or 503.
pub const MOST_RETRIES: u32 = 5;
/// The longest that is waited for when a server asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long is waited when a server does not say for how long.
const USUAL_WAIT: Duration = Duration::from_secs(1);
/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of an answer that are read.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// An API key. It is never shown.
#[derive(Clone)]
pub struct Key(String);

impl FromStr for Key {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl Key {
    /// The header's value.
    fn bearer(&self) -> Result<HeaderValue, ClientError> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", self.0));
        let mut bearer = bearer.map_err(|_| ClientError::Key)?;
        bearer.set_sensitive(true);
        Ok(bearer)
    }

    /// A text without the key in it, should a server have repeated it.
    pub(crate) fn hidden_in(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Why there is no way to the server at all.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is of no use.
    #[error("{0}: a SCIM URL is like https://scim.example.com/scim/v2/workspace")]
    Url(String),
    /// The key cannot stand in a header.
    #[error("the key has characters that no header can carry")]
    Key,
    /// There is nothing to judge the server's certificate by.
    #[error("the system's root certificates cannot be read; SSL_CERT_FILE may name others: {0}")]
    Roots(String),
}

/// Why there is no answer: the cause in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

type Http = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A connection to one SCIM server with one key.
#[derive(Debug)]
pub struct Client {
    http: Http,
    scheme: Scheme,
    authority: Authority,
    path: String,
    key: Key,
    bearer: HeaderValue,
    patience: Duration,
}

impl Client {
    /// A client of the server at `url`, which may have a query and a slash at its end that are left
    /// out. `patience` is how long an answer may take. Nothing is sent yet.
    ///
    /// # Errors
    /// When the URL is none of SCIM over HTTP, the key fits no header, or the system's root certificates cannot be read for
    /// one of HTTPS.
    pub fn new(url: &str, key: Key, patience: Duration) -> Result<Self, ClientError> {
        let wrong = || ClientError::Url(format!("{:?}", url.split('@').next_back().unwrap_or(url)));
        let uri: Uri = url.trim().parse().map_err(|_| wrong())?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(wrong());
        };
        if (scheme != Scheme::HTTP && scheme != Scheme::HTTPS) || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let path = parts.path_and_query.as_ref().map_or("", |path| path.path());
        let path = path.trim_end_matches('/').to_owned();
        let http = connector(scheme == Scheme::HTTPS)?;
        let bearer = key.bearer()?;
        Ok(Self { http, scheme, authority, path, key, bearer, patience })
    }

    /// The SCIM URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Sends a request and takes the whole answer. One that is answered 429 or 503 is sent again
    /// when its Retry-After is over, five times at most.
    ///
    /// # Errors
    /// When no answer comes, or not all of it, in time.
    pub async fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let (mut retries, mut unsaid) = (0, false);
        loop {
            let answer = self.send_once(request).await?;
            let asks_to_wait = matches!(answer.status, 429 | 503);
            let retry_after = answer.headers.get(RETRY_AFTER);
            unsaid |= asks_to_wait && retry_after.is_none();
            if !asks_to_wait || retries == MOST_RETRIES {
                return Ok(Answer { retries, unsaid, ..answer });
            }
            retries += 1;
            sleep(wait_for(retry_after)).await;
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let began = Instant::now();
        let asked = self.http.request(self.message(request)?);
        let exchange = async {
            let answer = asked.await.map_err(|error| cause(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await;
            let body = body.map_err(|error| NoAnswer(error.to_string()))?.to_bytes();
            Ok(Answer {
                status: head.status.as_u16(),
                headers: head.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
                took: began.elapsed(),
                retries: 0,
                unsaid: false,
            })
        };
        match timeout(self.patience, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer(format!("no answer within {:?}", self.patience))),
        }
    }

    fn message(&self, request: &Request) -> Result<http::Request<Full<Bytes>>, NoAnswer> {
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{}", self.path, request.endpoint));
        let unfit = |error: http::Error| NoAnswer(format!("the request cannot be sent: {error}"));
        let uri = uri.build().map_err(unfit)?;
        let mut message = http::Request::builder().method(request.method).uri(uri);
        message = message.header(AUTHORIZATION, self.bearer.clone());
        for (name, value) in &request.headers {
            message = message.header(*name, *value);
        }
        let body = request.body.clone().unwrap_or_default();
        message.body(Full::from(body)).map_err(unfit)
    }
}

fn connector(is_https: bool) -> Result<Http, ClientError> {
    let mut roots = RootCertStore::empty();
    if is_https {
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(ClientError::Roots(errors.join("; ")));
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.map_err(|error| ClientError::Roots(error.to_string()))?;
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp);
    let mut client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
    Ok(client.http1_title_case_headers(true).build(https))
}

/// How long a server asks to be left alone. A date instead of seconds is taken for the usual while.
fn wait_for(retry_after: Option<&HeaderValue>) -> Duration {
    let seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(USUAL_WAIT, |seconds| Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// An error with what caused it, innermost last.
fn cause(error: &dyn std::error::Error) -> NoAnswer {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        inner = error.source();
    }
    NoAnswer(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(url: &str) -> Result<Client, ClientError> {
        Client::new(url, Key("secret".to_owned()), Duration::from_secs(1))
    }

    #[test]
    fn what_is_pasted_behind_the_url_is_left_out() {
        let plain = "http://127.0.0.1:8080/scim/v2/acme";
        for pasted in ["", "/", "//", "?aadOptscim062020", "/?aadOptscim062020=true", " \n"] {
            assert_eq!(client(&format!("{plain}{pasted}")).unwrap().url(), plain, "{pasted:?}");
        }
        for wrong in ["", "scim.example.com", "ftp://scim.example.com", "http://me:pw@host/scim"] {
            let refused = client(wrong).unwrap_err().to_string();
            assert!(refused.contains("https://") && !refused.contains("pw"), "{refused}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let key: Key = " secret\n".parse().unwrap();
        assert_eq!(key.bearer().unwrap(), "Bearer secret");
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(
            key.hidden_in(r#"{"detail":"no such key: secret"}"#),
            r#"{"detail":"no such key: ***"}"#
        );
        assert!(Key("a\nb".to_owned()).bearer().is_err());
    }

    #[test]
    fn a_server_is_left_alone_as_long_as_it_asks_within_reason() {
        let wait = |text: &'static str| wait_for(Some(&HeaderValue::from_static(text)));
        assert_eq!(wait("3"), Duration::from_secs(3));
        assert_eq!(wait("86400"), LONGEST_WAIT);
        assert_eq!(wait("Wed, 21 Oct 2026 07:28:00 GMT"), USUAL_WAIT);
        assert_eq!(wait_for(None), USUAL_WAIT);
    }
}
