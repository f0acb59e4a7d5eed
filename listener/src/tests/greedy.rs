//! Clients that open more than they may, and clients that are slow inside TLS.

use super::*;

/// How many requests a connection of HTTP/2 may have under way (`connection::STREAMS`).
const STREAMS: usize = 100;

/// More streams than are allowed, sent before the server could say how many that are: those over it
/// are refused, the others answered. Seen to fail with twice the streams allowed.
#[tokio::test]
async fn streams_over_the_limit_are_refused_and_the_others_answered() {
    let server = start(patience()).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_max_send_streams(STREAMS + 50);
    let (client, connection) = builder.handshake::<_, Bytes>(server.connect().await).await.unwrap();
    // All are begun before the connection reads its first word.
    let mut client = client.ready().await.unwrap();
    let answers: Vec<_> = (0..STREAMS + 50)
        .map(|_| {
            let ask = http::Request::get("http://x/slow").body(()).unwrap();
            client.send_request(ask, true).unwrap().0
        })
        .collect();
    let connection = tokio::spawn(connection);
    let (mut answered, mut refused) = (0, 0);
    for answer in answers {
        match timeout(LONG, answer).await.expect("an answer") {
            Ok(answer) => answered += usize::from(answer.status().is_success()),
            Err(error) => {
                assert_eq!(error.reason(), Some(h2::Reason::REFUSED_STREAM), "{error}");
                refused += 1;
            }
        }
    }
    assert_eq!((answered, refused), (STREAMS, 50));
    // A client that was told waits for its turn, and the connection goes on.
    let mut late = Vec::new();
    for _ in 0..STREAMS + 50 {
        client = client.ready().await.unwrap();
        let ask = http::Request::get("http://x/slow").body(()).unwrap();
        late.push(client.send_request(ask, true).unwrap().0);
    }
    for answer in late {
        assert!(timeout(LONG, answer).await.expect("an answer").unwrap().status().is_success());
    }
    connection.abort();
}

/// A connection to `server` inside TLS.
async fn secured(server: &Server, made: &CertifiedKey<rcgen::KeyPair>) -> impl Connected {
    connector(made, None)
        .connect(ServerName::try_from("scim.example").unwrap(), server.connect().await)
        .await
        .unwrap()
}

trait Connected: AsyncReadExt + AsyncWriteExt + Unpin + Send + 'static {}
impl<S: AsyncReadExt + AsyncWriteExt + Unpin + Send + 'static> Connected for S {}

/// A server inside TLS, and its certificate.
async fn secure(patience: Patience) -> (Server, CertifiedKey<rcgen::KeyPair>, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let (files, made) = certificate(dir.path(), "scim.example");
    let caps = ListenerConfig { max_connections: 9, max_connections_per_address: 0 };
    let tls = Arc::new(Tls::load(files).unwrap());
    (start_with(patience, caps, Some(tls)).await, made, dir)
}

/// Heads, bodies and answers have their time inside TLS as outside. Seen to fail, by not ending, with
/// the body's wrapper taken out (first two), and with neither writes nor pieces noted (last).
#[tokio::test]
async fn slow_clients_are_cut_inside_tls_too() {
    let head = "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n";
    let too_slow = Patience { body_grace: LIMIT, ..patience() };
    let too_long = Patience { body: LIMIT, ..patience() };
    for patience in [too_slow, too_long] {
        let (server, made, _dir) = secure(patience).await;
        let (mut read, mut write) = tokio::io::split(secured(&server, &made).await);
        let began = Instant::now();
        write.write_all(head.as_bytes()).await.unwrap();
        let dripping = tokio::spawn(async move {
            while write.write_all(b"x").await.is_ok() && write.flush().await.is_ok() {
                sleep(Duration::from_millis(20)).await;
            }
        });
        let said = is_cut(began, &mut read).await;
        assert!(said.ends_with("no body"), "{said}");
        dripping.abort();
    }

    let (server, made, _dir) = secure(Patience { head: LIMIT, ..patience() }).await;
    let mut stream = secured(&server, &made).await;
    let began = Instant::now();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let said = rest(&mut stream).await;
    assert!(began.elapsed() < BOUND, "{:?}: {said}", began.elapsed());

    let patience = Patience { stalled: LIMIT, head: LIMIT, ..patience() };
    let (server, made, _dir) = secure(patience).await;
    for path in ["/large", "/pieces"] {
        let mut stream = secured(&server, &made).await;
        let ask = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        sleep(BOUND).await;
        let mut said = Vec::new();
        let _ = timeout(LONG, stream.read_to_end(&mut said)).await.expect("an end");
        assert!(said.len() < LARGE, "all of it was sent");
    }
}

/// A connection of HTTP/2 is asked to end when it is old: what is under way is answered, and nothing new is
/// taken. One of HTTP/1 goes on. Seen to fail, by not ending, without the age.
#[tokio::test]
async fn an_old_connection_is_ended_and_its_answers_are_not() {
    let server = start(Patience { age: LIMIT, ..patience() }).await;
    let (mut client, connection) = h2::client::handshake(server.connect().await).await.unwrap();
    let connection = tokio::spawn(connection);
    let began = Instant::now();
    let mut answered = 0;
    // Each takes 300 ms: the connection grows old under one of them.
    loop {
        match client.ready().await {
            Ok(ready) => client = ready,
            Err(_) => break,
        }
        let ask = http::Request::get("http://x/slow").body(()).unwrap();
        let Ok((answer, _)) = client.send_request(ask, true) else { break };
        match timeout(LONG, answer).await.expect("an answer") {
            Ok(answer) => assert!(answer.status().is_success()),
            // It came too late, and was not begun.
            Err(error) => {
                assert!(error.is_remote() || error.is_go_away(), "{error}");
                break;
            }
        }
        answered += 1;
    }
    assert!(answered > 0);
    let ended = timeout(LONG, connection).await.expect("an end").unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    let took = began.elapsed();
    assert!(LIMIT <= took && took < BOUND, "{took:?}");

    let mut stream = server.connect().await;
    sleep(LIMIT * 2).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("here\n"));
}

/// Nobody holds an old connection by an answer that never ends. Seen to fail, by not ending, without the
/// grace.
#[tokio::test]
async fn an_old_connection_is_cut_after_its_grace() {
    let server = start(Patience { age: LIMIT, age_grace: LIMIT, ..patience() }).await;
    let (client, connection) = h2::client::handshake(server.connect().await).await.unwrap();
    let began = Instant::now();
    let mut client = client.ready().await.unwrap();
    let ask = http::Request::get("http://x/large").body(()).unwrap();
    let _answer = client.send_request(ask, true).unwrap();
    let _ = timeout(LONG, connection).await.expect("an end");
    let took = began.elapsed();
    assert!(LIMIT * 2 <= took && took < BOUND * 2, "{took:?}");
}
