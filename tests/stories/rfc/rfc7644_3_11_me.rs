//! RFC 7644 section 3.11: `/Me`.

use crate::harness::Nestr;

/// "A service provider that does NOT support this feature SHOULD respond with HTTP status code 501 (Not
/// Implemented)": behind a key of the API there is nobody.
#[tokio::test]
async fn me_is_not_implemented_by_whatever_method() {
    let acme = Nestr::start().await.acme();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let answer = acme.send(acme.ask(method, "/Me").scim("{}")).await;
        let detail = answer.refused(501, "");
        assert!(detail.contains("/Users/"), "{detail}");
    }
}
