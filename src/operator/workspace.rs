//! `operator workspace`: the tenants.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use directory_api::v1;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, Page, time};

/// What is done with workspaces.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Makes a workspace. Asked again it makes another.
    Create(Create),
    /// Lists all workspaces.
    List(Page),
    /// Shows one workspace.
    Get(InWorkspace),
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
            ("made", time(self.create_time.as_ref())),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["id", "name", "contact", "made"];
}

impl Show for v1::RegisteredSchema {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("urn", self.urn.clone()), ("extends", self.resource_type.clone())]
    }

    const COLUMNS: &'static [&'static str] = &["urn", "extends"];
}
