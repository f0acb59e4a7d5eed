//! What of a store is carried from one to another: every table of every engine, by name. An engine's test
//! walks its schema, so that a table or column that is not named here fails it.

use super::Value;

/// What a column holds, whatever an engine keeps it as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Kind {
    /// An id: a UUID, hyphenated in a file.
    Id,
    /// A number, a time in microseconds among them.
    Integer,
    /// Yes or no.
    Flag,
    /// Text, a document in JSON among it: kept to the byte.
    Text,
    /// Bytes, base64 in a file.
    Bytes,
}

/// A column that is carried.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Column {
    pub(in crate::store) name: &'static str,
    pub(in crate::store) kind: Kind,
}

/// A column that is not carried.
#[derive(Debug)]
pub(in crate::store) struct Stays {
    pub(in crate::store) name: &'static str,
    /// What it holds in the store that is made.
    pub(in crate::store) becomes: Becomes,
}

/// What a column that is not carried holds in the store that is made.
#[derive(Debug)]
pub(in crate::store) enum Becomes {
    /// This, in every row.
    Value(Value),
    /// The next place in that store's own feed.
    Place,
}

/// A table whose rows are carried.
#[derive(Debug)]
pub(in crate::store) struct Table {
    pub(in crate::store) name: &'static str,
    /// Its primary key, the workspace first: the order of its rows.
    pub(in crate::store) key: &'static [&'static str],
    /// What is carried of it; the workspace is the first.
    pub(in crate::store) columns: &'static [Column],
    pub(in crate::store) stays: &'static [Stays],
}

impl Table {
    /// The one of this name that is carried.
    pub(in crate::store) fn of(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }

    /// The column that tells the workspace.
    pub(in crate::store) fn workspace(&self) -> &'static str {
        self.key[0]
    }
}

const fn id(name: &'static str) -> Column {
    Column { name, kind: Kind::Id }
}

const fn integer(name: &'static str) -> Column {
    Column { name, kind: Kind::Integer }
}

const fn flag(name: &'static str) -> Column {
    Column { name, kind: Kind::Flag }
}

const fn text(name: &'static str) -> Column {
    Column { name, kind: Kind::Text }
}

const fn bytes(name: &'static str) -> Column {
    Column { name, kind: Kind::Bytes }
}

/// Every table that is carried, in the order of a file. A workspace's own row comes first.
pub(in crate::store) const TABLES: &[Table] = &[
    Table {
        name: "workspace",
        key: &["id"],
        columns: &[
            id("id"),
            text("display_name"),
            text("contact_email"),
            integer("created_at"),
            integer("revision"),
            text("email_join"),
            integer("suspended_at"),
            text("suspended_by"),
            text("suspend_reason"),
        ],
        stays: &[],
    },
    Table {
        name: "domain",
        key: &["workspace_id", "name"],
        columns: &[
            id("workspace_id"),
            text("name"),
            text("state"),
            text("contact_email"),
            integer("claimed_at"),
            text("claimed_by"),
            text("challenge"),
            integer("decided_at"),
            text("decided_by"),
            text("decided_how"),
            text("note"),
        ],
        stays: &[],
    },
    Table {
        name: "domain_check",
        key: &["workspace_id", "name"],
        columns: &[
            id("workspace_id"),
            text("name"),
            integer("begun_at"),
            integer("attempts"),
            integer("checked_at"),
            integer("next_at"),
            text("outcome"),
            integer("missing_since"),
            integer("warned_at"),
            integer("proven_at"),
        ],
        // Who asks the DNS is a process of the old store.
        stays: &[Stays { name: "lease_until", becomes: Becomes::Value(Value::Integer(0)) }],
    },
    Table {
        name: "waiting_people",
        key: &["workspace_id", "domain"],
        columns: &[id("workspace_id"), text("domain"), integer("after_seq")],
        // Who signs them in is a process of the old store.
        stays: &[
            Stays { name: "taker", becomes: Becomes::Value(Value::Null) },
            Stays { name: "free_at", becomes: Becomes::Value(Value::Integer(0)) },
        ],
    },
    Table {
        name: "refused_domain",
        key: &["workspace_id", "domain"],
        columns: &[
            id("workspace_id"),
            text("domain"),
            integer("count"),
            text("samples"),
            integer("first_at"),
            integer("last_at"),
        ],
        stays: &[],
    },
    Table {
        name: "integration",
        key: &["workspace_id", "id"],
        columns: &[
            id("workspace_id"),
            id("id"),
            integer("seq"),
            text("display_name"),
            integer("kind"),
            text("state"),
            integer("created_at"),
            integer("provisioned_at"),
        ],
        stays: &[],
    },
    Table {
        name: "integration_status",
        key: &["workspace_id", "integration_id"],
        columns: &[
            id("workspace_id"),
            id("integration_id"),
            integer("first_request_at"),
            integer("last_request_at"),
            integer("dialect"),
            integer("test_at"),
            integer("error_at"),
            integer("error_http_status"),
            integer("error_reason"),
            text("error_detail"),
            integer("refusal_at"),
            text("refusal_cause"),
            id("refusal_key_id"),
        ],
        stays: &[],
    },
    Table {
        name: "api_key",
        key: &["workspace_id", "id"],
        columns: &[
            id("workspace_id"),
            id("id"),
            integer("seq"),
            id("integration_id"),
            bytes("key_hash"),
            text("display_name"),
            text("hint"),
            integer("created_at"),
            integer("expires_at"),
            integer("revoked_at"),
            integer("last_used_at"),
            text("scopes"),
            text("networks"),
            id("replaced_by"),
        ],
        stays: &[],
    },
    Table {
        name: "registered_schema",
        key: &["workspace_id", "urn"],
        columns: &[id("workspace_id"), text("urn"), integer("seq"), text("kind"), text("document")],
        stays: &[],
    },
    Table {
        name: "user",
        key: &["workspace_id", "id"],
        columns: &[
            id("workspace_id"),
            id("id"),
            integer("seq"),
            integer("revision"),
            text("user_name_key"),
            text("login_email"),
            text("login_email_key"),
            flag("active"),
            text("display_name_key"),
            text("manager_key"),
            flag("has_left"),
            flag("protected"),
            integer("created_at"),
            integer("modified_at"),
            text("document"),
            text("search"),
        ],
        stays: &[],
    },
    Table {
        name: "user_email",
        key: &["workspace_id", "user_id", "ordinal"],
        columns: &[
            id("workspace_id"),
            id("user_id"),
            integer("ordinal"),
            text("value_key"),
            text("type_key"),
        ],
        stays: &[],
    },
    Table {
        name: "binding",
        key: &["workspace_id", "user_id"],
        columns: &[
            id("workspace_id"),
            id("user_id"),
            id("integration_id"),
            text("external_id"),
            text("provided"),
        ],
        stays: &[],
    },
    Table {
        name: "identity",
        key: &["workspace_id", "user_id", "issuer"],
        columns: &[
            id("workspace_id"),
            id("user_id"),
            text("issuer"),
            text("subject"),
            integer("linked_at"),
        ],
        stays: &[],
    },
    Table {
        name: "barred_address",
        key: &["workspace_id", "address_key"],
        columns: &[
            id("workspace_id"),
            text("address_key"),
            id("user_id"),
            integer("since"),
            flag("is_firm"),
        ],
        stays: &[],
    },
    Table {
        name: "allowed_address",
        key: &["workspace_id", "address_key"],
        columns: &[
            id("workspace_id"),
            text("address_key"),
            text("address"),
            text("note"),
            integer("allowed_at"),
            text("allowed_by"),
        ],
        stays: &[],
    },
    Table {
        name: "deleted_user",
        key: &["workspace_id", "id"],
        columns: &[
            id("workspace_id"),
            id("id"),
            integer("seq"),
            integer("revision"),
            text("login_email"),
            text("login_email_key"),
            flag("active"),
            flag("has_left"),
            id("integration_id"),
            text("external_id"),
            text("provided"),
            integer("created_at"),
            integer("modified_at"),
            integer("deleted_at"),
            integer("expires_at"),
            text("member_of"),
            text("document"),
        ],
        stays: &[],
    },
    Table {
        name: "scim_group",
        key: &["workspace_id", "id"],
        columns: &[
            id("workspace_id"),
            id("id"),
            integer("seq"),
            integer("revision"),
            id("integration_id"),
            text("external_id"),
            text("display_name"),
            text("display_name_key"),
            integer("member_count"),
            integer("created_at"),
            integer("modified_at"),
            text("document"),
            text("search"),
        ],
        stays: &[],
    },
    Table {
        name: "group_member",
        key: &["workspace_id", "group_id", "member_id"],
        columns: &[id("workspace_id"), id("group_id"), id("member_id"), text("kind")],
        stays: &[],
    },
    Table {
        name: "deleted_group",
        key: &["workspace_id", "id"],
        columns: &[
            id("workspace_id"),
            id("id"),
            integer("seq"),
            integer("revision"),
            id("integration_id"),
            text("external_id"),
            integer("created_at"),
            integer("modified_at"),
            integer("deleted_at"),
            integer("expires_at"),
            text("member_of"),
            text("document"),
        ],
        stays: &[],
    },
    Table {
        name: "change",
        key: &["workspace_id", "revision"],
        columns: &[
            id("workspace_id"),
            integer("revision"),
            text("operation_id"),
            id("author_integration"),
            text("author_service"),
            integer("at"),
            text("kind"),
            text("subject"),
            text("detail"),
            text("before"),
            id("ended"),
        ],
        // Between the changes of other workspaces, and behind every mark that was given out.
        stays: &[Stays { name: "position", becomes: Becomes::Place }],
    },
    Table {
        name: "audit_record",
        key: &["workspace_id", "revision"],
        columns: &[
            id("workspace_id"),
            integer("revision"),
            integer("at"),
            text("actor"),
            text("act"),
            text("subject"),
            text("before"),
            text("after"),
        ],
        stays: &[],
    },
    Table {
        name: "notice",
        key: &["workspace_id", "key"],
        columns: &[
            id("workspace_id"),
            text("key"),
            text("recipient"),
            text("facts"),
            integer("created_at"),
            integer("attempts"),
            integer("due_at"),
            integer("ended_at"),
            text("outcome"),
            text("last_error"),
        ],
        // Who sends the letter is a process of the old store.
        stays: &[Stays { name: "leased_until", becomes: Becomes::Value(Value::Null) }],
    },
];

/// The tables that no file holds.
#[cfg(test)]
pub(in crate::store) const NOT_CARRIED: &[&str] = &[
    // Counted anew, of the people and groups that came.
    "listing_count",
    // Of places in the feed of the old store: who follows that of another begins anew, and says so there.
    "consumer",
    "receipt",
    // What each store keeps of itself.
    "feed",
    "migration",
    "write_probe",
];
