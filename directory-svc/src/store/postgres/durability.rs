//! Whether what is acknowledged outlives the server, as the server is set: it is told, and nothing is refused.

use std::time::Duration;

use super::connection::Connections;
use super::statement::one;
use crate::store::Answer;

/// How often it is looked at: another server may have become the first, and settings are read again.
const LOOK: Duration = Duration::from_secs(5);

/// What of a write that was acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// It is on the disk of a standby too.
    Twice,
    /// It is on the disk of the first server alone.
    Once,
    /// It may be on no disk yet.
    Maybe,
}

impl Kept {
    fn of(commit: &str, standbys: &str, fsync: &str) -> Self {
        match commit {
            _ if fsync == "off" => Self::Maybe,
            "off" => Self::Maybe,
            "local" => Self::Once,
            _ if standbys.trim().is_empty() => Self::Once,
            _ => Self::Twice,
        }
    }

    fn tell(self) {
        match self {
            Self::Twice => tracing::info!("PostgreSQL: a write is answered once a standby has it"),
            Self::Once => tracing::warn!(
                "PostgreSQL: a write is answered before any standby has it, and is lost if that one takes over. \
                 Name a standby in synchronous_standby_names, and leave synchronous_commit on"
            ),
            Self::Maybe => tracing::warn!(
                "PostgreSQL: a write is answered before it is on the disk, and is lost if the server stops. \
                 Set synchronous_commit and fsync to on"
            ),
        }
    }
}

/// Tells, at the start and at each change.
pub(super) async fn watch(connections: Connections) {
    let mut told = None;
    loop {
        // A server that does not answer now is heard of elsewhere.
        if let Ok(kept) = look(&connections).await {
            metrics::gauge!("nestr_scim_store_synchronous").set(u32::from(kept == Kept::Twice));
            if told != Some(kept) {
                told = Some(kept);
                kept.tell();
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn look(connections: &Connections) -> Answer<Kept> {
    let settings = "SELECT current_setting('synchronous_commit'), \
                    current_setting('synchronous_standby_names'), current_setting('fsync')";
    let connection = connections.get().await?;
    let kept = one(&connection, settings, &[], |row| {
        let text = |at| row.get::<String>(at);
        Ok(Kept::of(&text(0)?, &text(1)?, &text(2)?))
    });
    Ok(kept.await?.unwrap_or(Kept::Maybe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_kept_twice_when_a_standby_is_waited_for() {
        for (commit, standbys, fsync, kept) in [
            ("on", "ANY 1 (a, b)", "on", Kept::Twice),
            ("remote_apply", "*", "on", Kept::Twice),
            ("remote_write", "a", "on", Kept::Twice),
            ("on", "", "on", Kept::Once),
            ("local", "a", "on", Kept::Once),
            ("off", "a", "on", Kept::Maybe),
            ("on", "a", "off", Kept::Maybe),
        ] {
            assert_eq!(Kept::of(commit, standbys, fsync), kept, "{commit} {standbys:?} {fsync}");
        }
    }
}
