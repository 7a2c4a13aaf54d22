//! A dispatch, encoded once for everyone who gets it.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::encoded::Encoded;
use crate::gauge::EVENTS;
use crate::{Encoding, NotJson, etf};

/// A dispatch without its sequence number. A clone is another reference to the same bytes.
#[derive(Debug, Clone)]
pub struct Event(Arc<Handle>);

/// What references are counted by: one for all, or one for each who makes many of them, see
/// [`Event::apart`].
#[derive(Debug)]
struct Handle {
    body: Arc<Body>,
    /// Beside the count, which a push changes anyway.
    size: u64,
}

#[derive(Debug)]
struct Body {
    json: Encoded,
    source: u64,
    /// How long the type is, so that it and the data are found in the JSON.
    kind: u8,
    /// Made of the JSON by the first client that reads it.
    etf: OnceLock<Result<Box<Encoded>, NotJson>>,
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

    const BEFORE_KIND: &[u8] = br#""t":""#;
    const BEFORE_DATA: &[u8] = br#"","op":0,"d":"#;

    /// The source of an event that is never dropped for its size.
    pub const NO_SOURCE: u64 = 0;

    /// An event of a type, with `data` as its JSON.
    pub fn new(kind: &[u8], data: &[u8]) -> Result<Self, Invalid> {
        Self::from_source(Self::NO_SOURCE, kind, data)
    }

    /// The same, from a source whose events may be dropped together.
    pub fn from_source(source: u64, kind: &[u8], data: &[u8]) -> Result<Self, Invalid> {
        if kind.is_empty() || kind.len() > 64 || !kind.iter().all(|byte| is_plain(*byte)) {
            return Err(Invalid::Type);
        }
        if data.len() > Self::MAX_BYTES {
            return Err(Invalid::Size);
        }

        let tail = [Self::BEFORE_KIND, kind, Self::BEFORE_DATA, data, b"}"].concat();
        EVENTS.add(tail.len() + size_of::<Body>());
        let size = tail.len() as u64;
        let body = Body {
            json: Encoded::new(tail.into_boxed_slice()),
            source,
            kind: kind.len() as u8,
            etf: OnceLock::new(),
        };
        Ok(Self(Handle::new(Arc::new(body), size)))
    }

    /// The same event, whose clones are counted apart: cores that clone one event at once would
    /// otherwise hand one counter to and fro, which costs them more than all the rest of a push.
    pub fn apart(&self) -> Self {
        Self(Handle::new(self.0.body.clone(), self.0.size))
    }

    /// Its bytes, as limits count them.
    #[inline]
    pub fn size(&self) -> u64 {
        self.0.size
    }

    /// Where it comes from.
    pub(crate) fn source(&self) -> u64 {
        self.0.body.source
    }

    /// Its type.
    pub(crate) fn kind(&self) -> &[u8] {
        self.0.body.kind()
    }

    /// How many hold it: about as many as were pushed it and have not acknowledged it. Those who count
    /// apart are taken to have as many holders each.
    pub(crate) fn holders(&self) -> usize {
        Arc::strong_count(&self.0).saturating_mul(Arc::strong_count(&self.0.body))
    }

    /// What follows the head, in one encoding.
    pub(crate) fn encoded(&self, encoding: Encoding) -> Result<&Encoded, NotJson> {
        match encoding {
            Encoding::Json => Ok(&self.0.body.json),
            Encoding::Etf => {
                let made = self.0.body.etf.get_or_init(|| self.0.body.spell());
                made.as_deref().map_err(|error| *error)
            }
        }
    }

    /// The same, if it is there already.
    pub(crate) fn made(&self, encoding: Encoding) -> Option<&Encoded> {
        match encoding {
            Encoding::Json => Some(&self.0.body.json),
            Encoding::Etf => self.0.body.etf.get()?.as_deref().ok(),
        }
    }
}

impl Handle {
    fn new(body: Arc<Body>, size: u64) -> Arc<Self> {
        EVENTS.resize(0, size_of::<Self>());
        Arc::new(Self { body, size })
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        EVENTS.resize(size_of::<Self>(), 0);
    }
}

impl Body {
    fn kind_range(&self) -> Range<usize> {
        Event::BEFORE_KIND.len()..Event::BEFORE_KIND.len() + usize::from(self.kind)
    }

    fn kind(&self) -> &[u8] {
        self.json.tail().get(self.kind_range()).unwrap_or_default()
    }

    fn spell(&self) -> Result<Box<Encoded>, NotJson> {
        let kind = self.kind_range();
        let json = self.json.tail();
        let data = kind.end + Event::BEFORE_DATA.len()..json.len() - 1;

        let mut tail = Vec::new();
        etf::append_atom(&mut tail, b"t");
        etf::append_atom(&mut tail, json.get(kind).unwrap_or_default());
        etf::append_atom(&mut tail, b"op");
        etf::append(&mut tail, b"0")?;
        etf::append_atom(&mut tail, b"d");
        etf::append(&mut tail, json.get(data).unwrap_or_default())?;

        let encoded = Box::new(Encoded::new(tail.into_boxed_slice()));
        EVENTS.resize(0, size_of::<Encoded>() + encoded.memory());
        Ok(encoded)
    }

    fn memory(&self) -> usize {
        let etf = self.etf.get().and_then(|made| made.as_ref().ok());
        size_of::<Self>()
            + self.json.memory()
            + etf.map_or(0, |etf| size_of::<Encoded>() + etf.memory())
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        EVENTS.remove(self.memory());
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
        let tail = event.encoded(Encoding::Json).unwrap().tail();
        assert_eq!(tail, br#""t":"TYPING_START","op":0,"d":{"id":"1"}}"#);

        let tail = event.encoded(Encoding::Etf).unwrap().tail();
        let data = b"t\0\0\0\x01d\0\x02idm\0\0\0\x011";
        assert_eq!(tail, [b"d\0\x01td\0\x0cTYPING_STARTd\0\x02opa\0d\0\x01d", &data[..]].concat());
    }

    #[test]
    fn who_counts_apart_is_counted() {
        let event = Event::new(b"A", b"1").unwrap();
        let held: Vec<Event> = (0..3).map(|_| event.clone()).collect();
        assert_eq!(event.holders(), 4);

        let apart = event.apart();
        let others: Vec<Event> = held.iter().map(|_| apart.clone()).collect();
        assert_eq!((event.holders(), apart.holders()), (8, 8));
        drop((held, event));
        assert_eq!(others[0].holders(), 4);
        assert_eq!(others[0].encoded(Encoding::Json).unwrap().tail(), br#""t":"A","op":0,"d":1}"#);
    }

    #[test]
    fn a_type_cannot_break_out_of_its_string() {
        for kind in [&b"A\""[..], b"a", b"", b"A\\", b"\xff", &[b'A'; 65]] {
            assert_eq!(Event::new(kind, b"{}").unwrap_err(), Invalid::Type);
        }
    }
}
