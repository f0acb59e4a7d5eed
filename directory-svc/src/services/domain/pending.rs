//! Pages of the claims that wait for an operator.

use tonic::Status;

use crate::services::fault::no;
use crate::services::read;
use crate::store::{PendingDomain, PendingMark};

/// The claim behind which the page of `token` begins; `None` for the first page. Who may list them sees all
/// that a token holds, so it is plain text.
///
/// # Errors
/// `INVALID_ARGUMENT` for a token that no answer gave.
pub(super) fn after(token: &str) -> Result<Option<PendingMark>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let mark = || {
        let mut parts = token.splitn(3, '/');
        let claimed_at = parts.next()?.parse().ok()?;
        let workspace = parts.next()?.parse().ok()?;
        Some(PendingMark { claimed_at, workspace, name: parts.next()?.to_owned() })
    };
    let cause = "not one that an earlier answer gave; begin again without one";
    mark().map(Some).ok_or_else(|| no(read::invalid("page_token", cause)))
}

/// The token of the page behind this claim; empty when there is none.
pub(super) fn next_page(last: Option<&PendingDomain>) -> String {
    last.map_or_else(String::new, |pending| {
        let PendingMark { claimed_at, workspace, name } = pending.mark();
        format!("{claimed_at}/{workspace}/{name}")
    })
}
