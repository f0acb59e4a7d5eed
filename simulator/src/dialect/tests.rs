//! Every dialect's bytes, one snapshot each: what changes on the wire is seen in a review.

use std::fmt::Write as _;

use super::*;

fn shown(text: &mut String, what: &str, request: Option<Request>) {
    let Some(Request { method, endpoint, headers, body }) = request else {
        let _ = writeln!(text, "# {what}\nnever\n");
        return;
    };
    let _ = writeln!(text, "# {what}\n{method} {endpoint}");
    for (name, value) in headers {
        let _ = writeln!(text, "{name}: {value}");
    }
    let _ = writeln!(text, "{}", body.map_or_else(String::new, |body| body + "\n"));
}

fn ada() -> Person {
    Person {
        given_name: "Zoë".to_owned(),
        family_name: "O'Brien".to_owned(),
        ..Person::of("Zoe.OBrien@example.com")
    }
}

#[test]
fn every_dialect_sends_what_it_sent_before() {
    for idp in Idp::ALL {
        let dialect = idp.dialect();
        let hired = ada();
        let promoted = Person {
            title: Some("Countess".to_owned()),
            department: Some("Engines".to_owned()),
            manager: Some("m-1".to_owned()),
            mobile: Some("+44 20 7946 0000".to_owned()),
            ..hired.clone()
        };
        let renamed = Person {
            family_name: "King".to_owned(),
            user_name: "Zoe.King@example.com".to_owned(),
            mail: Some("Zoe.King@example.com".to_owned()),
            title: None,
            manager: None,
            ..promoted.clone()
        };
        let inactive = Person { active: false, ..hired.clone() };
        let held = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "u-1", "groups": [{"value": "g-1"}], "meta": {"resourceType": "User"},
        });
        let other_kind =
            |person: &Person| Person { external_id: "odd".to_owned(), ..person.clone() };
        let team = Team { display_name: "R&D".to_owned(), external_id: "t-1".to_owned() };
        let members = ["u-1".to_owned(), "u-2".to_owned()];

        let mut text = String::new();
        let mut say = |what: &str, request| shown(&mut text, what, request);
        say("test connection", Some(dialect.test_connection("nobody")));
        for (attribute, value) in dialect.matching(&hired) {
            say("match", Some(dialect.find(attribute, &value)));
        }
        say("create", Some(dialect.create(&hired)));
        say(
            "create without mailbox",
            Some(dialect.create(&Person { mail: None, ..hired.clone() })),
        );
        say("read", Some(dialect.read("u-1")));
        say("import", dialect.import(1, 100));
        say("promote", Some(dialect.change(&held, &hired, &promoted)));
        say("rename", Some(dialect.change(&held, &promoted, &renamed)));
        let (before, after) = (other_kind(&promoted), other_kind(&renamed));
        say("rename, odd externalId", Some(dialect.change(&held, &before, &after)));
        say("disable", Some(dialect.change(&held, &hired, &inactive)));
        say("enable", Some(dialect.change(&held, &inactive, &hired)));
        say("half wrong", dialect.half_wrong("u-1"));
        say("delete", Some(dialect.delete("u-1")));
        for (attribute, value) in dialect.group_matching(&team) {
            say("match group", Some(dialect.find_group(attribute, &value)));
        }
        say("create group", Some(dialect.create_group(&team)));
        say("read group", Some(dialect.read_group("g-1")));
        say("rename group", Some(dialect.rename_group("g-1", &team)));
        say("add members", Some(dialect.add_members("g-1", &members)));
        say("remove members", Some(dialect.remove_members("g-1", &members)));
        say("put group", dialect.put_group("g-1", &team, &members));
        say("empty group", dialect.empty_group("g-1"));
        say("delete group", Some(dialect.delete_group("g-1")));
        insta::assert_snapshot!(idp.name(), text);
    }
}

/// Entra's POST as the documentation of Microsoft has it, order included.
#[test]
fn entra_creates_in_its_own_order() {
    let body = Entra::Legacy.create(&Person::of("Ada@example.com")).body.unwrap();
    assert_eq!(
        body,
        r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"externalId":"ada","userName":"Ada@example.com","active":true,"displayName":"Ada Lovelace","emails":[{"primary":true,"type":"work","value":"Ada@example.com"}],"meta":{"resourceType":"User"},"name":{"formatted":"Ada Lovelace","familyName":"Lovelace","givenName":"Ada"},"title":null,"roles":[]}"#
    );
}
