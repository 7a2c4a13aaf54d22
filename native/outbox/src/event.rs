//! A dispatch, encoded once for everyone who gets it.

use std::sync::Arc;

use crate::gauge::EVENTS;

/// A dispatch without its sequence number. A clone is another reference to the same bytes.
#[derive(Debug, Clone)]
pub struct Event(Arc<Body>);

#[derive(Debug)]
struct Body {
    /// What follows `{"s":N,` in the payload.
    tail: Box<[u8]>,
}

/// Why bytes are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// The type is not made of `A-Z`, `0-9` and `_`, so it may not be spliced into JSON.
    Type,
    /// The data is larger than [`Event::MAX_BYTES`].
    Size,
}

impl Event {
    /// The largest event. A client that is sent more than this drops the connection anyway.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// An event of a type, with `data` as its JSON.
    pub fn new(kind: &[u8], data: &[u8]) -> Result<Self, Invalid> {
        if kind.is_empty() || kind.len() > 64 || !kind.iter().all(|byte| is_plain(*byte)) {
            return Err(Invalid::Type);
        }
        if data.len() > Self::MAX_BYTES {
            return Err(Invalid::Size);
        }

        let parts: [&[u8]; 5] = [br#""t":""#, kind, br#"","op":0,"d":"#, data, b"}"];
        let tail = parts.concat().into_boxed_slice();
        EVENTS.add(tail.len() + size_of::<Body>());
        Ok(Self(Arc::new(Body { tail })))
    }

    /// Its bytes, as limits count them.
    #[inline]
    pub(crate) fn size(&self) -> u64 {
        self.0.tail.len() as u64
    }

    /// What follows `{"s":N,` in the payload.
    #[inline]
    pub fn tail(&self) -> &[u8] {
        &self.0.tail
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        EVENTS.remove(self.tail.len() + size_of::<Self>());
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_completes_the_payload() {
        let event = Event::new(b"TYPING_START", br#"{"id":"1"}"#).unwrap();
        assert_eq!(event.tail(), br#""t":"TYPING_START","op":0,"d":{"id":"1"}}"#);
    }

    #[test]
    fn a_type_cannot_break_out_of_its_string() {
        for kind in [&b"A\""[..], b"a", b"", b"A\\", b"\xff", &[b'A'; 65]] {
            assert_eq!(Event::new(kind, b"{}").unwrap_err(), Invalid::Type);
        }
    }
}
