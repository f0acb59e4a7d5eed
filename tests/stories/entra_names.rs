//! Who a person is, and what signs them in: duplicates, adoption, guests, staff numbers, domains
//! that nobody verified.

use rstest::rstest;
use serde_json::json;

use crate::harness::{Dialect, Login, Nestr, Person};

#[rstest]
#[tokio::test]
async fn a_second_person_of_the_same_name_is_refused_in_any_letter_case(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let entra = Nestr::start().await.acme().connect_entra(dialect);
    let ada = entra.assign("Ada@acme.com").await;
    for again in ["Ada@acme.com", "ada@acme.com", "ADA@ACME.COM"] {
        let detail = entra.create(&Person::of(again)).await.refused(409, "uniqueness");
        assert!(detail.contains(&ada), "the admin reads whom: {detail}");
    }
}

/// The address is the account: two people never share one, whatever their userNames.
#[tokio::test]
async fn a_second_person_of_the_same_address_is_refused() {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(Dialect::Legacy);
    let ada = entra.assign("ada@acme.com").await;
    let twin = Person { user_name: "twin".to_owned(), ..Person::of("ADA@acme.com") };
    entra.create(&twin).await.refused(409, "uniqueness");

    let bob = entra.assign("bob@acme.com").await;
    entra.rename(&bob, "Ada@acme.com").await.refused(409, "uniqueness");
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
    assert_eq!(acme.resolve_login("bob@acme.com").await, Login::Active(bob));
}

/// Entra looked for an externalId that nobody has yet and then posts: 409 would be for ever. Seen
/// to fail with the address that is sent taken for the login.
#[rstest]
#[tokio::test]
async fn a_person_who_was_here_before_is_adopted_with_id_and_login(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let json = r#"{"userName":"grace@acme.com","displayName":"Grace"}"#;
    let grace = acme.operator().create_user(&acme.id, json).await;

    let sent =
        Person { mail: Some("G.Hopper@acme.com".to_owned()), ..Person::of("GRACE@acme.com") };
    let adopted = entra.create(&sent).await.is(201);

    assert_eq!(adopted.text("/id"), grace);
    assert_eq!(adopted.text("/externalId"), "grace");
    assert_eq!(adopted.text("/emails/0/value"), "G.Hopper@acme.com");
    // Who reads the other mailbox does not get the account by that.
    assert_eq!(acme.resolve_login("grace@acme.com").await, Login::Active(grace.clone()));
    assert_eq!(acme.resolve_login("g.hopper@acme.com").await, Login::Nobody);
    entra.create(&sent).await.refused(409, "uniqueness");
    entra.disable(&grace).await;
    assert_eq!(acme.resolve_login("grace@acme.com").await, Login::Inactive(grace));
}

#[tokio::test]
async fn a_name_and_an_address_that_meet_two_people_adopt_neither() {
    let acme = Nestr::start().await.acme();
    let (entra, operator) = (acme.connect_entra(Dialect::Legacy), acme.operator());
    let named = operator.create_user(&acme.id, r#"{"userName":"4711"}"#).await;
    let mailed = operator.create_user(&acme.id, r#"{"userName":"ada@acme.com"}"#).await;

    let both = Person { user_name: "4711".to_owned(), ..Person::of("ada@acme.com") };
    let detail = entra.create(&both).await.refused(409, "uniqueness");
    assert!(detail.contains(&named) && detail.contains(&mailed), "{detail}");
    assert_eq!(entra.get(&named).await.at("/externalId"), json!(null));
}

/// Seen to fail with every domain taken for verified.
#[rstest]
#[tokio::test]
async fn an_address_of_an_unverified_domain_is_refused_and_the_domain_named(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    for address in ["eve@evil.example", "eve@acme.com.evil.example", "eve@mail.acme.com"] {
        let detail = entra.create(&Person::of(address)).await.refused(400, "invalidValue");
        let domain = address.split('@').next_back().unwrap();
        assert!(detail.contains(domain), "{detail}");
        assert_eq!(acme.resolve_login(address).await, Login::Nobody);
    }
    // Who signs in is not moved there either, and stays as they were.
    let ada = entra.assign("ada@acme.com").await;
    let detail = entra.rename(&ada, "ada@evil.example").await.refused(400, "invalidValue");
    assert!(detail.contains("evil.example"), "{detail}");
    assert_eq!(entra.get(&ada).await.text("/userName"), "ada@acme.com");
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
}

#[tokio::test]
async fn a_claim_that_nobody_decided_lets_nobody_in() {
    let acme = Nestr::start().await.acme();
    let (entra, operator) = (acme.connect_entra(Dialect::Legacy), acme.operator());
    operator.claim(&acme.id, "acme.org").await;
    let ada = Person::of("ada@acme.org");
    entra.create(&ada).await.refused(400, "invalidValue");

    operator.verify(&acme.id, "acme.org").await;
    let id = entra.create(&ada).await.is(201).text("/id");
    assert_eq!(acme.resolve_login("ada@acme.org").await, Login::Active(id));
}

/// userName mapped from employeeId: the person is kept, and signs in once there is an address of a
/// verified domain.
#[rstest]
#[tokio::test]
async fn a_person_of_a_staff_number_is_kept_and_gets_in_when_the_domain_is_verified(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let (entra, operator) = (acme.connect_entra(dialect), acme.operator());
    let without_mail = Person { mail: None, ..Person::of("4711") };
    let kept = entra.create(&without_mail).await.is(201);
    assert_eq!((kept.text("/userName"), kept.at("/emails")), ("4711".to_owned(), json!(null)));

    let elsewhere = Person { user_name: "4712".to_owned(), ..Person::of("bob@acme.org") };
    let bob = entra.create(&elsewhere).await.is(201).text("/id");
    assert_eq!(acme.resolve_login("bob@acme.org").await, Login::Nobody);

    operator.claim(&acme.id, "acme.org").await;
    operator.verify(&acme.id, "acme.org").await;
    assert_eq!(acme.resolve_login("bob@acme.org").await, Login::Active(bob));
    let ada = kept.text("/id");
    let mail = r#"[{"op":"Add","path":"emails[type eq \"work\"].value","value":"ada@acme.com"}]"#;
    entra.patch(&ada, mail).await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
}

#[rstest]
#[tokio::test]
async fn a_guest_gets_in_by_a_mail_of_a_verified_domain_and_by_nothing_else(
    #[values(Dialect::Legacy, Dialect::Flagged)] dialect: Dialect,
) {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(dialect);
    let name = "ada_partner.example#EXT#@acme.com";
    let guest = |mail: Option<&str>| Person {
        user_name: name.to_owned(),
        mail: mail.map(str::to_owned),
        ..Person::of("ada@partner.example")
    };
    entra.create(&guest(None)).await.refused(400, "invalidValue");
    let detail =
        entra.create(&guest(Some("ada@partner.example"))).await.refused(400, "invalidValue");
    assert!(detail.contains("partner.example"), "{detail}");

    let id = entra.create(&guest(Some("ada@acme.com"))).await.is(201).text("/id");
    assert_eq!(entra.match_by_user_name(name).await.unwrap()["id"], id);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(id));
    assert_eq!(acme.resolve_login(name).await, Login::Nobody);
}

/// What a client sends as `id` never chooses an identity (Grafana CVE-2025-41115), nor does an
/// externalId: it is not unique and is handed on.
#[tokio::test]
async fn nothing_that_is_sent_selects_an_existing_person_but_name_and_address() {
    let acme = Nestr::start().await.acme();
    let entra = acme.connect_entra(Dialect::Legacy);
    let ada = entra.assign("ada@acme.com").await;
    let body = format!(r#"{{"id":"{ada}","externalId":"{ada}","userName":"eve@acme.com"}}"#);
    let eve = acme.post("/Users", body).await.is(201).text("/id");
    assert_ne!(eve, ada);

    let same_nickname = Person { external_id: "ada".to_owned(), ..Person::of("ada2@acme.com") };
    let other = entra.create(&same_nickname).await.is(201).text("/id");
    assert_ne!(other, ada);
    assert_eq!(entra.find("externalId", "ada").await.rows().len(), 2);
    assert_eq!(entra.get(&ada).await.text("/userName"), "ada@acme.com");
}
