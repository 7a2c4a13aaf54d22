//! How much memory the resources of this crate hold, by kind, for the whole process.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::gauge::Gauge;
use parking_lot::Mutex;

/// Blocks for zstd-stream, of events that somebody was sent in it.
pub use zstd_splice::SHARED as BLOCKS;

/// Events, each counted once however many outboxes hold it.
pub static EVENTS: Gauge = Gauge::new();
/// Outboxes with their rings, without the events in them.
pub static OUTBOXES: Gauge = Gauge::new();
/// Transports, without the contexts of their own.
pub static TRANSPORTS: Gauge = Gauge::new();
/// Compression contexts of connections.
pub static CONTEXTS: Gauge = Gauge::new();
/// Sockets, with what the kernel did not take of their data.
pub static SOCKETS: Gauge = Gauge::new();

/// Connections that began without a context, because those of others took all that they may.
static WITHOUT_CONTEXT: AtomicU64 = AtomicU64::new(0);

/// How many connections have begun without the context that their policy asks for.
pub fn without_context() -> u64 {
    WITHOUT_CONTEXT.load(Relaxed)
}

/// Takes bytes for a context, if there is room for it.
pub(crate) fn takes_context(bytes: usize, limit: u64) -> bool {
    // One after the other, or those that begin at once would all find the same room.
    static TAKING: Mutex<()> = Mutex::new(());

    let _taking = TAKING.lock();
    let fits = CONTEXTS.read().1.saturating_add(bytes as u64) <= limit;
    if fits {
        CONTEXTS.add(bytes);
    } else {
        WITHOUT_CONTEXT.fetch_add(1, Relaxed);
    }
    fits
}
