//! The demo workspace: `demo.json`, and what a new user sees on the terminal.

use std::fmt;
use std::str::FromStr;

use anyhow::Context;
use directory_api::api_key::ApiKeyText;
use directory_svc::ids::WorkspaceId;
use directory_svc::store::Store;
use directory_svc::{Demo, Directory};
use serde::{Deserialize, Serialize};

use crate::data_dir::{self, DataDir};

/// The file's name in the data directory.
const FILE: &str = "demo.json";

/// What `demo.json` holds, for whoever tries the product or tests against it.
#[derive(Deserialize, Serialize)]
pub(crate) struct DemoFile {
    workspace_id: String,
    scim_url: String,
    api_key: String,
    /// Host and port.
    grpc: String,
    operator_credential: String,
    /// What a gateway in another process presents; absent where the gateway is in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gateway_credential: Option<String>,
}

/// Makes the demo workspace in an empty directory, finishes one that was cut short, or refreshes the
/// addresses of one that is there. `None`: the directory is without one.
pub(crate) async fn open<S: Store>(
    directory: &Directory<S>,
    data_dir: &DataDir,
    domains: &[String],
    grpc: String,
) -> anyhow::Result<Option<DemoFile>> {
    let demo = match data_dir.read(FILE)? {
        Some(text) => read(&text).with_context(|| format!("{FILE} is not as it was written"))?,
        None => match directory.plan_demo().await? {
            Some(demo) => demo,
            None => return Ok(None),
        },
    };
    let file = DemoFile {
        workspace_id: demo.workspace_id.to_string(),
        scim_url: directory.scim_url(demo.workspace_id),
        api_key: demo.api_key.expose().to_owned(),
        grpc,
        operator_credential: data_dir.credential(data_dir::OPERATOR)?,
        gateway_credential: data_dir.read(data_dir::GATEWAY.file)?,
    };
    data_dir.write(FILE, &serde_json::to_string_pretty(&file)?)?;
    directory.make_demo(&demo, domains).await.context("--demo (NESTR_SCIM_DEMO)")?;
    Ok(Some(file))
}

fn read(text: &str) -> anyhow::Result<Demo> {
    let file: DemoFile = serde_json::from_str(text)?;
    Ok(Demo {
        workspace_id: WorkspaceId::from_str(&file.workspace_id)?,
        api_key: ApiKeyText::parse(&file.api_key).context("api_key is none")?,
    })
}

/// What to copy into the IdP, and two lines to try.
pub(crate) struct Welcome<'a> {
    pub(crate) demo: &'a DemoFile,
    pub(crate) data_dir: &'a DataDir,
}

impl fmt::Display for Welcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DemoFile { scim_url, api_key, grpc, .. } = self.demo;
        let credential = self.data_dir.credential_path(data_dir::OPERATOR);
        write!(
            f,
            "\n  SCIM API URL   {scim_url}\n  API key        {api_key}\n\n\
             Test the connection as Entra ID does:\n\n  \
             curl -H 'Authorization: Bearer {api_key}' \\\n    \
             '{scim_url}/Users?filter=userName+eq+%22nobody%22'\n\n\
             Ask who signs in, as an operator:\n\n  \
             grpcurl -plaintext -H \"authorization: Bearer $(cat '{}')\" \\\n    \
             -d '{{\"email\": \"ada@example.com\"}}' {grpc} \\\n    \
             nestr.directory.v1.LoginService/ResolveLogin\n",
            credential.display()
        )
    }
}
