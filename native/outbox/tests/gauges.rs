//! Every byte that is counted in is counted out. Alone in its process, because gauges are shared.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::os::unix::net::UnixStream;

use outbox::{Encoding, Frames, Kind, Outbox, Policy, Socket, Transport, Written, gauge};
use support::{Client, NO_LIMITS, event, take, transport};

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

        let mut transports = [Kind::Plain, Kind::Zlib, Kind::Zstd]
            .map(|kind| transport(kind, Policy::Context(u64::MAX)));
        for transport in &mut transports {
            transport.frame(b"{}", &mut Frames::default()).unwrap();
        }
        let memory: usize = transports.iter().map(Transport::memory).sum();
        let structs = transports.len() * size_of::<Transport>();
        assert_eq!(gauge::TRANSPORTS.read(), (3, structs as u64));
        assert_eq!(gauge::CONTEXTS.read(), (2, (memory - structs) as u64));
        assert!(memory < 512 * 1024, "{memory} bytes");

        // What the kernel does not take is the socket's, until it is gone or nobody's any more.
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let socket = Socket::new(ours.into(), usize::MAX).unwrap();
        let empty = gauge::SOCKETS.read();
        assert_eq!(socket.lock().write(&[b'x'; 4_000_000]), Written::Blocked);
        assert_eq!(socket.lock().write(&[b'x'; 1_000]), Written::Behind);
        let kept = socket.lock().kept() as u64;
        assert!(kept > 1_000 && gauge::SOCKETS.read().1 >= empty.1 + kept);
        drop(socket.lock().close());
        assert_eq!(gauge::SOCKETS.read(), empty);

        // What is made of an event later is the event's.
        let mut etf = Transport::new(Kind::Zlib, Encoding::Etf, Policy::Shared).unwrap();
        assert!(etf.memory() < 64);
        take(&outboxes[0], &mut etf, 1);
        assert!(gauge::EVENTS.read().1 > bytes);
    }

    let others = [&gauge::TRANSPORTS, &gauge::CONTEXTS, &gauge::SOCKETS];
    for gauge in [&gauge::EVENTS, &gauge::OUTBOXES].into_iter().chain(others) {
        assert_eq!(gauge.read(), (0, 0));
    }
    contexts_have_a_limit();
}

/// In the order of time, since the gauges are the process's.
fn contexts_have_a_limit() {
    for (kind, policies) in [
        (Kind::Zlib, &[Policy::Context(430_000), Policy::Auto(430_000)][..]),
        (Kind::Zstd, &[Policy::Context(430_000)][..]),
    ] {
        for policy in policies {
            let refused = gauge::without_context();
            // All at once, before any of them has sent anything.
            let mut transports = Vec::from_iter((0..20).map(|_| transport(kind, *policy)));
            let (count, bytes) = gauge::CONTEXTS.read();
            assert!((1..=2).contains(&count) && bytes <= 430_000, "{kind:?}: {count}, {bytes}");
            assert_eq!(gauge::without_context() - refused, 20 - count);

            // Those without are as they are with `Shared`, and those with take no more than was counted.
            let payloads = [br#"{"op":10}"#.to_vec(), vec![b'x'; 300_000]];
            for transport in &mut transports {
                let mut frames = Frames::default();
                for payload in &payloads {
                    transport.frame(payload, &mut frames).unwrap();
                }
                assert_eq!(Client::new(kind).read(frames.as_slice()), payloads);
            }
            let held = gauge::CONTEXTS.read().1;
            assert!(held <= bytes, "{kind:?}: {held} of {bytes}");
            drop(transports);
            assert_eq!(gauge::CONTEXTS.read(), (0, 0));
            assert!(transport(kind, *policy).memory() > 100_000);
        }
    }
}
