//! Batches, ranges and reasons of the store, as terms.

use std::ops::Bound;

use rustler::types::tuple::get_tuple;
use rustler::{Atom, Binary, Decoder, Encoder, Env, Error, NifResult, Term};
use store::{Batch, Direction, Failure, OpenFailure, Range, Refused, TooLarge};

use crate::atoms;

/// Why something was not done, as the atom that Elixir matches on.
pub(crate) struct Reason(Atom);

impl Encoder for Reason {
    fn encode<'a>(&self, env: Env<'a>) -> Term<'a> {
        self.0.encode(env)
    }
}

impl From<Failure> for Reason {
    fn from(failure: Failure) -> Self {
        Self(match failure {
            Failure::Conflict => atoms::conflict(),
            Failure::StorageFull => atoms::storage_full(),
            Failure::Unavailable => atoms::unavailable(),
        })
    }
}

impl From<Refused> for Reason {
    fn from(refused: Refused) -> Self {
        Self(match refused {
            Refused::Overloaded => atoms::overloaded(),
            Refused::Unavailable => atoms::unavailable(),
        })
    }
}

impl From<TooLarge> for Reason {
    fn from(too_large: TooLarge) -> Self {
        Self(match too_large {
            TooLarge::Partition => atoms::partition_too_large(),
            TooLarge::Key => atoms::key_too_large(),
            TooLarge::Value => atoms::value_too_large(),
            TooLarge::Batch => atoms::batch_too_large(),
        })
    }
}

impl From<OpenFailure> for Reason {
    fn from(failure: OpenFailure) -> Self {
        Self(match failure {
            OpenFailure::InUse => atoms::in_use(),
            OpenFailure::NotAFolder => atoms::not_a_folder(),
            OpenFailure::NotWritable => atoms::not_writable(),
            OpenFailure::StorageFull => atoms::storage_full(),
            OpenFailure::Corrupted => atoms::corrupted(),
            OpenFailure::NewerFormat => atoms::newer_format(),
            OpenFailure::OlderFormat => atoms::older_format(),
            OpenFailure::Unavailable => atoms::unavailable(),
        })
    }
}

/// `:ok` or `{:error, reason}`.
pub(crate) fn outcome<'a>(env: Env<'a>, result: Result<(), impl Into<Reason>>) -> Term<'a> {
    match result {
        Ok(()) => atoms::ok().encode(env),
        Err(reason) => (atoms::error(), reason.into()).encode(env),
    }
}

/// A list of operations, as `Guildhall.Store.op/0` has them.
pub(crate) fn decode_batch(
    ops: Term<'_>,
    table: impl Fn(Atom) -> NifResult<u8>,
) -> NifResult<Result<Batch, TooLarge>> {
    let mut batch = Batch::with_capacity(ops.list_length()?);
    for op in ops.into_list_iterator()? {
        if let Err(too_large) = push(&mut batch, &get_tuple(op)?, &table)? {
            return Ok(Err(too_large));
        }
    }
    Ok(Ok(batch))
}

fn push(
    batch: &mut Batch,
    op: &[Term<'_>],
    table: impl Fn(Atom) -> NifResult<u8>,
) -> NifResult<Result<(), TooLarge>> {
    let [kind, name, partition, rest @ ..] = op else { return Err(Error::BadArg) };
    let kind: Atom = kind.decode()?;
    let table = table(name.decode()?)?;
    let partition = bytes(partition)?;

    Ok(match rest {
        [key, value] if kind == atoms::put() => {
            batch.put(table, partition, bytes(key)?, bytes(value)?)
        }
        [key, value] if kind == atoms::put_new() => {
            batch.put_if(table, partition, bytes(key)?, None, bytes(value)?)
        }
        [key, expected, value] if kind == atoms::put_if() => {
            let expected = optional(expected)?;
            batch.put_if(table, partition, bytes(key)?, expected, bytes(value)?)
        }
        [key] if kind == atoms::delete() => batch.delete(table, partition, bytes(key)?),
        [key, expected] if kind == atoms::delete_if() => {
            batch.delete_if(table, partition, bytes(key)?, bytes(expected)?)
        }
        [] if kind == atoms::drop() => batch.drop_partition(table, partition),
        _ => return Err(Error::BadArg),
    })
}

fn bytes<'a>(term: &Term<'a>) -> NifResult<&'a [u8]> {
    Ok(Binary::from_term(*term)?.as_slice())
}

fn optional<'a>(term: &Term<'a>) -> NifResult<Option<&'a [u8]>> {
    if term.is_atom() && Atom::from_term(*term)? == atoms::nil() {
        return Ok(None);
    }
    bytes(term).map(Some)
}

/// `{lower, upper, direction, limit}`, a bound being `nil`, `{:included, key}` or
/// `{:excluded, key}`.
pub(crate) struct RangeTerm<'a>(pub(crate) Range<'a>);

impl<'a> Decoder<'a> for RangeTerm<'a> {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let (lower, upper, direction, limit): (Term<'a>, Term<'a>, Atom, usize) = term.decode()?;
        let direction = match direction {
            name if name == atoms::asc() => Direction::Ascending,
            name if name == atoms::desc() => Direction::Descending,
            _ => return Err(Error::BadArg),
        };
        let (lower, upper) = (bound(lower)?, bound(upper)?);
        Ok(Self(Range { lower, upper, direction, limit }))
    }
}

fn bound(term: Term<'_>) -> NifResult<Bound<&[u8]>> {
    if term.is_atom() {
        return Ok(Bound::Unbounded);
    }
    let (kind, key): (Atom, Binary<'_>) = term.decode()?;
    match kind {
        kind if kind == atoms::included() => Ok(Bound::Included(key.as_slice())),
        kind if kind == atoms::excluded() => Ok(Bound::Excluded(key.as_slice())),
        _ => Err(Error::BadArg),
    }
}
