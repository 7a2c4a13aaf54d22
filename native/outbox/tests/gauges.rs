//! Every byte that is counted in is counted out. Alone in its process, because gauges are shared.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use outbox::{Frames, Kind, Outbox, Transport, gauge};
use support::{NO_LIMITS, event};

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
        assert!((1_000..1_100).contains(&bytes));
        assert_eq!(gauge::OUTBOXES.read().0, 2);
        assert!(gauge::OUTBOXES.read().1 > 2 * 100 * 8);

        let mut transports =
            [Kind::Plain, Kind::Zlib, Kind::Zstd].map(|kind| Transport::new(kind).unwrap());
        for transport in &mut transports {
            transport.frame(b"{}", &mut Frames::default()).unwrap();
        }
        let memory: usize = transports.iter().map(Transport::memory).sum();
        assert_eq!(gauge::TRANSPORTS.read(), (3, memory as u64));
        assert!(memory < 512 * 1024, "{memory} bytes");
    }

    for gauge in [&gauge::EVENTS, &gauge::OUTBOXES, &gauge::TRANSPORTS] {
        assert_eq!(gauge.read(), (0, 0));
    }
}
