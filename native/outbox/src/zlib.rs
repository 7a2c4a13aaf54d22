//! zlib-stream: one zlib stream for the life of a connection, each message of which ends with a sync flush.
//!
//! A message is the head in a stored block and then the event's run, or both through the connection's own
//! context. A context may end in mid-stream, because a run looks back at nothing. It may not begin again: it
//! would have to know what went by.

use crate::deflate::Deflate;
use crate::policy::Policy;
use crate::run;
use crate::transport::Broken;

#[derive(Debug)]
pub(crate) struct Zlib {
    /// Whether the stream's header was sent.
    begun: bool,
    /// Whether the context ends at the first event that many get.
    auto: bool,
    context: Option<Box<Deflate>>,
}

impl Zlib {
    /// Deflate with a window of 32 KB, and no dictionary.
    const HEADER: [u8; 2] = [0x78, 0x9c];
    /// Up to here a payload of one connection is not worth the time to compress it alone.
    const SMALL: usize = 256;

    pub(crate) fn new(policy: Policy) -> Self {
        let context = match policy {
            Policy::Shared => None,
            Policy::Context(limit) | Policy::Auto(limit) => Deflate::within(limit).map(Box::new),
        };
        Self { begun: false, auto: matches!(policy, Policy::Auto(_)), context }
    }

    pub(crate) fn memory(&self) -> usize {
        if self.context.is_some() { Deflate::MEMORY } else { 0 }
    }

    /// Whether an event with so many holders is to be spliced. Ends a context that is not worth its memory.
    pub(crate) fn splices(&mut self, holders: usize) -> bool {
        if self.auto && holders >= Policy::MANY {
            self.context = None;
        }
        self.context.is_none()
    }

    /// Appends a message of a head and an event's run.
    pub(crate) fn splice(&mut self, head: &[u8], run: &[u8], out: &mut Vec<u8>) {
        self.begin(out);
        run::append_stored(head, out);
        out.extend_from_slice(run);
    }

    /// Appends a message of this connection alone, in two parts.
    pub(crate) fn compress(
        &mut self,
        head: &[u8],
        tail: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        self.begin(out);
        if let Some(context) = &mut self.context {
            return context.compress(head, tail, out);
        }
        run::append_stored(head, out);
        if tail.len() > Self::SMALL {
            out.extend_from_slice(&run::deflate(tail));
        } else {
            run::append_stored(tail, out);
            run::append_end(out);
        }
        Ok(())
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            out.extend_from_slice(&Self::HEADER);
        }
    }
}
