//! The identity provider's call: whose key, which workspace, until when.
//!
//! A handler that reaches the directory takes a [`Call`], and only a `Call` makes the request that
//! it sends, so that there is no way round the key. Whether the key opens the workspace is for the
//! directory to say.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::{AUTHORIZATION, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use directory_api::api_key::ApiKeyText;
use directory_api::{
    REQUEST_ID, SCIM_AUTHORIZATION, SCIM_CLIENT_ADDRESS, SCIM_COMPLAINT, SCIM_USER_AGENT,
    USER_AGENT_BYTES,
};
use tonic::metadata::AsciiMetadataValue;

use crate::error::ScimError;
use crate::exchange::Exchange;

/// A call with a well-formed key. Its rejection is 401, whatever else is wrong with the request.
pub(crate) struct Call {
    /// The workspace of the path, as the identity provider wrote it.
    pub(crate) workspace_id: String,
    key: ApiKeyText,
    user_agent: Option<AsciiMetadataValue>,
    exchange: Exchange,
}

impl Call {
    /// The id under which the request is logged.
    pub(crate) fn request_id(&self) -> &str {
        self.exchange.request_id.as_str()
    }

    /// The message as the directory takes it: with the key, where it comes from and who says to have sent
    /// it, the request id and the time left.
    pub(crate) fn carry<T>(&self, ask: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(ask);
        request.set_timeout(self.exchange.time_left());
        request.extensions_mut().insert(self.exchange.deadline());
        let bearer = format!("Bearer {}", self.key.expose());
        let mut bearer = AsciiMetadataValue::try_from(bearer).expect("keys are ASCII");
        bearer.set_sensitive(true);
        let request_id = self.exchange.request_id.as_str();
        let request_id = AsciiMetadataValue::try_from(request_id).expect("request ids are ASCII");
        let metadata = request.metadata_mut();
        metadata.insert(SCIM_AUTHORIZATION, bearer);
        metadata.insert(REQUEST_ID, request_id);
        if let Some(address) = self.exchange.address {
            let address = AsciiMetadataValue::try_from(address.to_string());
            metadata.insert(SCIM_CLIENT_ADDRESS, address.expect("addresses are ASCII"));
        }
        if let Some(user_agent) = &self.user_agent {
            metadata.insert(SCIM_USER_AGENT, user_agent.clone());
        }
        request
    }

    /// The same of a request that the gateway refuses with `status`, once the key is found good.
    pub(crate) fn carry_complaint<T>(&self, ask: T, status: StatusCode) -> tonic::Request<T> {
        let mut request = self.carry(ask);
        let status = AsciiMetadataValue::try_from(status.as_str()).expect("digits");
        request.metadata_mut().insert(SCIM_COMPLAINT, status);
        request
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ScimError> {
        let key = key(&parts.headers).ok_or_else(ScimError::unauthenticated)?;
        let exchange = parts.extensions.get::<Exchange>().cloned();
        let exchange = exchange.ok_or_else(|| ScimError::fault("no exchange round the call"))?;
        let user_agent = user_agent(&parts.headers);
        Ok(Self { workspace_id: parameter(parts, "workspace").await?, key, user_agent, exchange })
    }
}

/// The id of the resource in the path, as the identity provider wrote it.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = ScimError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ScimError> {
        parameter(parts, "id").await.map(Self)
    }
}

/// A parameter that the route's pattern names. It is not there when a handler asks for one that its
/// route has not.
async fn parameter(parts: &mut Parts, name: &str) -> Result<String, ScimError> {
    let parameters =
        RawPathParams::from_request_parts(parts, &()).await.map_err(ScimError::fault)?;
    let found = parameters.iter().find(|(of, _)| *of == name).map(|(_, value)| value.to_owned());
    found.ok_or_else(|| ScimError::fault("the route has no such parameter"))
}

/// Who the client says to be, cut; `None` when that is nothing, or more than ASCII.
fn user_agent(headers: &HeaderMap) -> Option<AsciiMetadataValue> {
    let said = headers.get(USER_AGENT)?.to_str().ok()?;
    AsciiMetadataValue::try_from(&said[..said.len().min(USER_AGENT_BYTES)]).ok()
}

/// The key of `Authorization: Bearer <key>`. What comes along when a key is pasted is forgiven:
/// white space, "Bearer " a second time, or no scheme at all.
fn key(headers: &HeaderMap) -> Option<ApiKeyText> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let mut text = str::from_utf8(value.as_bytes()).ok()?.trim();
    while let Some((scheme, rest)) = text.split_once(char::is_whitespace)
        && scheme.eq_ignore_ascii_case("bearer")
    {
        text = rest.trim_start();
    }
    ApiKeyText::parse(text)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
            headers.append(AUTHORIZATION, value);
        }
        key(&headers).map(|key| key.expose().to_owned())
    }

    #[test]
    fn what_comes_along_with_a_pasted_key_is_forgiven() {
        let made = ApiKeyText::from_random([7; 20]);
        let key = made.expose();
        for value in [
            format!("Bearer {key}"),
            format!("bearer {key}"),
            format!("BEARER  {key} "),
            format!("Bearer\t{key}\t"),
            format!("Bearer Bearer {key}"),
            format!("Bearer bearer  {key}"),
            key.to_owned(),
            format!(" {key} "),
        ] {
            assert_eq!(read(&[&value]).as_deref(), Some(key), "{value:?}");
        }
    }

    #[test]
    fn who_a_client_says_to_be_is_cut() {
        let said = |value: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert(USER_AGENT, HeaderValue::from_bytes(value).expect("a header"));
            user_agent(&headers).map(|value| value.to_str().expect("ASCII").to_owned())
        };
        assert_eq!(said(b"Okta SCIM Client 1.0.0").as_deref(), Some("Okta SCIM Client 1.0.0"));
        assert_eq!(said(&[b'x'; 500]), Some("x".repeat(USER_AGENT_BYTES)));
        assert_eq!(said("é".as_bytes()), None);
        assert_eq!(user_agent(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_no_key_is_none() {
        let made = ApiKeyText::from_random([7; 20]);
        let key = made.expose();
        let bearer = format!("Bearer {key}");
        for values in [
            &[] as &[&str],
            &[""],
            &["Bearer"],
            &["Bearer "],
            &[&format!("Basic {key}")],
            &[&format!("Bearer{key}")],
            &[&format!("Bearer {key},")],
            &[&format!("Bearer {key} {key}")],
            &[&key[1..]],
            &["Bearer é"],
            &[&bearer, &bearer],
        ] {
            assert_eq!(read(values), None, "{values:?}");
        }
    }
}
