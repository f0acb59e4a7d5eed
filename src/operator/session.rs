//! The way to the directory, and the credential that is presented there.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use directory_api::v1::audit_service_client::AuditServiceClient;
use directory_api::v1::domain_service_client::DomainServiceClient;
use directory_api::v1::group_service_client::GroupServiceClient;
use directory_api::v1::integration_service_client::IntegrationServiceClient;
use directory_api::v1::login_service_client::LoginServiceClient;
use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::watch_service_client::WatchServiceClient;
use directory_api::v1::workspace_service_client::WorkspaceServiceClient;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Status};

use crate::cli::check_address;
use crate::endpoint::Shown;
use crate::{credentials, endpoint};

/// Where the operators' credential lies that a directory makes, seen from where it was started.
const DEFAULT_CREDENTIAL: &str = "nestr-scim-data/operator.credential";
/// The setting that names another.
const CREDENTIAL: &str = "--credential-file (NESTR_SCIM_OPERATOR_CREDENTIAL_FILE)";

/// The setting that names a certificate instead.
const CERTIFICATE: &str = "--certificate-file (NESTR_SCIM_OPERATOR_CERTIFICATE_FILE)";

/// How long a connection, and how long an answer may take. A person waits; verifying a domain also gives
/// their login e-mail to all who waited for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_mins(1);

/// The largest answer that is taken, in bytes: a page of people, which the directory bounds at half of it.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// The way to the directory.
#[derive(Args, Clone, Debug)]
pub(super) struct ConnectionConfig {
    /// Where the directory is, such as `http://127.0.0.1:50051`, or `https://` for TLS.
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        env = "NESTR_SCIM_DIRECTORY",
        value_name = "URL",
        default_value = "http://127.0.0.1:50051"
    )]
    pub(super) directory: String,

    /// The file that holds your credential. Instead of the file, the environment variable
    /// `NESTR_SCIM_OPERATOR_CREDENTIAL` may hold the credential itself. Absent: the one that a directory
    /// started in this folder made, `nestr-scim-data/operator.credential`.
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        env = "NESTR_SCIM_OPERATOR_CREDENTIAL_FILE",
        value_name = "FILE"
    )]
    credential_file: Option<PathBuf>,

    /// The certificates (PEM) that vouch for the directory's. Absent: those of the system.
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        env = "NESTR_SCIM_DIRECTORY_CA",
        value_name = "FILE"
    )]
    directory_ca: Option<PathBuf>,

    /// The certificate (PEM) by which the directory knows you, instead of by a credential. Absent: none is
    /// shown.
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        env = "NESTR_SCIM_OPERATOR_CERTIFICATE_FILE",
        value_name = "FILE",
        requires = "certificate_key_file"
    )]
    certificate_file: Option<PathBuf>,

    /// The private key of that certificate (PEM).
    #[arg(
        long,
        global = true,
        help_heading = "Connection",
        env = "NESTR_SCIM_OPERATOR_CERTIFICATE_KEY_FILE",
        value_name = "FILE",
        requires = "certificate_file"
    )]
    certificate_key_file: Option<PathBuf>,
}

impl ConnectionConfig {
    /// Where the directory is, by the setting of that name.
    pub(super) fn named(&self) -> (&'static str, &str) {
        ("--directory (NESTR_SCIM_DIRECTORY)", &self.directory)
    }

    fn shown(&self) -> Option<Shown<'_>> {
        let certificate = self.certificate_file.as_deref()?;
        let key = self.certificate_key_file.as_deref()?;
        Some(Shown { setting: CERTIFICATE, certificate, key })
    }

    /// Where the credential comes from, by the setting that names another.
    pub(super) fn credential_named(&self) -> String {
        match (&self.credential_file, &self.certificate_file) {
            (Some(path), _) => format!("{CREDENTIAL} is {}", path.display()),
            (None, Some(path)) => format!("{CERTIFICATE} is {}", path.display()),
            (None, None) => format!(
                "that of NESTR_SCIM_OPERATOR_CREDENTIAL, or else of {DEFAULT_CREDENTIAL}; \
                 {CREDENTIAL} names another"
            ),
        }
    }

    /// The credential that is presented; `None` where a certificate is shown and no credential was named.
    fn credential(&self) -> anyhow::Result<Option<String>> {
        let variable = "NESTR_SCIM_OPERATOR_CREDENTIAL";
        let said = credentials::said(self.credential_file.as_deref(), CREDENTIAL, variable)?;
        if said.is_some() || self.certificate_file.is_some() {
            return Ok(said);
        }
        match std::fs::read_to_string(Path::new(DEFAULT_CREDENTIAL)) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => bail!(
                "{CREDENTIAL} is needed: the directory writes one to operator.credential in its data \
                 directory, and `nestr-scim credential NAME operator` makes others. There is none at \
                 {DEFAULT_CREDENTIAL} either"
            ),
            Err(error) => Err(error).context(DEFAULT_CREDENTIAL),
        }
    }
}

/// A channel that presents the credential with each call.
type Presented = InterceptedService<Channel, Presenting>;

/// `authorization: Bearer <credential>` where there is one, and until when an answer is waited for.
#[derive(Clone)]
pub(super) struct Presenting(Option<AsciiMetadataValue>);

impl Interceptor for Presenting {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(bearer) = &self.0 {
            request.metadata_mut().insert("authorization", bearer.clone());
        }
        request.set_timeout(PATIENCE);
        Ok(request)
    }
}

fn bearer(credential: &str) -> anyhow::Result<AsciiMetadataValue> {
    let mut bearer: AsciiMetadataValue = format!("Bearer {credential}")
        .parse()
        .with_context(|| format!("{CREDENTIAL}: a credential is one line of visible ASCII"))?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// The services of the directory, for one who holds a credential or a certificate.
pub(super) struct Session(Presented);

impl Session {
    /// Prepares the way; the first call connects.
    ///
    /// # Errors
    /// When a setting is of no use; the error names it.
    pub(super) fn open(config: &ConnectionConfig) -> anyhow::Result<Self> {
        let (setting, address) = config.named();
        check_address(setting, address)?;
        let (ca, shown) = (config.directory_ca.as_deref(), config.shown());
        let endpoint = endpoint::to_directory(address, ca, shown)?;
        let channel = endpoint.connect_timeout(CONNECT_TIMEOUT).connect_lazy();
        let bearer = config.credential()?.map(|credential| bearer(&credential)).transpose()?;
        Ok(Self(InterceptedService::new(channel, Presenting(bearer))))
    }

    pub(super) fn workspaces(&self) -> WorkspaceServiceClient<Presented> {
        WorkspaceServiceClient::new(self.0.clone())
    }

    pub(super) fn domains(&self) -> DomainServiceClient<Presented> {
        DomainServiceClient::new(self.0.clone())
    }

    pub(super) fn integrations(&self) -> IntegrationServiceClient<Presented> {
        IntegrationServiceClient::new(self.0.clone())
    }

    pub(super) fn users(&self) -> UserServiceClient<Presented> {
        UserServiceClient::new(self.0.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    pub(super) fn groups(&self) -> GroupServiceClient<Presented> {
        GroupServiceClient::new(self.0.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    pub(super) fn audit(&self) -> AuditServiceClient<Presented> {
        AuditServiceClient::new(self.0.clone()).max_decoding_message_size(ANSWER_BYTES)
    }

    pub(super) fn logins(&self) -> LoginServiceClient<Presented> {
        LoginServiceClient::new(self.0.clone())
    }

    pub(super) fn watch(&self) -> WatchServiceClient<Presented> {
        WatchServiceClient::new(self.0.clone())
    }
}
