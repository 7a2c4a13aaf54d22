//! A buffer in which the frames of one write are put together.

use crate::frame::{self, MAX_HEADER, Opcode};

/// WebSocket frames, ready to be written. Made to be used again.
#[derive(Debug, Default)]
pub struct Frames {
    out: Vec<u8>,
    /// Where a payload is compressed, because its header holds the length of the result.
    scratch: Vec<u8>,
}

impl Frames {
    /// What is kept between uses; beyond it a rare large write would pin memory on every thread.
    const KEEP: usize = 256 * 1024;

    /// The frames so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.out
    }

    /// Forgets the frames, keeps the memory for the next ones.
    pub fn clear(&mut self) {
        self.out.clear();
        self.out.shrink_to(Self::KEEP);
        self.scratch.truncate(Self::KEEP);
        self.scratch.shrink_to(Self::KEEP);
    }

    /// Appends one message of two parts.
    pub(crate) fn append(&mut self, opcode: Opcode, head: &[u8], tail: &[u8]) {
        let length = head.len() + tail.len();
        self.out.reserve(MAX_HEADER + length);
        frame::append_header(&mut self.out, opcode, length);
        self.out.extend_from_slice(head);
        self.out.extend_from_slice(tail);
    }

    /// Appends one binary message, which `write` appends to the scratch.
    pub(crate) fn append_with<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.scratch.clear();
        let result = write(&mut self.scratch);
        self.out.reserve(MAX_HEADER + self.scratch.len());
        frame::append_header(&mut self.out, Opcode::Binary, self.scratch.len());
        self.out.extend_from_slice(&self.scratch);
        result
    }
}
