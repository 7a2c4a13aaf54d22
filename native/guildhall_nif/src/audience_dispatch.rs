//! NIFs of `Guildhall.Audience`: events to those who get them.

use std::borrow::Borrow;
use std::panic::RefUnwindSafe;

use audience::{Audience, Budget, Deliver, Item};
use outbox::{Event, Pushed};
use rustler::{Binary, Encoder, Env, Error, LocalPid, NifResult, Resource, ResourceArc, Term};

use crate::atoms;
use crate::audience::{AudienceResource, Sink, packed, timeslice};
use crate::audience_item::{is_nil, item, items};
use crate::outbox::EventResource;
use crate::outbox_link::{Entry, QueueResource};

/// Users that one call looks up, at some 200 ns each.
const NAMES: usize = 2_000;

/// The items of a dispatch that takes several calls.
pub(crate) struct PlanResource(Vec<Item<Event>>);

#[rustler::resource_impl]
impl Resource for PlanResource {}

// Never changed.
impl RefUnwindSafe for PlanResource {}

/// The sessions to wake, those with an outbox that a queue flushes, and those with a full outbox.
#[derive(Default)]
struct Pushes<'a> {
    queue: Option<&'a QueueResource>,
    queued: Vec<Entry>,
    wakes: Vec<LocalPid>,
    full: Vec<u64>,
}

impl<E: Borrow<Event>> Deliver<Sink, E> for Pushes<'_> {
    #[inline]
    fn touch(&mut self, sink: &Sink) {
        if let Some(outbox) = &sink.outbox {
            outbox.touch();
        }
    }

    #[inline]
    fn push(&mut self, key: u64, sink: &Sink, events: &[&E]) {
        let Some(resource) = &sink.outbox else { return };
        let Ok(outbox) = resource.get() else { return };
        let pushed = outbox.push_all(events);
        if pushed == Pushed::Queued {
            return;
        }
        if pushed == Pushed::Full {
            self.full.push(key);
        }
        if self.queue.is_some() && resource.link.is_there() {
            self.queued.push((resource.clone(), sink.pid));
        } else {
            self.wakes.push(sink.pid);
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

/// Deliveries, who must be woken, and the keys of those whose outbox is full.
type Done = (usize, Vec<LocalPid>, Vec<u64>);

/// Delivers an item, or several in a list, and then what is left of the plan that the call before
/// returned: [`Done`], after the seat to go on with and the plan if there is more to do. `:many` if there
/// are several and they name too many users together.
#[rustler::nif]
fn audience_dispatch<'a>(
    env: Env<'a>,
    audience: &AudienceResource,
    what: Term<'a>,
    from: usize,
    queue: Term<'a>,
) -> NifResult<Term<'a>> {
    // `Option` would look for a queue first, and look its type up for that.
    let queue = if is_nil(queue) { None } else { Some(queue.decode::<&QueueResource>()?) };
    let pushes = Pushes { queue, ..Pushes::default() };
    let mut call = Call { audience, from, budget: Budget::piece(), pushes };
    let event = |event: Term<'a>| event.decode::<&EventResource>()?.get();
    if what.is_tuple() {
        let item = item(what, event)?;
        // An array until it must be kept, so that a small room takes no memory for it.
        match call.small(std::slice::from_ref(&item))? {
            Some((None, count)) => Ok(call.done(env, count).encode(env)),
            some => call.begin(env, vec![item], some),
        }
    } else if what.is_list() {
        let items = items(what, event)?;
        match call.small(&items)? {
            Some((None, count)) => Ok(call.done(env, count).encode(env)),
            some => call.begin(env, items, some),
        }
    } else {
        call.go_on(env, what)
    }
}

/// One call for some items.
struct Call<'q> {
    audience: &'q AudienceResource,
    from: usize,
    budget: Budget,
    pushes: Pushes<'q>,
}

impl<'q> Call<'q> {
    /// Delivers to a small room at once, by the events as the caller has them. `None` if nothing was done,
    /// or else the seat to go on with, if there was too much for each, and how many events were delivered.
    fn small(&mut self, items: &[Item<&'q Event>]) -> NifResult<Option<(Option<usize>, usize)>> {
        if !names_few(items) {
            return Ok(None);
        }
        let Self { audience, from, budget, pushes } = self;
        let piece = prepared(audience, items, budget, |audience, budget| {
            audience.is_small().then(|| audience.deliver(items, *from, budget, pushes))
        })?;
        Ok(piece.flatten())
    }

    /// The first call for a room that is not, or for what `small` has begun.
    fn begin<'a>(
        mut self,
        env: Env<'a>,
        items: Vec<Item<&'q Event>>,
        begun: Option<(Option<usize>, usize)>,
    ) -> NifResult<Term<'a>> {
        if !names_few(&items) {
            return match &items[..] {
                [_item] => Err(Error::BadArg),
                _ => Ok(atoms::many().encode(env)),
            };
        }
        // Other relays count the references of the same events, each in a place of its own.
        let plan: Vec<_> = items.into_iter().map(|item| item.map(Event::apart)).collect();
        let (next, count) = match begun {
            Some(begun) => begun,
            None => self.run(&plan)?,
        };
        let done = self.done(env, count);
        Ok(match next {
            Some(next) => (next, ResourceArc::new(PlanResource(plan)), done).encode(env),
            None => done.encode(env),
        })
    }

    fn go_on<'a>(mut self, env: Env<'a>, plan: Term<'a>) -> NifResult<Term<'a>> {
        let (next, count) = self.run(&plan.decode::<&PlanResource>()?.0)?;
        let done = self.done(env, count);
        Ok(match next {
            Some(next) => (next, plan, done).encode(env),
            None => done.encode(env),
        })
    }

    /// The seat to go on with, if the budget was spent, and how many events were delivered.
    fn run(&mut self, items: &[Item<Event>]) -> NifResult<(Option<usize>, usize)> {
        let Self { audience, from, budget, pushes } = self;
        let piece = prepared(audience, items, budget, |audience, budget| {
            audience.deliver(items, *from, budget, pushes)
        })?;
        Ok(piece.unwrap_or((Some(*from), 0)))
    }

    fn done(self, env: Env<'_>, count: usize) -> Done {
        let Pushes { queue, queued, wakes, full } = self.pushes;
        if let Some(queue) = queue {
            queue.extend(queued);
        }
        timeslice(env, &self.budget);
        (count, wakes, full)
    }
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
