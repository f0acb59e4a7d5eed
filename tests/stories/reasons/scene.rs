//! What the examples of the reasons happen in.

use std::fs;

use directory_api::v1;
use serde_json::{Value, json};

use crate::harness::{Nestr, Terminal, Workspace, new_credential};

/// Who asks.
pub(super) enum By {
    /// Somebody without a credential.
    Nobody,
    /// An operator.
    Operator,
    /// A service that may only read.
    Reader,
    /// An identity provider with the key of this name.
    Key(&'static str),
}

/// What the examples happen in.
pub(super) struct Scene {
    pub(super) nestr: Nestr,
    pub(super) acme: Workspace,
    pub(super) gateway: String,
    pub(super) reader: String,
    /// Keys by name.
    pub(super) keys: Vec<(&'static str, Workspace)>,
    /// A workspace without a verified domain, which claims acme's.
    pub(super) globex: String,
    pub(super) ada: String,
    /// The last admin, whom nobody puts out.
    pub(super) admin: String,
    /// Nobody manages them.
    pub(super) staff: String,
    /// Whom the identity provider removed.
    pub(super) left: String,
    pub(super) group: String,
    pub(super) revoked_key: String,
}

impl Scene {
    pub(super) async fn set() -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join("credentials.toml");
        let (gateway, gateway_entry) = new_credential("gateway-2", "gateway").await;
        let (reader, reader_entry) = new_credential("billing", "reader").await;
        fs::write(&file, format!("{gateway_entry}\n{reader_entry}")).expect("a file");
        let settings = ["--demo", "acme.com", "--credentials", &file.display().to_string()];
        let nestr = Nestr::start_with(&settings).await;
        let (acme, operator) = (nestr.acme(), nestr.operator());
        let terminal = Terminal::of(&nestr);
        let done = |method: &str, ask: &Value| terminal.call(method, ask).expect("done");

        let ada = acme.create("ada@acme.com").await;
        let admin = acme.create("carl@acme.com").await;
        let ask = json!({"workspace_id": acme.id, "id": admin, "protected": true});
        done("UserService/ProtectUser", &ask);
        let bob = acme.create("bob@acme.com").await;
        acme.delete(&format!("/Users/{bob}")).await.is(204);
        let staff = operator.create_user(&acme.id, r#"{"userName": "staff"}"#).await;
        let group = acme.post("/Groups", r#"{"displayName": "Staff"}"#).await.is(201).text("/id");
        let globex = operator.create_workspace("Globex").await;
        operator.claim(&globex, "acme.com").await;
        let (_, revoked_key) = operator.create_key(&acme.id).await;
        operator.revoke_key(&acme.id, &revoked_key).await;

        let mut keys = vec![("acme", acme.clone()), ("none", acme.with_key("nscim_x"))];
        let terms = v1::CreateApiKeyRequest {
            scopes: vec![v1::ApiKeyScope::Groups.into()],
            ..v1::CreateApiKeyRequest::default()
        };
        keys.push(("groups", acme.with_key(&operator.create_key_for(&acme.id, terms).await.0)));
        let ask = json!({"workspace_id": acme.id, "display_name": "Second"});
        let second = done("IntegrationService/CreateIntegration", &ask)["id"].clone();
        let ask = json!({"workspace_id": acme.id, "integration_id": second});
        done("IntegrationService/EnableIntegration", &ask);
        let key = done("IntegrationService/CreateApiKey", &ask)["key"].clone();
        keys.push(("second", acme.with_key(key.as_str().expect("a key"))));
        for (name, method, reason) in [
            ("disabled", "IntegrationService/DisableIntegration", None),
            ("paused", "IntegrationService/PauseIntegration", None),
            ("suspended", "WorkspaceService/SuspendWorkspace", Some("Unpaid.")),
        ] {
            let other = nestr.workspace_with_verified_domain(&format!("{name}.example")).await;
            let mut ask = json!({"workspace_id": other.id});
            if let Some(reason) = reason {
                ask["reason"] = reason.into();
            }
            done(method, &ask);
            keys.push((name, other));
        }
        Self {
            nestr,
            acme,
            gateway,
            reader,
            keys,
            globex,
            ada,
            admin,
            staff,
            left: bob,
            group,
            revoked_key,
        }
    }

    pub(super) fn key(&self, name: &str) -> &Workspace {
        &self.keys.iter().find(|(known, _)| *known == name).expect("a key of this name").1
    }

    /// The metadata of a caller, who names the request.
    pub(super) fn metadata(&self, by: &By) -> Vec<String> {
        let bearer = |credential: &str| format!("authorization: Bearer {credential}");
        let mut metadata = vec!["x-request-id: example-7".to_owned()];
        match by {
            By::Nobody => {}
            By::Operator => metadata.push(bearer(&self.nestr.demo().operator_credential)),
            By::Reader => metadata.push(bearer(&self.reader)),
            By::Key(name) => {
                metadata.push(bearer(&self.gateway));
                metadata.push(format!("scim-authorization: Bearer {}", self.key(name).key));
            }
        }
        metadata
    }
}
