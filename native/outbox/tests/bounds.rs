//! What is kept, for how long, and when an outbox gives up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use outbox::{
    Encoding, Failure, Frames, Kind, Limits, Outbox, Policy, Pushed, ResumeError, Taken, Transport,
};
use proptest::prelude::*;
use support::{NO_LIMITS, drain, event, take, transport};

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
        assert_ne!(outbox.push(&event(b"1")), Pushed::Overflow);
        drain(&outbox, &mut plain(), 100);
    }
    assert_eq!(outbox.info().ring.0, 3);
    assert_eq!(outbox.resume(1), Err(ResumeError::Gone));
    assert_eq!(outbox.resume(2), Ok(()));
    assert_eq!(outbox.resume(6), Err(ResumeError::Invalid));

    // What is sent again does not count as unsent.
    for _ in 0..3 {
        assert_ne!(outbox.push(&event(b"1")), Pushed::Overflow);
    }
    assert_eq!(outbox.push(&event(b"1")), Pushed::Overflow);
    assert_eq!(outbox.push(&event(b"1")), Pushed::Overflow);
    assert_eq!(take(&outbox, &mut plain(), 100).0, Taken::Empty);
    assert_eq!(outbox.resume(8), Err(ResumeError::Gone));
    assert!(outbox.info().overflowed);
}

#[test]
fn one_event_may_be_larger_than_the_limit() {
    let outbox = outbox(100, 100);
    assert_eq!(outbox.push(&event(&[b'1'; 1_000])), Pushed::Wake);
    assert_eq!(outbox.push(&event(b"2")), Pushed::Overflow);
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
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..300_u16).prop_map(Step::Push),
        2 => (0..600_u16).prop_map(Step::Take),
        1 => (0..50_u64).prop_map(Step::Acknowledge),
        1 => (0..50_u64).prop_map(Step::Resume),
    ]
}

proptest! {
    #[test]
    fn memory_stays_within_twice_the_limits(
        events in 1..8_u32, bytes in 1..1_000_u32, steps in proptest::collection::vec(step(), 0..120)
    ) {
        let outbox = outbox(events, bytes);
        for step in steps {
            match step {
                Step::Push(size) => drop(outbox.push(&event(&vec![b'1'; usize::from(size)]))),
                Step::Take(max) => drop(take(&outbox, &mut plain(), usize::from(max))),
                Step::Acknowledge(number) => drop(outbox.acknowledge(number)),
                Step::Resume(number) => drop(outbox.resume(number)),
            }
            let info = outbox.info();
            prop_assert!(info.ring.0 <= u64::from(2 * events));
            prop_assert!(info.ring.1 <= 2 * (u64::from(bytes) + EMPTY + 300));
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
