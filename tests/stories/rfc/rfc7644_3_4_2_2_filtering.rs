//! RFC 7644 section 3.4.2.2: filters. The grammar, the types and the limits are shown in the crate
//! `scim`, that the engine agrees with it in the store's conformance suite; here a client asks.

use serde_json::{Value, json};

use super::{ENTERPRISE, found, group, id, user};
use crate::harness::{Nestr, Workspace, form_encoded};

/// Three people, told apart by everything that the tables below ask for.
async fn three(acme: &Workspace) {
    let ada = json!({
        "title": "Countess", "active": true, "name": {"familyName": "King"},
        "emails": [{"value": "ada@acme.com", "type": "work"}, {"value": "a@home.example", "type": "home"}],
        (ENTERPRISE): {"employeeNumber": "10"}
    });
    let bob = json!({
        "title": "Clerk", "active": false, "name": {"familyName": "O'Malley"}, "userType": "Intern",
        "emails": [{"value": "bob@acme.com", "type": "home"}, {"value": "b@acme.com", "type": "work"}]
    });
    user(acme, "ada@acme.com", ada).await;
    user(acme, "bob@acme.com", bob).await;
    user(acme, "cy@acme.com", json!({"nickName": "say \"hi\" \\o/"})).await;
}

async fn each_finds(acme: &Workspace, table: &[(&str, &[&str])]) {
    for (filter, names) in table {
        assert_eq!(found(acme, filter).await, *names, "{filter}");
    }
}

/// Table 3, "Attribute Operators", on text.
#[tokio::test]
async fn every_operator_answers_as_the_table_says() {
    let acme = Nestr::start().await.acme();
    three(&acme).await;
    each_finds(
        &acme,
        &[
            (r#"userName eq "ADA@acme.com""#, &["ada"]),
            (r#"title ne "countess""#, &["bob", "cy"]),
            (r#"title co "ES""#, &["ada"]),
            (r#"title sw "c""#, &["ada", "bob"]),
            (r#"title ew "K""#, &["bob"]),
            ("title pr", &["ada", "bob"]),
            (r#"title gt "clerk""#, &["ada"]),
            (r#"title ge "clerk""#, &["ada", "bob"]),
            (r#"title lt "countess""#, &["bob"]),
            (r#"title le "countess""#, &["ada", "bob"]),
            ("active eq true", &["ada"]),
            ("active ne true", &["bob", "cy"]),
            (r#"meta.created gt "2011-05-13T04:42:34Z""#, &["ada", "bob", "cy"]),
            (r#"meta.lastModified lt "2011-05-13T04:42:34Z""#, &[]),
            ("title eq null", &["cy"]),
        ],
    )
    .await;
}

/// Table 4, "Logical Operators", and table 5, "Grouping Operators": "'not' ... 'and' ... 'or'" in this
/// order of precedence, grouping first.
#[tokio::test]
async fn groups_come_first_then_not_then_and_then_or() {
    let acme = Nestr::start().await.acme();
    three(&acme).await;
    each_finds(
        &acme,
        &[
            (r#"title eq "clerk" or title pr and active eq true"#, &["ada", "bob"]),
            (r#"(title eq "clerk" or title pr) and active eq true"#, &["ada"]),
            ("not (title pr) or active eq true", &["ada", "cy"]),
            ("not (title pr or active eq true)", &["cy"]),
            (r#"title pr and not (userType eq "Intern")"#, &["ada"]),
            (r#"NOT (title PR) AND userName SW "c""#, &["cy"]),
        ],
    )
    .await;
}

/// "Complex attribute filter grouping": the filter in brackets asks one value at a time; a
/// sub-attribute without brackets is true "if any of the values match".
#[tokio::test]
async fn a_filter_in_brackets_asks_one_value_at_a_time() {
    let acme = Nestr::start().await.acme();
    three(&acme).await;
    each_finds(
        &acme,
        &[
            (r#"emails[type eq "work" and value co "ada"]"#, &["ada"]),
            (r#"emails[type eq "work" and value co "bob"]"#, &[]),
            (r#"emails.type eq "work" and emails.value co "bob""#, &["bob"]),
            (r#"emails co "HOME.example""#, &["ada"]),
            (r#"emails[not (type eq "work")] and userName pr"#, &["ada", "bob"]),
            (r#"emails[type eq "work" and value eq "b@acme.com"] and active eq false"#, &["bob"]),
            (r#"name.familyName co "O'Malley""#, &["bob"]),
        ],
    )
    .await;
}

/// "Attribute names and attribute operators used in filters are case insensitive"; 3.10: names may be
/// written with their schema's URN; strings as JSON writes them.
#[tokio::test]
async fn names_come_with_their_urn_and_texts_as_json_writes_them() {
    let acme = Nestr::start().await.acme();
    three(&acme).await;
    each_finds(&acme, &[
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:USERNAME Eq "ada@acme.com""#, &["ada"]),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:name.familyName eq "king""#, &["ada"]),
        (r#"URN:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeenumber eq "10""#, &["ada"]),
        (r#"nickName eq "say \"hi\" \\o/""#, &["cy"]),
        (r#"nickName sw "say \u0022""#, &["cy"]),
        (r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#, &["ada"]),
        (r#"meta.resourceType eq "User" and userName sw "c""#, &["cy"]),
    ])
    .await;
}

/// "Boolean and Binary attributes SHALL cause a failed response (HTTP status code 400) with 'scimType' of
/// 'invalidFilter'" for gt, ge, lt and le; a filter that is not recognized MUST be declined with a
/// "human-readable" text, which says where.
#[tokio::test]
async fn a_filter_that_means_nothing_is_refused_and_says_where() {
    let acme = Nestr::start().await.acme();
    for operator in ["gt", "ge", "lt", "le"] {
        acme.find(&format!("active {operator} true")).await.refused(400, "invalidFilter");
        let binary = format!(r#"x509Certificates.value {operator} "TUlJ""#);
        acme.find(&binary).await.refused(400, "invalidFilter");
    }
    for (filter, place) in [
        (r#"userName pr and title like "x""#, "character 23"),
        ("(userName pr", "character 13"),
        ("userName pr and shoeSize eq 1", "character 17"),
        (r#"userName pr and active eq "perhaps""#, "character 17"),
        (r#"name eq "x""#, "character 1"),
    ] {
        let detail = acme.find(filter).await.refused(400, "invalidFilter");
        assert!(detail.contains(place), "{filter}: {detail}");
    }
}

/// Groups are asked as people are.
#[tokio::test]
async fn groups_are_found_by_name_and_member() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    group(&acme, "Staff", &[&ada]).await;
    group(&acme, "Board", &[]).await;
    for (filter, found) in [
        (r#"displayName eq "STAFF""#.to_owned(), &["Staff"] as &[&str]),
        (format!(r#"members[value eq "{}"]"#, id(&ada)), &["Staff"]),
        (format!(r#"members.value eq "{}" and displayName sw "b""#, id(&ada)), &[]),
        (r#"members[type eq "User"]"#.to_owned(), &["Staff"]),
        ("not (members pr)".to_owned(), &["Board"]),
    ] {
        let rows = acme.get(&format!("/Groups?filter={}", form_encoded(&filter))).await.rows();
        let names: Vec<&Value> = rows.iter().map(|row| &row["displayName"]).collect();
        assert_eq!(names, found, "{filter}");
    }
}
