//! A client's decoder, and bodies of every kind.

#![allow(dead_code, reason = "each test file uses a part")]

use std::io::Read;

use proptest::prelude::*;
use ruzstd::decoding::StreamingDecoder;
use zstd_safe::{DCtx, InBuffer, OutBuffer};
use zstd_splice::Primer;

/// Reads a stream as clients do: what has come is all that there is.
pub(crate) struct Client(DCtx<'static>);

impl Client {
    pub(crate) fn new() -> Self {
        Self(DCtx::create())
    }

    pub(crate) fn read(&mut self, message: &[u8]) -> Vec<u8> {
        // An empty payload is no message; zstd takes offence at the sixteenth.
        if message.is_empty() {
            return Vec::new();
        }
        let mut read = Vec::new();
        let mut space = vec![0; 256 * 1024];
        let mut input = InBuffer::around(message);
        loop {
            let mut output = OutBuffer::around(&mut space[..]);
            self.0.decompress_stream(&mut output, &mut input).unwrap();
            let written = output.pos();
            read.extend_from_slice(&space[..written]);
            if written < space.len() && input.pos() == message.len() {
                return read;
            }
        }
    }
}

/// Reads a whole stream with a decoder that shares no code with the other one. It keeps back the window until
/// the frame ends, so the frame is ended for it.
pub(crate) fn read_all(stream: &[u8]) -> Vec<u8> {
    const END: [u8; 3] = [1, 0, 0];
    let mut ended = stream.chain(&END[..]);
    let mut read = Vec::new();
    StreamingDecoder::new(&mut ended).unwrap().read_to_end(&mut read).unwrap();
    read
}

/// Events as a guild has them: those of the primer with other numbers.
pub(crate) fn events(count: usize) -> Vec<Vec<u8>> {
    let primer = Primer::json().bytes();
    let starts: Vec<usize> = primer
        .windows(5)
        .enumerate()
        .filter(|(_, five)| *five == b"{\"t\":")
        .map(|(at, _)| at)
        .collect();
    let ends = starts.iter().skip(1).map(|start| start - 1).chain([primer.len() - 1]);
    let samples: Vec<&[u8]> =
        starts.iter().zip(ends).map(|(from, to)| &primer[from + 1..to]).collect();

    let digits = |seed, body: &[u8]| {
        let random = noise(seed, body.len());
        body.iter()
            .zip(random)
            .map(|(byte, other)| match byte {
                b'2'..=b'9' => b'0' + other % 10,
                _ => *byte,
            })
            .collect()
    };
    (0..count).map(|n| digits(n as u64 * 7_919 + 1, samples[n % samples.len()])).collect()
}

pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Pieces of the primer with something between them.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let primer = Primer::json().bytes().len();
    let piece = (0..primer, 0..300_usize, proptest::collection::vec(any::<u8>(), 0..6));
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| {
        let bytes = Primer::json().bytes();
        pieces.into_iter().fold(Vec::new(), |mut body, (from, length, more)| {
            body.extend_from_slice(&bytes[from..bytes.len().min(from + length)]);
            body.extend(more);
            body
        })
    })
}

/// Bodies like events, and unlike any.
pub(crate) fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => pieces(),
        2 => "(\\{\"id\":\"1[0-9]{3}\",\"name\":\"[a-z]{0,9}\"\\}){0,60}".prop_map(String::into_bytes),
        2 => "\\PC{0,400}".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..2_000),
        1 => (any::<u8>(), 0..400_usize).prop_map(|(byte, n)| vec![byte; n]),
    ]
}

/// Bodies about and beyond the sizes where something changes.
pub(crate) fn large_body() -> impl Strategy<Value = Vec<u8>> {
    let sizes = prop_oneof![
        prop::sample::select(vec![
            16_383, 16_384, 16_385, 131_071, 131_072, 131_073, 147_456, 147_457
        ]),
        10_000..300_000_usize,
        Just(1_100_000),
    ];
    (sizes, 0..5_u8, any::<u64>(), body()).prop_map(|(size, kind, seed, seasoning)| match kind {
        0 => vec![seed as u8; size],
        1 => noise(seed, size),
        2 => repeated(&seasoning, &noise(seed, 7), size),
        // Few letters, much repetition.
        3 => noise(seed, size).iter().map(|byte| b"etaoin"[usize::from(byte % 6)]).collect(),
        // Text first, noise later, text at the end.
        _ => [
            repeated(&seasoning, b"x", size / 2),
            noise(seed, size / 3),
            repeated(&seasoning, b"y", size / 6),
        ]
        .concat(),
    })
}

fn repeated(part: &[u8], end: &[u8], size: usize) -> Vec<u8> {
    part.iter().chain(end).copied().cycle().take(size).collect()
}
