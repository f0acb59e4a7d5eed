//! Letters over days: when a key's admins are reminded, and when a letter is given up.

use std::time::Duration;

use super::{BEGIN, House};
use crate::clock::{DAY, HOUR, Micros};
use crate::mail::{MailConfig, Mailer};
use crate::store::{NoticeStore, Store, WorkspaceStore};

/// Long enough for a job to do what it has to before it rests.
const A_ROUND: Duration = Duration::from_millis(300);

impl House {
    /// Lets reminders and letters go their way for a moment, and answers the subjects of all letters so far,
    /// which this mailer writes as files.
    async fn letters(&self, mailer: &Mailer) -> Vec<String> {
        let reminding = self.directory.remind_of_keys();
        let _ = tokio::time::timeout(A_ROUND, reminding).await;
        let delivering = self.directory.deliver_notices(mailer, std::future::pending());
        let _ = tokio::time::timeout(A_ROUND, delivering).await;
        let Ok(files) = std::fs::read_dir(self.dir.path().join("mail")) else { return Vec::new() };
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        let subject = |path| {
            let letter = std::fs::read_to_string(path).unwrap();
            letter.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap().to_owned()
        };
        paths.iter().map(subject).collect()
    }

    fn mailer(&self, url: Option<&str>) -> Mailer {
        let config = MailConfig {
            smtp_url: url.map(|url| url.parse().unwrap()),
            smtp_password_file: None,
            smtp_ca: None,
            mail_from: Some("nestr@nestr.example".to_owned()),
            mail_dir: None,
        };
        Mailer::open(&config, None, Some(self.dir.path())).unwrap()
    }
}

/// 60, 30, 14 and 3 days before its end, each once, though keys are looked through all the time and sent
/// letters are forgotten meanwhile. A key that never ends, and one that is revoked, remind nobody. Seen to
/// fail with the reminders in the other order.
#[tokio::test]
async fn admins_are_reminded_four_times_of_a_key_that_ends() {
    let house = House::new().await;
    let mailer = house.mailer(None);
    let end = BEGIN + 61 * DAY + HOUR;
    house.key(end).await;
    house.key(end + DAY).await;
    let workspace = house.store.workspace(house.demo.workspace_id);
    let integration = workspace.integrations().await.unwrap()[0].id;
    let keys = workspace.api_keys(integration).await.unwrap();
    let unwanted = keys.iter().find(|key| key.expires_at == Some(end + DAY)).unwrap().id;
    let write = crate::store::Write {
        operation: crate::store::OperationId("revoke".to_owned()),
        author: crate::store::Author::Service("test".to_owned()),
        at: BEGIN,
    };
    workspace.revoke_api_key(write, unwanted).await.unwrap();

    for (day, letters) in [
        (0, 0),
        (2, 1),
        (3, 1),
        (32, 2),
        (40, 2),
        (48, 3),
        (57, 3),
        (59, 4),
        (61, 4),
        (62, 4),
        (400, 4),
    ] {
        house.now_is(BEGIN + day * DAY);
        let told = house.letters(&mailer).await;
        assert_eq!(told.len(), letters, "{day}: {told:?}");
        assert!(told.iter().all(|subject| subject == "An API key of Demo ends on 14 January 2024"));
        let clearing = house.directory.clear_expired();
        let _ = tokio::time::timeout(A_ROUND, clearing).await;
    }
}

/// Nobody listens there. Seen to fail with eight days.
#[tokio::test]
async fn a_letter_that_nobody_takes_is_given_up_after_a_week() {
    let house = House::new().await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mailer = house.mailer(Some(&format!("smtp://{nobody}")));
    house.key(BEGIN + 50 * DAY).await;
    let waiting = async |now: Micros| {
        house.now_is(now);
        house.letters(&mailer).await;
        house.store.take_due_notices(BEGIN - 1, BEGIN, 1).await.unwrap().waiting
    };
    for hours in [0, 1, 24, 48, 7 * 24 - 1] {
        assert_eq!(waiting(BEGIN + hours * HOUR).await, 1, "{hours}");
    }
    assert_eq!(waiting(BEGIN + 7 * DAY).await, 0);
}
