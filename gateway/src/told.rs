//! Each call of the directory, told in the trace of the request that makes it.

use std::task::{Context, Poll};

use axum::http::{Request, Response};
use directory_api::Method;
use tonic::Code;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use traces::Span;

use crate::directory::Directory;

/// A directory that is told, with each call, of which trace it is: over a socket and in process alike.
#[derive(Clone)]
pub(crate) struct Told<D>(pub(crate) D);

impl<D: Directory> Service<Request<Body>> for Told<D> {
    type Response = Response<D::ResponseBody>;
    type Error = D::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), D::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let Some(method) = Method::of(request.uri().path()) else {
            return Box::pin(self.0.call(request));
        };
        let trace = Span::sent(method.full);
        trace.word("rpc.system", "grpc");
        trace.word("rpc.service", method.service);
        trace.word("rpc.method", method.name);
        trace.pass_on(request.headers_mut());
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await;
            // A refusal stands in the headers; an answer has its status, which is OK, behind its message.
            let code = answer.as_ref().map_or(Code::Unavailable, |answer| {
                let code = answer.headers().get("grpc-status");
                code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
            });
            trace.number("rpc.grpc.status_code", code as i32);
            if code != Code::Ok {
                trace.fail();
            }
            answer
        })
    }
}
