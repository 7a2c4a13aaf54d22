//! One spelling of an event, and what the transports splice of it: each made by the first who needs it.

use std::sync::OnceLock;

use zstd_splice::{Primer, Shared};

use crate::gauge::EVENTS;
use crate::run;

/// What follows the head in one encoding.
#[derive(Debug)]
pub(crate) struct Encoded {
    tail: Box<[u8]>,
    deflated: OnceLock<Box<[u8]>>,
    /// Counted by its own gauge.
    blocks: OnceLock<Box<Shared>>,
}

impl Encoded {
    pub(crate) fn new(tail: Box<[u8]>) -> Self {
        Self { tail, deflated: OnceLock::new(), blocks: OnceLock::new() }
    }

    /// The bytes themselves.
    #[inline]
    pub(crate) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// The tail as a run for zlib-stream.
    pub(crate) fn deflated(&self) -> &[u8] {
        self.deflated.get_or_init(|| {
            let run = run::deflate(&self.tail);
            EVENTS.resize(0, run.len());
            run
        })
    }

    /// Whether the run for zlib-stream is there.
    pub(crate) fn is_deflated(&self) -> bool {
        self.deflated.get().is_some()
    }

    /// The tail as blocks for zstd-stream. An encoding has one primer.
    pub(crate) fn blocks(&self, primer: &Primer) -> &Shared {
        self.blocks.get_or_init(|| Box::new(Shared::new(primer, &self.tail)))
    }

    /// Whether the blocks for zstd-stream are there.
    pub(crate) fn has_blocks(&self) -> bool {
        self.blocks.get().is_some()
    }

    /// Bytes that are held, without those of the struct.
    pub(crate) fn memory(&self) -> usize {
        self.tail.len() + self.deflated.get().map_or(0, |run| run.len())
    }
}
