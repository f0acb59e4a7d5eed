//! Claims of domains: how many, and of which length.

use directory_api::v1::DomainState;
use directory_api::v1::domain_service_client::DomainServiceClient;

use super::*;

impl House {
    /// Sends `ask` with the operator's credential over the router that the socket serves.
    pub(super) fn domains(
        &self,
    ) -> DomainServiceClient<
        impl tonic::client::GrpcService<
            tonic::body::Body,
            Error = std::convert::Infallible,
            ResponseBody = axum::body::Body,
            Future: Send,
        > + Clone,
    > {
        let router = self.router.clone();
        DomainServiceClient::new(tower::service_fn(move |mut request: http::Request<_>| {
            use tower::ServiceExt;
            let bearer = http::HeaderValue::from_static("Bearer secret");
            request.headers_mut().insert("authorization", bearer);
            router.clone().oneshot(request)
        }))
    }

    pub(super) async fn claim(&self, domains: &str) -> Result<Vec<v1::ClaimOutcome>, Status> {
        let (workspace_id, domains) = (self.demo.workspace_id.to_string(), domains.to_owned());
        let contact_email = String::new();
        let ask = v1::ClaimDomainsRequest { workspace_id, domains, contact_email };
        Ok(self.domains().claim_domains(ask).await?.into_inner().outcomes)
    }
}

fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> Reason {
    Reason::of(&answer.unwrap_err()).unwrap()
}

/// A hundred at a time and a thousand in all; those that are there may be claimed again. The demo workspace
/// has one to begin with.
#[tokio::test]
async fn claims_are_bounded_at_once_and_in_all() {
    let house = House::new().await;
    let text = |from: usize, count: usize| {
        (from..from + count).map(|n| format!("d{n}.example")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(reason(house.claim(&text(0, 101)).await), Reason::InvalidArgument);
    assert_eq!(reason(house.claim(" ,; ").await), Reason::InvalidArgument);
    for hundred in 0..9 {
        assert_eq!(house.claim(&text(hundred * 100, 100)).await.unwrap().len(), 100);
    }
    assert_eq!(house.claim(&text(900, 99)).await.unwrap().len(), 99);
    assert_eq!(reason(house.claim(&text(999, 1)).await), Reason::TooMany);
    let again = house.claim(&text(900, 99)).await.unwrap();
    assert!(again.iter().all(|outcome| outcome.state() == DomainState::Pending));
}

#[tokio::test]
async fn a_reason_is_needed_and_bounded() {
    let house = House::new().await;
    house.claim("acme.org").await.unwrap();
    let (workspace_id, domain) = (house.demo.workspace_id.to_string(), "acme.org".to_owned());
    let reject = |reason: String| v1::RejectDomainRequest {
        workspace_id: workspace_id.clone(),
        domain: domain.clone(),
        reason,
    };
    for bad in [String::new(), "  ".to_owned(), "x".repeat(1_001)] {
        let rejected = house.domains().reject_domain(reject(bad)).await;
        assert_eq!(reason(rejected), Reason::InvalidArgument);
    }
    house.domains().reject_domain(reject("x".repeat(1_000))).await.unwrap();
}
