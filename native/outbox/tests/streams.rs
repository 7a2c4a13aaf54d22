//! What a client reads is byte for byte what was pushed, in every transport.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use outbox::{Encoding, Event, Failure, Frames, Kind, Outbox, Policy, Transport};
use proptest::prelude::*;
use support::{Client, NO_LIMITS, drain, event, payload, transport};

const TRANSPORTS: [(Kind, Policy); 7] = [
    (Kind::Plain, Policy::Shared),
    (Kind::Zlib, Policy::Shared),
    (Kind::Zlib, Policy::Context(u64::MAX)),
    (Kind::Zlib, Policy::Auto(u64::MAX)),
    (Kind::Zstd, Policy::Shared),
    (Kind::Zstd, Policy::Context(u64::MAX)),
    (Kind::Zstd, Policy::Auto(u64::MAX)),
];

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

/// A body, and whether so many get it that nobody compresses it alone.
fn bodies(size: std::ops::Range<usize>) -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
    proptest::collection::vec((body(), any::<bool>()), size)
}

/// An event, and what makes it one that many get.
fn popular(event: Event, popular: bool) -> (Event, Vec<Event>) {
    let others = vec![event.clone(); if popular { 32 } else { 0 }];
    (event, others)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_client_reads_what_was_pushed(
        batches in proptest::collection::vec(bodies(0..8), 1..8),
        hello in body(),
        max_bytes in 0..100_000_usize,
    ) {
        let batches: Vec<Vec<_>> = batches.iter().map(|batch| {
            batch.iter().map(|(data, many)| (data, popular(event(data), *many))).collect()
        }).collect();

        // All of them share the events, and what is made of them.
        for (kind, policy) in TRANSPORTS {
            let outbox = Outbox::new(NO_LIMITS);
            let mut transport = transport(kind, policy);
            let mut client = Client::new(kind);

            let mut frames = Frames::default();
            transport.frame(&hello, &mut frames).unwrap();
            prop_assert_eq!(client.read(frames.as_slice()), vec![hello.clone()]);

            let mut number = 0;
            for batch in &batches {
                let expected: Vec<_> = batch.iter().map(|(data, (event, _others))| {
                    number += 1;
                    outbox.push(event);
                    payload(number, data)
                }).collect();
                let read = client.read(&drain(&outbox, &mut transport, max_bytes));
                prop_assert!(read == expected, "{kind:?} {policy:?} differs");
            }
        }
    }

    #[test]
    fn a_resumed_client_reads_the_rest_in_a_new_stream(
        data in bodies(1..20),
        seen in any::<prop::sample::Index>(),
        first in prop::sample::select(&TRANSPORTS[..]),
        second in prop::sample::select(&TRANSPORTS[..]),
    ) {
        let outbox = Outbox::new(NO_LIMITS);
        let mut held = Vec::new();
        for (data, many) in &data {
            held.push(popular(event(data), *many));
            held.last().map(|(event, _others)| outbox.push(event));
        }
        drain(&outbox, &mut transport(first.0, first.1), 10_000);

        let seen = seen.index(data.len() + 1);
        outbox.resume(seen as u64).unwrap();
        let frames = drain(&outbox, &mut transport(second.0, second.1), 10_000);
        let read = Client::new(second.0).read(&frames);
        let expected: Vec<_> = (1..)
            .zip(&data)
            .skip(seen)
            .map(|(number, (data, _many))| payload(number, data))
            .collect();
        prop_assert!(read == expected);
    }

    #[test]
    fn etf_is_the_same_in_every_transport(texts in proptest::collection::vec("\\PC{0,300}", 1..20)) {
        let outbox = Outbox::new(NO_LIMITS);
        for text in &texts {
            let text = text.replace(['"', '\\'], "'");
            outbox.push(&event(format!("{{\"content\":\"{text}\",\"n\":[1,null]}}").as_bytes()));
        }
        let read = |(kind, policy)| {
            outbox.resume(0).unwrap();
            let mut transport = Transport::new(kind, Encoding::Etf, policy).unwrap();
            let mut client = Client::etf(kind);
            // It carries the primer, if there is one.
            let mut hello = Frames::default();
            transport.frame(br#"{"op":10}"#, &mut hello).unwrap();
            client.read(hello.as_slice());
            client.read(&drain(&outbox, &mut transport, 1_000))
        };
        let plain = read(TRANSPORTS[0]);
        prop_assert_eq!(plain.len(), texts.len());
        for transport in &TRANSPORTS[1..] {
            prop_assert_eq!(&read(*transport), &plain);
        }
    }
}

#[test]
fn a_context_remembers_earlier_payloads() {
    let text: Vec<u8> = noise((7, 300)).iter().map(|byte| b'a' + byte % 26).collect();
    for kind in [Kind::Zlib, Kind::Zstd] {
        let mut transport = transport(kind, Policy::Context(u64::MAX));
        let mut sizes = [0; 2];
        for size in &mut sizes {
            let mut frames = Frames::default();
            transport.frame(&text, &mut frames).unwrap();
            *size = frames.as_slice().len();
        }
        assert!(sizes[1] < sizes[0] / 4, "{kind:?}: {sizes:?}");
    }
}

#[test]
fn a_context_ends_with_the_first_event_that_many_get() {
    let outbox = Outbox::new(NO_LIMITS);
    let mut auto = transport(Kind::Zlib, Policy::Auto(u64::MAX));
    let mut none = transport(Kind::Zlib, Policy::Auto(0));
    assert!(auto.memory() > 100_000 && none.memory() < 100);

    outbox.push(&event(b"1"));
    drain(&outbox, &mut auto, 1);
    assert!(auto.memory() > 100_000);

    let (popular, _others) = popular(event(b"1"), true);
    outbox.push(&popular);
    drain(&outbox, &mut auto, 1);
    assert_eq!(auto.memory(), none.memory());

    outbox.resume(0).unwrap();
    drain(&outbox, &mut none, 1);
}

#[test]
fn what_is_no_json_cannot_be_etf() {
    let outbox = Outbox::new(NO_LIMITS);
    outbox.push(&event(b"{"));
    let mut etf = Transport::new(Kind::Plain, Encoding::Etf, Policy::Shared).unwrap();
    let mut frames = Frames::default();
    assert_eq!(outbox.take(&mut etf, 1, usize::MAX, &mut frames), Err(Failure::NotJson));
    assert_eq!(etf.frame(b"{", &mut frames), Err(Failure::NotJson));
}
