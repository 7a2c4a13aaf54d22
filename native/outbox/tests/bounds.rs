//! What is kept, for how long, and when an outbox gives up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use outbox::{
    Dropped, Encoding, Event, Failure, Frames, Kind, Limits, Outbox, Policy, Pushed, ResumeError,
    Taken, Transport,
};
use proptest::prelude::*;
use support::{Client, NO_LIMITS, drain, event, take, transport};

/// Bytes of an event without data.
const EMPTY: u64 = r#""t":"T","op":0,"d":}"#.len() as u64;

fn plain() -> Transport {
    transport(Kind::Plain, Policy::Shared)
}

fn outbox(events: u32, bytes: u32) -> Outbox {
    Outbox::new(Limits { events, bytes })
}

#[test]
fn a_taker_is_woken_once_until_it_has_found_the_outbox_empty() {
    let outbox = Outbox::new(NO_LIMITS);
    assert_eq!(outbox.push(&event(b"1")), Pushed::Wake);
    assert_eq!(outbox.push(&event(b"2")), Pushed::Queued);

    // One of two is taken: the taker knows that there is more.
    assert_eq!(take(&outbox, &mut plain(), 1).0, Taken::Frames { more: true });
    assert_eq!(outbox.push(&event(b"3")), Pushed::Queued);

    drain(&outbox, &mut plain(), 1_000);
    assert_eq!(outbox.push(&event(b"4")), Pushed::Wake);
    drain(&outbox, &mut plain(), 1_000);
    assert_eq!(take(&outbox, &mut plain(), 1).0, Taken::Empty);
}

#[test]
fn a_take_is_at_least_one_frame_and_never_a_part_of_one() {
    let outbox = Outbox::new(NO_LIMITS);
    outbox.push(&event(&[b'1'; 1_000]));
    outbox.push(&event(&[b'2'; 1_000]));
    let (taken, frames) = take(&outbox, &mut plain(), 0);
    assert_eq!(taken, Taken::Frames { more: true });
    assert!(frames.len() > 1_000 && frames.len() < 1_100);
}

#[test]
fn a_take_beyond_its_budget_moves_nothing() {
    let outbox = Outbox::new(NO_LIMITS);
    outbox.push(&event(&[b'1'; 1_000]));
    let mut frames = outbox::Frames::default();
    assert_eq!(outbox.take(&mut plain(), 10_000, 999, &mut frames), Ok(Taken::Beyond));
    assert_eq!(frames.as_slice(), b"");
    assert_eq!(outbox.info().pending.0, 1);
}

#[test]
fn sent_events_fall_off_and_unsent_ones_overflow() {
    let outbox = outbox(3, u32::MAX);
    for _ in 0..5 {
        assert_ne!(outbox.push(&event(b"1")), Pushed::Full);
        drain(&outbox, &mut plain(), 100);
    }
    assert_eq!(outbox.info().ring.0, 3);
    assert_eq!(outbox.resume(1), Err(ResumeError::Gone));
    assert_eq!(outbox.resume(2), Ok(()));
    assert_eq!(outbox.resume(6), Err(ResumeError::Invalid));

    // What is sent again does not count as unsent.
    for _ in 0..6 {
        assert_ne!(outbox.push(&event(b"1")), Pushed::Full);
    }
    for _ in 0..6 {
        assert_eq!(outbox.push(&event(b"1")), Pushed::Full);
    }
    assert_eq!(outbox.info().pending.0, 15);
    assert_eq!(outbox.push(&event(b"1")), Pushed::Full);
    assert_eq!(outbox.push(&event(b"1")), Pushed::Full);
    assert_eq!(take(&outbox, &mut plain(), 100).0, Taken::Empty);
    assert_eq!(outbox.resume(17), Err(ResumeError::Gone));
    assert!(outbox.info().overflowed);
    let (dropped, _events, is_full) = outbox.relieve();
    assert_eq!((dropped, is_full), (Vec::new(), true));
}

fn from_source(source: u64, bytes: usize) -> Event {
    Event::from_source(source, b"T", &vec![b'1'; bytes - EMPTY as usize]).unwrap()
}

#[test]
fn the_largest_sources_are_dropped_and_the_others_move_up() {
    let outbox = outbox(100, 1_000);
    outbox.push(&from_source(7, 500));
    drain(&outbox, &mut plain(), 1_000);
    for _ in 0..4 {
        outbox.push(&from_source(Event::NO_SOURCE, 30));
        outbox.push(&from_source(7, 300));
        outbox.push(&from_source(8, 150));
        outbox.push(&from_source(9, 100));
    }
    assert_eq!(outbox.push(&event(b"")), Pushed::Full);

    let (dropped, events, is_full) = outbox.relieve();
    let of_7 = Dropped { source: 7, events: 4, bytes: 1_200 };
    let of_8 = Dropped { source: 8, events: 4, bytes: 600 };
    assert_eq!((dropped, events.len(), is_full), (vec![of_7, of_8], 8, false));

    // The client has seen 1, and sees no gap.
    let info = outbox.info();
    assert_eq!((info.sequence, info.pending), (10, (9, 4 * 130 + EMPTY)));
    assert_eq!(outbox.resume(1), Ok(()));
    let payloads = Client::new(Kind::Plain).read(&drain(&outbox, &mut plain(), 10_000));
    for (number, payload) in (2..=10).zip(&payloads) {
        assert!(payload.starts_with(format!("{{\"s\":{number},").as_bytes()));
    }
    assert_eq!(payloads.len(), 9);
    assert_eq!(outbox.push(&event(b"")), Pushed::Wake);
    let (dropped, _events, is_full) = outbox.relieve();
    assert_eq!((dropped, is_full), (Vec::new(), false));
}

#[test]
fn what_has_no_source_is_never_dropped() {
    let outbox = outbox(2, u32::MAX);
    for _ in 0..5 {
        outbox.push(&event(b""));
    }
    let (dropped, _events, is_full) = outbox.relieve();
    assert_eq!((dropped, is_full), (Vec::new(), true));
    assert_eq!(outbox.info().pending.0, 5);
}

#[test]
fn one_large_event_of_a_type_waits_or_several_small_ones() {
    let outbox = Outbox::new(NO_LIMITS);
    let large = from_source(1, 1_000);
    let small = from_source(1, 100);
    assert!(outbox.fits(&large, 500, 0));
    assert!(outbox.fits(&large, 500, Outbox::WRITE));
    assert!(!outbox.fits(&large, 500, Outbox::WRITE + 1));

    outbox.push(&small);
    assert!(outbox.fits(&small, 500, 0));
    assert!(!outbox.fits(&large, 500, 0));
    // Others do not count as long as all of it is more than fits.
    let other = Event::new(b"OTHER", &[b'1'; 1_000]).unwrap();
    assert!(outbox.fits(&other, 500, 0));
    drain(&outbox, &mut plain(), 100);
    outbox.push(&other);
    assert!(outbox.fits(&large, 500, 0));
}

#[test]
fn one_event_may_be_larger_than_the_limit() {
    let outbox = outbox(100, 100);
    assert_eq!(outbox.push(&event(&[b'1'; 1_000])), Pushed::Wake);
    assert_eq!(outbox.push(&event(b"2")), Pushed::Full);
    assert!(outbox.info().overflowed);
}

#[test]
fn acknowledged_events_are_forgotten_and_lies_are_ignored() {
    let outbox = Outbox::new(NO_LIMITS);
    for _ in 0..4 {
        outbox.push(&event(b""));
    }
    assert!(outbox.acknowledge(1).is_empty(), "nothing was sent yet");
    drain(&outbox, &mut plain(), 100);
    assert_eq!(outbox.acknowledge(3).len(), 3);
    for lie in [0, 2, 3, 5, u64::MAX] {
        assert!(outbox.acknowledge(lie).is_empty());
    }
    let info = outbox.info();
    assert_eq!((info.acknowledged, info.ring), (3, (1, EMPTY)));
    assert_eq!(outbox.resume(2), Err(ResumeError::Gone));
}

#[derive(Debug, Clone)]
enum Step {
    Push(u16),
    Take(u16),
    Acknowledge(u64),
    Resume(u64),
    Relieve,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..300_u16).prop_map(Step::Push),
        2 => (0..600_u16).prop_map(Step::Take),
        1 => (0..50_u64).prop_map(Step::Acknowledge),
        1 => (0..50_u64).prop_map(Step::Resume),
        1 => Just(Step::Relieve),
    ]
}

proptest! {
    #[test]
    fn memory_stays_within_five_times_the_limits(
        events in 1..8_u32, bytes in 1..1_000_u32, steps in proptest::collection::vec(step(), 0..120)
    ) {
        let outbox = outbox(events, bytes);
        for step in steps {
            match step {
                Step::Push(size) => {
                    let data = vec![b'1'; usize::from(size)];
                    let event = Event::from_source(u64::from(size % 3), b"T", &data).unwrap();
                    outbox.push(&event);
                }
                Step::Take(max) => drop(take(&outbox, &mut plain(), usize::from(max))),
                Step::Acknowledge(number) => drop(outbox.acknowledge(number)),
                Step::Resume(number) => drop(outbox.resume(number)),
                Step::Relieve => {
                    let before = outbox.info();
                    let (dropped, events, is_full) = outbox.relieve();
                    let after = outbox.info();
                    let count = events.len() as u64;
                    let bytes: u64 = events.iter().map(Event::size).sum();
                    prop_assert_eq!(dropped.iter().map(|of| of.events).sum::<u64>(), count);
                    prop_assert_eq!(dropped.iter().map(|of| of.bytes).sum::<u64>(), bytes);
                    prop_assert_eq!(before.sequence, after.sequence + count);
                    prop_assert_eq!(before.pending, (after.pending.0 + count, after.pending.1 + bytes));
                    prop_assert_eq!(before.ring, (after.ring.0 + count, after.ring.1 + bytes));
                    prop_assert!(!is_full || after.overflowed || after.pending.0 > 0);
                }
            }
            let info = outbox.info();
            // Events that are sent again, and events that were never sent.
            prop_assert!(info.ring.0 <= u64::from(5 * events));
            prop_assert!(info.ring.1 <= 5 * (u64::from(bytes) + EMPTY + 300));
            prop_assert!(info.pending.0 <= info.ring.0 && info.pending.1 <= info.ring.1);
        }
    }
}

#[test]
fn what_cannot_be_spelt_is_not_passed_over_unseen() {
    let outbox = Outbox::new(NO_LIMITS);
    let mut etf = Transport::new(Kind::Plain, Encoding::Etf, Policy::Shared).unwrap();
    for data in [&b"1"[..], b"no JSON", b"2"] {
        outbox.push(&event(data));
    }
    let mut frames = Frames::default();
    let mut take = || outbox.take(&mut etf, 10_000, usize::MAX, &mut frames);
    assert_eq!(take(), Ok(Taken::Frames { more: true }));
    assert_eq!(take(), Err(Failure::NotJson));
    assert_eq!(take(), Err(Failure::NotJson));
    assert_eq!(outbox.info().pending.0, 2);
    outbox.skip();
    assert_eq!(take(), Ok(Taken::Frames { more: false }));
}
