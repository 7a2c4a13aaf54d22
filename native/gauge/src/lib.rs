//! How much memory the things of one kind hold, for the whole process.
//!
//! The VM does not see Rust's heap, so each kind counts its own: a `static` [`Gauge`] a kind, and
//! each thing adds itself when it is made and takes itself away when it is dropped.
//!
//! A gauge has several counters, and a thread its one of them: cores that count at once would otherwise
//! wait for each other. One counter alone says nothing, since a thing is often dropped by another thread
//! than made it; their sum is right.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counters of a gauge.
const SHARES: usize = 16;

/// The live things of one kind and their bytes.
#[derive(Debug)]
pub struct Gauge([Share; SHARES]);

/// Alone in what two cores hand to and fro.
#[derive(Debug)]
#[repr(align(128))]
struct Share {
    count: AtomicU64,
    bytes: AtomicU64,
}

impl Default for Gauge {
    fn default() -> Self {
        Self::new()
    }
}

// All additions wrap, so that one serves both directions.
impl Gauge {
    /// A gauge of nothing.
    pub const fn new() -> Self {
        Self([const { Share { count: AtomicU64::new(0), bytes: AtomicU64::new(0) } }; SHARES])
    }

    /// How many there are, and how many bytes they hold.
    pub fn read(&self) -> (u64, u64) {
        (self.sum(|share| &share.count), self.sum(|share| &share.bytes))
    }

    fn sum(&self, counter: impl Fn(&Share) -> &AtomicU64) -> u64 {
        let counters = self.0.iter().map(|share| counter(share).load(Relaxed));
        let sum = counters.fold(0, u64::wrapping_add);
        // What is made behind the reader and dropped before it would make less than nothing.
        sum.cast_signed().max(0).cast_unsigned()
    }

    /// Counts a thing of so many bytes.
    pub fn add(&self, bytes: usize) {
        let share = self.share();
        share.count.fetch_add(1, Relaxed);
        share.bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// Counts a thing of so many bytes no more.
    pub fn remove(&self, bytes: usize) {
        let share = self.share();
        share.count.fetch_sub(1, Relaxed);
        share.bytes.fetch_sub(bytes as u64, Relaxed);
    }

    /// Counts a thing that grew or shrank.
    pub fn resize(&self, from: usize, to: usize) {
        if from != to {
            self.share().bytes.fetch_add((to as u64).wrapping_sub(from as u64), Relaxed);
        }
    }

    fn share(&self) -> &Share {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: usize = NEXT.fetch_add(1, Relaxed) % SHARES;
        }
        // A thread that ends has none any more.
        let mine = MINE.try_with(|mine| *mine).unwrap_or(0);
        let [first, ..] = &self.0;
        self.0.get(mine).unwrap_or(first)
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

    #[test]
    fn who_counts_does_not_matter() {
        let gauge = Gauge::new();
        std::thread::scope(|scope| {
            (0..50).for_each(|_| drop(scope.spawn(|| gauge.add(2))));
        });
        assert_eq!(gauge.read(), (50, 100));
        std::thread::scope(|scope| {
            (0..50).for_each(|_| drop(scope.spawn(|| gauge.remove(2))));
        });
        assert_eq!(gauge.read(), (0, 0));
    }
}
