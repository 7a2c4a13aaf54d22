//! One stream: what its decoder has been sent.

use crate::encoder::PRIMED;
use crate::{Primer, Shared, block};

/// A zstd frame that begins with the first payload and never ends.
///
/// Each append completes a block, so that a decoder that is given its bytes has the whole payload.
#[derive(Debug, Clone)]
pub struct Connection {
    primer: Primer,
    /// Bytes of content since the primer began, 0 if it must be sent before anything may build on it.
    distance: u32,
    opened: bool,
}

/// Nothing was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The primer must be sent first: [`Connection::append_primer`].
    Stale,
    /// The body was compressed for another primer.
    Foreign,
}

impl Connection {
    /// The longest head that is appended as it is.
    pub const MAX_HEAD: usize = 1024;
    /// From a body that begins here, the primer is within the window as far as it is looked for.
    const REACH: u32 = (block::WINDOW - PRIMED - Self::MAX_HEAD) as u32;

    /// A connection that has been sent nothing.
    pub fn new(primer: &Primer) -> Self {
        Self { primer: primer.clone(), distance: 0, opened: false }
    }

    /// Whether the next payload must carry the primer: there was none yet, or it leaves the window.
    #[inline]
    pub fn is_stale(&self) -> bool {
        self.primer.taught().is_some() && (self.distance == 0 || self.distance > Self::REACH)
    }

    /// Appends one payload: a head of this connection's own, and a shared body.
    #[inline]
    pub fn append(&mut self, head: &[u8], body: &Shared, out: &mut Vec<u8>) -> Result<(), Refused> {
        if !self.primer.is_same(body.primer()) {
            return Err(Refused::Foreign);
        }
        if self.is_stale() || head.len() > Self::MAX_HEAD {
            return Err(Refused::Stale);
        }
        self.open(out);
        block::write_raw(head, out);
        self.advance(head.len());
        body.write(self.distance, out);
        self.advance(body.size());
        Ok(())
    }

    /// Appends a payload that nobody else gets.
    pub fn append_alone(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.open(out);
        if self.is_stale() {
            // It brings codes of its own, after which those of the primer are forgotten.
            Shared::new(Primer::empty(), payload).write_once(0, out);
            self.distance = 0;
        } else {
            Shared::new(&self.primer, payload).write_once(self.distance, out);
            self.advance(payload.len());
        }
    }

    /// Appends one payload: the primer's bytes, with something before and something after them.
    pub fn append_primer(&mut self, before: &[u8], after: &[u8], out: &mut Vec<u8>) {
        self.open(out);
        Shared::new(Primer::empty(), before).write_once(0, out);
        if let Some(taught) = self.primer.taught() {
            out.extend_from_slice(taught.block());
            self.distance = self.primer.bytes().len() as u32;
        }
        self.append_alone(after, out);
    }

    #[inline]
    fn open(&mut self, out: &mut Vec<u8>) {
        if !self.opened {
            out.extend_from_slice(&block::FRAME);
            self.opened = true;
        }
    }

    #[inline]
    fn advance(&mut self, bytes: usize) {
        self.distance = self.distance.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}
