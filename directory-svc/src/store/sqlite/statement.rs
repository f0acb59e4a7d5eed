//! Statements in short: cached by their text, values always bound.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use uuid::Uuid;

use crate::ids::{ApiKeyId, GroupId, IntegrationId, MemberId, UserId, WorkspaceId};
use crate::store::words::Word;
use crate::store::{
    Answer, ChangeKind, CheckOutcome, DecidedHow, DomainState, EmailJoin, IntegrationState,
    KeyHash, Kind,
};

/// The one row, when there is one.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Answer<Option<T>> {
    Ok(connection.prepare_cached(sql)?.query_row(params, read).optional()?)
}

/// All rows.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Answer<Vec<T>> {
    Ok(connection.prepare_cached(sql)?.query_map(params, read)?.collect::<Result<_, _>>()?)
}

/// Does it, and answers how many rows it touched.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(params)
}

macro_rules! ids_as_bytes {
    ($($id:ident),*) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Owned(Value::Blob(self.uuid().into_bytes().to_vec())))
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let uuid = Uuid::from_slice(value.as_blob()?);
                uuid.map(Self::new).map_err(FromSqlError::other)
            }
        }
    )*};
}

ids_as_bytes!(WorkspaceId, UserId, GroupId, MemberId, IntegrationId, ApiKeyId);

impl ToSql for KeyHash {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

macro_rules! words_as_text {
    ($($word:ident),*) => {$(
        impl ToSql for $word {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.word()))
            }
        }

        impl FromSql for $word {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                Self::of(value.as_str()?).ok_or(FromSqlError::InvalidType)
            }
        }
    )*};
}

words_as_text!(
    DomainState,
    DecidedHow,
    CheckOutcome,
    EmailJoin,
    IntegrationState,
    ChangeKind,
    Kind
);
