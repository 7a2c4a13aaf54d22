//! Every byte that is counted in is counted out. Alone in its process, because gauges are shared.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use outbox::{Encoding, Frames, Kind, Outbox, Policy, Transport, gauge};
use support::{NO_LIMITS, event, take, transport};

#[test]
fn what_is_dropped_is_no_longer_counted() {
    {
        let outboxes = [Outbox::new(NO_LIMITS), Outbox::new(NO_LIMITS)];
        let shared = event(&[b'1'; 1_000]);
        for _ in 0..100 {
            for outbox in &outboxes {
                outbox.push(&shared);
            }
        }
        let (count, bytes) = gauge::EVENTS.read();
        assert_eq!(count, 1);
        assert!((1_000..1_200).contains(&bytes));
        assert_eq!(gauge::OUTBOXES.read().0, 2);
        assert!(gauge::OUTBOXES.read().1 > 2 * 100 * 8);

        let mut transports =
            [Kind::Plain, Kind::Zlib, Kind::Zstd].map(|kind| transport(kind, Policy::Context));
        for transport in &mut transports {
            transport.frame(b"{}", &mut Frames::default()).unwrap();
        }
        let memory: usize = transports.iter().map(Transport::memory).sum();
        let structs = transports.len() * size_of::<Transport>();
        assert_eq!(gauge::TRANSPORTS.read(), (3, structs as u64));
        assert_eq!(gauge::CONTEXTS.read(), (2, (memory - structs) as u64));
        assert!(memory < 512 * 1024, "{memory} bytes");

        // What is made of an event later is the event's.
        let mut etf = Transport::new(Kind::Zlib, Encoding::Etf, Policy::Shared).unwrap();
        assert!(etf.memory() < 64);
        take(&outboxes[0], &mut etf, 1);
        assert!(gauge::EVENTS.read().1 > bytes);
    }

    for gauge in [&gauge::EVENTS, &gauge::OUTBOXES, &gauge::TRANSPORTS, &gauge::CONTEXTS] {
        assert_eq!(gauge.read(), (0, 0));
    }
}
