//! Statements in short. Every value is bound with its type, so that the server need not be asked what it
//! expects: a statement is one message, prepared or not.

use std::error::Error;

use tokio_postgres::types::{FromSql, ToSql, Type};
use uuid::Uuid;

use super::connection::{Connection, Kept};
use crate::ids::{ApiKeyId, GroupId, IntegrationId, MemberId, UserId, WorkspaceId};
use crate::store::filter_sql::Bind;
use crate::store::words::Word;
use crate::store::{
    Answer, ChangeKind, CheckOutcome, DecidedHow, DomainState, EmailJoin, IntegrationState,
    KeyHash, Kind, RefusedFor, StoreError,
};

/// The first row, when there is one.
pub(super) async fn one<T>(
    connection: &Connection,
    sql: &str,
    params: &[Value<'_>],
    read: impl FnOnce(&Row) -> Answer<T>,
) -> Answer<Option<T>> {
    let rows = connection.query(sql, params, Kept::Yes).await?;
    rows.into_iter().next().map(|row| read(&Row(row))).transpose()
}

/// All rows.
pub(super) async fn all<T>(
    connection: &Connection,
    sql: &str,
    params: &[Value<'_>],
    mut read: impl FnMut(&Row) -> Answer<T>,
) -> Answer<Vec<T>> {
    let rows = connection.query(sql, params, Kept::Yes).await?;
    rows.into_iter().map(|row| read(&Row(row))).collect()
}

/// All rows of a statement whose text was made for one question: it is not kept prepared, as such texts are
/// as many as callers think of.
pub(super) async fn asked<T>(
    connection: &Connection,
    sql: &str,
    binds: &[Bind],
    mut read: impl FnMut(&Row) -> Answer<T>,
) -> Answer<Vec<T>> {
    let params: Vec<_> = binds.iter().map(Param::value).collect();
    let rows = connection.query(sql, &params, Kept::No).await?;
    rows.into_iter().map(|row| read(&Row(row))).collect()
}

/// Does it, and answers how many rows it touched.
pub(super) async fn run(
    connection: &Connection,
    sql: &str,
    params: &[Value<'_>],
) -> Result<u64, tokio_postgres::Error> {
    connection.execute(sql, params).await
}

/// A value to be bound; `None` is NULL.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Text(Option<&'a str>),
    Whole(Option<i64>),
    Real(Option<f64>),
    Truth(Option<bool>),
    Id(Option<Uuid>),
    Bytes(Option<&'a [u8]>),
    Ids(Vec<Uuid>),
    Texts(Vec<Option<&'a str>>),
}

impl Value<'_> {
    /// As the client takes it.
    pub(super) fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Text(text) => (text, Type::TEXT),
            Self::Whole(number) => (number, Type::INT8),
            Self::Real(number) => (number, Type::FLOAT8),
            Self::Truth(truth) => (truth, Type::BOOL),
            Self::Id(id) => (id, Type::UUID),
            Self::Bytes(bytes) => (bytes, Type::BYTEA),
            Self::Ids(ids) => (ids, Type::UUID_ARRAY),
            Self::Texts(texts) => (texts, Type::TEXT_ARRAY),
        }
    }
}

/// The values of a statement, in the order of their numbers.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::postgres::statement::Param::value(&$value)),*]
    };
}
pub(super) use params;

/// What can be bound.
pub(super) trait Param {
    /// The value of nothing.
    const NULL: Value<'static>;

    fn value(&self) -> Value<'_>;
}

impl<T: Param + ?Sized> Param for &T {
    const NULL: Value<'static> = T::NULL;

    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Param> Param for Option<T> {
    const NULL: Value<'static> = T::NULL;

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(T::NULL, Param::value)
    }
}

impl Param for str {
    const NULL: Value<'static> = Value::Text(None);

    fn value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl Param for String {
    const NULL: Value<'static> = Value::Text(None);

    fn value(&self) -> Value<'_> {
        Value::Text(Some(self))
    }
}

impl Param for Uuid {
    const NULL: Value<'static> = Value::Id(None);

    fn value(&self) -> Value<'_> {
        Value::Id(Some(*self))
    }
}

impl Param for bool {
    const NULL: Value<'static> = Value::Truth(None);

    fn value(&self) -> Value<'_> {
        Value::Truth(Some(*self))
    }
}

impl Param for KeyHash {
    const NULL: Value<'static> = Value::Bytes(None);

    fn value(&self) -> Value<'_> {
        Value::Bytes(Some(&self.0))
    }
}

impl Param for [u8] {
    const NULL: Value<'static> = Value::Bytes(None);

    fn value(&self) -> Value<'_> {
        Value::Bytes(Some(self))
    }
}

impl Param for Vec<Option<&str>> {
    const NULL: Value<'static> = Value::Texts(Vec::new());

    fn value(&self) -> Value<'_> {
        Value::Texts(self.clone())
    }
}

impl Param for Bind {
    const NULL: Value<'static> = Value::Text(None);

    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Text(Some(text)),
            Self::Integer(number) => Value::Whole(Some(*number)),
            Self::Decimal(number) => Value::Real(Some(*number)),
            Self::Boolean(truth) => Value::Truth(Some(*truth)),
            Self::Workspace(id) => id.value(),
            Self::Integration(id) => id.value(),
            Self::Member(id) => id.value(),
        }
    }
}

/// A row of an answer.
pub(super) struct Row(tokio_postgres::Row);

impl Row {
    /// The value of a column, counted from 0.
    pub(super) fn get<'r, T: Column>(&'r self, at: usize) -> Answer<T> {
        let raw: T::Raw<'r> = self.0.try_get(at)?;
        T::read(raw).map_err(StoreError::Fault)
    }

    /// How many columns there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The type of a column.
    pub(super) fn type_of(&self, at: usize) -> &Type {
        self.0.columns()[at].type_()
    }
}

/// What a column can be read as.
pub(super) trait Column: Sized {
    /// As the client reads it.
    type Raw<'r>: FromSql<'r>;

    fn read(raw: Self::Raw<'_>) -> Result<Self, Box<dyn Error + Send + Sync>>;
}

impl<T: Column> Column for Option<T> {
    type Raw<'r> = Option<T::Raw<'r>>;

    fn read(raw: Self::Raw<'_>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        raw.map(T::read).transpose()
    }
}

macro_rules! as_they_are {
    ($($kind:ty),*) => {$(
        impl Column for $kind {
            type Raw<'r> = Self;

            fn read(raw: Self) -> Result<Self, Box<dyn Error + Send + Sync>> {
                Ok(raw)
            }
        }
    )*};
}

as_they_are!(String, bool, f64, Uuid, Vec<u8>);

macro_rules! whole_numbers {
    ($($number:ident),*) => {$(
        impl Param for $number {
            const NULL: Value<'static> = Value::Whole(None);

            fn value(&self) -> Value<'_> {
                // What no engine keeps is behind everything that it does.
                Value::Whole(Some(i64::try_from(*self).unwrap_or(i64::MAX)))
            }
        }

        impl Column for $number {
            type Raw<'r> = i64;

            fn read(raw: i64) -> Result<Self, Box<dyn Error + Send + Sync>> {
                Ok(Self::try_from(raw)?)
            }
        }
    )*};
}

whole_numbers!(i32, i64, u16, u32, u64, usize);

macro_rules! ids {
    ($($id:ident),*) => {$(
        impl Param for $id {
            const NULL: Value<'static> = Value::Id(None);

            fn value(&self) -> Value<'_> {
                Value::Id(Some(self.uuid()))
            }
        }

        impl Column for $id {
            type Raw<'r> = Uuid;

            fn read(raw: Uuid) -> Result<Self, Box<dyn Error + Send + Sync>> {
                Ok(Self::new(raw))
            }
        }

        impl Param for [$id] {
            const NULL: Value<'static> = Value::Ids(Vec::new());

            fn value(&self) -> Value<'_> {
                Value::Ids(self.iter().map(|id| id.uuid()).collect())
            }
        }
    )*};
}

ids!(WorkspaceId, UserId, GroupId, MemberId, IntegrationId, ApiKeyId);

macro_rules! words {
    ($($word:ident),*) => {$(
        impl Param for $word {
            const NULL: Value<'static> = Value::Text(None);

            fn value(&self) -> Value<'_> {
                Value::Text(Some(self.word()))
            }
        }

        impl Column for $word {
            type Raw<'r> = &'r str;

            fn read(raw: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
                Self::of(raw).ok_or_else(|| format!("`{raw}` is no word of the store").into())
            }
        }
    )*};
}

words!(
    DomainState,
    DecidedHow,
    CheckOutcome,
    EmailJoin,
    IntegrationState,
    ChangeKind,
    Kind,
    RefusedFor
);
