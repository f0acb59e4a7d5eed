//! A search that comes as a body (RFC 7644 section 3.4.3): what a query says, as JSON.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use crate::body;
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::query::{Parameters, Search, View};

/// A `SearchRequest` message.
pub(crate) struct SearchRequest {
    pub(crate) search: Search,
    pub(crate) view: View,
}

impl<D: Directory> FromRequest<Gateway<D>> for SearchRequest {
    type Rejection = ScimError;

    async fn from_request(request: Request, gateway: &Gateway<D>) -> Result<Self, ScimError> {
        body::read(request, gateway, |text| read(&text)).await
    }
}

fn read(text: &str) -> Result<SearchRequest, ScimError> {
    let Value::Object(members) = scim::json::parse(text)? else {
        return Err(ScimError::not_a_search());
    };
    let parameters = parameters(members)?;
    Ok(SearchRequest { search: parameters.search()?, view: parameters.view() })
}

/// The members as the parameters that they stand for: null and empty texts say nothing.
fn parameters(members: Map<String, Value>) -> Result<Parameters, ScimError> {
    let mut pairs = Vec::new();
    for (name, value) in members {
        let values = match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        for value in values {
            match value {
                Value::Null => {}
                Value::String(text) if text.is_empty() && !name.eq_ignore_ascii_case("cursor") => {}
                Value::String(text) => pairs.push((name.clone(), text)),
                Value::Number(number) => pairs.push((name.clone(), number.to_string())),
                Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(ScimError::not_a_search());
                }
            }
        }
    }
    Ok(Parameters(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_what_a_query_says() {
        let read = read(
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "attributes":["displayName","userName"],"EXCLUDEDATTRIBUTES":"members, groups",
                "filter":"displayName sw \"smith\"","startIndex":1,"count":"10","sortBy":null,
                "cursor":""}"#,
        );
        let SearchRequest { search, view } = read.expect("a search");
        assert_eq!(search.filter, r#"displayName sw "smith""#);
        assert_eq!((search.start_index, search.count), (Some(1), Some(10)));
        assert_eq!((search.cursor.as_deref(), search.order()), (Some(""), None));
        assert_eq!(view.attributes, ["displayName", "userName"]);
        assert_eq!(view.excluded_attributes, ["members", "groups"]);
    }

    #[test]
    fn what_is_no_search_is_refused() {
        for text in ["[]", "7", r#"{"filter":{}}"#, r#"{"count":true}"#, r#"{"count":1.5}"#, "{"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("{}").is_ok());
    }
}
