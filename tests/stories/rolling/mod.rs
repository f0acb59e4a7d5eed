//! Every process is ended and another begins in its place, one after the other, under load: nobody who asks loses a
//! request by it.

mod traffic;
mod upgrade;

use crate::harness::{EACH, Fleet, Half, Program, is_long};
use traffic::Traffic;

/// A rolling restart, twice round: no request fails, at gateways behind a proxy that keeps connections of HTTP/1.1
/// and sends nothing twice, nor at directories, of a service on gRPC's own library; who follows the feed ends with
/// what is there; nothing that was answered is lost or there twice. Seen to fail with gateways
/// that close connections of HTTP/1.1 without a word, as those of 0.1.0 do: a PATCH and a GET were lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_process_is_begun_anew_under_load_and_no_request_fails() {
    let this = Program::this();
    let mut fleet = Fleet::start(&this).await;
    let traffic = Traffic::begin(&fleet).await;
    for _ in 0..if is_long() { 10 } else { 2 } {
        for half in [Half::Directory, Half::Gateway] {
            fleet.replace_each(half, &this).await;
        }
    }
    assert!(traffic.balancer().lasts() >= EACH, "connections that were kept were told");
    traffic.ends(&fleet).await;
}
