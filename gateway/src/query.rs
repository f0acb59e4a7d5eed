//! The query of a request (RFC 7644 sections 3.4.2 and 3.9), in every dialect seen.
//!
//! Names come in any letter case, `+` is a blank, unknown parameters are ignored. The flag
//! `aadOptscim062020`, which admins paste with the Tenant URL, may stand anywhere and means nothing.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use directory_api::v1;
use directory_api::v1::view::Format;

use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::path::percent_decoded;

/// The feature flag of Entra, as it ends up in queries.
const FLAG: &str = "aadOptscim062020";

/// What of a resource is wanted: `attributes` and `excludedAttributes`. A name that is in no schema
/// is the directory's to ignore.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct View {
    pub(crate) attributes: Vec<String>,
    pub(crate) excluded_attributes: Vec<String>,
}

impl From<View> for v1::View {
    fn from(view: View) -> Self {
        let View { attributes, excluded_attributes } = view;
        let format = Format::ScimJson.into();
        Self { attributes, excluded_attributes, format, read_mask: None }
    }
}

impl<D: Directory> FromRequestParts<Gateway<D>> for View {
    type Rejection = ScimError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Gateway<D>,
    ) -> Result<Self, ScimError> {
        match Parameters::read(parts.uri.query()) {
            Ok(parameters) => Ok(parameters.view()),
            Err(complaint) => Err(gateway.complain(parts, complaint).await),
        }
    }
}

/// Which resources are wanted, and which of them first.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Search {
    /// A SCIM filter; empty when none was sent.
    pub(crate) filter: String,
    /// From 1, as RFC 7644 section 3.4.2.4 counts; what is below means 1.
    pub(crate) start_index: Option<u32>,
    /// Below 0 means 0, which asks for the total alone.
    pub(crate) count: Option<u32>,
    /// Where to go on; empty begins, and absent pages by index (RFC 9865 section 2).
    pub(crate) cursor: Option<String>,
    /// What to sort by; empty when nothing was said.
    pub(crate) sort_by: String,
    /// `ascending`, `descending`, or empty.
    pub(crate) sort_order: String,
}

impl Search {
    /// The order as the directory takes it.
    pub(crate) fn order(&self) -> Option<v1::Order> {
        let (sort_by, sort_order) = (self.sort_by.clone(), self.sort_order.clone());
        (!sort_by.is_empty()).then_some(v1::Order { sort_by, sort_order })
    }
}

impl<D: Directory> FromRequestParts<Gateway<D>> for Search {
    type Rejection = ScimError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Gateway<D>,
    ) -> Result<Self, ScimError> {
        match Parameters::read(parts.uri.query()).and_then(|parameters| parameters.search()) {
            Ok(search) => Ok(search),
            Err(complaint) => Err(gateway.complain(parts, complaint).await),
        }
    }
}

/// A query that asks for all there is. Of what describes the service every parameter but a filter is
/// ignored (RFC 7644 section 4).
pub(crate) struct Unfiltered;

impl<D: Directory> FromRequestParts<Gateway<D>> for Unfiltered {
    type Rejection = ScimError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Gateway<D>,
    ) -> Result<Self, ScimError> {
        let parameters = Parameters::read(parts.uri.query());
        if parameters.is_ok_and(|parameters| parameters.all("filter").next().is_some()) {
            return Err(gateway.complain(parts, ScimError::unfiltered()).await);
        }
        Ok(Self)
    }
}

/// The parameters, decoded.
pub(crate) struct Parameters(pub(crate) Vec<(String, String)>);

impl Parameters {
    fn read(query: Option<&str>) -> Result<Self, ScimError> {
        let decoded = |text: &str| {
            percent_decoded(&text.replace('+', " ")).ok_or_else(ScimError::query_encoding)
        };
        let pairs = query.unwrap_or_default().split('&').map(without_flag);
        let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(name)?, decoded(value)?))
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn view(&self) -> View {
        View {
            attributes: self.names("attributes"),
            excluded_attributes: self.names("excludedAttributes"),
        }
    }

    pub(crate) fn search(&self) -> Result<Search, ScimError> {
        let filter = self.one("filter")?;
        if filter.is_some_and(|filter| filter.trim().is_empty()) {
            return Err(ScimError::empty_filter());
        }
        Ok(Search {
            filter: filter.unwrap_or_default().to_owned(),
            start_index: self.number("startIndex", 1)?,
            count: self.number("count", 0)?,
            cursor: self.one("cursor")?.map(str::to_owned),
            sort_by: self.one("sortBy")?.unwrap_or_default().to_owned(),
            sort_order: self.one("sortOrder")?.unwrap_or_default().to_owned(),
        })
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(of, _)| of.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that means something only once.
    fn one(&self, name: &'static str) -> Result<Option<&str>, ScimError> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() { Err(ScimError::repeated(name)) } else { Ok(first) }
    }

    /// The comma-separated names of every parameter `name`.
    fn names(&self, name: &'static str) -> Vec<String> {
        let names = self.all(name).flat_map(|value| value.split(',')).map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }

    /// A whole number, at least `least`. One that is too large for us is as large as can be.
    fn number(&self, name: &'static str, least: u32) -> Result<Option<u32>, ScimError> {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        let number = match text.trim().parse::<i64>() {
            Ok(number) => u32::try_from(number.max(0)).unwrap_or(u32::MAX),
            Err(error) if *error.kind() == PosOverflow => u32::MAX,
            Err(error) if *error.kind() == NegOverflow => 0,
            Err(_) => return Err(ScimError::not_a_number(name)),
        };
        Ok(Some(number.max(least)))
    }
}

/// A piece of the query (what stands between two `&`) without Entra's flag. A client that appends
/// its own query to a Tenant URL that has one already sends `aadOptscim062020?filter=...`, one that
/// appends the flag sends `filter=...?aadOptscim062020`.
fn without_flag(mut piece: &str) -> &str {
    while let Some(rest) = after_flag(piece) {
        piece = rest.split_once('?').map_or("", |(_, appended)| appended);
    }
    match piece.rsplit_once('?') {
        Some((before, last)) if after_flag(last).is_some_and(is_flag_value) => before,
        _ => piece,
    }
}

/// What follows the flag's name in a text that begins with it.
fn after_flag(text: &str) -> Option<&str> {
    let (name, rest) = text.split_at_checked(FLAG.len())?;
    let ends = rest.is_empty() || rest.starts_with(['=', '?']);
    (ends && name.eq_ignore_ascii_case(FLAG)).then_some(rest)
}

/// Whether `rest` is no more than a value of the flag, such as `=true`. If not, what looks like the
/// flag is text within a filter.
fn is_flag_value(rest: &str) -> bool {
    rest.strip_prefix('=').unwrap_or(rest).bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(query: &str) -> Option<Search> {
        Parameters::read(Some(query)).and_then(|parameters| parameters.search()).ok()
    }

    fn view(query: &str) -> View {
        Parameters::read(Some(query)).expect("a query").view()
    }

    #[test]
    fn the_flag_disturbs_no_filter_wherever_it_stands() {
        let meant = r#"userName eq "x""#;
        let filter = "filter=userName%20eq%20%22x%22";
        for query in [
            filter.to_owned(),
            format!("aadOptscim062020&{filter}"),
            format!("aadOptSCIM062020=true&{filter}"),
            format!("aadOptscim062020?{filter}"),
            format!("aadOptscim062020=true?{filter}"),
            format!("AADOPTSCIM062020?aadOptscim062020?{filter}"),
            format!("{filter}&aadOptscim062020"),
            format!("{filter}?aadOptscim062020"),
            format!("{filter}?aadOptscim062020=true"),
            format!("&&{filter}&"),
        ] {
            let found = search(&query);
            assert_eq!(found.map(|search| search.filter).as_deref(), Some(meant), "{query}");
        }
    }

    #[test]
    fn a_question_mark_in_a_filter_stays() {
        for filter in [
            r#"displayName eq "who?""#,
            r#"displayName eq "?aadOptscim062020""#,
            r#"displayName eq "?aadOptscim062020=x""#,
        ] {
            let found = search(&format!("filter={filter}"));
            assert_eq!(found.map(|search| search.filter).as_deref(), Some(filter));
        }
    }

    #[test]
    fn a_plus_is_a_blank_and_an_encoded_plus_is_a_plus() {
        let found = search("FILTER=emails+eq+%22a%2Bb@acme.com%22").expect("a query");
        assert_eq!(found.filter, r#"emails eq "a+b@acme.com""#);
    }

    #[test]
    fn numbers_are_held_to_their_range() {
        for (query, start_index, count) in [
            ("", None, None),
            ("startIndex=5&count=10", Some(5), Some(10)),
            ("STARTINDEX=0&Count=0", Some(1), Some(0)),
            ("startIndex=-7&count=-1", Some(1), Some(0)),
            ("startIndex=99999999999999999999&count=5000000000", Some(u32::MAX), Some(u32::MAX)),
            ("startIndex=-99999999999999999999", Some(1), None),
            ("unknown=x&x", None, None),
        ] {
            let meant = Search { start_index, count, ..Search::default() };
            assert_eq!(search(query), Some(meant), "{query}");
        }
    }

    #[test]
    fn an_order_and_a_cursor_are_read() {
        let found = search("sortby=name.familyName&SORTORDER=descending&cursor=").expect("a query");
        assert_eq!(
            (found.sort_by.as_str(), found.cursor.as_deref()),
            ("name.familyName", Some(""))
        );
        let order = found.order().expect("an order");
        assert_eq!(
            (order.sort_by.as_str(), order.sort_order.as_str()),
            ("name.familyName", "descending")
        );
        assert_eq!(search("sortOrder=descending").expect("a query").order(), None);
        assert_eq!(search("cursor=AbC_-").expect("a query").cursor.as_deref(), Some("AbC_-"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in [
            "count=ten",
            "count=",
            "count=1.5",
            "startIndex=1;drop",
            "filter=",
            "filter=+",
            "filter=%zz",
            "filter=%ff",
            "x=%",
            "filter=a&filter=b",
            "count=1&COUNT=2",
            "cursor=a&cursor=b",
            "sortBy=a&sortBy=b",
        ] {
            assert_eq!(search(query), None, "{query}");
        }
    }

    #[test]
    fn names_of_attributes_may_be_listed_and_repeated() {
        let found =
            view("attributes=userName,%20emails.value,&Attributes=name&excludedattributes=roles");
        assert_eq!(found.attributes, ["userName", "emails.value", "name"]);
        assert_eq!(found.excluded_attributes, ["roles"]);
        assert_eq!(view("attributes="), View::default());
    }
}
