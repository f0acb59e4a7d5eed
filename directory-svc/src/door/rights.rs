//! Who may ask what: one table, by request message. A message without a row does not get through
//! the door, because it does not compile.

use directory_api::v1;
use directory_api::v1::consistency::Requirement;
use scim::filter::Fitted;

use super::Role;
use super::Role::{Gateway, Internal, Operator, Reader};
use crate::rules::dialects::Shown;
use crate::rules::keys::{READ_BOTH, READ_GROUPS, READ_USERS, WRITE_GROUPS, WRITE_USERS};
use crate::store::{Freshness, Kind, Right, is_served};

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

    /// What an identity provider's key has to be good for.
    fn needs(&self) -> &'static [Right] {
        &[]
    }

    /// What it shows of the identity provider that sends it.
    fn shows(&self) -> Shown {
        Shown::default()
    }

    /// How new what it reads has to be, when a service asks.
    fn freshness(&self) -> Freshness {
        Freshness::Newest
    }
}

/// How new an answer has to be whose request says this of it.
fn freshness(consistency: Option<&v1::Consistency>) -> Freshness {
    match consistency.and_then(|consistency| consistency.requirement.as_ref()) {
        Some(Requirement::AtLeastRevision(revision)) => Freshness::AtLeast(*revision),
        Some(Requirement::Strongest(true)) => Freshness::Newest,
        Some(Requirement::Strongest(false)) | None => Freshness::Any,
    }
}

macro_rules! across_workspaces {
    ($($message:ident: $($role:ident)+;)*) => {
        $(impl Asked for v1::$message {
            const ROLES: &'static [Role] = &[$($role),+];
        })*

        /// Each message and its roles.
        #[cfg(test)]
        fn across_workspaces() -> Vec<(&'static str, &'static [Role])> {
            vec![$((stringify!($message), <v1::$message as Asked>::ROLES)),*]
        }
    };
}

macro_rules! in_a_workspace {
    (
        $($message:ident $([$consistency:ident])? $(needs $needs:expr)? $(, weighs $weight:expr)? $(, shows $shows:expr)?;
        $($role:ident)+;)*
    ) => {
        $(
            impl Asked for v1::$message {
                const ROLES: &'static [Role] = &[$($role),+];
            }

            impl InWorkspace for v1::$message {
                fn workspace_id(&self) -> &str {
                    &self.workspace_id
                }

                $(
                    fn freshness(&self) -> Freshness {
                        freshness(self.$consistency.as_ref())
                    }
                )?

                $(
                    fn weight(&self) -> u32 {
                        $weight(self)
                    }
                )?

                $(
                    fn needs(&self) -> &'static [Right] {
                        $needs(self)
                    }
                )?

                $(
                    fn shows(&self) -> Shown {
                        $shows(self)
                    }
                )?
            }
        )*

        /// Each message, its roles, and what it needs of a key when nothing is said in it.
        #[cfg(test)]
        fn in_a_workspace() -> Vec<(&'static str, &'static [Role], &'static [Right])> {
            vec![$((
                stringify!($message),
                <v1::$message as Asked>::ROLES,
                v1::$message::default().needs(),
            )),*]
        }

        /// Each message, and how new what it reads has to be when nothing is said in it.
        #[cfg(test)]
        fn unasked() -> Vec<(&'static str, Freshness)> {
            vec![$((stringify!($message), v1::$message::default().freshness())),*]
        }
    };
}

across_workspaces! {
    CreateWorkspaceRequest: Internal Operator;
    ListWorkspacesRequest: Internal Operator Reader;
    ListPendingDomainsRequest: Operator Reader;
    ResolveLoginRequest: Internal Operator Reader;
    WatchRequest: Internal Operator Reader;
    AcknowledgeRequest: Internal Operator;
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

/// What is read of people and groups at once: what the attributes of the filter leave of both.
fn covered(filter: &str) -> &'static [Right] {
    let is_left = |kind: Kind, other: Kind| {
        let Ok(filter) = scim::filter::parse(filter) else { return true };
        let fitted = filter.bind_among(kind.resource_type(), &[other.resource_type()]);
        !matches!(fitted, Ok(Fitted::Nothing))
    };
    match (is_left(Kind::User, Kind::Group), is_left(Kind::Group, Kind::User)) {
        (true, false) => READ_USERS,
        (false, true) => READ_GROUPS,
        (true, true) | (false, false) => READ_BOTH,
    }
}

/// What the members of a group cost, and those of all groups below it.
fn members(reach: v1::Reach) -> u32 {
    if reach == v1::Reach::Any { LISTING } else { 1 }
}

/// What several look-ups cost that are done together.
fn batch(ids: usize) -> u32 {
    u32::try_from(1 + ids / 32).unwrap_or(u32::MAX)
}

/// What a bulk costs: its writes are done together, so each is less than one alone.
fn bulk(operations: usize) -> u32 {
    u32::try_from(operations / 16).unwrap_or(u32::MAX)
}

in_a_workspace! {
    GetWorkspaceRequest; Internal Operator Reader;
    UpdateWorkspaceRequest; Internal Operator;
    RegisterSchemaRequest; Internal Operator;
    SuspendWorkspaceRequest; Operator;
    ResumeWorkspaceRequest; Operator;

    ClaimDomainsRequest; Internal Operator;
    ListDomainsRequest; Internal Operator Reader;
    VerifyDomainRequest; Operator;
    RejectDomainRequest; Operator;
    RevokeDomainRequest; Operator;
    WithdrawDomainRequest; Internal Operator;
    CheckDomainRequest; Internal Operator;
    ListRefusedDomainsRequest; Internal Operator Reader;
    AllowAddressRequest; Operator;
    ListAllowedAddressesRequest; Internal Operator Reader;
    DisallowAddressRequest; Operator;

    ListIdentitiesRequest; Internal Operator Reader;
    UnlinkIdentityRequest; Internal Operator;
    ReadmitAddressRequest; Operator;

    ListIntegrationsRequest; Internal Operator Reader;
    GetIntegrationRequest; Internal Operator Reader;
    CreateIntegrationRequest; Internal Operator;
    UpdateIntegrationRequest; Internal Operator;
    EnableIntegrationRequest; Internal Operator;
    PauseIntegrationRequest; Internal Operator;
    DisableIntegrationRequest; Internal Operator;
    CreateApiKeyRequest; Internal Operator;
    ListApiKeysRequest; Internal Operator Reader;
    RotateApiKeyRequest; Internal Operator;
    RevokeApiKeyRequest; Internal Operator;

    CreateUserRequest needs |_| WRITE_USERS; Gateway Internal Operator;
    GetUserRequest [consistency] needs |_| READ_USERS; Gateway Internal Operator Reader;
    BatchGetUsersRequest [consistency], weighs |ask: &Self| batch(ask.ids.len()); Internal Operator Reader;
    ListUsersRequest [consistency] needs |_| READ_USERS, weighs |ask: &Self| listing(Kind::User, &ask.filter),
        shows |ask: &Self| Shown::by_listing(&ask.filter, ask.page_size);
        Gateway Internal Operator Reader;
    CountUsersRequest [consistency], weighs |ask: &Self| listing(Kind::User, &ask.filter);
        Internal Operator Reader;
    ReplaceUserRequest needs |_| WRITE_USERS; Gateway Internal Operator;
    UpdateUserRequest; Internal Operator;
    PatchUserRequest needs |_| WRITE_USERS, shows |ask: &Self| Shown::by_operations(&ask.operations);
        Gateway Internal Operator;
    DeleteUserRequest needs |_| WRITE_USERS; Gateway Internal Operator;
    ProtectUserRequest; Internal Operator;
    ListDeletedUsersRequest, weighs |_| LISTING; Internal Operator Reader;
    RestoreUserRequest; Operator;

    CreateGroupRequest needs |_| WRITE_GROUPS; Gateway Internal Operator;
    GetGroupRequest [consistency] needs |_| READ_GROUPS; Gateway Internal Operator Reader;
    BatchGetGroupsRequest [consistency], weighs |ask: &Self| batch(ask.ids.len()); Internal Operator Reader;
    ReadGroupRequest [consistency] needs |_| READ_GROUPS, weighs |_| LISTING;
        Gateway Internal Operator Reader;
    ListGroupsRequest [consistency] needs |_| READ_GROUPS, weighs |ask: &Self| listing(Kind::Group, &ask.filter),
        shows |ask: &Self| Shown::by_listing(&ask.filter, ask.page_size);
        Gateway Internal Operator Reader;
    CountGroupsRequest [consistency], weighs |ask: &Self| listing(Kind::Group, &ask.filter);
        Internal Operator Reader;
    ReplaceGroupRequest needs |_| WRITE_GROUPS; Gateway Internal Operator;
    UpdateGroupRequest; Internal Operator;
    PatchGroupRequest needs |_| WRITE_GROUPS, shows |ask: &Self| Shown::by_operations(&ask.operations);
        Gateway Internal Operator;
    DeleteGroupRequest needs |_| WRITE_GROUPS; Gateway Internal Operator;
    ListDeletedGroupsRequest, weighs |_| LISTING; Internal Operator Reader;
    RestoreGroupRequest; Operator;
    ListMembersRequest [consistency], weighs |ask: &Self| members(ask.reach()); Internal Operator Reader;
    ListUserGroupsRequest [consistency]; Internal Operator Reader;

    // Each of its operations needs its own.
    BulkWriteRequest, weighs |ask: &Self| bulk(ask.operations.len()); Gateway Internal Operator;
    ListResourcesRequest needs |ask: &Self| covered(&ask.filter),
        weighs |ask: &Self| listing_any(&ask.filter); Gateway Internal Operator Reader;

    RevocationStatusRequest; Internal Operator Reader;

    ListAuditRecordsRequest, weighs |_| LISTING; Internal Operator Reader;

    GetServiceProviderConfigRequest, shows |_| Shown::TEST; Gateway Internal Operator Reader;
    ListResourceTypesRequest; Gateway Internal Operator Reader;
    GetResourceTypeRequest; Gateway Internal Operator Reader;
    ListSchemasRequest; Gateway Internal Operator Reader;
    GetSchemaRequest; Gateway Internal Operator Reader;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Write as _;
    use std::path::Path;

    use directory_api::Method;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    /// Where the table stands in docs/callers.md.
    const BEGIN: &str = "<!-- the table begins -->\n";
    const END: &str = "<!-- the table ends -->\n";
    /// What stands before it in docs/api.md is written by people.
    const WRITTEN: &str = "<!-- From here on written by the test \
                           the_document_says_what_the_contract_says. -->\n";

    /// Each request message of the contract, and who may send it.
    fn rights() -> BTreeMap<&'static str, &'static [Role]> {
        let messages = in_a_workspace().into_iter().map(|(message, roles, _)| (message, roles));
        messages.chain(across_workspaces()).collect()
    }

    /// The rights of every call of the contract, by role.
    fn table() -> String {
        let rights = rights();
        let mut table = format!("| call | {} |\n", Role::ALL.map(Role::name).join(" | "));
        table += "| --- | --- | --- | --- | --- |\n";
        for call in Method::all() {
            let roles = rights.get(call.asks);
            let roles = roles.unwrap_or_else(|| panic!("nobody may call {}", call.short));
            let cells = Role::ALL.map(|role| if roles.contains(&role) { "yes" } else { "-" });
            let _ = writeln!(table, "| {} | {} |", call.short, cells.join(" | "));
        }
        table
    }

    /// Writes a document anew where it is behind, and fails then.
    fn is_up_to_date(name: &str, should: impl Fn(&str) -> String) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
        let is = std::fs::read_to_string(&path).unwrap();
        let should = should(&is);
        if is != should {
            std::fs::write(&path, should).unwrap();
            panic!("docs/{name} was behind and is written anew: look at it, and keep it");
        }
    }

    /// Fails once after a change of the table. What the document says is what the product does: the story
    /// `every_call_is_for_its_roles_alone`.
    #[test]
    fn the_document_has_the_table() {
        is_up_to_date("callers.md", |is| {
            let (head, rest) = is.split_once(BEGIN).unwrap();
            let (_, tail) = rest.split_once(END).unwrap();
            [head, BEGIN, &table(), END, tail].concat()
        });
    }

    /// Fails once after a change of the contract or of a right.
    #[test]
    fn the_document_says_what_the_contract_says() {
        let roles = rights().into_iter();
        let roles =
            roles.map(|(message, roles)| (message, roles.iter().map(|role| role.name()).collect()));
        let reference = directory_api::reference(&roles.collect());
        is_up_to_date("api.md", |is| {
            let (head, _) = is.split_once(WRITTEN).expect("the line behind which it is written");
            format!("{head}{WRITTEN}\n{reference}")
        });
    }

    /// A reader changes nothing, and a gateway comes to people and schemas alone.
    #[test]
    fn a_reader_only_reads_and_a_gateway_only_provisions() {
        for (message, roles, _) in in_a_workspace() {
            let reads = ["Get", "BatchGet", "List", "Count", "ReadGroup", "RevocationStatus"];
            let reads = reads.iter().any(|word| message.starts_with(word));
            assert_eq!(roles.contains(&Reader), reads, "{message}");
            let provisions = ["User", "Group", "Schema", "Resource", "ServiceProviderConfig"];
            let provisions = provisions
                .iter()
                .chain(["Bulk"].iter())
                .any(|about| message.contains(about))
                && !message.contains("Deleted")
                && !message.contains("Restore")
                && !["Batch", "Count", "Update", "Protect"].iter().any(|w| message.starts_with(w))
                && !["ListUserGroupsRequest", "RegisterSchemaRequest"].contains(&message);
            assert_eq!(roles.contains(&Gateway), provisions, "{message}");
            assert!(roles.contains(&Operator), "{message}");
        }
    }

    /// What comes with a key to people or groups needs a scope for them. Seen to fail with a row that says
    /// nothing of it.
    #[test]
    fn what_a_gateway_asks_of_people_and_groups_needs_a_scope() {
        let any = [Kind::User, Kind::Group];
        for (message, roles, needs) in in_a_workspace() {
            let about = any.into_iter().find(|kind| message.contains(kind.name()));
            let about = about.filter(|_| roles.contains(&Gateway));
            let reads = ["Get", "List", "Read"].iter().any(|word| message.starts_with(word));
            let expected = about.map(|kind| Right { kind, writes: !reads });
            let expected = if message == "ListResourcesRequest" {
                READ_BOTH.to_vec()
            } else {
                expected.into_iter().collect()
            };
            assert_eq!(needs, expected, "{message}");
        }
    }

    /// What can say how new its answer has to be is heard. Seen to fail with a row that does not name it.
    #[test]
    fn who_reads_says_how_new() {
        let file = FileDescriptorSet::decode(directory_api::FILE_DESCRIPTOR_SET).unwrap().file;
        let messages = || file.iter().flat_map(|file| &file.message_type);
        for (message, unasked) in unasked() {
            let found = messages().find(|found| found.name() == message).unwrap();
            let says = found.field.iter().any(|field| field.name() == "consistency");
            let expected = if says { Freshness::Any } else { Freshness::Newest };
            assert_eq!(unasked, expected, "{message}");
        }
        let of = |requirement| freshness(Some(&v1::Consistency { requirement: Some(requirement) }));
        assert_eq!(of(Requirement::AtLeastRevision(7)), Freshness::AtLeast(7));
        assert_eq!(of(Requirement::Strongest(true)), Freshness::Newest);
        assert_eq!(of(Requirement::Strongest(false)), Freshness::Any);
    }

    #[test]
    fn a_search_of_everything_needs_what_its_filter_leaves() {
        for (filter, needs) in [
            ("", READ_BOTH),
            (r#"displayName sw "a""#, READ_BOTH),
            (r#"meta.resourceType eq "User""#, READ_BOTH),
            (r#"userName sw "a""#, READ_USERS),
            (r#"displayName sw "a" and members pr"#, READ_GROUPS),
            (r#"urn:example:acme:2.0:User:badge eq "7""#, READ_BOTH),
            ("no filter", READ_BOTH),
        ] {
            assert_eq!(covered(filter), needs, "{filter}");
        }
    }
}
