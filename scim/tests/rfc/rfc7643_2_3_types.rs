//! RFC 7643 sections 2.3 to 2.5: what a value of each type is, and what comes instead of one. Whatever is
//! sent is read right or refused with a reason, and at a cost that its length bounds.

use scim::ErrorKind::{self, InvalidSyntax, InvalidValue, TooMany};
use scim::fold::fold;
use scim::limits::{JSON_DEPTH, VALUES_PER_ATTRIBUTE};
use scim::{Error, Resource};
use serde_json::{Value, json};

use crate::laws::{self, ACME, SCHEMAS};

/// What is read of `name` of the extension, sent as the JSON text `sent`.
fn read(name: &str, sent: &str) -> Result<Option<Value>, Error> {
    let user = user(&format!(r#"{{"userName":"ada","{ACME}":{{"{name}":{sent}}}}}"#))?;
    Ok(user.attribute(ACME).map(|extension| extension[name].clone()))
}

fn user(text: &str) -> Result<Resource, Error> {
    let user = SCHEMAS.user().read(text);
    laws::body(text);
    user
}

#[track_caller]
fn reads(name: &str, cases: &[(&str, Value)]) {
    for (sent, value) in cases {
        assert_eq!(read(name, sent), Ok(Some(value.clone())), "{name} {sent}");
    }
}

#[track_caller]
fn refuses(name: &str, kind: ErrorKind, sent: &[&str]) {
    for sent in sent {
        let error = read(name, sent).expect_err(sent);
        assert_eq!(error.kind, kind, "{name} {sent}: {error}");
        if kind == InvalidValue {
            assert!(error.detail.contains(name), "{error}");
        }
    }
}

/// 2.3.1: a sequence of characters. Staff numbers come as numbers; one whose digits JSON does not keep is
/// refused rather than changed.
#[test]
fn strings() {
    reads("pin", &[(r#""x""#, json!("x")), ("7", json!("7")), ("-7", json!("-7"))]);
    reads("pin", &[("18446744073709551615", json!("18446744073709551615"))]);
    reads("pin", &[(r#""\ud83d\ude00\u0041""#, json!("😀A")), (r#"" a ""#, json!(" a "))]);
    refuses("pin", InvalidValue, &["1.10", "1e3", "18446744073709551616", "true", r#"{"a":1}"#]);
    refuses("pin", InvalidValue, &[r#""a\u0000b""#, r#"["a","b"]"#]);
    refuses("pin", InvalidSyntax, &[r#""\ud800""#, r#""\udc00\ud800""#, r#""\x""#, "\"\n\""]);
}

/// 2.3.2: "the literals \"true\" or \"false\"". Entra ID sends them as text.
#[test]
fn booleans() {
    reads("remote", &[("true", json!(true)), (r#""False""#, json!(false))]);
    refuses("remote", InvalidValue, &["1", "0", r#""yes""#, r#""""#, "[true,false]"]);
}

/// 2.3.3: "a real number with at least one digit to the left and right of the period"; JSON knows neither
/// NaN nor infinity.
#[test]
fn decimals() {
    reads(
        "rate",
        &[("1.5", json!(1.5)), ("-0.0", json!(-0.0)), ("1e-7", json!(1e-7)), ("3", json!(3))],
    );
    reads(
        "rate",
        &[(r#""1.5""#, json!(1.5)), (r#""1e308""#, json!(1e308)), ("1e-999", json!(0.0))],
    );
    refuses(
        "rate",
        InvalidValue,
        &[r#""NaN""#, r#""inf""#, r#""Infinity""#, r#""1e999""#, r#""1,5""#],
    );
    refuses("rate", InvalidValue, &[r#""0x10""#, r#""""#, r#"".5""#, "true"]);
    refuses("rate", InvalidSyntax, &["1e999", "-1e999", "NaN", "01", ".5", "1.", "+1"]);
}

/// 2.3.4: "a whole number with no fractional digits or decimal [...] MUST NOT contain fractional or
/// exponent parts", of 64 bits here; `5.0` is one all the same.
#[test]
fn integers() {
    reads("badge", &[("7", json!(7)), ("-0", json!(0)), ("5.0", json!(5)), ("1e3", json!(1000))]);
    reads("badge", &[(r#""7""#, json!(7)), (r#""5.0""#, json!(5)), ("-0.0", json!(0))]);
    reads(
        "badge",
        &[("9223372036854775807", json!(i64::MAX)), ("-9223372036854775808", json!(i64::MIN))],
    );
    refuses(
        "badge",
        InvalidValue,
        &["9223372036854775808", "-9223372036854775809", "1e19", "1e300"],
    );
    refuses(
        "badge",
        InvalidValue,
        &["9007199254740993.0", "1.5", r#""1.5""#, r#""""#, r#""7a""#, "true"],
    );
}

/// 2.3.5: "a valid xsd:dateTime [...] and MUST include both a date and a time". More in `scim::time`.
#[test]
fn date_times() {
    for text in ["2008-01-23T04:56:22Z", "2008-01-23T24:00:00-14:00", "2016-12-31T23:59:60.25Z"] {
        reads("hired", &[(&format!("\"{text}\""), json!(text))]);
    }
    for text in
        ["2008-01-23", "2008-01-23 04:56:22Z", "2008-02-30T00:00:00Z", "2008-01-23T25:00:00Z"]
    {
        refuses("hired", InvalidValue, &[&format!("\"{text}\"")]);
    }
    refuses("hired", InvalidValue, &["1201064182", r#""2008-01-23T04:56:22Z\u0000""#, r#""""#]);
}

/// 2.3.6: "MUST be base64 encoded as specified in Section 4 of RFC 4648", or URL-safe. More in
/// `scim::base64`.
#[test]
fn binaries() {
    reads("key", &[(r#""Zm9vYg==""#, json!("Zm9vYg==")), (r#""-_-_""#, json!("-_-_"))]);
    reads("key", &[(r#""Zm9v\r\nYmFy""#, json!("Zm9v\r\nYmFy"))]);
    refuses(
        "key",
        InvalidValue,
        &[r#""Zm9vY""#, r#""Zg=""#, r#""+_AA""#, r#""Zh==""#, r#""a b=""#, "7"],
    );
}

/// 2.3.8: "a singular or multi-valued attribute whose value is a composition of one or more simple
/// attributes".
#[test]
fn complexes() {
    reads(
        "team",
        &[
            (r#"{"VALUE":"t","note":null}"#, json!({"value": "t"})),
            (r#""t""#, json!({"value": "t"})),
        ],
    );
    refuses("team", InvalidValue, &[r#"[{"value":"a"},{"value":"b"}]"#, "true"]);
    refuses(
        "team",
        InvalidSyntax,
        &[r#"{"value":"a","value":"b"}"#, r#"{"value":"a","Value":"b"}"#],
    );
}

/// 2.4: a single value is taken for an array of one, equal values for one.
#[test]
fn multi_valued() {
    reads("rooms", &[("1", json!([1])), (r#"[1,"1",1.0,2]"#, json!([1, 2]))]);
    reads("labels", &[(r#"["a","A","b"]"#, json!(["a", "b"]))]);
    refuses("rooms", InvalidValue, &["[1.5]", "[[1]]", r#"[{"value":1}]"#]);
}

/// 2.5: "null" and "an empty array" are unassigned.
#[test]
fn unassigned() {
    for name in
        ["pin", "badge", "rate", "hired", "key", "site", "remote", "labels", "team", "desks"]
    {
        for nothing in ["null", "[]", "[null]"] {
            assert_eq!(read(name, nothing), Ok(None), "{name} {nothing}");
        }
    }
}

/// 2.1 and RFC 7159 section 4: a document with two userNames has no one meaning.
#[test]
fn duplicate_names() {
    for text in [
        r#"{"userName":"ada","userName":"eve"}"#,
        r#"{"userName":"ada","USERNAME":"eve"}"#,
        r#"{"userName":"ada","urn:ietf:params:scim:schemas:core:2.0:User:userName":"eve"}"#,
        r#"{"userName":"ada","x":{"a":1,"a":2}}"#,
        r#"{"userName":"ada","user\u004eame":"eve"}"#,
    ] {
        assert_eq!(user(text).unwrap_err().kind, InvalidSyntax, "{text}");
    }
}

/// userNames are compared after normalisation, and kept as sent.
#[test]
fn unicode_user_names() {
    for (one, other) in [
        ("Zoë@acme.com", "ZOE\u{308}@ACME.COM"),
        ("Straße", "STRASSE"),
        ("ﬁona", "FIONA"),
        ("ｊｏｈｎ", "john"),
        ("ΌΔΥΣΣΕΎΣ", "όδυσσεύς"),
        ("\u{212b}sa", "a\u{30a}sa"),
        ("ᾳ", "Αι"),
    ] {
        let read = |name: &str| user(&json!({"userName": name}).to_string()).unwrap();
        assert_eq!(read(one).user_name(), Some(one));
        assert_eq!(
            read(one).folded()["userName"],
            read(other).folded()["userName"],
            "{one} {other}"
        );
        let filter = scim::filter::parse(&format!("userName eq \"{other}\"")).unwrap();
        let document = serde_json::from_str(&read(one).to_json()).unwrap();
        assert!(filter.bind(SCHEMAS.user()).unwrap().matches(&document), "{one} {other}");
    }
    for (one, other) in [("аda", "ada"), ("ı", "i"), ("o", "0"), ("ada", "ada\u{200d}")] {
        assert_ne!(fold(one), fold(other));
    }
}

/// What only an attacker sends ends with a reason, at the cost of reading it once.
#[test]
fn hostile_texts() {
    let digits = "9".repeat(1_000_000);
    let marks = "e".to_owned() + &"\u{301}\u{323}".repeat(15_000);
    let unknown = |count: usize| {
        let names: Vec<_> = (0..count).map(|n| format!("\"k{n}\":1")).collect();
        names.join(",")
    };
    let list = |count: usize| vec!["\"x\""; count].join(",");
    for (text, kind) in [
        (format!(r#"{{"userName":{digits}}}"#), InvalidSyntax),
        (format!(r#"{{"userName":0.{digits}}}"#), InvalidValue),
        (format!(r#"{{"userName":1e{digits}}}"#), InvalidSyntax),
        (format!(r#"{{"userName":1e-{digits}}}"#), InvalidValue),
        (format!(r#"{{"userName":"a","x":{}}}"#, "[".repeat(1_000_000)), TooMany),
        (format!(r#"{{"userName":"a","x":{}}}"#, r#"{"a":"#.repeat(200_000)), TooMany),
        (format!(r#"{{"userName":"{}"}}"#, marks.repeat(3)), TooMany),
        (format!(r#"{{"userName":"a","emails":[{}]}}"#, list(VALUES_PER_ATTRIBUTE + 1)), TooMany),
        (format!(r#"{{"userName":"a","x":[{}]}}"#, list(VALUES_PER_ATTRIBUTE + 1)), TooMany),
        ("\u{feff}{}".to_owned(), InvalidSyntax),
        ("\0".to_owned(), InvalidSyntax),
        (String::new(), InvalidSyntax),
    ] {
        let error = user(&text).expect_err(&text[..text.len().min(60)]);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.detail.chars().count() < 400, "{error}");
    }
    let nested = "[".repeat(JSON_DEPTH - 1) + &"]".repeat(JSON_DEPTH - 1);
    assert!(user(&format!(r#"{{"userName":"a","x":{nested}}}"#)).is_ok());
    assert!(user(&format!(r#"{{{},"userName":"a"}}"#, unknown(50_000))).is_ok());
    assert!(user(&format!(r#"{{"userName":"a","title":"{marks}"}}"#)).is_ok());
    // As many values as may be, all the same and all apart.
    let same = format!(r#"{{"userName":"a","roles":[{}]}}"#, list(VALUES_PER_ATTRIBUTE));
    assert_eq!(user(&same).unwrap().attribute("roles"), Some(&json!([{"value": "x"}])));
    let apart: Vec<_> = (0..VALUES_PER_ATTRIBUTE).map(|n| n.to_string()).collect();
    let apart = user(&json!({"userName": "a", "roles": apart}).to_string()).unwrap();
    assert_eq!(apart.attribute("roles").unwrap().as_array().unwrap().len(), VALUES_PER_ATTRIBUTE);
}
