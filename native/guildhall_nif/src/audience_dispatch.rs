//! NIFs of `Guildhall.Audience`: events to those who get them.

use std::panic::RefUnwindSafe;

use audience::{Audience, Budget, Deliver, Item};
use outbox::{Event, Pushed};
use rustler::{Binary, Encoder, Env, Error, LocalPid, NifResult, Resource, ResourceArc, Term};

use crate::atoms;
use crate::audience::{AudienceResource, Sink, packed, timeslice};
use crate::audience_item::{item, items};
use crate::outbox::EventResource;
use crate::outbox_link::{Entry, QueueResource};

/// Users that one call looks up, at some 200 ns each.
const NAMES: usize = 2_000;

/// Sessions that share one count of references with whoever else pushes the same events.
const FEW: usize = 64;

/// The items of a dispatch that takes several calls.
pub(crate) struct PlanResource(Vec<Item<Event>>);

#[rustler::resource_impl]
impl Resource for PlanResource {}

// Never changed.
impl RefUnwindSafe for PlanResource {}

/// Who must be woken, whose outbox will be flushed from a queue, and whose has overflowed.
#[derive(Default)]
struct Pushes<'a> {
    queue: Option<&'a QueueResource>,
    queued: Vec<Entry>,
    wakes: Vec<LocalPid>,
    overflowed: Vec<u64>,
}

impl Deliver<Sink, Event> for Pushes<'_> {
    #[inline]
    fn touch(&mut self, sink: &Sink) {
        if let Some(outbox) = &sink.outbox {
            outbox.touch();
        }
    }

    #[inline]
    fn push(&mut self, key: u64, sink: &Sink, events: &[&Event]) {
        let Some(resource) = &sink.outbox else { return };
        let Ok(outbox) = resource.get() else { return };
        match outbox.push_all(events) {
            Pushed::Queued => {}
            Pushed::Wake if self.queue.is_some() && resource.link.is_there() => {
                self.queued.push((resource.clone(), sink.pid));
            }
            Pushed::Wake => self.wakes.push(sink.pid),
            Pushed::Overflow => self.overflowed.push(key),
        }
    }
}

/// Runs `read` on an audience that is prepared for the items, if the budget lasts for that.
fn prepared<E, T>(
    audience: &AudienceResource,
    items: &[Item<E>],
    budget: &mut Budget,
    read: impl FnOnce(&Audience<Sink>, &mut Budget) -> T,
) -> NifResult<Option<T>> {
    let lock = audience.get()?;
    let guard = lock.read();
    if guard.is_prepared(items) {
        return Ok(Some(read(&guard, budget)));
    }
    drop(guard);
    let mut guard = lock.write();
    if !guard.prepare(items, budget) {
        return Ok(None);
    }
    let guard = parking_lot::RwLockWriteGuard::downgrade(guard);
    Ok(Some(read(&guard, budget)))
}

/// Whether one call may look up all that the items name.
fn names_few<E>(items: &[Item<E>]) -> bool {
    items.iter().map(Item::names).sum::<usize>() <= NAMES
}

/// The word to go on with or `nil`, what to go on with, deliveries, who must be woken, and the keys of
/// those who have overflowed.
type Piece<'a> = (Option<usize>, Term<'a>, usize, Vec<LocalPid>, Vec<u64>);

/// Delivers items, a list at first and then the plan that the call before returned. `:many` if there are
/// several and they name too many users together.
#[rustler::nif]
fn audience_dispatch<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
    queue: Option<&QueueResource>,
) -> NifResult<Term<'a>> {
    let mut pushes = Pushes { queue, ..Pushes::default() };
    let mut budget = Budget::piece();
    let mut run = |items: &[Item<Event>]| {
        let piece = prepared(audience, items, &mut budget, |audience, budget| {
            audience.deliver(items, from, budget, &mut pushes)
        })?;
        NifResult::Ok(piece.unwrap_or((Some(from), 0)))
    };

    let (next, rest, count) = if what.is_list() {
        // Other relays count the references of the same events, each in a place of its own.
        let many = audience.get()?.read().sessions() > FEW;
        let items = items(what, |event| {
            let event = &event.decode::<&EventResource>()?.0;
            Ok(if many { event.apart() } else { event.clone() })
        })?;
        if !names_few(&items) {
            return if items.len() > 1 {
                Ok(atoms::many().encode(env))
            } else {
                Err(Error::BadArg)
            };
        }
        let (next, count) = run(&items)?;
        let rest = match next {
            Some(_word) => ResourceArc::new(PlanResource(items)).encode(env),
            None => what,
        };
        (next, rest, count)
    } else {
        let (next, count) = run(&what.decode::<&PlanResource>()?.0)?;
        (next, what, count)
    };
    if let Some(queue) = queue {
        queue.extend(pushes.queued);
    }
    timeslice(env, &budget);
    let piece: Piece<'a> = (next, rest, count, pushes.wakes, pushes.overflowed);
    Ok(piece.encode(env))
}

/// Who gets an item: the word to go on with or `nil`, and the count.
fn recipients<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
    keys: Option<&mut Vec<u64>>,
) -> NifResult<(Option<usize>, usize)> {
    let mut budget = Budget::piece();
    let item = item(what, |_event| Ok(()))?;
    let items = std::slice::from_ref(&item);
    if !names_few(items) {
        return Err(Error::BadArg);
    }
    let piece = prepared(audience, items, &mut budget, |audience, budget| {
        audience.recipients(&item, from, budget, keys)
    })?;
    timeslice(env, &budget);
    Ok(piece.unwrap_or((Some(from), 0)))
}

#[rustler::nif]
fn audience_count<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
) -> NifResult<(Option<usize>, usize)> {
    recipients(env, audience, what, from, None)
}

/// The keys of those who get an item, packed: the word to go on with or `nil`, and the keys.
#[rustler::nif]
fn audience_recipients<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
) -> NifResult<(Option<usize>, Binary<'a>)> {
    let mut keys = Vec::new();
    let (next, _count) = recipients(env, audience, what, from, Some(&mut keys))?;
    Ok((next, packed(env, &keys)))
}
