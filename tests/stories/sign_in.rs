//! What Nestr's sign-in relies on when it asks `ResolveLogin`, word by word.

use directory_api::v1;
use directory_api::v1::EmailJoin;
use directory_api::v1::account::InactiveReason;
use serde_json::json;

use crate::harness::{Login, Nestr, Operator, Workspace};

const GOOGLE: &str = "https://accounts.google.example";

/// Whom a sign-in meets, by workspace and person: why they do not get in.
async fn met(
    operator: &Operator,
    email: &str,
    identity: Option<(&str, &str)>,
) -> Vec<(String, String, InactiveReason)> {
    let accounts = operator.resolve(email, identity).await.accounts;
    let seen = |account: v1::Account| {
        assert_eq!(account.active, account.reason() == InactiveReason::Unspecified);
        (account.workspace_id.clone(), account.user_id.clone(), account.reason())
    };
    let mut met: Vec<_> = accounts.into_iter().map(seen).collect();
    met.sort_by(|a, b| a.0.cmp(&b.0));
    met
}

async fn revoke(acme: &Workspace, domain: &str) {
    let ask = v1::RevokeDomainRequest {
        workspace_id: acme.id.clone(),
        domain: domain.to_owned(),
        reason: "sold".to_owned(),
        ..v1::RevokeDomainRequest::default()
    };
    acme.operator().domains().revoke_domain(ask).await.expect("a revoked domain");
}

/// Over all workspaces at once, each by its own right: where the person is active, where not, where suspended,
/// where a guest, where only the identity is known, where they may join, and where they are nobody. Seen to fail
/// with guests left out.
#[tokio::test]
async fn a_sign_in_meets_each_workspace_by_its_own_right() {
    let nestr = Nestr::start().await;
    let operator = nestr.operator();
    let shared = async |name: &str| {
        let workspace = nestr.workspace_with_verified_domain(&format!("{name}.example")).await;
        operator.claim(&workspace.id, "group.example").await;
        let ask = v1::VerifyDomainRequest {
            workspace_id: workspace.id.clone(),
            domain: "group.example".to_owned(),
            allow_shared: true,
            ..v1::VerifyDomainRequest::default()
        };
        operator.domains().verify_domain(ask).await.unwrap();
        workspace
    };
    let (active, paused) = (shared("active").await, shared("paused").await);
    let (suspended, open) = (shared("suspended").await, shared("open").await);
    let host = nestr.workspace_with_verified_domain("host.example").await;
    let earlier = nestr.workspace_with_verified_domain("earlier.example").await;
    nestr.workspace_with_verified_domain("nothing.example").await;
    let (email, sub) = ("ada@group.example", Some((GOOGLE, "ada")));

    let known = earlier.create("ada.byron@earlier.example").await;
    operator.resolve("ada.byron@earlier.example", sub).await;
    let here = active.create(email).await;
    let body = json!({"userName": email, "active": false}).to_string();
    let asleep = paused.post("/Users", body).await.is(201).text("/id");
    let stands_still = suspended.create(email).await;
    let ask = v1::SuspendWorkspaceRequest {
        workspace_id: suspended.id.clone(),
        reason: "unpaid".to_owned(),
    };
    operator.workspaces().suspend_workspace(ask).await.unwrap();
    operator.set_email_join(&open.id, EmailJoin::Open).await;
    let ask = v1::AllowAddressRequest {
        workspace_id: host.id.clone(),
        email: email.to_owned(),
        ..v1::AllowAddressRequest::default()
    };
    operator.domains().allow_address(ask).await.unwrap();
    let guest = host.create(email).await;

    let by_address = |guest_is: InactiveReason| {
        vec![
            (active.id.clone(), here.clone(), InactiveReason::Unspecified),
            (paused.id.clone(), asleep.clone(), InactiveReason::UserInactive),
            (suspended.id.clone(), stands_still.clone(), InactiveReason::WorkspaceSuspended),
            (host.id.clone(), guest.clone(), guest_is),
        ]
    };
    let sorted = |mut accounts: Vec<(String, String, InactiveReason)>| {
        accounts.sort_by(|a, b| a.0.cmp(&b.0));
        accounts
    };
    let alone = sorted(by_address(InactiveReason::IdentityRequired));
    assert_eq!(met(&operator, email, None).await, alone);
    let mut all = by_address(InactiveReason::Unspecified);
    all.push((earlier.id.clone(), known, InactiveReason::Unspecified));
    assert_eq!(met(&operator, email, sub).await, sorted(all));
    let joinable = operator.resolve(email, sub).await.joinable;
    let joinable: Vec<_> = joinable.into_iter().map(|joinable| joinable.workspace_id).collect();
    assert_eq!(joinable, [open.id.as_str()]);
}

/// What an identity provider says beside the login e-mail opens nothing and links nobody: an externalId that
/// looks like an address, another address, a userName, a display name, an address of a domain that is claimed
/// and no more. Seen to fail with the look-up made among all addresses of people.
#[tokio::test]
async fn nothing_but_the_login_email_signs_in() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    operator.claim(&acme.id, "claimed.example").await;
    let body = json!({
        "userName": "user.name@acme.com",
        "externalId": "external@acme.com",
        "displayName": "display@acme.com",
        "nickName": "nick@acme.com",
        "emails": [
            {"type": "other", "value": "other@acme.com"},
            {"type": "work", "value": "ada@acme.com", "primary": true},
            {"type": "home", "value": "ada@claimed.example"}
        ],
        "ims": [{"type": "xmpp", "value": "ims@acme.com"}]
    });
    let ada = acme.post("/Users", body.to_string()).await.is(201).text("/id");
    for name in ["user.name", "external", "display", "nick", "other", "ims"] {
        for identity in [None, Some((GOOGLE, name))] {
            let found = operator.resolve(&format!("{name}@acme.com"), identity).await;
            assert!(found.accounts.is_empty() && found.joinable.is_empty(), "{name}: {found:?}");
        }
    }
    assert!(met(&operator, "ada@claimed.example", Some((GOOGLE, "claimed"))).await.is_empty());
    let (workspace_id, user_id) = (acme.id.clone(), ada.clone());
    let ask = v1::ListIdentitiesRequest { workspace_id, user_id };
    let linked = operator.logins().list_identities(ask).await.unwrap().into_inner();
    assert!(linked.identities.is_empty(), "{linked:?}");
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
}

/// Seen to fail with letters folded by ASCII alone, and with addresses read as they were sent.
#[tokio::test]
async fn addresses_are_compared_folded_and_look_alikes_are_not_the_same() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    operator.claim(&acme.id, "bücher.example").await;
    operator.verify(&acme.id, "bücher.example").await;
    let ada = acme.create("Ada@Acme.com").await;
    let joerg = acme.create("Jörg.Groß@bücher.example").await;
    for address in ["ada@acme.com", "ADA@ACME.COM", " ada@acme.com ", "Ａda@acme.com"] {
        assert_eq!(acme.resolve_login(address).await, Login::Active(ada.clone()), "{address}");
    }
    for address in ["JÖRG.GROSS@BÜCHER.EXAMPLE", "jo\u{308}rg.groß@xn--bcher-kva.example"] {
        assert_eq!(acme.resolve_login(address).await, Login::Active(joerg.clone()), "{address}");
    }
    for address in ["аda@acme.com", "ada@аcme.com", "jorg.gross@bücher.example", "ada@acme.co"] {
        assert_eq!(acme.resolve_login(address).await, Login::Nobody, "{address}");
    }
}

/// By the address, by an identity that is linked, and for whoever would join. Seen to fail with the state of the
/// domain left out of the look-up.
#[tokio::test]
async fn the_domain_must_still_be_verified() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    operator.set_email_join(&acme.id, EmailJoin::Open).await;
    let ada = acme.create("ada@acme.com").await;
    operator.set_email_join(&acme.id, EmailJoin::Open).await;
    let sub = Some((GOOGLE, "ada"));
    let account = |reason| vec![(acme.id.clone(), ada.clone(), reason)];
    assert_eq!(met(&operator, "ada@acme.com", sub).await, account(InactiveReason::Unspecified));
    assert_eq!(operator.resolve("eve@acme.com", None).await.joinable.len(), 1);

    revoke(&acme, "acme.com").await;
    assert!(met(&operator, "ada@acme.com", None).await.is_empty());
    let shut = account(InactiveReason::DomainNotVerified);
    assert_eq!(met(&operator, "ada@acme.com", sub).await, shut);
    assert_eq!(met(&operator, "new@gmail.example", sub).await, shut);
    assert!(operator.resolve("eve@acme.com", None).await.joinable.is_empty());

    operator.verify(&acme.id, "acme.com").await;
    assert_eq!(met(&operator, "ada@acme.com", sub).await, account(InactiveReason::Unspecified));
}
