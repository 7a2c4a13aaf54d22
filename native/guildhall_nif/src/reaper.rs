//! A thread that drops what takes long to drop.
//!
//! A destructor of a resource runs on a normal scheduler, where it may not hold up others; and a
//! large value is many small frees.

use std::any::Any;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use rustler::env::SavedTerm;
use rustler::{Env, LocalPid, OwnedEnv, Term};

use crate::atoms;

/// What the thread is given, in its order.
enum Work {
    Drop(Box<dyn Any + Send>),
    /// Whom to tell that all before it is dropped, and the reference to tell it by.
    Tell(LocalPid, OwnedEnv, SavedTerm),
}

/// Beyond it a value is dropped where it is: slow, but no queue grows.
const WAITING: usize = 1_024;

/// Values that wait, or are being dropped.
static BURIED: AtomicU64 = AtomicU64::new(0);
/// Values that were dropped where they were.
static REFUSED: AtomicU64 = AtomicU64::new(0);

/// Drops `value` on the reaper's thread.
pub(crate) fn bury<T: Send + 'static>(value: T) {
    BURIED.fetch_add(1, Relaxed);
    // What comes back in the error is dropped here.
    if send(Work::Drop(Box::new(value))).is_err() {
        BURIED.fetch_sub(1, Relaxed);
        REFUSED.fetch_add(1, Relaxed);
    }
}

/// Gives back what there is no room for.
fn send(work: Work) -> Result<(), Work> {
    static REAPER: OnceLock<Option<SyncSender<Work>>> = OnceLock::new();

    match REAPER.get_or_init(start) {
        Some(reaper) => reaper.try_send(work).map_err(|error| match error {
            TrySendError::Full(work) | TrySendError::Disconnected(work) => work,
        }),
        None => Err(work),
    }
}

/// No thread, no reaper: values are then dropped where they are.
fn start() -> Option<SyncSender<Work>> {
    let (sender, work) = sync_channel(WAITING);
    let thread = std::thread::Builder::new().name("guildhall_reaper".into());
    thread.spawn(move || work.iter().for_each(done)).ok()?;
    Some(sender)
}

fn done(work: Work) {
    match work {
        Work::Drop(value) => {
            drop(value);
            BURIED.fetch_sub(1, Relaxed);
        }
        // Whoever is gone misses nothing.
        Work::Tell(pid, mut env, tag) => {
            let _ = env.send_and_clear(&pid, |env| (atoms::reaped(), tag.load(env)));
        }
    }
}

/// Sends the caller `{:reaped, tag}` when all that was given to the reaper before is dropped: `false` if
/// the reaper has no room for that.
#[rustler::nif]
fn reaper_tell(env: Env<'_>, tag: Term<'_>) -> bool {
    let message = OwnedEnv::new();
    let tag = message.save(tag);
    send(Work::Tell(env.pid(), message, tag)).is_ok()
}

/// `{waiting, dropped where they were}`
#[rustler::nif]
fn reaper_info() -> (u64, u64) {
    (BURIED.load(Relaxed), REFUSED.load(Relaxed))
}
