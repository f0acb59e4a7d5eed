//! Who may ask what: one table, by request message. A message without a row does not get through
//! the door, because it does not compile.

use directory_api::v1;
use scim::filter::Fitted;

use super::Role;
use super::Role::{Gateway, Internal, Operator, Reader};
use crate::store::{Kind, is_served};

/// A request message with its row in the table.
pub(crate) trait Asked {
    /// The roles that may ask it.
    const ROLES: &'static [Role];
}

/// A request message that names the workspace it is about.
pub(crate) trait InWorkspace: Asked {
    /// The workspace's id, as the caller wrote it.
    fn workspace_id(&self) -> &str;

    /// What it costs, where a look-up or a write costs 1.
    fn weight(&self) -> u32 {
        1
    }
}

macro_rules! across_workspaces {
    ($($message:ident: $($role:ident)+;)*) => {
        $(impl Asked for v1::$message {
            const ROLES: &'static [Role] = &[$($role),+];
        })*
    };
}

macro_rules! in_a_workspace {
    ($($message:ident $(weighs $weight:expr)?; $($role:ident)+;)*) => {
        $(
            impl Asked for v1::$message {
                const ROLES: &'static [Role] = &[$($role),+];
            }

            impl InWorkspace for v1::$message {
                fn workspace_id(&self) -> &str {
                    &self.workspace_id
                }

                $(
                    fn weight(&self) -> u32 {
                        $weight(self)
                    }
                )?
            }
        )*

        #[cfg(test)]
        pub(super) const IN_A_WORKSPACE: &[(&str, &[Role])] =
            &[$((stringify!($message), <v1::$message as Asked>::ROLES)),*];
    };
}

across_workspaces! {
    CreateWorkspaceRequest: Internal Operator;
    ListWorkspacesRequest: Internal Operator Reader;
    ListPendingDomainsRequest: Operator Reader;
    ResolveLoginRequest: Internal Operator Reader;
}

/// What a list costs that an index serves, and one that reads everybody.
const LISTING: u32 = 8;
const READING_EVERYBODY: u32 = 32;

fn listing(kind: Kind, filter: &str) -> u32 {
    // One that cannot be read is refused and costs nothing.
    let Ok(filter) = scim::filter::parse(filter) else { return LISTING };
    match filter.bind(kind.resource_type()) {
        Ok(filter) if is_served(kind, &filter) => LISTING,
        // What the RFC does not know may be of a registered schema, which no index serves.
        Ok(_) | Err(_) => READING_EVERYBODY,
    }
}

/// The same of people and groups at once.
fn listing_any(filter: &str) -> u32 {
    let of = |kind: Kind, other: Kind| {
        let Ok(filter) = scim::filter::parse(filter) else { return LISTING };
        match filter.bind_among(kind.resource_type(), &[other.resource_type()]) {
            Ok(Fitted::Those(bound)) if is_served(kind, &bound) => LISTING,
            Ok(Fitted::Nothing | Fitted::Everything) => LISTING,
            Ok(Fitted::Those(_)) | Err(_) => READING_EVERYBODY,
        }
    };
    of(Kind::User, Kind::Group).max(of(Kind::Group, Kind::User))
}

/// What a bulk costs: its writes are done together, so each is less than one alone.
fn bulk(operations: usize) -> u32 {
    u32::try_from(operations / 16).unwrap_or(u32::MAX)
}

in_a_workspace! {
    GetWorkspaceRequest; Internal Operator Reader;
    RegisterSchemaRequest; Internal Operator;

    ClaimDomainsRequest; Internal Operator;
    ListDomainsRequest; Internal Operator Reader;
    VerifyDomainRequest; Operator;
    RejectDomainRequest; Operator;
    RevokeDomainRequest; Operator;
    WithdrawDomainRequest; Internal Operator;
    CheckDomainRequest; Internal Operator;

    ListIntegrationsRequest; Internal Operator Reader;
    GetIntegrationRequest; Internal Operator Reader;
    EnableIntegrationRequest; Internal Operator;
    PauseIntegrationRequest; Internal Operator;
    DisableIntegrationRequest; Internal Operator;
    CreateApiKeyRequest; Internal Operator;
    ListApiKeysRequest; Internal Operator Reader;
    RevokeApiKeyRequest; Internal Operator;

    CreateUserRequest; Gateway Internal Operator;
    GetUserRequest; Gateway Internal Operator Reader;
    ListUsersRequest weighs |ask: &Self| listing(Kind::User, &ask.filter); Gateway Internal Operator Reader;
    ReplaceUserRequest; Gateway Internal Operator;
    PatchUserRequest; Gateway Internal Operator;
    DeleteUserRequest; Gateway Internal Operator;
    ListDeletedUsersRequest weighs |_| LISTING; Internal Operator Reader;
    RestoreUserRequest; Operator;

    CreateGroupRequest; Gateway Internal Operator;
    GetGroupRequest; Gateway Internal Operator Reader;
    ReadGroupRequest weighs |_| LISTING; Gateway Internal Operator Reader;
    ListGroupsRequest weighs |ask: &Self| listing(Kind::Group, &ask.filter);
        Gateway Internal Operator Reader;
    ReplaceGroupRequest; Gateway Internal Operator;
    PatchGroupRequest; Gateway Internal Operator;
    DeleteGroupRequest; Gateway Internal Operator;
    ListDeletedGroupsRequest weighs |_| LISTING; Internal Operator Reader;
    RestoreGroupRequest; Operator;
    ListMembersRequest; Internal Operator Reader;
    ListUserGroupsRequest; Internal Operator Reader;

    BulkWriteRequest weighs |ask: &Self| bulk(ask.operations.len()); Gateway Internal Operator;
    ListResourcesRequest weighs |ask: &Self| listing_any(&ask.filter); Gateway Internal Operator Reader;

    ListAuditRecordsRequest weighs |_| LISTING; Internal Operator Reader;

    GetServiceProviderConfigRequest; Gateway Internal Operator Reader;
    ListResourceTypesRequest; Gateway Internal Operator Reader;
    GetResourceTypeRequest; Gateway Internal Operator Reader;
    ListSchemasRequest; Gateway Internal Operator Reader;
    GetSchemaRequest; Gateway Internal Operator Reader;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader changes nothing, and a gateway comes to people and schemas alone.
    #[test]
    fn a_reader_only_reads_and_a_gateway_only_provisions() {
        for (message, roles) in IN_A_WORKSPACE {
            let reads = ["Get", "List", "Read"].iter().any(|word| message.starts_with(word));
            assert_eq!(roles.contains(&Reader), reads, "{message}");
            let provisions = ["User", "Group", "Schema", "Resource", "ServiceProviderConfig"];
            let provisions =
                provisions.iter().chain(["Bulk"].iter()).any(|about| message.contains(about))
                    && !message.contains("Deleted")
                    && !message.contains("Restore")
                    && !["ListUserGroupsRequest", "RegisterSchemaRequest"].contains(message);
            assert_eq!(roles.contains(&Gateway), provisions, "{message}");
            assert!(roles.contains(&Operator), "{message}");
        }
    }
}
