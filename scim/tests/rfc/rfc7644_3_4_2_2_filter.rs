//! RFC 7644 section 3.4.2.2, requirement by requirement: each test quotes, in short, what it shows.

use scim::ErrorKind::{InvalidFilter, TooMany};
use scim::filter::parse;
use scim::{Error, limits};
use serde_json::{Value, json};

use crate::laws::{ACME, SCHEMAS};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn ada() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": "0190", "externalId": "Ext-1",
        "meta": {"resourceType": "User", "created": "2011-05-13T04:42:34Z",
            "lastModified": "2011-05-13T04:42:34.5Z", "version": "W/\"1\""},
        "userName": "bjensen", "userType": "Employee", "title": "", "active": true, "roles": [],
        "name": {"familyName": "O'Malley", "givenName": "Zoë"},
        "emails": [
            {"value": "b@example.com", "type": "work", "primary": true},
            {"value": "b@home.org", "type": "home"}],
        "ims": [{"value": "x@foo.com", "type": "xmpp"}],
        (ENTERPRISE): {"department": "Engines", "manager": {"value": "42"}},
        (ACME): {"badge": 7, "rate": 1.5, "hired": "2016-12-31T23:59:60Z", "key": "Zm9v",
            "site": "https://a.example/X", "remote": false, "labels": ["a", "B"], "rooms": [1, 20],
            "desks": [{"value": 3, "since": "2024-01-02T24:00:00Z"}]}
    })
}

fn asks(filter: &str) -> Result<bool, Error> {
    Ok(parse(filter)?.bind(SCHEMAS.user())?.matches(&ada()))
}

fn finds(filter: &str) -> bool {
    asks(filter).unwrap_or_else(|error| panic!("{filter}: {error}"))
}

#[track_caller]
fn all_find(filters: &[&str]) {
    for filter in filters {
        assert!(finds(filter), "{filter}");
    }
}

#[track_caller]
fn none_finds(filters: &[&str]) {
    for filter in filters {
        assert!(!finds(filter), "{filter}");
    }
}

#[track_caller]
fn refused(filter: &str, position: usize, why: &str) {
    let error = asks(filter).expect_err(filter);
    assert_eq!(error.kind, InvalidFilter, "{filter}");
    assert!(error.detail.contains(&format!("t character {position}: ")), "{filter}: {error}");
    assert!(error.detail.contains(why), "{filter}: {error}");
}

/// `...` with the extension's URN before a name that begins with a colon.
fn acme(filter: &str) -> String {
    filter.replace(" :", &format!(" {ACME}:")).trim().to_owned()
}

/// Table 3, `eq`: "the attribute and operator values must be identical for a match."
#[test]
fn eq() {
    all_find(&[
        r#"userName eq "bjensen""#,
        "active eq true",
        &acme(" :badge eq 7"),
        &acme(" :rate eq 1.5"),
        r#"meta.created eq "2011-05-13T06:42:34+02:00""#,
        &acme(r#" :key eq "Zm9v""#),
        &acme(" :rooms eq 20"),
    ]);
    none_finds(&[r#"userName eq "bjense""#, "active eq false", &acme(" :badge eq 8")]);
}

/// Table 3, `ne`: "the attribute and operator values are not identical."
#[test]
fn ne() {
    all_find(&[r#"userName ne "x""#, r#"nickName ne "x""#, "active ne false"]);
    none_finds(&[r#"userName ne "BJENSEN""#, "active ne true", r#"emails.type ne "home""#]);
}

/// Table 3, `co`, `sw`, `ew`: "the entire operator value must be a substring of the attribute value",
/// "at the beginning", "at the end"; "this criterion is satisfied if the two strings are identical".
#[test]
fn co_sw_and_ew() {
    all_find(&[
        r#"userName co "jens" and userName co "bjensen" and userName co """#,
        r#"userName sw "BJ" and userName sw "bjensen""#,
        r#"userName ew "SEN" and userName ew "bjensen""#,
        r#"name.familyName co "O'Malley""#,
        &acme(r#" :labels sw "b""#),
        &acme(r#" :site co "EXAMPLE/x""#),
    ]);
    none_finds(&[
        r#"userName co "bjensens""#,
        r#"userName sw "jensen""#,
        r#"userName ew "bjens""#,
        r#"nickName co """#,
    ]);
}

/// Table 3, `pr`: "if the attribute has a non-empty or non-null value, or if it contains a non-empty node
/// for complex attributes, there is a match." RFC 7643 section 2.5: null and an empty array are none.
#[test]
fn pr() {
    all_find(&["userName pr", "name pr", "emails pr", "emails.primary pr", "active pr"]);
    all_find(&[
        &format!("{ENTERPRISE} pr"),
        &acme(" :remote pr"),
        r#"ims[type eq "xmpp"].value pr"#,
    ]);
    none_finds(&[
        "nickName pr",
        "roles pr",
        "name.middleName pr",
        "emails.display pr",
        "groups pr",
    ]);
}

/// Table 3, `gt`, `ge`, `lt`, `le`: "string types, a lexicographical comparison [...] `DateTime` types, a
/// chronological comparison [...] Integer attributes, a comparison by numeric value."
#[test]
fn order() {
    all_find(&[
        r#"userName gt "bjensem" and userName ge "bjensen" and userName lt "bjenseo""#,
        r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
        r#"meta.lastModified le "2011-05-13T00:42:34.500-04:00""#,
        &acme(" :badge gt 6 and :badge ge 7 and :badge lt 10 and :badge le 7.0")
            .replace("and :", &format!("and {ACME}:")),
        &acme(" :rate lt 2"),
        &acme(r#" :hired ge "2017-01-01T00:00:00Z""#),
        &acme(r#" :desks[since eq "2024-01-03T00:00:00Z"]"#),
        &acme(" :rooms gt 19"),
    ]);
    none_finds(&[
        &acme(" :badge gt 7"),
        r#"nickName gt "" or nickName le """#,
        &acme(" :badge lt -0"),
    ]);
}

/// "Boolean and Binary attributes SHALL cause a failed response (HTTP status code 400) with \"scimType\"
/// of \"invalidFilter\"", with gt, ge, lt and le.
#[test]
fn booleans_and_bytes_have_no_order() {
    for op in ["gt", "ge", "lt", "le", "co", "sw", "ew"] {
        refused(&format!("active {op} true"), 1, "`active`");
        refused(&format!("title pr and {ACME}:key {op} \"Zm9v\""), 14, "key`");
    }
    for op in ["co", "sw", "ew"] {
        refused(&format!("{ACME}:badge {op} 7"), 1, "integer");
        refused(&format!("meta.created {op} \"2011\""), 1, "dateTime");
    }
}

/// Table 4 and "grouping > logical > attribute operators": `not` binds closest, then `and`, then `or`.
#[test]
fn and_or_not_and_grouping() {
    for (filter, meant) in [
        ("a pr or b pr and c pr", "a pr or (b pr and c pr)"),
        ("a pr and b pr or c pr", "(a pr and b pr) or c pr"),
        ("not (a pr) and b pr", "(not (a pr)) and b pr"),
        ("not (a pr or b pr) or c pr", "(not (a pr or b pr)) or c pr"),
        ("a pr and b pr and c pr or d pr and e pr", "(a pr and b pr and c pr) or (d pr and e pr)"),
    ] {
        assert_eq!(parse(filter), parse(meant), "{filter}");
    }
    assert_ne!(parse("(a pr or b pr) and c pr"), parse("a pr or b pr and c pr"));
    all_find(&[
        r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
        r#"userType ne "Intern" and not (emails co "nowhere")"#,
        "active eq true or nickName pr and nickName pr",
        "not (not (active eq true))",
        "((((active eq true))))",
    ]);
    none_finds(&["(active eq true or nickName pr) and nickName pr", "not (active eq true)"]);
}

/// "Complex attribute filter grouping": `emails[type eq "work" and value co "@example.com"]`, one value
/// passing the whole filter.
#[test]
fn value_paths() {
    all_find(&[
        r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "aim"]"#,
        r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
        r#"emails[type eq "home" and not (primary eq true)]"#,
        r#"emails[(type eq "x" or type eq "home") and value ew ".org"]"#,
        r#"emails[type eq "work"].value eq "B@example.com""#,
        r#"emails.type eq "home" and emails.value co "example.com""#,
        &format!(r#"{ENTERPRISE}:manager[value eq "42"]"#),
        r#"name[familyName sw "O" and givenName pr]"#,
    ]);
    none_finds(&[
        r#"emails[type eq "home" and value co "@example.com"]"#,
        r#"emails[type eq "home"].value eq "b@example.com""#,
    ]);
    refused(r#"title pr or emails[type eq "work" and colour eq "x"]"#, 39, "`colour`");
    refused(r#"emails[type eq "work"].colour pr"#, 1, "`colour`");
    refused(r#"userName[value eq "x"]"#, 1, "`userName`");
    refused(r#"emails.value[type eq "work"]"#, 13, "sub-attribute");
    refused("emails[", 8, "name of an attribute");
    refused("emails[]", 8, "name of an attribute");
    refused(r#"emails[type eq "work""#, 22, "`]`");
}

/// "Attribute names and attribute operators used in filters are case insensitive." So are, as clients
/// have it, the words of literals.
#[test]
fn letter_case() {
    all_find(&[
        r#"USERNAME EQ "bjensen""#,
        r#"userName Eq "bjensen" And Active eQ True"#,
        r#"NOT (nickname PR) OR Title eq "x""#,
        "active eq TRUE and nickName eq NULL and active ne False",
        &format!("{}:DEPARTMENT eq \"engines\"", ENTERPRISE.to_uppercase()),
    ]);
}

/// Values compare by the attribute's `caseExact`: userName not, externalId and id do.
#[test]
fn letter_case_of_values() {
    all_find(&[
        r#"userName eq "BJensen""#,
        r#"externalId eq "Ext-1""#,
        r#"name.givenName eq "ZOE\u0308""#,
    ]);
    none_finds(&[r#"externalId eq "EXT-1""#, r#"id ne "0190""#]);
}

/// Section 3.10: "[...] prefixed with its schema URN and \":\"", also with sub-attributes.
#[test]
fn attributes_with_their_urn() {
    all_find(&[
        r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "b""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:name.familyName co "mall""#,
        r#"urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "work"].value pr"#,
        &format!(r#"{ENTERPRISE}:manager.value eq "42" and {ENTERPRISE}:department pr"#),
        &format!(r#"schemas eq "{ENTERPRISE}""#),
    ]);
    refused(r#"urn:example:nobody:2.0:User:x eq "y""#, 1, "urn:example:nobody");
    refused(&format!("{ENTERPRISE}:userName pr"), 1, "userName");
    refused("department pr", 1, "`department`");
}

/// "compValue = false / null / true / number / string": JSON's, as RFC 7159 has them.
#[test]
fn literals() {
    all_find(&[
        r#"name.familyName eq "\u004f\u0027\u004d\u0061lley" and title eq """#,
        r#"userName ne "\"\\\/\b\f\n\r\t\ud83d\ude00""#,
        &acme(" :rate gt -1.5e-3 and").replace(" and", ""),
        &acme(" :rate lt 1E2"),
        &acme(" :badge eq 7.0"),
        &acme(" :badge eq 0.7e1"),
        &acme(r#" :badge eq "7""#),
        "externalId ne 17",
        "nickName eq null and userName ne null",
        r#"userName ne "\u0000""#,
    ]);
    for literal in
        ["07", "+1", ".5", "1.", "0x1", "NaN", "Infinity", "-", "1e", "1e999", "ada", "'x'"]
    {
        refused(&format!("title eq {literal}"), 10, "a value is expected");
    }
    for literal in [r#""\x""#, r#""\ud800""#, r#""\u12""#, "\"a\u{1}\"", r#""\ud800\u0041""#] {
        refused(&format!("title eq {literal}"), 10, "JSON forbids");
    }
    refused(r#"title eq "x"#, 10, "closing quote");
    refused(r#"title eq "x\""#, 10, "closing quote");
}

/// "[...] the specified attribute and filter comparison combination is not supported": 400, and which.
#[test]
fn literals_fit_their_attribute() {
    for (comparison, kind) in [
        ("userName eq true".to_owned(), "string"),
        ("externalId eq 1.5".to_owned(), "string"),
        ("externalId eq 99999999999999999999".to_owned(), "string"),
        (r#"active eq "yes""#.to_owned(), "boolean"),
        ("active eq 1".to_owned(), "boolean"),
        (r#"meta.created gt "yesterday""#.to_owned(), "dateTime"),
        ("meta.created gt 5".to_owned(), "dateTime"),
        (format!("{ACME}:badge eq 7.5"), "integer"),
        (format!("{ACME}:badge eq 9223372036854775808"), "integer"),
        (format!(r#"{ACME}:badge eq "seven""#), "integer"),
        (format!(r#"{ACME}:rate eq "NaN""#), "decimal"),
        (format!("{ACME}:hired eq true"), "dateTime"),
    ] {
        refused(&comparison, 1, kind);
        refused(&format!("(title pr) or\t{comparison}"), 15, kind);
    }
    refused("title gt null", 1, "eq or ne");
    refused(r#"name eq "x""#, 1, "familyName");
    refused(r#"meta eq "x""#, 1, "lastModified");
}

/// An attribute that is never returned is never filtered by: a filter would tell it bit by bit.
#[test]
fn what_is_never_returned_is_not_asked_for() {
    for filter in [r#"password sw "a""#, "password pr"] {
        refused(filter, 1, "`password`");
    }
    refused(&format!("{ACME}:pin pr"), 1, "pin`");
}

/// "Service providers MUST [...] 400 with \"invalidFilter\"": where, in characters, and why.
#[test]
fn an_error_says_where_and_why() {
    for (filter, position, why) in [
        ("", 1, "name of an attribute"),
        ("userName", 9, "operator"),
        ("  userName like \"x\"", 12, "operator"),
        ("userName eq", 12, "value"),
        ("nickName eq \"ö\" and\u{20}colour eq 1", 21, "`colour`"),
        ("title pr title pr", 10, "the end is expected"),
        ("title pr and", 13, "name of an attribute"),
        ("title pr or or title pr", 16, "operator"),
        ("(title pr", 10, "`)`"),
        ("title pr)", 9, "the end is expected"),
        ("not title pr", 5, "operator"),
        ("not (title pr", 14, "`)`"),
        ("()", 2, "name of an attribute"),
        ("title eq \"a\" \"b\"", 14, "the end is expected"),
        ("a.b.c pr", 1, "name of an attribute"),
        ("1a pr", 1, "name of an attribute"),
        ("título pr", 2, "operator"),
        ("title pr; drop", 9, "the end is expected"),
    ] {
        refused(filter, position, why);
    }
}

/// No error repeats what was looked for: it may be somebody's address.
#[test]
fn an_error_keeps_the_value_to_itself() {
    for filter in [
        r#"colour eq "s3cret""#,
        r#"active eq "s3cret""#,
        r#"title eq "s3cret" x"#,
        r#"title eq "s3cret"#,
        r#"title eq "s3cret\x""#,
    ] {
        assert!(!asks(filter).unwrap_err().detail.contains("s3cret"), "{filter}");
    }
}

/// White space is free where nothing is ambiguous without it.
#[test]
fn white_space() {
    all_find(&[
        "\t userName\teq  \"bjensen\" \r\n and(active eq true)",
        "not(nickName pr)and(title pr)",
        "emails[ type eq \"work\" ].value pr",
        "( active eq true )",
    ]);
}

/// Bounded in length, depth and terms, counted before anything is worked off.
#[test]
fn bounds() {
    let nested = |depth: usize| format!("{}active eq true{}", "(".repeat(depth), ")".repeat(depth));
    assert!(finds(&nested(limits::FILTER_DEPTH)));
    let terms = |count: usize| vec!["active eq true"; count].join(" and ");
    assert!(finds(&terms(limits::FILTER_TERMS)));
    let long = |bytes: usize| format!("title ne \"{}\"", "x".repeat(bytes - 11));
    assert!(finds(&long(limits::FILTER_BYTES)));
    for filter in [
        nested(limits::FILTER_DEPTH + 1),
        terms(limits::FILTER_TERMS + 1),
        long(limits::FILTER_BYTES + 1),
        "not(".repeat(2_000),
    ] {
        assert_eq!(asks(&filter).unwrap_err().kind, TooMany);
    }
}
