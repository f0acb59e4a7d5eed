//! An authoritative DNS server: what it says of a name changes while it runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::net::xfer::Protocol;
use hickory_server::proto::op::{Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{CNAME, SOA, TXT};
use hickory_server::proto::rr::{Name, RData, Record, RecordType};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use tokio::net::{TcpListener, UdpSocket};

/// The server, on a free port of UDP and TCP; it goes with this.
pub(crate) struct Dns {
    at: SocketAddr,
    zone: Zone,
    _serving: Server<Zone>,
}

/// What the server says of a name. Of one that was never spoken of it says that it does not exist.
#[derive(Clone, Debug)]
pub(crate) enum Says {
    /// These TXT records, each in as many strings as it needs.
    Txt(Vec<String>),
    /// The name stands for another.
    Alias(&'static str),
    /// The name exists and has no TXT record.
    Nothing,
    /// Whoever knows is elsewhere.
    Referral,
    /// SERVFAIL.
    Failure,
    /// No answer at all.
    Silence,
}

/// A question that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) over_tcp: bool,
}

#[derive(Clone, Default)]
struct Zone(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    names: BTreeMap<String, Says>,
    asked: Vec<Asked>,
}

impl Dns {
    pub(crate) async fn start() -> Self {
        let zone = Zone::default();
        let mut server = Server::new(zone.clone());
        let (udp, tcp) = sockets().await;
        let at = udp.local_addr().expect("an address");
        server.register_socket(udp);
        server.register_listener(tcp, Duration::from_secs(10), 16);
        Self { at, zone, _serving: server }
    }

    /// Where it is, for `--dns-server`.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    /// From now on it says this of a name.
    pub(crate) fn says(&self, name: &str, says: Says) {
        self.zone.known().names.insert(name.to_owned(), says);
    }

    /// From now on a name has these TXT records.
    pub(crate) fn publish(&self, name: &str, values: &[&str]) {
        self.says(name, Says::Txt(values.iter().map(|&value| value.to_owned()).collect()));
    }

    /// From now on a name does not exist.
    pub(crate) fn withdraw(&self, name: &str) {
        self.zone.known().names.remove(name);
    }

    /// The questions so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.zone.known().asked.clone()
    }
}

/// One free port for both.
async fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("an address")).await {
            return (udp, tcp);
        }
    }
}

impl Zone {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a question, and says what there is to say.
    fn hear(&self, name: &str, over_tcp: bool) -> Option<Says> {
        let mut known = self.known();
        known.asked.push(Asked { name: name.to_owned(), over_tcp });
        known.names.get(name).cloned()
    }
}

#[tonic::async_trait]
impl RequestHandler for Zone {
    async fn handle_request<R: ResponseHandler, T: Time>(
        &self,
        request: &Request,
        mut to: R,
    ) -> ResponseInfo {
        let asked = request.request_info().expect("one question");
        let of: Name = asked.query.name().into();
        let name = asked.query.name().to_string();
        let says = self.hear(name.trim_end_matches('.'), asked.protocol == Protocol::Tcp);
        let mut head = Metadata::response_from_request(&request.metadata);
        head.authoritative = true;
        let record = |data| Record::from_rdata(of.clone(), 60, data);
        let (mut answers, mut authorities) = (Vec::new(), Vec::new());
        match says {
            Some(Says::Txt(values)) if asked.query.query_type() == RecordType::TXT => {
                answers.extend(values.iter().map(|value| record(RData::TXT(txt(value)))));
            }
            Some(Says::Alias(target)) => {
                let target = Name::from_ascii(target).expect("a name");
                answers.push(record(RData::CNAME(CNAME(target))));
            }
            Some(Says::Referral) => {
                let elsewhere = Name::from_ascii("ns.elsewhere.example.").expect("a name");
                let elsewhere = hickory_server::proto::rr::rdata::NS(elsewhere);
                head.authoritative = false;
                authorities.push(record(RData::NS(elsewhere)));
            }
            Some(Says::Failure) => head.response_code = ResponseCode::ServFail,
            // The metadata of an answer that is never sent.
            Some(Says::Silence) => std::future::pending().await,
            Some(Says::Txt(_) | Says::Nothing) => authorities.push(record(soa())),
            None => {
                head.response_code = ResponseCode::NXDomain;
                authorities.push(record(soa()));
            }
        }
        let answer = MessageResponseBuilder::from_message_request(request);
        let answer = answer.build(head, &answers, &authorities, &[], &[]);
        to.send_response(answer).await.expect("the answer is sent")
    }
}

/// A value in strings of 255 bytes at most, as a zone has to have it.
fn txt(value: &str) -> TXT {
    TXT::from_bytes(value.as_bytes().chunks(255).collect())
}

fn soa() -> RData {
    let name = || Name::from_ascii("ns.example.").expect("a name");
    RData::SOA(SOA::new(name(), name(), 1, 3600, 600, 86_400, 60))
}
