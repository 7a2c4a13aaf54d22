//! What a client reads is byte for byte what was pushed, in every transport.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use outbox::{Frames, Kind, Outbox, Transport};
use proptest::prelude::*;
use support::{Client, NO_LIMITS, drain, event, payload};

const KINDS: [Kind; 3] = [Kind::Plain, Kind::Zlib, Kind::Zstd];

/// Text that repeats itself, noise, and bodies beyond a block and beyond 16 bits.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "(\\{\"id\":\"1[0-9]{3}\"\\}){0,40}".prop_map(String::into_bytes),
        3 => proptest::collection::vec(any::<u8>(), 0..2_000),
        1 => (any::<u8>(), 60_000..200_000_usize).prop_map(|(byte, n)| vec![byte; n]),
        1 => (any::<u64>(), 60_000..200_000_usize).prop_map(noise),
    ]
}

fn noise((seed, length): (u64, usize)) -> Vec<u8> {
    let mut state = seed | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_client_reads_what_was_pushed(
        batches in proptest::collection::vec(proptest::collection::vec(body(), 0..8), 1..8),
        hello in body(),
        max_bytes in 0..100_000_usize,
    ) {
        for kind in KINDS {
            let outbox = Outbox::new(NO_LIMITS);
            let mut transport = Transport::new(kind).unwrap();
            let mut client = Client::new(kind);

            let mut frames = Frames::default();
            transport.frame(&hello, &mut frames).unwrap();
            prop_assert_eq!(client.read(frames.as_slice()), vec![hello.clone()]);

            let mut number = 0;
            for batch in &batches {
                let expected: Vec<_> = batch.iter().map(|data| {
                    number += 1;
                    outbox.push(&event(data));
                    payload(number, data)
                }).collect();
                let read = client.read(&drain(&outbox, &mut transport, max_bytes));
                prop_assert!(read == expected, "{:?} differs", kind);
            }
        }
    }

    #[test]
    fn a_resumed_client_reads_the_rest_in_a_new_stream(
        data in proptest::collection::vec(body(), 1..20),
        seen in any::<prop::sample::Index>(),
        kind in prop::sample::select(&KINDS[..]),
    ) {
        let outbox = Outbox::new(NO_LIMITS);
        data.iter().for_each(|data| { outbox.push(&event(data)); });
        drain(&outbox, &mut Transport::new(kind).unwrap(), 10_000);

        let seen = seen.index(data.len() + 1);
        outbox.resume(seen as u64).unwrap();
        let read = Client::new(kind).read(&drain(&outbox, &mut Transport::new(kind).unwrap(), 10_000));
        let expected: Vec<_> =
            (1..).zip(&data).skip(seen).map(|(number, data)| payload(number, data)).collect();
        prop_assert!(read == expected);
    }
}

#[test]
fn a_context_remembers_earlier_payloads() {
    let text: Vec<u8> = noise((7, 300)).iter().map(|byte| b'a' + byte % 26).collect();
    for kind in [Kind::Zlib, Kind::Zstd] {
        let mut transport = Transport::new(kind).unwrap();
        let mut sizes = [0; 2];
        for size in &mut sizes {
            let mut frames = Frames::default();
            transport.frame(&text, &mut frames).unwrap();
            *size = frames.as_slice().len();
        }
        assert!(sizes[1] < sizes[0] / 4, "{kind:?}: {sizes:?}");
    }
}
