//! What went wrong: the directory refused, or it could not be asked. Scripts tell them apart by the code
//! with which the process ends.

use std::process::ExitCode;

use directory_api::v1::Reason;
use tonic::{Code, Status};

use super::session::ConnectionConfig;

/// What the process ends with.
const REFUSED: u8 = 1;
const NOT_ASKED: u8 = 2;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The directory said no.
    Refused(Status),
    /// The directory is not there, or did not answer in time: what was asked may have been done.
    NotReached(Status),
    /// Nothing was asked.
    Unasked(anyhow::Error),
}

impl From<Status> for Failure {
    /// A directory names its reason; a connection that failed has none, and the cause in its chain.
    fn from(status: Status) -> Self {
        let is_lost = std::error::Error::source(&status).is_some()
            || matches!(
                status.code(),
                Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled
            );
        if Reason::of(&status).is_none() && is_lost {
            Self::NotReached(status)
        } else {
            Self::Refused(status)
        }
    }
}

impl Failure {
    /// Nothing was asked, for this cause.
    pub(super) fn unasked(cause: impl Into<anyhow::Error>) -> Self {
        Self::Unasked(cause.into())
    }

    /// For the person at the terminal: cause and fix, and the reason by which machines know it.
    pub(super) fn told(&self, connection: &ConnectionConfig) -> String {
        match self {
            Self::Refused(status) => {
                let reason = Reason::of(status).map(|reason| reason.as_str_name());
                let reason = reason.map_or_else(|| status.code().to_string(), str::to_owned);
                let fix = match status.code() {
                    Code::Unauthenticated => format!(" Yours: {}.", connection.credential_named()),
                    _ => String::new(),
                };
                format!("refused: {} ({reason}){fix}", status.message())
            }
            Self::NotReached(status) => {
                let (setting, address) = connection.named();
                format!(
                    "the directory was not reached at {address}: {}. Is it running there? {setting} \
                     names another place",
                    with_causes(status)
                )
            }
            Self::Unasked(error) => format!("{error:#}"),
        }
    }

    /// What the process ends with.
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Refused(_) => REFUSED,
            Self::NotReached(_) | Self::Unasked(_) => NOT_ASKED,
        })
    }
}

/// The message, and the last of its causes: what the machine said.
fn with_causes(status: &Status) -> String {
    let mut cause = std::error::Error::source(status);
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let causes = cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
    format!("{}{causes}", status.message())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn what_the_directory_says_is_a_refusal_and_what_the_way_says_is_none() {
        let full = Reason::Unavailable.status("The disk is full.", HashMap::new());
        for refused in [full, Status::internal("internal error"), Status::not_found("gone")] {
            assert!(matches!(Failure::from(refused.clone()), Failure::Refused(_)), "{refused:?}");
        }
        for lost in [Status::unavailable("no route"), Status::deadline_exceeded("late")] {
            assert!(matches!(Failure::from(lost.clone()), Failure::NotReached(_)), "{lost:?}");
        }
    }
}
