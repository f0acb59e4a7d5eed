//! `AuditService`: who did what, for those who look later.

use directory_api::v1;
use directory_api::v1::audit_service_server::AuditService;
use tonic::{Request, Response, Status};

use super::fault::store_error;
use super::page::{Question, Room};
use super::{Services, page, read};
use crate::door::Authenticated;
use crate::render;
use crate::store::{AuditQuery, AuditRecord, Mark, Store, WorkspaceStore};

#[tonic::async_trait]
impl<S: Store> AuditService for Services<S> {
    async fn list_audit_records(
        &self,
        request: Request<v1::ListAuditRecordsRequest>,
    ) -> Result<Response<v1::ListAuditRecordsResponse>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let from = read::time("from_time", ask.from_time.as_ref())?;
        let to = read::time("to_time", ask.to_time.as_ref())?;
        let times = [from, to].map(|at| at.map(|at| at.to_string()).unwrap_or_default());
        let words = [&ask.actor, &ask.act, &ask.subject, &times[0], &times[1]];
        let question = Question::new(workspace_id, None, "audit", &words.map(String::as_str));
        let below = match ask.page_token.as_str() {
            "" => None,
            token => Some(self.mark(&question, token)?.seq),
        };
        let limit = page::size(ask.page_size, page::DEFAULT_PAGE) as usize;
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let query = AuditQuery {
            actor: given(ask.actor),
            act: given(ask.act),
            subject: given(ask.subject),
            from,
            to,
            below,
            limit: u32::try_from(limit + 1).unwrap_or(u32::MAX),
        };
        let mut found = workspace.audit_records(query).await.map_err(store_error)?;
        let mut room = Room::default();
        let fits = found.iter().take(limit).take_while(|record| room.takes(bytes(record))).count();
        let more = found.len() > fits;
        found.truncate(fits);
        let last = found.last().map(|record| Mark::of(record.revision));
        let next_page_token = self.next_page(&question, last.as_ref(), more)?;
        let records = found.into_iter().map(render::audit_record).collect();
        Ok(Response::new(v1::ListAuditRecordsResponse { records, next_page_token }))
    }
}

/// What of a record may be long: whole people are among what is restored.
fn bytes(record: &AuditRecord) -> usize {
    [&record.before, &record.after].into_iter().flatten().map(String::len).sum()
}
