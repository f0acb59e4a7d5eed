//! RFC 7644 section 3.4.2.3: sorting. Orders, letter case and refusals: `lists.rs`.

use serde_json::json;

use super::{names, user};
use crate::harness::Nestr;

/// "if there is no data for the specified 'sortBy' value ... they are ordered last if ascending and first
/// if descending"; of several values that of the primary one counts, "or else the first"; "If
/// 'sortOrder' is not specified, 'sortOrder' SHALL default to ascending."
#[tokio::test]
async fn who_has_no_value_is_last_upwards_and_first_downwards() {
    let acme = Nestr::start().await.acme();
    let phones = |values: [(&str, bool); 2]| {
        let phone = |(value, primary): (&str, bool)| json!({"value": value, "primary": primary});
        json!({"phoneNumbers": values.map(phone)})
    };
    user(&acme, "none", json!({})).await;
    user(&acme, "two", phones([("9", false), ("2", true)])).await;
    user(&acme, "one", phones([("1", false), ("7", false)])).await;
    let sorted =
        async |order: &str| names(&acme.get(&format!("/Users?sortBy=phoneNumbers{order}")).await);
    assert_eq!(sorted("").await, ["one", "two", "none"]);
    assert_eq!(sorted("&sortOrder=ascending").await, ["one", "two", "none"]);
    assert_eq!(sorted("&sortOrder=descending").await, ["none", "two", "one"]);
    assert_eq!(sorted(".value&sortOrder=DESCENDING&count=1").await, ["none"]);
}
