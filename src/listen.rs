//! The accept loop of REST and gRPC alike: HTTP/1 and HTTP/2, drained on the way out.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a client may take to send the head of a request.
const HEAD: Duration = Duration::from_secs(10);
/// How long requests that are under way may take once the process is asked to end.
const DRAIN: Duration = Duration::from_secs(5);
/// How long accepting rests after it failed, for want of file descriptors, say.
const REST: Duration = Duration::from_millis(100);

/// Serves `router` until `stop`, then lets what is under way end.
pub(crate) async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(100);
    let draining = GracefulShutdown::new();
    let service = TowerToHyperService::new(router);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                // An answer is one segment or a few: sent at once, not held back for more.
                let _ = stream.set_nodelay(true);
                let connection =
                    builder.serve_connection(TokioIo::new(stream), service.clone()).into_owned();
                let connection = draining.watch(connection);
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!(error = &*error, "connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "accept failed");
                tokio::time::sleep(REST).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, draining.shutdown()).await.is_err() {
        tracing::warn!("requests that did not end in {} s were cut", DRAIN.as_secs());
    }
}
