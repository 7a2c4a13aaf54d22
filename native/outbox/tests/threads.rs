//! Many relays push while one session takes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use outbox::{Kind, Outbox, Policy, Pushed};
use support::{Client, NO_LIMITS, drain, event, transport};

#[test]
fn nothing_is_lost_doubled_or_left_without_a_wake() {
    const PUSHERS: u64 = 4;
    const EACH: u64 = 5_000;
    let outbox = Outbox::new(NO_LIMITS);
    let wakes = AtomicU64::new(0);
    let (wake, woken) = mpsc::channel();

    let read = thread::scope(|scope| {
        for _ in 0..PUSHERS {
            let (outbox, wakes, wake) = (&outbox, &wakes, wake.clone());
            scope.spawn(move || {
                for _ in 0..EACH {
                    if outbox.push(&event(b"1")) == Pushed::Wake {
                        wakes.fetch_add(1, Ordering::Relaxed);
                        wake.send(()).unwrap();
                    }
                }
            });
        }
        drop(wake);

        // Takes only when woken, so a lost wake would lose events.
        let mut transport = transport(Kind::Plain, Policy::Shared);
        let mut client = Client::new(Kind::Plain);
        let mut read = Vec::new();
        while woken.recv().is_ok() {
            read.extend(client.read(&drain(&outbox, &mut transport, 1_000)));
        }
        read
    });

    let numbers: Vec<String> = (1..=PUSHERS * EACH).map(|n| format!("{{\"s\":{n},")).collect();
    assert_eq!(read.len(), numbers.len());
    assert!(read.iter().zip(&numbers).all(|(payload, head)| payload.starts_with(head.as_bytes())));
    assert!(wakes.into_inner() <= PUSHERS * EACH);
}
