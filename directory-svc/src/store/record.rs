//! What a change record says, as JSON: the subject as it was, and what became of it. The same words
//! on every engine.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::words::Word;
use super::{
    AllowedAddress, ApiKey, Barred, Change, Domain, Group, Integration, Link, LoginEmail, Member,
    User, Workspace,
};
use crate::ids::{GroupId, UserId};

/// The detail of a change: only what applies.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Detail {
    /// Names of the top-level attributes that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attributes: Vec<String>,
    /// That another address signs the person in, or one for the first or the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) login_email: Option<Moved>,
    /// `granted` or `revoked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access: Option<Cow<'static, str>>,
    /// Whether who got the login e-mail is a guest.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) guest: bool,
    /// A removed person whom a new one resembles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) predecessor: Option<String>,
    /// The state into which the subject came, or what was done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<Cow<'static, str>>,
    /// Who joined a group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) members_added: Vec<String>,
    /// Who left a group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) members_removed: Vec<String>,
    /// The groups that a removed person or group left, or that one who came back is in again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    /// Who vouches for the identity that was linked or unlinked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) issuer: Option<String>,
    /// The person who has the address that was allowed, or is no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<String>,
}

/// Addresses before and after; `None`: there was none.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) old: Option<String>,
    pub(crate) new: Option<String>,
}

impl Detail {
    /// What a change record says.
    ///
    /// # Errors
    /// When it is not what a store of this version writes.
    pub(crate) fn of(change: &Change) -> serde_json::Result<Self> {
        serde_json::from_str(&change.detail)
    }

    /// What a change from `before` to `after` (`None`: not here) does to signing in.
    pub(super) fn of_user(before: Option<&User>, after: Option<&User>) -> Self {
        let key = |email: Option<&LoginEmail>| email.map(|email| email.key.clone());
        let address = |email: Option<&LoginEmail>| email.map(|email| email.address.clone());
        let old = before.and_then(|user| user.login_email.as_ref());
        let new = after.and_then(|user| user.login_email.as_ref());
        let moved = key(old) != key(new);
        Self {
            login_email: moved.then(|| Moved { old: address(old), new: address(new) }),
            access: match (
                before.is_some_and(User::has_access),
                after.is_some_and(User::has_access),
            ) {
                (false, true) => Some("granted".into()),
                (true, false) => Some("revoked".into()),
                _ => None,
            },
            ..Self::default()
        }
    }

    /// The person whose access a change of this subject ended.
    pub(super) fn ended(&self, subject: &str) -> Option<UserId> {
        let is_ended = self.access.as_deref() == Some("revoked");
        let of = self.holder.as_deref().unwrap_or(subject);
        of.parse().ok().filter(|_| is_ended)
    }

    /// That the subject came into this state.
    pub(super) fn of_state(state: &'static str) -> Self {
        Self { state: Some(state.into()), ..Self::default() }
    }

    /// That these joined a group, and those left it.
    pub(super) fn of_members(added: &[Member], removed: &[Member]) -> Self {
        let ids = |members: &[Member]| members.iter().map(|member| member.id.to_string()).collect();
        Self { members_added: ids(added), members_removed: ids(removed), ..Self::default() }
    }

    /// That an identity of this issuer was linked or unlinked.
    pub(super) fn of_issuer(issuer: &str) -> Self {
        Self { issuer: Some(issuer.to_owned()), ..Self::default() }
    }

    /// What becomes of the access of whoever has an address that was allowed, or is no longer.
    pub(super) fn of_holder(holder: Option<UserId>, access: &'static str) -> Self {
        let holder = holder.map(|id| id.to_string());
        Self { access: holder.as_ref().map(|_| access.into()), holder, ..Self::default() }
    }

    /// The same, about somebody who may be a guest.
    pub(super) fn with_guest(mut self, is_guest: bool) -> Self {
        self.guest = is_guest && self.login_email.is_some();
        self
    }

    /// The same, about a subject that came into this state.
    pub(super) fn with_state(mut self, state: &'static str) -> Self {
        self.state = Some(state.into());
        self
    }

    /// The same, about one who left these groups or is in them again.
    pub(super) fn with_groups(mut self, groups: &[GroupId]) -> Self {
        self.groups = groups.iter().map(ToString::to_string).collect();
        self
    }

    /// The same, about a person who resembles a removed one.
    pub(super) fn with_predecessor(mut self, predecessor: Option<UserId>) -> Self {
        self.predecessor = predecessor.map(|id| id.to_string());
        self
    }

    /// As it is kept.
    pub(super) fn to_json(&self) -> String {
        json!(self).to_string()
    }
}

/// The person before a change.
///
/// # Errors
/// When the document is no JSON, which no store lets in.
pub(super) fn image_of_user(user: &User) -> serde_json::Result<Value> {
    let binding = user.binding.as_ref();
    Ok(json!({
        "document": serde_json::from_str::<Value>(&user.document)?,
        "loginEmail": user.login_email.as_ref().map(|email| &email.address),
        "active": user.active,
        "protected": user.is_protected,
        "integrationId": binding.map(|binding| binding.integration_id.to_string()),
        "externalId": binding.and_then(|binding| binding.external_id.as_ref()),
        "revision": user.revision,
    }))
}

/// The group before a change, without its members: what became of them stands in the detail.
///
/// # Errors
/// When the document is no JSON, which no store lets in.
pub(super) fn image_of_group(group: &Group) -> serde_json::Result<Value> {
    let binding = group.binding.as_ref();
    Ok(json!({
        "document": serde_json::from_str::<Value>(&group.document)?,
        "integrationId": binding.map(|binding| binding.integration_id.to_string()),
        "externalId": binding.and_then(|binding| binding.external_id.as_ref()),
        "memberCount": group.member_count,
        "revision": group.revision,
    }))
}

/// The claim, before or after a change.
pub(super) fn image_of_domain(domain: &Domain) -> Value {
    let decision = domain.decision.as_ref();
    json!({
        "state": domain.state.word(),
        "contactEmail": domain.contact_email,
        "claimedAt": domain.claimed_at,
        "claimedBy": domain.claimed_by,
        "decidedAt": decision.map(|decision| decision.at),
        "decidedBy": decision.map(|decision| &decision.by),
        "decidedHow": decision.map(|decision| decision.how.word()),
        "note": decision.map(|decision| &decision.note),
    })
}

/// The workspace, without what a write of it never changes.
pub(super) fn image_of_workspace(workspace: &Workspace) -> Value {
    let suspension = workspace.suspension.as_ref();
    json!({
        "displayName": workspace.display_name,
        "contactEmail": workspace.contact_email,
        "emailJoin": workspace.email_join.word(),
        "suspendedAt": suspension.map(|suspension| suspension.at),
        "suspendedBy": suspension.map(|suspension| &suspension.by),
        "suspendReason": suspension.map(|suspension| &suspension.reason),
    })
}

/// The bar on an address.
pub(super) fn image_of_barred(key: &str, barred: &Barred) -> Value {
    json!({
        "address": key,
        "userId": barred.user_id.to_string(),
        "since": barred.since,
        "firm": barred.is_firm,
    })
}

/// An identity by which a person signs in.
pub(super) fn image_of_link(link: &Link) -> Value {
    json!({
        "issuer": link.identity.issuer,
        "subject": link.identity.subject,
        "linkedAt": link.linked_at,
    })
}

/// An outside address that is allowed.
pub(super) fn image_of_allowed(allowed: &AllowedAddress) -> Value {
    json!({
        "address": allowed.address,
        "note": allowed.note,
        "allowedAt": allowed.allowed_at,
        "allowedBy": allowed.allowed_by,
    })
}

/// The integration, before or after a change.
pub(super) fn image_of_integration(integration: &Integration) -> Value {
    json!({
        "displayName": integration.display_name,
        "kind": integration.kind,
        "state": integration.state.word(),
    })
}

/// The key, before or after a change.
pub(super) fn image_of_api_key(key: &ApiKey) -> Value {
    json!({
        "integrationId": key.integration_id.to_string(),
        "displayName": key.display_name,
        "hint": key.hint,
        "scopes": key.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>(),
        "networks": key.networks,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
        "replacedBy": key.replaced_by.map(|id| id.to_string()),
    })
}

/// A key in whose place another came, and that one beside it.
pub(super) fn image_of_rotation(old: &ApiKey, new: &ApiKey) -> Value {
    let mut image = image_of_api_key(old);
    image["replacement"] = image_of_api_key(new);
    image
}
