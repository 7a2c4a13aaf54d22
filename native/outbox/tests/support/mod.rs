//! A client: reads frames, inflates, and hands back payloads.

#![allow(dead_code, reason = "each test file uses a part")]

use outbox::{Encoding, Event, Frames, Kind, Limits, Outbox, Policy, Taken, Transport};

pub(crate) const NO_LIMITS: Limits = Limits { events: u32::MAX, bytes: u32::MAX };

pub(crate) fn transport(kind: Kind, policy: Policy) -> Transport {
    Transport::new(kind, Encoding::Json, policy).unwrap()
}

pub(crate) fn event(data: &[u8]) -> Event {
    Event::new(b"T", data).unwrap()
}

pub(crate) fn payload(number: u64, data: &[u8]) -> Vec<u8> {
    [format!("{{\"s\":{number},\"t\":\"T\",\"op\":0,\"d\":").as_bytes(), data, b"}"].concat()
}

/// Takes once.
pub(crate) fn take(
    outbox: &Outbox,
    transport: &mut Transport,
    max_bytes: usize,
) -> (Taken, Vec<u8>) {
    let mut frames = Frames::default();
    let taken = outbox.take(transport, max_bytes, usize::MAX, &mut frames).unwrap();
    (taken, frames.as_slice().to_vec())
}

/// Takes until nothing is left.
pub(crate) fn drain(outbox: &Outbox, transport: &mut Transport, max_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let (taken, frames) = take(outbox, transport, max_bytes);
        bytes.extend(frames);
        if taken != (Taken::Frames { more: true }) {
            return bytes;
        }
    }
}

/// What a client of JSON makes of a payload, having passed over the primer.
fn without_primer(mut payload: Vec<u8>) -> Vec<u8> {
    let primer = zstd_splice::Primer::json().bytes();
    let field = [br#","_primer":"#, primer, b"}"].concat();
    if payload.ends_with(&field) {
        payload.truncate(payload.len() - field.len());
        payload.push(b'}');
    }
    payload
}

pub(crate) enum Client {
    Plain,
    PlainEtf,
    Zlib(Box<zlib_rs::Inflate>),
    Zstd(zstd_safe::DCtx<'static>),
}

impl Client {
    pub(crate) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Plain => Self::Plain,
            Kind::Zlib => Self::Zlib(Box::new(zlib_rs::Inflate::new(true, 15))),
            Kind::Zstd => Self::Zstd(zstd_safe::DCtx::create()),
        }
    }

    /// A client that reads ETF, as it is in binary messages.
    pub(crate) fn etf(kind: Kind) -> Self {
        if kind == Kind::Plain { Self::PlainEtf } else { Self::new(kind) }
    }

    /// The payloads in `bytes`, each from exactly one frame.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        while let [flags, length, rest @ ..] = bytes {
            let opcode = if matches!(self, Self::Plain) { 1 } else { 2 };
            assert_eq!(*flags, 0x80 | opcode);
            let (length, rest) = match length {
                126 => (u16::from_be_bytes(rest[..2].try_into().unwrap()) as usize, &rest[2..]),
                127 => (u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize, &rest[8..]),
                length => (usize::from(*length), rest),
            };
            payloads.push(without_primer(self.decode(&rest[..length])));
            bytes = &rest[length..];
        }
        assert!(bytes.is_empty());
        payloads
    }

    fn decode(&mut self, data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; 1 << 22];
        let length = match self {
            Self::Plain | Self::PlainEtf => return data.to_vec(),
            Self::Zlib(inflate) => {
                assert!(data.ends_with(&[0, 0, 0xff, 0xff]));
                let before = (inflate.total_in(), inflate.total_out());
                inflate.decompress(data, &mut out, zlib_rs::InflateFlush::SyncFlush).unwrap();
                assert_eq!(inflate.total_in() - before.0, data.len() as u64);
                (inflate.total_out() - before.1) as usize
            }
            Self::Zstd(context) => {
                let mut input = zstd_safe::InBuffer::around(data);
                let mut output = zstd_safe::OutBuffer::around(&mut out[..]);
                while input.pos() < data.len() {
                    context.decompress_stream(&mut output, &mut input).unwrap();
                }
                output.pos()
            }
        };
        out.truncate(length);
        out
    }
}
