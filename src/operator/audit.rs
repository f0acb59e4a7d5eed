//! `operator audit`: what admins and operators did.

use clap::{Args, Subcommand};
use directory_api::v1;
use pbjson_types::Timestamp;

use super::failure::Failure;
use super::print::{Answer, Show};
use super::session::Session;
use super::words::{InWorkspace, Page, read_time, time};

/// What is done with the record of acts.
#[derive(Clone, Debug, Subcommand)]
pub(super) enum Verb {
    /// Lists the acts in a workspace, the newest first. With --json also as what the subject was before
    /// and after.
    List(List),
}

/// Which acts.
#[derive(Args, Clone, Debug)]
pub(super) struct List {
    #[command(flatten)]
    within: InWorkspace,

    /// Who did it, exactly: the name of the service or operator.
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    actor: String,

    /// What was done, as domain.verified; or the noun alone, as domain.
    #[arg(long, value_name = "ACT", default_value = "", hide_default_value = true)]
    act: String,

    /// To what, exactly: a domain, or an id.
    #[arg(long, value_name = "SUBJECT", default_value = "", hide_default_value = true)]
    subject: String,

    /// Done then or later, as 2026-11-24 or 2026-11-24T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    from: Option<Timestamp>,

    /// Done before then.
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    to: Option<Timestamp>,

    #[command(flatten)]
    page: Page,
}

impl Verb {
    /// Asks, and answers what is to be shown.
    pub(super) async fn ask(self, session: &Session) -> Result<Answer, Failure> {
        let Self::List(list) = self;
        let ask = v1::ListAuditRecordsRequest {
            workspace_id: list.within.workspace_id,
            actor: list.actor,
            act: list.act,
            subject: list.subject,
            from_time: list.from,
            to_time: list.to,
            page_size: list.page.page_size,
            page_token: list.page.page_token,
        };
        let found = session.audit().list_audit_records(ask).await?.into_inner();
        Ok(Answer::many(&found, &found.records)?.page(&found.next_page_token))
    }
}

impl Show for v1::AuditRecord {
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![
            ("when", time(self.act_time.as_ref())),
            ("actor", self.actor.clone()),
            ("act", self.act.clone()),
            ("subject", self.subject.clone()),
        ]
    }

    const COLUMNS: &'static [&'static str] = &["when", "actor", "act", "subject"];
}
