//! Making, adopting and changing people.

use tokio::{join, try_join};

use super::{by_login_email, by_user_name, find};
use crate::clock::Micros;
use crate::ids::UserId;
use crate::refusal::Refusal;
use crate::store::places::{EMAILS, EmailKey, Keys};
use crate::store::postgres::failure::{fault, is_conflict};
use crate::store::postgres::statement::{one, params, run};
use crate::store::postgres::writing::{Changed, Writing};
use crate::store::postgres::{allowed, counts, domains, groups, integrations, passage};
use crate::store::record::{Detail, image_of_user};
use crate::store::{
    Admission, Answer, Binding, ChangeKind, Draft, Kind, Member, Met, Names, Policy, Revision,
    StoreError, Unique, User,
};

pub(in crate::store::postgres) async fn create(
    writing: &Writing<'_>,
    id: UserId,
    names: &Names,
    decide: &impl Fn(&Policy, &Met) -> Result<Admission, Refusal>,
) -> Answer<User> {
    let kinds = [ChangeKind::UserCreated, ChangeKind::UserAdopted];
    let (repeated, policy, met) = try_join!(
        writing.repeated(&kinds, None),
        domains::policy(writing.connection, writing.workspace),
        meet(writing, names),
    )?;
    if let Some(made) = repeated {
        let made = made.subject.parse().map_err(|_| StoreError::OperationReused)?;
        return standing(writing, made).await;
    }
    match allowed::decided(writing, policy, |policy| decide(policy, &met)).await? {
        Admission::Create(draft) => {
            let place = Place { id, seq: None, created_at: writing.write.at };
            Box::pin(insert(writing, place, &draft, ChangeKind::UserCreated, "[]")).await
        }
        Admission::Adopt(id, draft) => {
            let person = find(writing.connection, writing.workspace, id)
                .await?
                .ok_or_else(|| fault("a person who is not here was to be adopted"))?;
            Box::pin(update(writing, &person, &draft)).await
        }
    }
}

pub(in crate::store::postgres) async fn change(
    writing: &Writing<'_>,
    id: UserId,
    decide: &impl Fn(&Policy, Option<&User>) -> Result<Draft, Refusal>,
) -> Answer<User> {
    let kinds = [ChangeKind::UserUpdated, ChangeKind::UserAdopted];
    let subject = id.to_string();
    let (repeated, policy, person) = try_join!(
        writing.repeated(&kinds, Some(&subject)),
        domains::policy(writing.connection, writing.workspace),
        find(writing.connection, writing.workspace, id),
    )?;
    if repeated.is_some() {
        return standing(writing, id).await;
    }
    let draft = allowed::decided(writing, policy, |policy| decide(policy, person.as_ref())).await?;
    let person = person.ok_or_else(|| fault("a person who is not here was to be changed"))?;
    Box::pin(update(writing, &person, &draft)).await
}

/// The person of an earlier write, as they stand now.
pub(super) async fn standing(writing: &Writing<'_>, id: UserId) -> Answer<User> {
    find(writing.connection, writing.workspace, id).await?.ok_or(StoreError::OperationReused)
}

async fn meet(writing: &Writing<'_>, names: &Names) -> Answer<Met> {
    let (connection, workspace) = (writing.connection, writing.workspace);
    let by_login_email = async {
        match &names.login_email {
            Some(email) => by_login_email(connection, workspace, &email.key).await,
            None => Ok(None),
        }
    };
    let (by_user_name, by_login_email, resembling) = try_join!(
        by_user_name(connection, workspace, &names.user_name),
        by_login_email,
        resembling(writing, names),
    )?;
    Ok(Met { by_user_name, by_login_email, resembling })
}

async fn resembling(writing: &Writing<'_>, names: &Names) -> Answer<Option<UserId>> {
    let integration = writing.write.author.integration();
    let (Some(integration), Some(external_id), Some(email)) =
        (integration, &names.external_id, &names.login_email)
    else {
        return Ok(None);
    };
    one(
        writing.connection,
        "SELECT id FROM deleted_user WHERE workspace_id = $1 AND integration_id = $2 \
         AND external_id = $3 AND login_email_key = $4 ORDER BY deleted_at DESC, seq DESC LIMIT 1",
        params![writing.workspace, integration, external_id, email.key],
        |row| row.get(0),
    )
    .await
}

/// What of a person outlives removal.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) id: UserId,
    /// `None`: the revision of this write.
    pub(super) seq: Option<Revision>,
    pub(super) created_at: Micros,
}

/// Brings a person in, and into those of the groups `member_of`, a JSON array of ids, that are here.
pub(super) async fn insert(
    writing: &Writing<'_>,
    place: Place,
    draft: &Draft,
    kind: ChangeKind,
    member_of: &str,
) -> Answer<User> {
    let login = draft.login_email.as_ref();
    passage::keep(writing, place.id, &draft.passage, login, draft.binding.is_some()).await?;
    let revision = writing.next_revision();
    let user = User {
        id: place.id,
        document: draft.resource.to_json(),
        login_email: draft.login_email.clone(),
        active: draft.resource.is_active(),
        has_left: draft.passage.has_left.unwrap_or_default(),
        binding: draft.binding.clone(),
        provided: draft.provided.clone(),
        is_protected: draft.is_protected,
        revision,
        seq: place.seq.unwrap_or(revision),
        created_at: place.created_at,
        modified_at: writing.write.at,
    };
    let keys = Keys::of(&draft.resource);
    let member = Member { id: user.id.into(), kind: Kind::User };
    let joined = groups::rejoin(writing, member, member_of, revision).await?;
    let subject = user.id.to_string();
    let changed = Changed {
        kind,
        subject: &subject,
        before: None,
        detail: Detail::of_user(None, Some(&user))
            .with_guest(draft.is_guest)
            .with_predecessor(draft.predecessor)
            .with_groups(&joined),
    };
    let put = put(
        writing,
        "INSERT INTO scim_user (workspace_id, id, seq, revision, user_name_key, login_email, \
         login_email_key, active, display_name_key, created_at, modified_at, document, search, \
         manager_key, protected, has_left) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::jsonb, $14, $15, $16)",
        &user,
        &keys,
    );
    let record = async {
        if kind == ChangeKind::UserRestored {
            writing.record_act(revision, "user.restored", changed, Some(image(&user)?)).await
        } else {
            writing.record(revision, changed).await
        }
    };
    let beside = async {
        try_join!(
            put_emails(writing, user.id, &keys.emails),
            put_binding(writing, &user),
            counts::note(writing, Kind::User, user.seq, 1),
            record,
        )
    };
    // All are sent at once. What the person's own row is refused for counts: the rest then fails with it.
    let (put, beside) = join!(biased; put, beside);
    hold(writing, put, &user, &keys).await?;
    beside?;
    integrations::note_first(writing, user.binding.as_ref()).await?;
    Ok(user)
}

/// Makes of `person` what the draft says; one equal to what stands is no write, but for the ways in: the
/// word of an identity provider counts too that finds somebody deactivated by others.
async fn update(writing: &Writing<'_>, person: &User, draft: &Draft) -> Answer<User> {
    let login = draft.login_email.as_ref();
    passage::keep(writing, person.id, &draft.passage, login, draft.binding.is_some()).await?;
    let has_left = draft.passage.has_left.unwrap_or(person.has_left);
    let document = draft.resource.to_json();
    let is_same = person.document == document
        && person.login_email == draft.login_email
        && person.binding == draft.binding
        && person.is_protected == draft.is_protected;
    if is_same {
        if has_left != person.has_left {
            passage::mark(writing, person.id, has_left).await?;
        }
        let user = User { has_left, provided: draft.provided.clone(), ..person.clone() };
        if user.provided != person.provided {
            put_binding(writing, &user).await?;
        }
        return Ok(user);
    }
    let revision = writing.next_revision();
    let user = User {
        document,
        login_email: draft.login_email.clone(),
        active: draft.resource.is_active(),
        has_left,
        binding: draft.binding.clone(),
        provided: draft.provided.clone(),
        is_protected: draft.is_protected,
        revision,
        modified_at: writing.write.at,
        ..person.clone()
    };
    let keys = Keys::of(&draft.resource);
    let put = put(
        writing,
        "UPDATE scim_user SET seq = $3, revision = $4, user_name_key = $5, login_email = $6, \
         login_email_key = $7, active = $8, display_name_key = $9, created_at = $10, \
         modified_at = $11, document = $12, search = $13::jsonb, manager_key = $14, protected = $15, \
         has_left = $16 WHERE workspace_id = $1 AND id = $2",
        &user,
        &keys,
    );
    let before = scim::Schemas::standard().user().restore(&person.document);
    let before = before.map_err(|error| StoreError::Fault(error.into()))?;
    let mut attributes = draft.resource.changed_attributes(&before);
    let emails_differ = attributes.iter().any(|name| name == EMAILS.attribute);
    if external_id(person) != external_id(&user) {
        attributes.push("externalId".to_owned());
    }
    let is_adopted = person.binding.is_none() && user.binding.is_some();
    let mut detail = Detail::of_user(Some(person), Some(&user)).with_guest(draft.is_guest);
    detail.attributes = attributes;
    let protection = (person.is_protected != user.is_protected).then(|| protection(&user));
    if let Some(word) = protection {
        detail = detail.with_state(word);
    }
    let subject = user.id.to_string();
    let changed = Changed {
        kind: if is_adopted { ChangeKind::UserAdopted } else { ChangeKind::UserUpdated },
        subject: &subject,
        before: Some(image(person)?),
        detail,
    };
    let emails = async {
        if emails_differ {
            drop_emails(writing, user.id).await?;
            put_emails(writing, user.id, &keys.emails).await?;
        }
        Ok(())
    };
    let binding = async {
        if person.binding != user.binding || person.provided != user.provided {
            put_binding(writing, &user).await?;
        }
        Ok(())
    };
    let record = async {
        match protection {
            Some(word) => {
                let (act, after) = (format!("user.{word}"), Some(image(&user)?));
                writing.record_act(revision, &act, changed, after).await
            }
            None => writing.record(revision, changed).await,
        }
    };
    let beside = async { try_join!(emails, binding, record) };
    // As where a person is brought in.
    let (put, beside) = join!(biased; put, beside);
    hold(writing, put, &user, &keys).await?;
    beside?;
    if is_adopted {
        integrations::note_first(writing, user.binding.as_ref()).await?;
    }
    Ok(user)
}

/// What became of the person's protection.
fn protection(user: &User) -> &'static str {
    if user.is_protected { "protected" } else { "unprotected" }
}

/// The person for the record of a change.
pub(super) fn image(person: &User) -> Answer<serde_json::Value> {
    image_of_user(person).map_err(|error| StoreError::Fault(error.into()))
}

fn external_id(user: &User) -> Option<&String> {
    user.binding.as_ref().and_then(|binding| binding.external_id.as_ref())
}

/// Writes the person's row. The unique keys decide ([`hold`]).
async fn put(
    writing: &Writing<'_>,
    sql: &str,
    user: &User,
    keys: &Keys,
) -> Result<u64, tokio_postgres::Error> {
    let login = user.login_email.as_ref();
    run(
        writing.connection,
        sql,
        params![
            writing.workspace,
            user.id,
            user.seq,
            user.revision,
            keys.user_name,
            login.map(|email| &email.address),
            login.map(|email| &email.key),
            keys.active,
            keys.display_name,
            user.created_at,
            user.modified_at,
            user.document,
            keys.search,
            keys.manager,
            user.is_protected,
            user.has_left,
        ],
    )
    .await
}

/// What became of the person's row. Who holds the name is asked now, when nothing of this write is under way
/// any more: what came behind the undoing would meet what that brought back.
async fn hold(
    writing: &Writing<'_>,
    put: Result<u64, tokio_postgres::Error>,
    user: &User,
    keys: &Keys,
) -> Answer<()> {
    match put {
        Ok(_) => Ok(()),
        Err(error) if is_conflict(&error) => {
            writing.group.undo().await?;
            Err(taken(writing, user, keys).await?.unwrap_or_else(|| error.into()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Who holds a name of `user`; `None` when nobody else does.
async fn taken(writing: &Writing<'_>, user: &User, keys: &Keys) -> Answer<Option<StoreError>> {
    let (connection, workspace) = (writing.connection, writing.workspace);
    let other = |holder: Option<User>| holder.filter(|h| h.id != user.id).map(|h| h.id.into());
    if let Some(holder) = other(by_user_name(connection, workspace, &keys.user_name).await?) {
        return Ok(Some(StoreError::Taken { unique: Unique::UserName, holder }));
    }
    let Some(email) = &user.login_email else { return Ok(None) };
    let holder = other(by_login_email(connection, workspace, &email.key).await?);
    Ok(holder.map(|holder| StoreError::Taken { unique: Unique::LoginEmail, holder }))
}

async fn put_emails(writing: &Writing<'_>, id: UserId, emails: &[EmailKey]) -> Answer<()> {
    if emails.is_empty() {
        return Ok(());
    }
    let values = emails.iter().map(|email| email.value.as_deref()).collect::<Vec<_>>();
    let kinds = emails.iter().map(|email| email.kind.as_deref()).collect::<Vec<_>>();
    run(
        writing.connection,
        "INSERT INTO user_email (workspace_id, user_id, ordinal, value_key, type_key) \
         SELECT $1, $2, e.ordinal - 1, e.value, e.kind \
         FROM unnest($3, $4) WITH ORDINALITY AS e (value, kind, ordinal)",
        params![writing.workspace, id, values, kinds],
    )
    .await?;
    Ok(())
}

/// Takes the person's e-mail rows away.
pub(super) async fn drop_emails(writing: &Writing<'_>, id: UserId) -> Answer<()> {
    run(
        writing.connection,
        "DELETE FROM user_email WHERE workspace_id = $1 AND user_id = $2",
        params![writing.workspace, id],
    )
    .await?;
    Ok(())
}

/// Makes the person's binding what it is in `user`.
async fn put_binding(writing: &Writing<'_>, user: &User) -> Answer<()> {
    let Some(Binding { integration_id, external_id }) = &user.binding else {
        return drop_binding(writing, user.id).await;
    };
    let provided = user.provided.as_str();
    run(
        writing.connection,
        "INSERT INTO binding (workspace_id, user_id, integration_id, external_id, provided) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (workspace_id, user_id) DO UPDATE SET \
         integration_id = excluded.integration_id, external_id = excluded.external_id, \
         provided = excluded.provided",
        params![writing.workspace, user.id, integration_id, external_id, provided],
    )
    .await?;
    Ok(())
}

/// Takes the person's binding away.
pub(super) async fn drop_binding(writing: &Writing<'_>, id: UserId) -> Answer<()> {
    run(
        writing.connection,
        "DELETE FROM binding WHERE workspace_id = $1 AND user_id = $2",
        params![writing.workspace, id],
    )
    .await?;
    Ok(())
}
