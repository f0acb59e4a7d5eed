//! `operator workspace`: the tenants.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use directory_api::v1;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, Page, one_of, time, word};

/// What is done with workspaces.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Makes a workspace. Asked again it makes another.
    Create(Create),
    /// Lists all workspaces.
    List(Page),
    /// Shows one workspace.
    Get(InWorkspace),
    /// Changes what is named, and leaves the rest.
    Update(Update),
    /// Has a workspace stand still: its keys are refused and nobody signs in, from now on. Everything stays.
    Suspend(Suspend),
    /// Ends a suspension.
    Resume(InWorkspace),
    /// Registers an extension schema: its attributes are then kept and shown as those of the RFC are.
    /// Registered again it may have more attributes; those that are there stay.
    RegisterSchema(RegisterSchema),
}

/// A workspace to be made.
#[derive(Args, Clone, Debug)]
pub(super) struct Create {
    /// The name for people, 1 to 200 bytes.
    #[arg(value_name = "NAME")]
    display_name: String,

    /// The address of the person to write to about the workspace.
    #[arg(long, value_name = "EMAIL")]
    contact: String,
}

/// What is changed of a workspace.
#[derive(Args, Clone, Debug)]
pub(super) struct Update {
    #[command(flatten)]
    within: InWorkspace,

    /// The name for people, 1 to 200 bytes.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The address of the person to write to about the workspace.
    #[arg(long, value_name = "EMAIL")]
    contact: Option<String>,

    /// Whether people of its verified domains may join by themselves.
    #[arg(long, value_name = "WORD", value_parser = one_of(&["off", "open"], "EMAIL_JOIN_", v1::EmailJoin::from_str_name))]
    email_join: Option<v1::EmailJoin>,
}

/// A workspace to be suspended.
#[derive(Args, Clone, Debug)]
pub(super) struct Suspend {
    #[command(flatten)]
    within: InWorkspace,

    /// Why, in words for the workspace's admins, who read it in the identity provider's log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// A schema to be registered.
#[derive(Args, Clone, Debug)]
pub(super) struct RegisterSchema {
    #[command(flatten)]
    within: InWorkspace,

    /// The schema as RFC 7643 section 7 writes it, as JSON.
    #[arg(value_name = "FILE")]
    schema: PathBuf,

    /// What it extends: User or Group.
    #[arg(long, value_name = "TYPE", default_value = "User")]
    resource_type: String,
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        let mut workspaces = session.workspaces();
        match self {
            Self::Create(Create { display_name, contact }) => {
                let ask = v1::CreateWorkspaceRequest { display_name, contact_email: contact };
                let made = workspaces.create_workspace(ask).await?.into_inner();
                Ok(Answer::one(&made)?.done("Made."))
            }
            Self::List(Page { page_size, page_token }) => {
                let ask = v1::ListWorkspacesRequest { page_size, page_token };
                let found = workspaces.list_workspaces(ask).await?.into_inner();
                Ok(Answer::many(&found, &found.workspaces)?.page(&found.next_page_token))
            }
            Self::Get(InWorkspace { workspace_id }) => {
                let ask = v1::GetWorkspaceRequest { workspace_id };
                Answer::one(&workspaces.get_workspace(ask).await?.into_inner())
            }
            Self::Update(Update { within, name, contact, email_join }) => {
                let ask = v1::UpdateWorkspaceRequest {
                    workspace_id: within.workspace_id,
                    display_name: name,
                    contact_email: contact,
                    email_join: email_join.map(Into::into),
                };
                let changed = workspaces.update_workspace(ask).await?.into_inner();
                Ok(Answer::one(&changed)?.done("Changed."))
            }
            Self::Suspend(Suspend { within: InWorkspace { workspace_id }, reason }) => {
                let ask = v1::SuspendWorkspaceRequest { workspace_id, reason };
                let suspended = workspaces.suspend_workspace(ask).await?.into_inner();
                let done = "Suspended: keys are refused and nobody signs in. Everything stays.";
                Ok(Answer::one(&suspended)?.done(done))
            }
            Self::Resume(InWorkspace { workspace_id }) => {
                let ask = v1::ResumeWorkspaceRequest { workspace_id };
                let resumed = workspaces.resume_workspace(ask).await?.into_inner();
                Ok(Answer::one(&resumed)?.done("Resumed: keys open and people sign in as before."))
            }
            Self::RegisterSchema(RegisterSchema { within, schema, resource_type }) => {
                let read = std::fs::read_to_string(&schema);
                let read = read.with_context(|| format!("FILE is {}", schema.display()));
                let ask = v1::RegisterSchemaRequest {
                    workspace_id: within.workspace_id,
                    resource_type,
                    schema_json: read.map_err(Failure::unasked)?,
                    operation_id: String::new(),
                };
                let registered = workspaces.register_schema(ask).await?.into_inner();
                let done =
                    "Registered: it holds at once here, and within 5 s in other directories.";
                Ok(Answer::one(&registered)?.done(done))
            }
        }
    }
}

impl Show for v1::Workspace {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("id", self.id.clone()),
            ("name", self.display_name.clone()),
            ("contact", self.contact_email.clone()),
            ("state", word(self.state().as_str_name(), "WORKSPACE_STATE_")),
            ("made", time(self.create_time.as_ref())),
            ("joining", word(self.email_join().as_str_name(), "EMAIL_JOIN_")),
            ("suspended", time(self.suspend_time.as_ref())),
            ("suspended by", self.suspended_by.clone()),
            ("suspended for", self.suspend_reason.clone()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "name", "contact", "state"];
}

impl Show for v1::RegisteredSchema {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("urn", self.urn.clone()), ("extends", self.resource_type.clone())]
    }

    const COLUMNS: &'static [&'static str] = &["urn", "extends"];
}
