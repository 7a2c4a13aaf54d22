//! NIFs of `Guildhall.MemberList`.

use std::panic::RefUnwindSafe;

use member_list::{Group, Limits, List, Rank, Refusal, Sight, Windows};
use parking_lot::RwLock;
use rustler::{
    Atom, Binary, Encoder, Env, Error, NewBinary, NifResult, Resource, ResourceArc, Term,
};

use crate::list::List as Proper;
use crate::member_list_terms::{group, item, ops, updates};
use crate::{atoms, reaper};

/// A list of this size takes longer to free than a scheduler should be held.
const LARGE: usize = 1 << 20;
/// Bytes of a name: 32 characters never have more.
const MAX_NAME: usize = 128;
/// Members that one call puts, at a microsecond or two.
const PIECE: usize = 200;
/// Subscribers that one call copies.
const SUBSCRIBERS: usize = 1 << 16;
/// Overwrites of a channel.
const MAX_OVERWRITES: usize = 1_000;

/// Readers share the lock, and nobody keeps it for longer than a piece of work.
pub(crate) struct MemberListResource {
    /// An option only so that the destructor can hand it over.
    list: Option<RwLock<List>>,
}

#[rustler::resource_impl]
impl Resource for MemberListResource {}

// A panic under the lock would be a bug of the tree, and leave a list that answers wrongly, or panics
// again; nothing in it is unsafe.
impl RefUnwindSafe for MemberListResource {}

impl MemberListResource {
    fn get(&self) -> NifResult<&RwLock<List>> {
        self.list.as_ref().ok_or(Error::BadArg)
    }
}

impl Drop for MemberListResource {
    fn drop(&mut self) {
        if let Some(list) = self.list.take_if(|list| list.get_mut().bytes() > LARGE) {
            reaper::bury(list);
        }
    }
}

fn refused(env: Env<'_>, refusal: Refusal) -> Term<'_> {
    let reason = match refusal {
        Refusal::MemoryLimit => atoms::memory_limit(),
        Refusal::UnknownRole => atoms::unknown_role(),
        Refusal::TooManySubscribers => atoms::too_many_subscribers(),
    };
    (atoms::error(), reason).encode(env)
}

/// `{:ok, updates}`, or `{:more, updates, next}`.
fn told<'a>(env: Env<'a>, list: &mut List, from: usize) -> Term<'a> {
    let (told, next) = list.updates(from);
    match next {
        None => (atoms::ok(), updates(env, &told)).encode(env),
        Some(next) => {
            rustler::schedule::consume_timeslice(env, 20);
            (atoms::more(), updates(env, &told), next).encode(env)
        }
    }
}

fn name<'a>(bytes: &'a Binary<'_>) -> NifResult<&'a str> {
    let name = std::str::from_utf8(bytes).map_err(|_| Error::BadArg)?;
    if name.len() <= MAX_NAME { Ok(name) } else { Err(Error::BadArg) }
}

#[rustler::nif]
fn member_list_new(max_bytes: usize, max_subscribers: usize) -> ResourceArc<MemberListResource> {
    let list = List::new(Limits { bytes: max_bytes, subscribers: max_subscribers });
    ResourceArc::new(MemberListResource { list: Some(RwLock::new(list)) })
}

#[rustler::nif]
fn member_list_put<'a>(
    env: Env<'a>,
    list: &MemberListResource,
    id: u64,
    name_bytes: Binary<'a>,
    in_group: Term<'a>,
) -> NifResult<Term<'a>> {
    let (name, in_group) = (name(&name_bytes)?, group(in_group)?);
    let mut list = list.get()?.write();
    Ok(match list.put(id, name, in_group) {
        Ok(()) => told(env, &mut list, 0),
        Err(refusal) => refused(env, refusal),
    })
}

/// Puts the first members of a list, each `{id, name, group}`, and answers `{:ok, rest}`. The piece is
/// checked before the first is put.
#[rustler::nif]
fn member_list_put_many<'a>(
    env: Env<'a>,
    list: &MemberListResource,
    members: Term<'a>,
) -> NifResult<Term<'a>> {
    let (mut piece, mut rest): (Vec<(u64, Binary<'a>, Group)>, _) = (Vec::new(), members);
    while piece.len() < PIECE && !rest.is_empty_list() {
        let (member, tail) = rest.list_get_cell()?;
        let (id, bytes, in_group): (u64, Binary<'a>, Term<'a>) = member.decode()?;
        name(&bytes)?;
        piece.push((id, bytes, group(in_group)?));
        rest = tail;
    }
    rustler::schedule::consume_timeslice(env, (piece.len() * 40 / PIECE).clamp(1, 100) as i32);

    let mut list = list.get()?.write();
    for (id, bytes, in_group) in &piece {
        if let Err(refusal) = list.put(*id, name(bytes)?, *in_group) {
            return Ok(refused(env, refusal));
        }
    }
    Ok((atoms::ok(), rest).encode(env))
}

#[rustler::nif]
fn member_list_delete<'a>(env: Env<'a>, list: &MemberListResource, id: u64) -> NifResult<Term<'a>> {
    let mut list = list.get()?.write();
    if list.delete(id) {
        return Ok(told(env, &mut list, 0));
    }
    Ok((atoms::error(), atoms::not_found()).encode(env))
}

/// `:ok`, or `:more` if there are members of other roles left.
#[rustler::nif]
fn member_list_set_roles<'a>(
    env: Env<'a>,
    list: &MemberListResource,
    roles: Proper<u64>,
) -> NifResult<Term<'a>> {
    let roles = roles.0;
    let mut unique = roles.clone();
    unique.sort_unstable();
    unique.dedup();
    if unique.len() != roles.len() || roles.len() > member_list::MAX_ROLES {
        return Err(Error::BadArg);
    }
    rustler::schedule::consume_timeslice(env, 40);
    Ok(match list.get()?.write().set_roles(&roles) {
        Ok(true) => atoms::ok().encode(env),
        Ok(false) => atoms::more().encode(env),
        Err(refusal) => refused(env, refusal),
    })
}

#[rustler::nif]
fn member_list_set_absent(list: &MemberListResource, absent: u64) -> NifResult<Atom> {
    list.get()?.write().set_absent(absent);
    Ok(atoms::ok())
}

#[rustler::nif]
fn member_list_updates<'a>(
    env: Env<'a>,
    list: &MemberListResource,
    from: usize,
) -> NifResult<Term<'a>> {
    Ok(told(env, &mut list.get()?.write(), from))
}

fn windows(numbers: Proper<u32>) -> NifResult<Windows> {
    Windows::new(numbers.0).ok_or(Error::BadArg)
}

#[rustler::nif]
fn member_list_subscribe<'a>(
    env: Env<'a>,
    list: &MemberListResource,
    subscriber: u64,
    numbers: Proper<u32>,
) -> NifResult<Term<'a>> {
    let windows = windows(numbers)?;
    Ok(match list.get()?.write().subscribe(subscriber, windows) {
        Ok(sent) => (atoms::ok(), ops(env, &sent)).encode(env),
        Err(refusal) => refused(env, refusal),
    })
}

/// Those who look at the windows, from one on, as little-endian u64: at most 65,536 of them.
#[rustler::nif]
fn member_list_subscribers<'a>(
    env: Env<'a>,
    list: &MemberListResource,
    numbers: Proper<u32>,
    from: usize,
) -> NifResult<Binary<'a>> {
    let windows = windows(numbers)?;
    let list = list.get()?.read();
    let all = list.subscribers(&windows).get(from..).unwrap_or_default();
    let piece = all.get(..SUBSCRIBERS).unwrap_or(all);
    let mut packed = NewBinary::new(env, size_of_val(piece));
    for (to, id) in packed.as_mut_slice().as_chunks_mut::<8>().0.iter_mut().zip(piece) {
        *to = id.to_le_bytes();
    }
    Ok(packed.into())
}

/// An index, `:hidden` or `:not_found`.
#[rustler::nif]
fn member_list_rank<'a>(env: Env<'a>, list: &MemberListResource, id: u64) -> NifResult<Term<'a>> {
    Ok(match list.get()?.read().rank(id) {
        Some(Rank::Index(index)) => index.encode(env),
        Some(Rank::Hidden) => atoms::hidden().encode(env),
        None => atoms::not_found().encode(env),
    })
}

/// The caller sees to it that `count` is small.
#[rustler::nif]
fn member_list_slice<'a>(
    env: Env<'a>,
    list: &MemberListResource,
    from: usize,
    count: usize,
) -> NifResult<Vec<Term<'a>>> {
    // The ids are all over the memory: read without anything in between, many are fetched at once.
    let mut items = Vec::new();
    list.get()?.read().slice(from, count, |found| items.push(found));
    Ok(items.into_iter().map(|found| item(env, found)).collect())
}

#[rustler::nif]
fn member_list_groups<'a>(
    env: Env<'a>,
    list: &MemberListResource,
) -> NifResult<Vec<(Term<'a>, usize)>> {
    let list = list.get()?.read();
    let groups = list.groups();
    Ok(groups.map(|(group, count)| (crate::member_list_terms::key(env, group), count)).collect())
}

/// Members, those of them who are online, and indexes.
#[rustler::nif]
fn member_list_counts(list: &MemberListResource) -> NifResult<(u64, u64, usize)> {
    let list = list.get()?.read();
    Ok((list.members(), list.online(), list.indexes()))
}

#[rustler::nif]
fn member_list_bytes(list: &MemberListResource) -> NifResult<usize> {
    Ok(list.get()?.read().bytes())
}

/// `{count, bytes}` of all lists.
#[rustler::nif]
fn member_list_memory() -> (u64, u64) {
    member_list::memory()
}

#[rustler::nif]
fn member_list_sort_key<'a>(env: Env<'a>, bytes: Binary<'a>) -> NifResult<Binary<'a>> {
    let mut key = Vec::new();
    member_list::collation::key(name(&bytes)?, &mut key);
    let mut binary = NewBinary::new(env, key.len());
    binary.as_mut_slice().copy_from_slice(&key);
    Ok(binary.into())
}

/// The overwrites are `{id, :allow | :deny}`.
#[rustler::nif]
fn member_list_id(everyone_sees: bool, overwrites: Proper<(u64, Atom)>) -> NifResult<String> {
    if overwrites.0.len() > MAX_OVERWRITES {
        return Err(Error::BadArg);
    }
    let sight = |(id, says): (u64, Atom)| {
        if says == atoms::allow() {
            Ok((id, Sight::Allow))
        } else if says == atoms::deny() {
            Ok((id, Sight::Deny))
        } else {
            Err(Error::BadArg)
        }
    };
    let overwrites = overwrites.0.into_iter().map(sight).collect::<NifResult<Vec<_>>>()?;
    Ok(member_list::list_id(everyone_sees, &overwrites))
}
