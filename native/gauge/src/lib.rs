//! How much memory the things of one kind hold, for the whole process.
//!
//! The VM does not see Rust's heap, so each kind counts its own: a `static` [`Gauge`] a kind, and
//! each thing adds itself when it is made and takes itself away when it is dropped.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The live things of one kind and their bytes.
#[derive(Debug, Default)]
pub struct Gauge {
    count: AtomicU64,
    bytes: AtomicU64,
}

impl Gauge {
    /// A gauge of nothing.
    pub const fn new() -> Self {
        Self { count: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// How many there are, and how many bytes they hold.
    pub fn read(&self) -> (u64, u64) {
        (self.count.load(Relaxed), self.bytes.load(Relaxed))
    }

    /// Counts a thing of so many bytes.
    pub fn add(&self, bytes: usize) {
        self.count.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts a thing of so many bytes no more.
    pub fn remove(&self, bytes: usize) {
        self.count.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(bytes as u64, Relaxed);
    }

    /// Counts a thing that grew or shrank.
    pub fn resize(&self, from: usize, to: usize) {
        if from != to {
            // Wrapping, so that one addition serves both directions.
            self.bytes.fetch_add((to as u64).wrapping_sub(from as u64), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Gauge;

    #[test]
    fn counts_what_is_there() {
        let gauge = Gauge::new();
        gauge.add(10);
        gauge.add(5);
        assert_eq!(gauge.read(), (2, 15));
        gauge.resize(10, 4);
        gauge.resize(5, 7);
        assert_eq!(gauge.read(), (2, 11));
        gauge.remove(4);
        gauge.remove(7);
        assert_eq!(gauge.read(), (0, 0));
    }
}
