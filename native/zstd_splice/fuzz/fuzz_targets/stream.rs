//! Whatever is appended to a connection is what decoders read.
#![no_main]

#[path = "../../tests/support/mod.rs"]
mod support;

use libfuzzer_sys::fuzz_target;
use support::{Client, read_all};
use zstd_splice::{Connection, Primer, Shared};

/// Takes `count` bytes off the input, or what is left.
fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    taken
}

/// A body of some parts: bytes, a piece of the primer, or what came so far once more.
fn body(input: &mut &[u8]) -> Vec<u8> {
    let primer = Primer::json().bytes();
    let mut body = Vec::new();
    while let [kind, a, b, ..] = *take(input, 3) {
        let number = usize::from(u16::from_le_bytes([a, b]));
        match kind % 8 {
            0..3 => body.extend_from_slice(take(input, number % 512)),
            3..6 => {
                let piece = primer.get(number % primer.len()..).unwrap_or_default();
                body.extend_from_slice(piece.get(..usize::from(kind)).unwrap_or(piece));
            }
            6 => body.extend_from_within(..number.min(body.len())),
            _ => return body,
        }
    }
    body
}

fuzz_target!(|input: &[u8]| {
    let mut input = input;
    let kind = take(&mut input, 1).first().copied().unwrap_or(0);
    let primer = if kind & 1 == 0 { Primer::json() } else { Primer::empty() };
    let mut connection = Connection::new(primer);
    let (mut client, mut stream, mut content) = (Client::new(), Vec::new(), Vec::new());

    // Any distance to the primer, mostly small ones, which are read sooner.
    let far = if kind < 240 { usize::from(kind) << 5 } else { usize::from(kind - 240) << 16 };
    let mut out = Vec::new();
    connection.append_primer(b"", &vec![kind; far], &mut out);
    let mut payload = [primer.bytes(), &vec![kind; far]].concat();

    loop {
        assert!(client.read(&out) == payload);
        stream.append(&mut out);
        content.append(&mut payload);
        if input.is_empty() {
            break;
        }
        payload = body(&mut input);
        let (head, rest) = payload.split_at(payload.len().min(usize::from(kind % 16)));
        if connection.is_stale() {
            connection.append_alone(&payload, &mut out);
        } else {
            let shared = Shared::new(primer, rest);
            assert!(connection.append(head, &shared, &mut out).is_ok());
        }
    }
    assert!(read_all(&stream) == content);
});
