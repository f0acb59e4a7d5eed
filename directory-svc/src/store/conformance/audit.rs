//! Administrative acts, and the record of each.

use super::{
    DomainState, Engine, IntegrationState, NOW, Workspace, WorkspaceStore, claim, create, decision,
    integration_id, named, remove, revision, switch, user_id, verify, workspace, write,
};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::store::{
    ApiKey, AuditQuery, AuditRecord, Author, ChangeKind, Domain, EmailJoin, KeyHash, Kind,
    OperationId, RegisteredSchema, StoreError, Suspension, Write,
};

/// Everything that is kept, the newest first.
async fn acts<W: WorkspaceStore>(workspace: &W) -> Vec<AuditRecord> {
    let all = AuditQuery { limit: 100, ..AuditQuery::default() };
    workspace.audit_records(all).await.unwrap()
}

/// A write by this operator at this time.
fn write_of(actor: &str, operation: &str, at: i64) -> Write {
    let author = Author::Service(actor.to_owned());
    Write { operation: OperationId(operation.to_owned()), author, at }
}

async fn suspend<W: WorkspaceStore>(workspace: &W, operation: &str) -> Workspace {
    let suspension = Suspension { at: NOW, by: "olga".to_owned(), reason: "unpaid".to_owned() };
    let decide = move |standing: &Workspace| {
        Ok(Workspace { suspension: Some(suspension.clone()), ..standing.clone() })
    };
    workspace.change_workspace(write(operation), decide).await.unwrap()
}

/// Seen to fail with the suspension left out of the statement, and with a repeated name doing it again.
pub(super) async fn change_a_workspace_and_tell_who_did<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let open = |standing: &Workspace| {
        Ok(Workspace {
            id: WorkspaceId::new(super::uuid(9)),
            created_at: 0,
            revision: 77,
            display_name: "Acme Ltd".to_owned(),
            email_join: EmailJoin::Open,
            ..standing.clone()
        })
    };
    let opened = acme.change_workspace(write("open"), open).await.unwrap();
    assert_eq!(acme.card().await.unwrap().as_ref(), Some(&opened));
    assert_eq!((opened.revision, opened.created_at), (1, NOW), "these are not to be changed");
    assert_eq!(opened.id, WorkspaceId::new(super::uuid(1)));
    assert_eq!(opened.email_join, EmailJoin::Open);

    let suspended = suspend(&acme, "suspend").await;
    assert_eq!(suspended.display_name, "Acme Ltd");
    assert_eq!(acme.card().await.unwrap().as_ref(), Some(&suspended));
    let resume = |standing: &Workspace| Ok(Workspace { suspension: None, ..standing.clone() });
    acme.change_workspace(write("resume"), resume).await.unwrap();
    let repeated = suspend(&acme, "suspend").await;
    assert_eq!(repeated.suspension, None, "it is answered as it stands now");
    let refused = acme.change_workspace(write("refuse"), |_| Err(super::no())).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))));
    acme.change_workspace(write("nothing"), |standing| Ok(standing.clone())).await.unwrap();
    assert_eq!(revision(&acme).await, 3);

    let change = acme.changes(1, 1).await.unwrap().remove(0);
    assert_eq!(change.kind, ChangeKind::WorkspaceChanged);
    let names: Vec<_> = acts(&acme).await.into_iter().map(|record| record.act).collect();
    assert_eq!(
        names,
        ["workspace.resumed", "workspace.suspended", "workspace.changed", "workspace.made"]
    );
}

/// Each kind of act leaves one record with the subject as it was and is, and what an identity provider or
/// a service does to people leaves none. Seen to fail with any `record_act` a mere `record`.
pub(super) async fn record_each_administrative_act_once<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let pending = claim("acme.com", NOW, DomainState::Pending);
    let decide = move |_: Option<&Domain>, _| Ok(pending.clone().into());
    acme.change_domain(write("claim"), "acme.com".to_owned(), decide).await.unwrap();
    for _ in 0..2 {
        verify(&acme, "acme.com").await.unwrap();
    }
    let sold = claim("acme.com", NOW, DomainState::Revoked);
    let sold = Domain { decision: Some(decision("sold")), ..sold };
    let decide = move |_: Option<&Domain>, _| Ok(sold.clone().into());
    acme.change_domain(write("revoke"), "acme.com".to_owned(), decide).await.unwrap();
    for (operation, state) in [
        ("on", IntegrationState::On),
        ("pause", IntegrationState::Paused),
        ("off", IntegrationState::Off),
    ] {
        switch(&acme, operation, integration_id(1), state).await.unwrap();
    }
    let key = ApiKey {
        id: ApiKeyId::new(super::uuid(5)),
        integration_id: integration_id(1),
        display_name: "Entra".to_owned(),
        hint: "nscim_…abcd".to_owned(),
        created_at: NOW,
        expires_at: None,
        revoked_at: None,
        last_used_at: None,
    };
    acme.add_api_key(write("key"), key.clone(), KeyHash([1; 32])).await.unwrap();
    for operation in ["no key", "no key", "again"] {
        acme.revoke_api_key(write(operation), key.id).await.unwrap();
    }
    let schema = RegisteredSchema {
        urn: "urn:example:acme:2.0:User".to_owned(),
        kind: Kind::User,
        document: "{}".to_owned(),
    };
    acme.register_schema(write("schema"), move |_| Ok(schema.clone())).await.unwrap();
    create(&acme, write("make"), user_id(1), named("ada")).await.unwrap();
    remove(&acme, "remove", user_id(1)).await.unwrap();
    acme.restore_user(write("restore"), user_id(1), |_, _| Ok(named("ada"))).await.unwrap();

    let records = acts(&acme).await;
    let names: Vec<_> = records.iter().rev().map(|record| record.act.as_str()).collect();
    assert_eq!(
        names,
        [
            "workspace.made",
            "domain.claimed",
            "domain.verified",
            "domain.revoked",
            "integration.enabled",
            "integration.paused",
            "integration.disabled",
            "key.made",
            "key.revoked",
            "schema.registered",
            "user.restored",
        ]
    );
    for record in &records {
        assert_eq!((record.actor.as_str(), record.at), ("test", NOW), "{}", record.act);
        assert!(record.after.is_some(), "{}", record.act);
    }
    let revoked = records.iter().find(|record| record.act == "domain.revoked").unwrap();
    assert_eq!(revoked.subject, "acme.com");
    assert!(revoked.before.as_ref().unwrap().contains("verified"));
    assert!(revoked.after.as_ref().unwrap().contains("sold"));
}

/// Seen to fail with each condition left out of the statement.
pub(super) async fn list_acts_by_who_what_and_when<E: Engine>(engine: E) {
    let acme = workspace(engine.store(), 1).await;
    let other = workspace(engine.store(), 2).await;
    for (n, actor) in [(1, "olga"), (2, "settings"), (3, "olga")] {
        let name = format!("d{n}.example");
        let pending = claim(&name, NOW + n, DomainState::Pending);
        let decide = move |_: Option<&Domain>, _| Ok(pending.clone().into());
        let write = write_of(actor, &name, NOW + n);
        acme.change_domain(write, name.clone(), decide).await.unwrap();
    }
    switch(&acme, "on", integration_id(1), IntegrationState::On).await.unwrap();
    let found = async |query: AuditQuery| {
        let query = AuditQuery { limit: if query.limit == 0 { 100 } else { query.limit }, ..query };
        let found = acme.audit_records(query).await.unwrap();
        found.into_iter().map(|record| record.revision).collect::<Vec<_>>()
    };
    let any = AuditQuery::default;
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(found(any()).await, [4, 3, 2, 1, 0]);
    assert_eq!(found(AuditQuery { actor: some("olga"), ..any() }).await, [3, 1]);
    assert_eq!(found(AuditQuery { act: some("domain.claimed"), ..any() }).await, [3, 2, 1]);
    assert_eq!(found(AuditQuery { act: some("domain"), ..any() }).await, [3, 2, 1]);
    assert_eq!(found(AuditQuery { act: some("dom"), ..any() }).await, [0_u64; 0]);
    assert_eq!(found(AuditQuery { subject: some("d2.example"), ..any() }).await, [2]);
    let (from, to) = (Some(NOW + 2), Some(NOW + 3));
    assert_eq!(found(AuditQuery { from, to, ..any() }).await, [2]);
    assert_eq!(found(AuditQuery { below: Some(3), limit: 2, ..any() }).await, [2, 1]);
    assert_eq!(acts(&other).await.len(), 1, "another workspace's acts are its own");
}
