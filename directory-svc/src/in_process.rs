//! The directory as a gRPC channel without a socket, for the gateway in the same process.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::routing::RouterIntoService;
use http::{Request, Response};
use tower::Service;

use crate::door::GatewayInProcess;

/// Calls the same router that the socket serves, with the same layers. Who holds this is the
/// gateway: that is set on each request by construction, never by metadata.
#[derive(Clone)]
pub struct InProcess(RouterIntoService<tonic::body::Body>);

impl InProcess {
    /// A channel into `router`, which [`crate::Directory::router`] made.
    #[must_use]
    pub fn new(router: axum::Router) -> Self {
        Self(router.into_service())
    }
}

impl Service<Request<tonic::body::Body>> for InProcess {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        <RouterIntoService<tonic::body::Body> as Service<Request<tonic::body::Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<tonic::body::Body>) -> Self::Future {
        request.extensions_mut().insert(GatewayInProcess);
        self.0.call(request)
    }
}
