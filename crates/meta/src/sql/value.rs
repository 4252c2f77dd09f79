//! The three kinds of value that every database has, and how our types become them and come back.
//! Ids and hashes are bytes, times are microseconds, yes and no are 1 and 0, enums are words.

use crate::{Error, EventSource, Hash, LeaseState, OrderKind, Result, State, VaultState};
use model::{
    AdminTokenId, Custody, DeviceId, GroupId, LeaseId, OrderId, PackId, ServerId, SetId, SnapshotId,
    Timestamp, TokenId, UserId, VaultId,
};

/// A kind of column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Text,
    Bytes,
}

/// A value that is not null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A parameter of a statement. A null keeps its kind, since some databases ask for it.
#[derive(Debug, Clone)]
pub(crate) struct Arg {
    pub(crate) kind: Kind,
    pub(crate) value: Option<Value>,
}

/// A type that can be a parameter.
pub(crate) trait Store {
    const KIND: Kind;
    fn store(&self) -> Option<Value>;

    fn arg(&self) -> Arg {
        Arg { kind: Self::KIND, value: self.store() }
    }
}

/// A type that can be read from a column; `None` when the column holds something else.
pub(crate) trait Load: Sized {
    fn load(value: Option<Value>) -> Option<Self>;
}

/// The parameters of a statement: `args![a, b]` for `$1`, `$2`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::sql::value::Store::arg(&$value)),*] };
}
pub(crate) use args;

/// One row of an answer, read from the first column on.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Option<Value>>);

impl Row {
    pub(crate) fn new(columns: Vec<Option<Value>>) -> Self {
        Self(columns.into_iter())
    }

    /// The next column.
    pub(crate) fn next<T: Load>(&mut self) -> Result<T> {
        self.0.next().and_then(T::load).ok_or_else(|| Error::Damaged {
            problem: format!("a column holds no {}", std::any::type_name::<T>()),
        })
    }
}

/// A type that is read from a row; its statement names the columns in the order of its fields.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &mut Row) -> Result<Self>;
}

/// The one column of answers that have one.
impl<T: Load> FromRow for T {
    fn from_row(row: &mut Row) -> Result<Self> {
        row.next()
    }
}

impl<T: Store + ?Sized> Store for &T {
    const KIND: Kind = T::KIND;
    fn store(&self) -> Option<Value> {
        (**self).store()
    }
}

impl<T: Store> Store for Option<T> {
    const KIND: Kind = T::KIND;
    fn store(&self) -> Option<Value> {
        self.as_ref().and_then(Store::store)
    }
}

impl<T: Load> Load for Option<T> {
    fn load(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(None),
            some => T::load(some).map(Some),
        }
    }
}

macro_rules! integers {
    ($($type:ty, $value:ident => $store:expr, $integer:ident => $load:expr;)*) => { $(
        impl Store for $type {
            const KIND: Kind = Kind::Integer;
            fn store(&self) -> Option<Value> {
                let $value = *self;
                Some(Value::Integer($store))
            }
        }
        impl Load for $type {
            fn load(value: Option<Value>) -> Option<Self> {
                match value {
                    Some(Value::Integer($integer)) => $load,
                    _ => None,
                }
            }
        }
    )* };
}

integers! {
    i64, value => value, integer => Some(integer);
    u32, value => i64::from(value), integer => u32::try_from(integer).ok();
    // Bit for bit: a count that an agent made up comes back as it was sent.
    u64, value => value.cast_signed(), integer => Some(integer.cast_unsigned());
    bool, value => i64::from(value), integer => match integer { 0 => Some(false), 1 => Some(true), _ => None };
    Timestamp, value => value.as_micros(), integer => Some(Self::from_micros(integer));
}

impl Store for str {
    const KIND: Kind = Kind::Text;
    fn store(&self) -> Option<Value> {
        Some(Value::Text(self.to_owned()))
    }
}

impl Store for String {
    const KIND: Kind = Kind::Text;
    fn store(&self) -> Option<Value> {
        self.as_str().store()
    }
}

impl Load for String {
    fn load(value: Option<Value>) -> Option<Self> {
        match value {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }
}

impl Store for serde_json::Value {
    const KIND: Kind = Kind::Text;
    fn store(&self) -> Option<Value> {
        Some(Value::Text(self.to_string()))
    }
}

impl Load for serde_json::Value {
    fn load(value: Option<Value>) -> Option<Self> {
        serde_json::from_str(&String::load(value)?).ok()
    }
}

macro_rules! word_columns {
    ($($type:ty, $parse:expr;)*) => { $(
        impl Store for $type {
            const KIND: Kind = Kind::Text;
            fn store(&self) -> Option<Value> {
                self.as_str().store()
            }
        }
        impl Load for $type {
            fn load(value: Option<Value>) -> Option<Self> {
                $parse(&String::load(value)?)
            }
        }
    )* };
}

word_columns! {
    EventSource, Self::parse;
    LeaseState, Self::parse;
    OrderKind, Self::parse;
    State, Self::parse;
    VaultState, Self::parse;
    Custody, |word: &str| word.parse().ok();
}

impl<const N: usize> Store for [u8; N] {
    const KIND: Kind = Kind::Bytes;
    fn store(&self) -> Option<Value> {
        Some(Value::Bytes(self.to_vec()))
    }
}

impl<const N: usize> Load for [u8; N] {
    fn load(value: Option<Value>) -> Option<Self> {
        match value {
            Some(Value::Bytes(bytes)) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

/// One behind the other.
impl Store for Vec<Hash> {
    const KIND: Kind = Kind::Bytes;
    fn store(&self) -> Option<Value> {
        Some(Value::Bytes(self.concat()))
    }
}

impl Load for Vec<Hash> {
    fn load(value: Option<Value>) -> Option<Self> {
        let Some(Value::Bytes(bytes)) = value else { return None };
        let (hashes, rest) = bytes.as_chunks();
        rest.is_empty().then(|| hashes.to_vec())
    }
}

macro_rules! id_columns {
    ($($type:ty)*) => { $(
        impl Store for $type {
            const KIND: Kind = Kind::Bytes;
            fn store(&self) -> Option<Value> {
                self.as_bytes().store()
            }
        }
        impl Load for $type {
            fn load(value: Option<Value>) -> Option<Self> {
                Load::load(value).map(Self::from_bytes)
            }
        }
    )* };
}

id_columns! { AdminTokenId DeviceId GroupId LeaseId OrderId PackId ServerId SetId SnapshotId TokenId UserId VaultId }
