//! Changes as typed messages, without what they changed.

use directory_api::v1;
use directory_api::v1::change::{Author as SaidBy, Subject};

use super::admin::{domain_state, timestamp};
use super::integration::integration_state;
use crate::ids::WorkspaceId;
use crate::store::{Author, Change, ChangeKind, Detail, DomainState, IntegrationState, User, Word};

/// A change of a workspace, and what it says.
pub(crate) fn change(workspace: WorkspaceId, change: &Change, detail: Detail) -> v1::Change {
    v1::Change {
        workspace_id: workspace.to_string(),
        revision: change.revision,
        change_time: Some(timestamp(change.at)),
        author: Some(match &change.author {
            Author::Integration(id) => SaidBy::IntegrationId(id.to_string()),
            Author::Service(name) => SaidBy::Service(name.clone()),
        }),
        operation_id: change.operation.0.clone(),
        more: false,
        subject: Some(subject(change, detail)),
    }
}

fn subject(change: &Change, detail: Detail) -> Subject {
    let named = || change.subject.clone();
    match change.kind {
        ChangeKind::UserCreated => user(named(), v1::ResourceAct::Created, detail),
        ChangeKind::UserAdopted => user(named(), v1::ResourceAct::Adopted, detail),
        ChangeKind::UserUpdated => user(named(), v1::ResourceAct::Updated, detail),
        ChangeKind::UserDeleted => user(named(), v1::ResourceAct::Deleted, detail),
        ChangeKind::UserRestored => user(named(), v1::ResourceAct::Restored, detail),
        ChangeKind::GroupCreated => group(named(), v1::ResourceAct::Created, detail),
        ChangeKind::GroupUpdated => group(named(), v1::ResourceAct::Updated, detail),
        ChangeKind::GroupDeleted => group(named(), v1::ResourceAct::Deleted, detail),
        ChangeKind::GroupRestored => group(named(), v1::ResourceAct::Restored, detail),
        ChangeKind::DomainChanged => {
            let state = detail.state.as_deref().and_then(DomainState::of).map(domain_state);
            let state = state.unwrap_or_default().into();
            Subject::Domain(v1::DomainChange { domain: named(), state, current: None })
        }
        ChangeKind::IntegrationChanged => {
            let state = detail.state.as_deref().and_then(IntegrationState::of);
            let state = state.map(integration_state).unwrap_or_default().into();
            let integration_id = named();
            Subject::Integration(v1::IntegrationChange { integration_id, state, current: None })
        }
        ChangeKind::ApiKeyChanged => {
            let act = match detail.state.as_deref() {
                Some("made") => v1::ApiKeyAct::Made,
                Some("rotated") => v1::ApiKeyAct::Rotated,
                Some("revoked") => v1::ApiKeyAct::Revoked,
                _ => v1::ApiKeyAct::Unspecified,
            };
            Subject::ApiKey(v1::ApiKeyChange { api_key_id: named(), act: act.into() })
        }
        ChangeKind::WorkspaceChanged => {
            let act = match detail.state.as_deref() {
                Some("changed") => v1::WorkspaceAct::Changed,
                Some("suspended") => v1::WorkspaceAct::Suspended,
                Some("resumed") => v1::WorkspaceAct::Resumed,
                Some("restored") => v1::WorkspaceAct::Restored,
                _ => v1::WorkspaceAct::Unspecified,
            };
            Subject::Workspace(v1::WorkspaceChange { act: act.into(), current: None })
        }
        ChangeKind::SchemaRegistered => Subject::Schema(v1::SchemaChange { schema_id: named() }),
        ChangeKind::IdentityLinked => identity(named(), v1::IdentityAct::Linked, detail),
        ChangeKind::IdentityUnlinked => identity(named(), v1::IdentityAct::Unlinked, detail),
        ChangeKind::AddressReadmitted => address(named(), v1::AddressAct::Readmitted, detail),
        ChangeKind::AddressAllowed => address(named(), v1::AddressAct::Allowed, detail),
        ChangeKind::AddressDisallowed => address(named(), v1::AddressAct::Disallowed, detail),
    }
}

fn user(user_id: String, act: v1::ResourceAct, detail: Detail) -> Subject {
    let access = access(&detail);
    Subject::User(v1::UserChange {
        user_id,
        act: act.into(),
        attributes: detail.attributes,
        login_email: detail.login_email.map(|moved| v1::LoginEmailChange {
            old_email: moved.old.unwrap_or_default(),
            new_email: moved.new.unwrap_or_default(),
        }),
        access,
        guest: detail.guest,
        predecessor_id: detail.predecessor.unwrap_or_default(),
        group_ids: detail.groups,
        current: None,
    })
}

fn group(group_id: String, act: v1::ResourceAct, detail: Detail) -> Subject {
    Subject::Group(v1::GroupChange {
        group_id,
        act: act.into(),
        attributes: detail.attributes,
        members_added: detail.members_added,
        members_removed: detail.members_removed,
        group_ids: detail.groups,
        current: None,
    })
}

fn identity(user_id: String, act: v1::IdentityAct, detail: Detail) -> Subject {
    let issuer = detail.issuer.unwrap_or_default();
    Subject::Identity(v1::IdentityChange { user_id, issuer, act: act.into() })
}

fn address(subject: String, act: v1::AddressAct, detail: Detail) -> Subject {
    let access = access(&detail);
    let user_id = detail.holder.unwrap_or_default();
    // Who was readmitted by name was so by each of theirs.
    let email = if subject == user_id { String::new() } else { subject };
    Subject::Address(v1::AddressChange { email, act: act.into(), user_id, access })
}

fn access(detail: &Detail) -> i32 {
    match detail.access.as_deref() {
        Some("granted") => v1::AccessChange::Granted,
        Some("revoked") => v1::AccessChange::Revoked,
        _ => v1::AccessChange::Unspecified,
    }
    .into()
}

/// A person with what signs them in, as a mirror keeps them.
pub(crate) fn watched_user(user: &User, message: v1::User) -> v1::WatchedUser {
    let login_email = user.login_email.as_ref().map(|email| email.address.clone());
    v1::WatchedUser {
        user: Some(message),
        login_email: login_email.unwrap_or_default(),
        has_access: user.has_access(),
    }
}
