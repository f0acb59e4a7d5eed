//! Whoever makes a call of the contract with nothing in it: what becomes of it shows whom they are taken for.

use std::future::poll_fn;

use directory_api::v1::Reason;
use http::Request;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::transport::Channel;
use tonic::{Code, Status};

/// A client of the directory, and the credential that it presents.
pub(crate) struct Caller {
    channel: Channel,
    credential: Option<String>,
}

/// Why a call is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ungranted {
    /// There is no connection to make it on.
    Unreached,
    /// The directory does not know who calls.
    Nobody,
    /// It knows, and theirs is another role.
    NotWithRole,
}

impl Caller {
    pub(crate) fn new(channel: Channel, credential: Option<&str>) -> Self {
        Self { channel, credential: credential.map(str::to_owned) }
    }

    /// Whether a call, such as `nestr.directory.v1.UserService/GetUser`, is let through, whatever comes of it
    /// then.
    pub(crate) async fn ask(&self, call: &str) -> Result<(), Ungranted> {
        let request = Request::post(format!("http://nestr/{call}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", "10S");
        let request = match &self.credential {
            Some(credential) => request.header("authorization", format!("Bearer {credential}")),
            None => request,
        };
        // A message without a field: not compressed, no byte long.
        let request = request.body(Body::new(axum::body::Body::from(vec![0; 5])));
        let mut channel = self.channel.clone();
        let is_there = poll_fn(|context| channel.poll_ready(context)).await;
        is_there.map_err(|_| Ungranted::Unreached)?;
        let answer = channel.call(request.expect("a request")).await;
        let answer = answer.map_err(|_| Ungranted::Unreached)?;
        // A refusal is all head; what goes on behind it was let through.
        let Some(status) = Status::from_header_map(answer.headers()) else { return Ok(()) };
        assert_ne!(status.code(), Code::Unimplemented, "{call}");
        match Reason::of(&status) {
            Some(Reason::CredentialInvalid) => Err(Ungranted::Nobody),
            Some(Reason::PermissionDeniedRole) => Err(Ungranted::NotWithRole),
            _ => Ok(()),
        }
    }
}
