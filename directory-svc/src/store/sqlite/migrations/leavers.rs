//! Who had left before leavers were kept out: what step 10 does beyond SQL, which knows neither the form in
//! which addresses are compared nor the names of people whom Entra ID soft-deletes.

use rusqlite::{Connection, Row, params};
use scim::{Resource, Schemas};

use crate::clock::Micros;
use crate::ids::{UserId, WorkspaceId};
use crate::rules::leavers;
use crate::store::sqlite::passage;
use crate::store::sqlite::statement::run;
use crate::store::{Answer, Barred, LoginEmail, StoreError};

/// People who may be out. An integration is taken at its word when it manages them, or wrote last: it may be off
/// since.
const LIVING: &str = "SELECT u.workspace_id, u.id, u.document, u.login_email, u.login_email_key, \
     u.modified_at, b.user_id IS NOT NULL OR c.author_integration IS NOT NULL FROM user u \
     LEFT JOIN binding b ON b.workspace_id = u.workspace_id AND b.user_id = u.id \
     LEFT JOIN change c ON c.workspace_id = u.workspace_id AND c.revision = u.revision \
     WHERE u.active = 0 OR u.login_email_key IS NULL";
const REMOVED: &str = "SELECT d.workspace_id, d.id, d.document, d.login_email, d.login_email_key, \
     d.deleted_at, d.integration_id IS NOT NULL OR c.author_integration IS NOT NULL \
     FROM deleted_user d \
     LEFT JOIN change c ON c.workspace_id = d.workspace_id AND c.revision = d.revision";
/// Somebody who is here, active, with such an address was taken in since.
const TAKEN_IN: &str = "DELETE FROM barred_address WHERE EXISTS (SELECT 1 FROM user u \
     WHERE u.workspace_id = barred_address.workspace_id \
     AND u.login_email_key = barred_address.address_key AND u.active IS NOT 0)";

/// Bars the addresses of everybody who had left, and marks those whom an identity provider sent away.
pub(super) fn keep_out(connection: &Connection) -> Answer<()> {
    let mark = "UPDATE user SET has_left = 1 WHERE workspace_id = ?1 AND id = ?2";
    bar_those_of(connection, LIVING, mark, |resource| !leavers::is_in(resource))?;
    let mark = "UPDATE deleted_user SET has_left = 1 WHERE workspace_id = ?1 AND id = ?2";
    bar_those_of(connection, REMOVED, mark, |_| true)?;
    run(connection, TAKEN_IN, [])?;
    Ok(())
}

fn bar_those_of(
    connection: &Connection,
    people: &str,
    mark: &str,
    is_barred: impl Fn(&Resource) -> bool,
) -> Answer<()> {
    let mut left = Vec::new();
    let mut statement = connection.prepare(people)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let Person { workspace_id, id, document, login_email, since, is_managed } = read(row)?;
        let resource = Schemas::standard().user().restore(&document);
        let resource = resource.map_err(|error| StoreError::Fault(error.into()))?;
        if !is_barred(&resource) {
            continue;
        }
        let barred = Barred { user_id: id, since, is_firm: is_managed };
        for key in leavers::addresses(&resource, login_email.as_ref()) {
            passage::bar(connection, workspace_id, &key, &barred)?;
        }
        if is_managed && !leavers::is_in(&resource) {
            left.push((workspace_id, id));
        }
    }
    for (workspace_id, id) in left {
        run(connection, mark, params![workspace_id, id])?;
    }
    Ok(())
}

struct Person {
    workspace_id: WorkspaceId,
    id: UserId,
    document: String,
    login_email: Option<LoginEmail>,
    since: Micros,
    is_managed: bool,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Person> {
    let address: Option<String> = row.get(3)?;
    let login_email = match address {
        Some(address) => Some(LoginEmail { address, key: row.get(4)? }),
        None => None,
    };
    Ok(Person {
        workspace_id: row.get(0)?,
        id: row.get(1)?,
        document: row.get(2)?,
        login_email,
        since: row.get(5)?,
        is_managed: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use uuid::Uuid;

    use super::super::{MIGRATIONS, bring, run};
    use super::*;
    use crate::ids::IntegrationId;

    const HEX: &str = "0123456789abcdef0123456789abcdef";
    const ACME: WorkspaceId = WorkspaceId::new(Uuid::from_u128(1));
    const ENTRA: IntegrationId = IntegrationId::new(Uuid::from_u128(2));

    /// A store of before, with one integration.
    fn store() -> Connection {
        let mut connection = Connection::open_in_memory().unwrap();
        bring(&mut connection, &MIGRATIONS[..9]).unwrap();
        connection
            .execute(
                "INSERT INTO workspace (id, display_name, contact_email, created_at, revision, email_join) \
                 VALUES (?1, 'Acme', 'it@acme.com', 0, 100, 'open')",
                [ACME],
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO integration (workspace_id, id, seq, display_name, kind, state, created_at) \
                 VALUES (?1, ?2, 1, 'Entra ID', 1, 'on', 5)",
                params![ACME, ENTRA],
            )
            .unwrap();
        connection
    }

    /// Somebody of before, last written by the integration if `is_its`, and bound to it if `is_bound`.
    struct Was {
        n: u32,
        document: String,
        login: Option<&'static str>,
        is_bound: bool,
        is_its: bool,
    }

    impl Was {
        fn id(&self) -> UserId {
            UserId::new(Uuid::from_u128(u128::from(self.n)))
        }

        fn written(&self, connection: &Connection) {
            let author = if self.is_its { (Some(ENTRA), None) } else { (None, Some("settings")) };
            connection
                .execute(
                    "INSERT INTO change (workspace_id, revision, operation_id, author_integration, \
                     author_service, at, kind, subject, detail) \
                     VALUES (?1, ?2, ?2, ?3, ?4, ?2, 'user-created', ?5, '{}')",
                    params![ACME, self.n, author.0, author.1, self.id().to_string()],
                )
                .unwrap();
        }

        fn lives(self, connection: &Connection) -> UserId {
            self.written(connection);
            let resource = Schemas::standard().user().read(&self.document).unwrap();
            let active = resource.attribute("active").map(|_| resource.is_active());
            connection
                .execute(
                    "INSERT INTO user (workspace_id, id, seq, revision, user_name_key, login_email, \
                     login_email_key, active, created_at, modified_at, document, search) \
                     VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?5, ?6, 0, 7, ?7, '{}')",
                    params![
                        ACME,
                        self.id(),
                        self.n,
                        scim::fold::fold(resource.user_name().unwrap()),
                        self.login,
                        active,
                        resource.to_json(),
                    ],
                )
                .unwrap();
            if self.is_bound {
                connection
                    .execute(
                        "INSERT INTO binding (workspace_id, user_id, integration_id) VALUES (?1, ?2, ?3)",
                        params![ACME, self.id(), ENTRA],
                    )
                    .unwrap();
            }
            self.id()
        }

        fn was_removed(self, connection: &Connection) -> UserId {
            self.written(connection);
            let resource = Schemas::standard().user().read(&self.document).unwrap();
            connection
                .execute(
                    "INSERT INTO deleted_user (workspace_id, id, seq, revision, login_email, \
                     login_email_key, integration_id, created_at, modified_at, deleted_at, expires_at, \
                     document) VALUES (?1, ?2, ?3, ?3, ?4, ?4, ?5, 0, 7, 9, 99, ?6)",
                    params![
                        ACME,
                        self.id(),
                        self.n,
                        self.login,
                        self.is_bound.then_some(ENTRA),
                        resource.to_json(),
                    ],
                )
                .unwrap();
            self.id()
        }
    }

    fn was(n: u32, document: &str) -> Was {
        Was { n, document: document.to_owned(), login: None, is_bound: true, is_its: true }
    }

    fn barred(connection: &Connection, key: &str) -> Option<Barred> {
        passage::find(connection, ACME, key).unwrap()
    }

    fn is_firm(connection: &Connection, key: &str) -> Option<bool> {
        barred(connection, key).map(|barred| barred.is_firm)
    }

    fn has_left(connection: &Connection, table: &str, id: UserId) -> bool {
        let sql = format!("SELECT has_left FROM {table} WHERE id = ?1");
        connection.query_row(&sql, [id], |row| row.get(0)).unwrap()
    }

    /// By the address of before, too, which the name hides. Seen to fail with the column `active` alone looked
    /// at, and with the name barred as it is.
    #[test]
    fn whom_entra_soft_deleted_stays_out() {
        let mut connection = store();
        let name = format!("{HEX}Ada@acme.com");
        let ada = was(3, &format!(r#"{{"userName":"{name}","active":true}}"#)).lives(&connection);
        let bob = format!(r#"{{"userName":"{HEX}bob@acme.com"}}"#);
        let bob = was(4, &bob).was_removed(&connection);
        run(&mut connection).unwrap();
        for (key, user_id, since) in [("ada@acme.com", ada, 7), ("bob@acme.com", bob, 9)] {
            assert_eq!(barred(&connection, key), Some(Barred { user_id, since, is_firm: true }));
        }
        assert_eq!(barred(&connection, &scim::fold::fold(&name)), None);
        assert!(has_left(&connection, "user", ada) && has_left(&connection, "deleted_user", bob));
    }

    /// Seen to fail with the first bar of an address kept.
    #[test]
    fn a_firm_bar_takes_the_place_of_a_soft_one() {
        let mut connection = store();
        let document = r#"{"userName":"4711","active":false,"emails":[{"value":"ada@acme.com"}]}"#;
        let by_a_service = Was { is_bound: false, is_its: false, ..was(3, document) };
        by_a_service.was_removed(&connection);
        let document = r#"{"userName":"ada@acme.com","active":true}"#;
        let ada = Was { login: Some("ada@acme.com"), ..was(4, document) }.was_removed(&connection);
        run(&mut connection).unwrap();
        let barred = barred(&connection, "ada@acme.com").unwrap();
        assert_eq!((barred.user_id, barred.is_firm), (ada, true));
        assert!(
            !has_left(&connection, "deleted_user", ada),
            "removed while active: restored as such"
        );
    }

    /// Seen to fail with keys that are made by the engine's `lower`.
    #[test]
    fn addresses_are_barred_in_their_form_for_comparison() {
        let mut connection = store();
        let document = r#"{"userName":"Ångström@BÜCHER.example","active":false,
            "emails":[{"value":"Ada@BÜCHER.example"},{"value":"no address"}]}"#;
        was(3, document).was_removed(&connection);
        was(4, &document.replace("Ada", "Eve")).lives(&connection);
        run(&mut connection).unwrap();
        for key in ["ångström", "ada", "eve"] {
            let key = format!("{key}@xn--bcher-kva.example");
            assert_eq!(is_firm(&connection, &key), Some(true), "{key}");
        }
    }

    /// Seen to fail with the binding alone asked, which ended with the integration.
    #[test]
    fn an_integration_that_is_off_by_now_is_taken_at_its_word() {
        let mut connection = store();
        let of = |n, is_its| {
            let document = format!(r#"{{"userName":"p{n}@acme.com","active":false}}"#);
            Was { is_bound: false, is_its, ..was(n, &document) }
        };
        let (ada, bob) = (of(3, true).lives(&connection), of(4, false).lives(&connection));
        run(&mut connection).unwrap();
        assert_eq!(is_firm(&connection, "p3@acme.com"), Some(true));
        assert_eq!(is_firm(&connection, "p4@acme.com"), Some(false));
        assert!(has_left(&connection, "user", ada) && !has_left(&connection, "user", bob));
    }

    /// Seen to fail with bars of those who are back.
    #[test]
    fn who_is_here_comes_in_as_before() {
        let mut connection = store();
        let document = r#"{"userName":"ada@acme.com","emails":[{"value":"ada.l@acme.com"}]}"#;
        was(3, document).was_removed(&connection);
        let ada = Was { login: Some("ada@acme.com"), ..was(4, document) }.lives(&connection);
        let waits = was(5, r#"{"userName":"4711"}"#).lives(&connection);
        run(&mut connection).unwrap();
        assert_eq!(barred(&connection, "ada@acme.com"), None);
        assert_eq!(is_firm(&connection, "ada.l@acme.com"), Some(true), "nobody signs in by it");
        assert!(!has_left(&connection, "user", ada) && !has_left(&connection, "user", waits));
    }

    /// Seen to fail with each of the two statements left out.
    #[test]
    fn a_workspace_that_was_provisioned_is_not_open_to_those_who_join() {
        for is_its in [true, false] {
            let mut connection = store();
            Was { is_its, ..was(3, r#"{"userName":"ada"}"#) }.was_removed(&connection);
            run(&mut connection).unwrap();
            let read = |sql: &str| {
                connection
                    .query_row(sql, [], |row| row.get::<_, rusqlite::types::Value>(0))
                    .unwrap()
            };
            let (at, join) =
                if is_its { (3.into(), "off") } else { (rusqlite::types::Value::Null, "open") };
            assert_eq!(read("SELECT provisioned_at FROM integration"), at);
            assert_eq!(read("SELECT email_join FROM workspace"), join.to_owned().into());
        }
    }
}
