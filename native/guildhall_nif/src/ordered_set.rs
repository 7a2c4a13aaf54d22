//! NIFs of `Guildhall.OrderedSet`. Terms are encoded before the lock is taken and decoded after it
//! is given back: it is held while a piece is put in or copied out.

mod piece;
mod read;
mod write;

use ordered_set::snapshot::{self, Restored, Unrestored};
use ordered_set::{Entries, MEMORY, Put, Refused, Start};
use parking_lot::RwLock;
use rustler::{Atom, Binary, Env, Error, NifResult, Resource, ResourceArc, Term};

use crate::{atoms, reaper};
use piece::{Piece, binary};
use write::with_key;

/// A set of this size takes longer to free than a scheduler should be held.
const LARGE: usize = 1 << 20;

/// Many may read at a time; one may write, and comes next when it waits.
pub(crate) struct OrderedSetResource {
    entries: RwLock<Entries>,
}

#[rustler::resource_impl]
impl Resource for OrderedSetResource {}

/// A panic under the lock could leave a set whose counts are wrong: calls may raise then, no more.
impl std::panic::RefUnwindSafe for OrderedSetResource {}

impl Drop for OrderedSetResource {
    fn drop(&mut self) {
        let entries = self.entries.get_mut();
        if entries.bytes() > LARGE {
            reaper::bury(entries.clear());
        }
    }
}

/// `{:ok, value}` or `{:error, reason}`.
type Answer<T> = NifResult<Result<T, Atom>>;

fn reason(refused: Refused) -> Atom {
    match refused {
        Refused::TooLarge => atoms::too_large(),
        Refused::MemoryLimit => atoms::memory_limit(),
    }
}

fn placed(put: Put) -> (Atom, usize) {
    match put {
        Put::New(rank) => (atoms::new(), rank),
        Put::Known(rank) => (atoms::known(), rank),
    }
}

#[rustler::nif]
fn ordered_set_new(max_bytes: usize) -> ResourceArc<OrderedSetResource> {
    ResourceArc::new(OrderedSetResource { entries: RwLock::new(Entries::new(max_bytes)) })
}

#[rustler::nif]
fn ordered_set_put<'a>(
    set: &OrderedSetResource,
    key: Term<'a>,
    payload: Binary<'a>,
) -> Answer<(Atom, usize)> {
    Ok(with_key(key, |key| set.entries.write().put(key, &payload).map(placed).map_err(reason))
        .and_then(|put| put))
}

/// Puts a piece of `list` in: `{:ok | reason, new, rest}`. For a reason, the rest begins with what
/// it is about.
#[rustler::nif]
fn ordered_set_put_many<'a>(
    env: Env<'a>,
    set: &OrderedSetResource,
    list: Term<'a>,
    with_payloads: bool,
) -> NifResult<(Atom, usize, Term<'a>)> {
    let mut piece = Piece::take(list, with_payloads)?;
    let (new, refused) = put_piece(&mut set.entries.write(), &piece);
    if let Some((place, refused)) = refused {
        piece.stop(list, place, reason(refused))?;
    }
    piece.consume(env);
    Ok((piece.result, new, piece.rest))
}

/// How many were new, and which one was refused.
fn put_piece(entries: &mut Entries, piece: &Piece<'_>) -> (usize, Option<(usize, Refused)>) {
    let mut new = 0;
    for (place, (key, payload)) in piece.entries().enumerate() {
        match entries.put(key, payload) {
            Ok(Put::New(_)) => new += 1,
            Ok(Put::Known(_)) => (),
            Err(refused) => return (new, Some((place, refused))),
        }
    }
    (new, None)
}

#[rustler::nif]
fn ordered_set_delete<'a>(set: &OrderedSetResource, key: Term<'a>) -> Answer<usize> {
    Ok(with_key(key, |key| set.entries.write().delete(key).ok_or(atoms::not_found()))
        .and_then(|rank| rank))
}

#[rustler::nif]
fn ordered_set_rank<'a>(set: &OrderedSetResource, key: Term<'a>) -> Answer<usize> {
    Ok(with_key(key, |key| set.entries.read().rank(key).map_err(|_| atoms::not_found()))
        .and_then(|rank| rank))
}

#[rustler::nif]
fn ordered_set_get<'a>(
    env: Env<'a>,
    set: &OrderedSetResource,
    key: Term<'a>,
) -> Answer<Binary<'a>> {
    Ok(with_key(key, |key| {
        let entries = set.entries.read();
        let rank = entries.rank(key).map_err(|_| atoms::not_found())?;
        let record = entries.tree().get(rank).ok_or(atoms::not_found())?;
        Ok(binary(env, record.payload))
    })
    .and_then(|payload| payload))
}

/// The key as it is stored, to begin to read at, or to end before.
#[rustler::nif]
fn ordered_set_key<'a>(env: Env<'a>, key: Term<'a>) -> Answer<Binary<'a>> {
    Ok(with_key(key, |key| binary(env, key)))
}

/// Entries from a rank on: `{entries, next}`, where `next` is a key to go on at, or nil.
#[rustler::nif]
fn ordered_set_slice<'a>(
    env: Env<'a>,
    set: &OrderedSetResource,
    rank: usize,
    count: usize,
    with_payloads: bool,
) -> NifResult<(Term<'a>, Option<Binary<'a>>)> {
    let batch = set.entries.read().read(Start::Rank(rank), None, piece::limit(count));
    piece::terms(env, &batch, with_payloads)
}

/// Entries from a key on, those below `until` if that is given: as `ordered_set_slice`.
#[rustler::nif]
fn ordered_set_scan<'a>(
    env: Env<'a>,
    set: &OrderedSetResource,
    from: Binary<'a>,
    until: Option<Binary<'a>>,
    count: usize,
    with_payloads: bool,
) -> NifResult<(Term<'a>, Option<Binary<'a>>)> {
    let until = until.as_ref().map(Binary::as_slice);
    let batch = set.entries.read().read(Start::Key(&from), until, piece::limit(count));
    piece::terms(env, &batch, with_payloads)
}

/// `{entries, bytes, max_bytes}`
#[rustler::nif]
fn ordered_set_info(set: &OrderedSetResource) -> (usize, usize, usize) {
    let entries = set.entries.read();
    (entries.len(), entries.bytes(), entries.max_bytes())
}

#[rustler::nif]
fn ordered_set_clear(set: &OrderedSetResource) -> Atom {
    let tree = set.entries.write().clear();
    reaper::bury(tree);
    atoms::ok()
}

/// A part of a snapshot: `{bytes, entries before the next, next | nil}`.
#[rustler::nif]
fn ordered_set_snapshot<'a>(
    env: Env<'a>,
    set: &OrderedSetResource,
    from: Binary<'a>,
    before: u64,
) -> (Binary<'a>, u64, Option<Binary<'a>>) {
    let batch = snapshot::read(&set.entries.read(), &from);
    let mut part = if before == 0 { snapshot::header().to_vec() } else { vec![] };
    if !batch.is_empty() {
        part.extend(snapshot::chunk(&batch, before));
    }
    let after = before + batch.len() as u64;
    let next = batch.next();
    if next.is_none() {
        part.extend(snapshot::end(after));
    }
    piece::consume(env, batch.len());
    (binary(env, &part), after, next.map(|next| binary(env, &next)))
}

/// `{:ok, place | nil}`, to go on at that place of the snapshot, or to be done.
#[rustler::nif]
fn ordered_set_restore<'a>(
    env: Env<'a>,
    set: &OrderedSetResource,
    snapshot: Binary<'a>,
    place: usize,
) -> Answer<Option<usize>> {
    let known = |name: &str| read::atom(env, name).is_some();
    let mut entries = set.entries.write();
    let before = entries.len();
    let restored = snapshot::restore(&mut entries, &snapshot, place, known);
    piece::consume(env, entries.len() - before);
    Ok(match restored {
        Ok(Restored::More(place)) => Ok(Some(place)),
        Ok(Restored::Done) => Ok(None),
        Err(Unrestored::Invalid) => Err(atoms::invalid()),
        Err(Unrestored::UnknownAtom) => Err(atoms::unknown_atom()),
        Err(Unrestored::MemoryLimit) => Err(atoms::memory_limit()),
    })
}

#[rustler::nif]
fn ordered_set_memory() -> (u64, u64) {
    MEMORY.read()
}

/// A key of a set that cannot be read back: not by anything that a caller does.
fn broken() -> Error {
    Error::RaiseAtom("broken_set")
}
