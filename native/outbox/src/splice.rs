//! zstd-stream of shared blocks: one frame that never ends, and a primer now and then.
//!
//! Every so often a payload carries the primer as one more field, which clients pass over: what later events
//! have in common with it need not be sent. It comes last, since some clients look for the first `"op"` in
//! the text.

use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use zstd_splice::{Connection, Primer};

use crate::encoded::Encoded;
use crate::policy::Policy;
use crate::{Encoding, etf};

#[derive(Debug)]
pub(crate) struct Splice {
    connection: Connection,
    encoding: Encoding,
    /// Whether nothing was appended yet.
    fresh: bool,
}

/// What a connection begins with, and how it is then. To compress it takes as long as all else
/// that a handshake does, and nearly all begin with the same HELLO: the last one is kept.
#[derive(Debug)]
struct Opening {
    encoding: Encoding,
    payload: Vec<u8>,
    bytes: Box<[u8]>,
    connection: Connection,
}

static OPENING: Mutex<Option<Arc<Opening>>> = Mutex::new(None);

/// The field that holds the primer.
const FIELD: &[u8] = b"_primer";
/// How a map begins that has a field before which another one can be put.
const MAP: [u8; 2] = [etf::VERSION, etf::MAP];

impl Splice {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { connection: Connection::new(primer(encoding)), encoding, fresh: true }
    }

    /// Whether the next payload carries the primer, which makes it this connection's own.
    pub(crate) fn is_stale(&self) -> bool {
        self.connection.is_stale()
    }

    /// Appends a message of a head and an event. What few hold is not worth keeping blocks of.
    pub(crate) fn splice(
        &mut self,
        head: &[u8],
        encoded: &Encoded,
        holders: usize,
        out: &mut Vec<u8>,
    ) {
        let refused = self.is_stale()
            || holders <= Policy::FEW && !encoded.has_blocks()
            || self.connection.append(head, encoded.blocks(primer(self.encoding)), out).is_err();
        if refused {
            self.compress([head, encoded.tail()].concat(), out);
        }
    }

    /// Appends a message of this connection alone.
    pub(crate) fn compress(&mut self, payload: Vec<u8>, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.fresh) || payload.len() > Opening::MAX_BYTES {
            return self.append(payload, out);
        }
        let last = OPENING.lock().clone();
        if let Some(last) = last.filter(|last| last.is(self.encoding, &payload)) {
            out.extend_from_slice(&last.bytes);
            self.connection = last.connection.clone();
            return;
        }
        let start = out.len();
        self.append(payload.clone(), out);
        let opening = Opening {
            encoding: self.encoding,
            payload,
            bytes: out.get(start..).unwrap_or_default().into(),
            connection: self.connection.clone(),
        };
        *OPENING.lock() = Some(Arc::new(opening));
    }

    fn append(&mut self, mut payload: Vec<u8>, out: &mut Vec<u8>) {
        if self.is_stale() && open(&mut payload, self.encoding) {
            let close: &[u8] = if self.encoding == Encoding::Json { b"}" } else { b"" };
            self.connection.append_primer(&payload, close, out);
        } else {
            self.connection.append_alone(&payload, out);
        }
    }
}

impl Opening {
    /// A payload that is longer is no HELLO.
    const MAX_BYTES: usize = 1024;

    fn is(&self, encoding: Encoding, payload: &[u8]) -> bool {
        self.encoding == encoding && self.payload == payload
    }
}

/// Makes room for the primer at the end of a payload, unless it is no object, or an empty one.
fn open(payload: &mut Vec<u8>, encoding: Encoding) -> bool {
    match encoding {
        Encoding::Json => {
            let fits = payload.starts_with(br#"{""#) && payload.ends_with(b"}");
            if fits {
                payload.pop();
                payload.extend_from_slice(&[br#",""#, FIELD, br#"":"#].concat());
            }
            fits
        }
        Encoding::Etf => {
            // The sizes of maps are 32 bits, and no payload has so many fields.
            let Some((&mut MAP, rest)) = payload.split_first_chunk_mut() else { return false };
            let Some(last) = rest.get_mut(3).filter(|last| **last < u8::MAX) else { return false };
            *last += 1;
            etf::append_atom(payload, FIELD);
            true
        }
    }
}

fn primer(encoding: Encoding) -> &'static Primer {
    static ETF: LazyLock<Option<Primer>> = LazyLock::new(|| {
        let mut bytes = Vec::new();
        etf::append(&mut bytes, Primer::json().bytes()).ok()?;
        Primer::new(&bytes).ok()
    });

    match encoding {
        Encoding::Json => Primer::json(),
        Encoding::Etf => ETF.as_ref().unwrap_or_else(|| Primer::empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_has_a_primer() {
        assert!(primer(Encoding::Json).bytes().len() > 1_000);
        assert!(primer(Encoding::Etf).bytes().len() > 1_000);
    }

    #[test]
    fn connections_that_begin_alike_go_on_alike() {
        let hello = br#"{"op":10,"d":{"heartbeat_interval":1}}"#.to_vec();
        let written = |first: &[u8]| {
            let (mut splice, mut out) = (Splice::new(Encoding::Json), Vec::new());
            splice.compress(first.to_vec(), &mut out);
            splice.compress(br#"{"op":11}"#.to_vec(), &mut out);
            out
        };
        let first = written(&hello);
        assert_eq!(written(&hello), first);
        assert_ne!(written(br#"{"op":10,"d":{"heartbeat_interval":2}}"#), first);
        assert_eq!(written(&hello), first);
    }

    #[test]
    fn a_payload_gets_one_more_field() {
        let opened = |payload: &[u8], encoding| {
            let mut payload = payload.to_vec();
            open(&mut payload, encoding).then_some(payload)
        };
        let json = |payload| opened(payload, Encoding::Json);
        assert_eq!(json(br#"{"op":1}"#).unwrap(), br#"{"op":1,"_primer":"#);
        for payload in ["", "{}", "1", "{", "[1]", r#"{"a""#, "{ }"] {
            assert_eq!(json(payload.as_bytes()), None);
        }

        let etf = opened(b"\x83t\0\0\0\x01d\0\x02opa\x01", Encoding::Etf);
        assert_eq!(etf.unwrap(), b"\x83t\0\0\0\x02d\0\x02opa\x01d\0\x07_primer");
        for payload in [&b""[..], b"\x83j", b"\x83t\0\0", b"\x83t\0\0\0\xff"] {
            assert_eq!(opened(payload, Encoding::Etf), None);
        }
    }
}
