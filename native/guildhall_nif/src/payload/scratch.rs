//! What a scheduler keeps between calls: bounded, and counted.

use std::cell::RefCell;

use gauge::Gauge;
use payload::Reader;

use super::encode::Encoder;
use crate::beam::Raw;

/// How much of each buffer is kept. What a larger document needed is given back.
const KEPT: usize = 256 * 1024;

/// What all schedulers keep together.
pub(super) static MEMORY: Gauge = Gauge::new();

thread_local! {
    static ENCODER: RefCell<Kept<Encoder>> = RefCell::new(Kept::new(Encoder::new()));
    static READER: RefCell<Kept<Reader<Raw>>> = RefCell::new(Kept::new(Reader::default()));
}

/// Memory that a scheduler keeps for its next call.
trait Memory {
    fn retained(&self) -> usize;
    fn shrink(&mut self, limit: usize);
}

impl Memory for Encoder {
    fn retained(&self) -> usize {
        self.retained()
    }

    fn shrink(&mut self, limit: usize) {
        self.shrink(limit);
    }
}

impl Memory for Reader<Raw> {
    fn retained(&self) -> usize {
        self.retained()
    }

    fn shrink(&mut self, limit: usize) {
        self.shrink(limit);
    }
}

struct Kept<M: Memory> {
    memory: M,
    counted: usize,
}

impl<M: Memory> Kept<M> {
    fn new(memory: M) -> Self {
        MEMORY.add(0);
        Self { memory, counted: 0 }
    }

    /// Gives back what a large document needed, and counts what stays.
    #[inline(always)]
    fn settle(&mut self) {
        let now = self.memory.retained();
        if now != self.counted {
            self.recount(now);
        }
    }

    #[cold]
    fn recount(&mut self, mut now: usize) {
        if now > KEPT {
            self.memory.shrink(KEPT);
            now = self.memory.retained();
        }
        MEMORY.resize(self.counted, now);
        self.counted = now;
    }
}

impl<M: Memory> Drop for Kept<M> {
    fn drop(&mut self) {
        MEMORY.remove(self.counted);
    }
}

/// Runs `fun` with the scheduler's encoder.
#[inline(always)]
pub(super) fn with_encoder<T>(fun: impl FnOnce(&mut Encoder) -> T) -> T {
    ENCODER.with_borrow_mut(|kept| {
        let result = fun(&mut kept.memory);
        kept.settle();
        result
    })
}

/// Runs `fun` with the scheduler's reader.
#[inline(always)]
pub(super) fn with_reader<T>(fun: impl FnOnce(&mut Reader<Raw>) -> T) -> T {
    READER.with_borrow_mut(|kept| {
        let result = fun(&mut kept.memory);
        kept.settle();
        result
    })
}
