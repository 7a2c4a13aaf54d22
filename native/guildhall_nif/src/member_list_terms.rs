//! Groups, items and operations of member lists as terms.

use member_list::{Group, Item, Op, Update, WINDOW, Windows};
use rustler::{Encoder, Env, Error, NifResult, Term};

use crate::atoms;

/// A role's id, `:online` or `:offline`.
pub(crate) fn group(term: Term<'_>) -> NifResult<Group> {
    if term.is_atom() {
        match () {
            () if atoms::online() == term => Ok(Group::Online),
            () if atoms::offline() == term => Ok(Group::Offline),
            () => Err(Error::BadArg),
        }
    } else {
        term.decode().map(Group::Role)
    }
}

pub(crate) fn key(env: Env<'_>, group: Group) -> Term<'_> {
    match group {
        Group::Role(id) => id.encode(env),
        Group::Online => atoms::online().encode(env),
        Group::Offline => atoms::offline().encode(env),
    }
}

/// A member's id, or `{:group, key, count}`.
pub(crate) fn item(env: Env<'_>, item: Item) -> Term<'_> {
    match item {
        Item::Member(id) => id.encode(env),
        Item::Header(group, count) => (atoms::group(), key(env, group), count).encode(env),
    }
}

pub(crate) fn ops<'a>(env: Env<'a>, ops: &[Op]) -> Vec<Term<'a>> {
    ops.iter().map(|next| op(env, next)).collect()
}

fn op<'a>(env: Env<'a>, op: &Op) -> Term<'a> {
    match op {
        Op::Sync(from, items) => {
            let items: Vec<Term<'a>> = items.iter().map(|next| item(env, *next)).collect();
            (atoms::sync(), range(*from), items).encode(env)
        }
        Op::Insert(index, new) => (atoms::insert(), *index, item(env, *new)).encode(env),
        Op::Update(index, new) => (atoms::update(), *index, item(env, *new)).encode(env),
        Op::Delete(index) => (atoms::delete(), *index).encode(env),
        Op::Invalidate(from) => (atoms::invalidate(), range(*from)).encode(env),
    }
}

/// Each `{windows, ops}`.
pub(crate) fn updates<'a>(env: Env<'a>, updates: &[Update]) -> Vec<Term<'a>> {
    let update = |update: &Update| (ranges(&update.windows), ops(env, &update.ops)).encode(env);
    updates.iter().map(update).collect()
}

fn ranges(windows: &Windows) -> Vec<(usize, usize)> {
    windows.starts().map(range).collect()
}

fn range(from: usize) -> (usize, usize) {
    (from, from + WINDOW - 1)
}
