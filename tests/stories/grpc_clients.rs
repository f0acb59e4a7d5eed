//! Slow and greedy clients of gRPC, against the limits that the product has. They speak HTTP/2 by
//! themselves: no well-behaved client can be told to do what these do.

use std::time::Duration;

use axum::body::Bytes;
use directory_api::v1;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use prost::Message;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use crate::harness::{Nestr, Operator, is_long};

/// Longer than any limit of a client.
const PATIENCE: Duration = Duration::from_secs(110);

/// A connection to the gRPC port that lets nobody hurry it.
struct Client {
    calls: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
    bearer: String,
}

impl Client {
    async fn connect(nestr: &Nestr) -> Self {
        Self::with(nestr, &h2::client::Builder::new()).await
    }

    async fn with(nestr: &Nestr, builder: &h2::client::Builder) -> Self {
        let path = nestr.data_dir().join("operator.credential");
        let bearer =
            format!("Bearer {}", std::fs::read_to_string(path).expect("the credential").trim());
        let stream = TcpStream::connect(nestr.grpc()).await.expect("a connection");
        let (calls, connection) = builder.handshake(stream).await.expect("HTTP/2");
        Self { calls, connection: tokio::spawn(connection), bearer }
    }

    /// Begins a call: its head is sent, and nothing of its message.
    fn begin(&mut self) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let head = http::Request::post("http://nestr/nestr.directory.v1.UserService/ListUsers")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", &self.bearer);
        self.calls.send_request(head.body(()).expect("a head"), false)
    }

    /// Waits until the server has ended the connection.
    async fn ended(&mut self) {
        let _ = timeout(PATIENCE, &mut self.connection).await.expect("an end").expect("no panic");
    }
}

/// The question for everybody in a workspace, as gRPC frames it.
fn message(workspace_id: &str) -> Bytes {
    let workspace_id = workspace_id.to_owned();
    let ask = v1::ListUsersRequest { workspace_id, page_size: Some(200), ..Default::default() };
    let ask = ask.encode_to_vec();
    let length = u32::try_from(ask.len()).expect("a short message");
    [&[0][..], &length.to_be_bytes(), &ask].concat().into()
}

/// The code with which a call ended.
async fn code(answer: ResponseFuture) -> Code {
    let mut answer = timeout(PATIENCE, answer).await.expect("an answer").expect("a head");
    // In the head when there is no message, else behind it.
    let mut status = answer.headers().get("grpc-status").cloned();
    if status.is_none() {
        while let Some(piece) = answer.body_mut().data().await {
            let length = piece.expect("a piece").len();
            answer.body_mut().flow_control().release_capacity(length).expect("capacity");
        }
        let trailers = answer.body_mut().trailers().await.expect("no reset");
        status = trailers.and_then(|trailers| trailers.get("grpc-status").cloned());
    }
    Code::from_bytes(status.expect("a status").as_bytes())
}

/// Somebody else is served.
async fn serves(operator: &Operator, workspace_id: &str) {
    let workspace_id = workspace_id.to_owned();
    let ask = v1::ListUsersRequest { workspace_id, page_size: Some(1), ..Default::default() };
    let answer = timeout(PATIENCE, operator.users().list_users(ask)).await.expect("an answer");
    answer.expect("people");
}

/// A message in drips, and one that does not come at all, is given up after 5 s.
async fn a_message_in_drips(mut client: Client, pause: Duration) {
    let began = Instant::now();
    let (answer, mut message) = client.begin().expect("a call");
    let dripping = tokio::spawn(async move {
        // A message of 64 KiB is announced.
        message.send_data(Bytes::from_static(&[0, 0, 1, 0, 0]), false).expect("a message");
        while message.send_data(Bytes::from_static(b"x"), false).is_ok() {
            sleep(pause).await;
        }
    });
    let (code, took) = (code(answer).await, began.elapsed());
    dripping.abort();
    assert_ne!(code, Code::Ok);
    assert!((5..25).contains(&took.as_secs()), "{code:?} after {took:?}");
}

/// An answer that is never taken ends the connection after 30 s.
async fn an_answer_that_is_not_read(mut client: Client, workspace_id: String) {
    let (answer, mut ask) = client.begin().expect("a call");
    ask.send_data(message(&workspace_id), true).expect("a message");
    let answer = timeout(PATIENCE, answer).await.expect("a head").expect("no reset");
    let began = Instant::now();
    client.ended().await;
    let took = began.elapsed();
    drop(answer);
    assert!((29..150).contains(&took.as_secs()), "after {took:?}");
}

/// A connection without a call has 75 s, but for one on which none was ever made: that has the 10 s of
/// a head.
async fn a_connection_without_a_call(mut client: Client, workspace_id: String) {
    let (answer, mut ask) = client.begin().expect("a call");
    ask.send_data(message(&workspace_id), true).expect("a message");
    assert_eq!(code(answer).await, Code::Ok);
    let began = Instant::now();
    client.ended().await;
    let took = began.elapsed();
    assert!((60..80).contains(&took.as_secs()), "after {took:?}");
}

/// Each at once with the others, 30 s in all. Seen to fail with the wrapper round the body taken out (the
/// call then has its minute), and with neither writes nor pieces of an answer noted.
#[tokio::test]
async fn slow_clients_of_grpc_are_cut_and_the_others_served() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    for n in 0..12 {
        let nick_name = "x".repeat(50_000);
        let person = json!({ "userName": format!("ada{n}@acme.com"), "nickName": nick_name });
        operator.create_user(&acme.id, &person.to_string()).await;
    }
    let mut slow = JoinSet::new();
    for pause in [Duration::from_millis(50), PATIENCE] {
        slow.spawn(a_message_in_drips(Client::connect(&nestr).await, pause));
    }
    slow.spawn(an_answer_that_is_not_read(Client::connect(&nestr).await, acme.id.clone()));
    if is_long() {
        slow.spawn(a_connection_without_a_call(Client::connect(&nestr).await, acme.id.clone()));
    }
    while !slow.is_empty() {
        serves(&operator, &acme.id).await;
        sleep(Duration::from_millis(200)).await;
        while let Some(ended) = slow.try_join_next() {
            ended.unwrap();
        }
    }
}

/// A hundred calls at a time: those over it are refused, and nobody else is. Seen to fail with 150 allowed.
#[tokio::test]
async fn a_connection_of_grpc_has_a_hundred_calls_at_a_time() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let mut greedy = h2::client::Builder::new();
    greedy.initial_max_send_streams(150);
    let mut client = Client::with(&nestr, &greedy).await;
    let mut calls: Vec<_> = (0..150).map(|_| client.begin().unwrap()).collect();
    for (answer, _) in calls.drain(100..) {
        let refused = timeout(PATIENCE, answer).await.expect("an answer").unwrap_err();
        assert_eq!(refused.reason(), Some(Reason::REFUSED_STREAM), "{refused}");
    }
    serves(&operator, &acme.id).await;
    for (_, ask) in &mut calls {
        ask.send_data(message(&acme.id), true).unwrap();
    }
    for (answer, _) in calls {
        assert_eq!(code(answer).await, Code::Ok);
    }
}

/// Calls that are begun and reset at once end their connection, and nobody else's. Seen to fail with a
/// million of them borne.
#[tokio::test]
async fn a_rapid_reset_ends_a_connection_of_grpc() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let mut client = Client::connect(&nestr).await;
    for number in 1..100_000 {
        if number % 50 == 0 {
            // What was written goes out now, in one burst.
            sleep(Duration::from_millis(1)).await;
        }
        let Ok(calls) = client.calls.clone().ready().await else { break };
        client.calls = calls;
        if let Ok((_, mut ask)) = client.begin() {
            ask.send_reset(Reason::CANCEL);
        }
    }
    let ended = timeout(PATIENCE, &mut client.connection).await.expect("an end").unwrap();
    assert!(ended.is_err(), "the server ends it");
    serves(&operator, &acme.id).await;
}

/// Metadata beyond 16 KiB is answered 431, which gRPC has no code for, and the connection goes on. Seen to
/// fail with 32 KiB allowed.
#[tokio::test]
async fn the_metadata_of_a_call_is_bounded() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let mut users = operator.users();
    for (length, code) in [(15 * 1024, Code::Ok), (17 * 1024, Code::Unknown), (0, Code::Ok)] {
        let workspace_id = acme.id.clone();
        let ask = v1::ListUsersRequest { workspace_id, ..Default::default() };
        let mut ask = tonic::Request::new(ask);
        ask.metadata_mut().insert("x-long", "x".repeat(length).parse().unwrap());
        let answer = users.list_users(ask).await;
        let found = answer.as_ref().map_or_else(tonic::Status::code, |_| Code::Ok);
        assert_eq!(found, code, "{length}: {answer:?}");
    }
}
