//! How much memory the resources of this crate hold, by kind, for the whole process.
//!
//! The VM does not see Rust's heap, so each kind counts its own.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The live things of one kind and their bytes.
#[derive(Debug, Default)]
pub struct Gauge {
    count: AtomicU64,
    bytes: AtomicU64,
}

/// Events, each counted once however many outboxes hold it.
pub static EVENTS: Gauge = Gauge::new();
/// Outboxes with their rings, without the events in them.
pub static OUTBOXES: Gauge = Gauge::new();
/// Transports with their compression contexts.
pub static TRANSPORTS: Gauge = Gauge::new();

impl Gauge {
    const fn new() -> Self {
        Self { count: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// How many there are, and how many bytes they hold.
    pub fn read(&self) -> (u64, u64) {
        (self.count.load(Relaxed), self.bytes.load(Relaxed))
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.count.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(crate) fn remove(&self, bytes: usize) {
        self.count.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(bytes as u64, Relaxed);
    }

    pub(crate) fn resize(&self, from: usize, to: usize) {
        if from != to {
            // Wrapping, so that one addition serves both directions.
            self.bytes.fetch_add((to as u64).wrapping_sub(from as u64), Relaxed);
        }
    }
}
