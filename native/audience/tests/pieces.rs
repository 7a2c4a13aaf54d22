//! Large sets are worked out in pieces; what changes between two pieces is not lost.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::sync::Arc;

use audience::{Audience, Budget, Change, Deliver, Item, MEMORY, Moved, Moves, Session, To};
use permissions::mask::{ADMINISTRATOR, VIEW_CHANNEL};
use permissions::{Overwrite, Target};

const MANY: u64 = 100_000;

fn session(key: u64) -> Session {
    Session { key, user: key, intents: 1, shard: 0, passive: false }
}

fn allow(id: u64, target: Target) -> Overwrite {
    Overwrite { id, target, allow: VIEW_CHANNEL, deny: 0 }
}

/// Every third session has role 2, which alone sees channel 10, as does member 4.
fn large() -> Audience<()> {
    let mut audience = Audience::new(1, Some(5), usize::MAX);
    audience.change(&Change::Role(2, 0)).unwrap();
    let overwrites = vec![allow(2, Target::Role), allow(4, Target::Member)];
    audience.change(&Change::Channel(10, overwrites)).unwrap();
    for key in 0..MANY {
        audience.attach(session(key), if key % 3 == 0 { &[2] } else { &[] }, ()).unwrap();
    }
    audience
}

fn to(to: To) -> Item<()> {
    Item { to, ..Item::new(()) }
}

fn agree(audience: &Audience<()>) {
    let seen = (0..MANY + 100).filter(|key| audience.sees(*key, 10));
    let mut keys = Vec::new();
    let item = to(To::Channel(10));
    audience.recipients(&item, 0, &mut Budget::new(usize::MAX), Some(&mut keys));
    keys.sort_unstable();
    assert_eq!(keys, seen.collect::<Vec<_>>());
}

#[test]
fn changes_between_pieces_are_not_lost() {
    let mut audience = large();
    // Makes every set be worked out anew.
    audience.change(&Change::Role(2, VIEW_CHANNEL)).unwrap();
    let items = [to(To::Channel(10))];
    let mut pieces = 0;
    while !audience.prepare(&items, &mut Budget::new(1)) {
        // Near the beginning, in the middle and at the end, before and behind the part that is done.
        for key in [pieces, MANY / 2 + pieces, MANY - 10 + pieces] {
            audience
                .change(&Change::Member(key, if key % 2 == 0 { vec![2] } else { vec![] }))
                .unwrap();
        }
        audience.attach(session(MANY + pieces), &[2], ()).unwrap();
        audience.detach(3 * pieces + 100);
        audience.change(&Change::Owner(Some(7 + pieces))).unwrap();
        pieces += 1;
    }
    assert!(pieces >= 8, "{pieces} pieces");
    agree(&audience);
}

#[test]
fn moves_are_gathered_in_pieces() {
    let mut audience = large();
    audience.change(&Change::Role(2, VIEW_CHANNEL)).unwrap();
    let deny = Overwrite { allow: 0, deny: VIEW_CHANNEL, ..allow(2, Target::Role) };
    let changes = [Change::Role(3, ADMINISTRATOR), Change::Channel(10, vec![deny])];
    let mut moves = Moves::new(&audience, vec![10], Some(&changes));
    let mut pieces = 1;
    while !moves.work(&mut audience, &mut Budget::new(1)) {
        pieces += 1;
    }
    assert!(pieces >= 4, "{pieces} pieces");
    for change in &changes {
        audience.change(change).unwrap();
    }
    let lost = to(To::Moved(Arc::new(moves), 10, Moved::Lost));
    while !audience.prepare(std::slice::from_ref(&lost), &mut Budget::piece()) {}
    // All who saw it, but for the owner.
    let expected = (0..MANY).filter(|key| *key != 5 && (key % 3 == 0 || *key == 4)).count();
    assert_eq!(audience.recipients(&lost, 0, &mut Budget::new(usize::MAX), None).1, expected);
}

#[test]
fn an_empty_audience_takes_little() {
    let mut audience = large();
    assert!(audience.prepare(&[to(To::Channel(10))], &mut Budget::new(usize::MAX)));
    let full = audience.bytes();
    assert!(MEMORY.read().1 >= full as u64);
    (0..MANY).for_each(|key| assert!(audience.detach(key).is_some()));
    assert!(audience.bytes() < 2_000, "{} bytes", audience.bytes());
    audience.attach(session(9), &[2], ()).unwrap();
    assert!(audience.prepare(&[to(To::Channel(10))], &mut Budget::piece()));
    agree(&audience);
}

/// Who was given something, in order.
#[derive(Default)]
struct Given(Vec<u64>);

impl Deliver<(), ()> for Given {
    fn touch(&mut self, _sink: &()) {}

    fn push(&mut self, key: u64, _sink: &(), events: &[&()]) {
        self.0.extend(events.iter().map(|_event| key));
    }
}

#[test]
fn everyone_gets_it_once() {
    let mut audience = large();
    (0..MANY).step_by(7).for_each(|key| assert!(audience.detach(key).is_some()));
    let (mut given, mut from, mut sum) = (Given::default(), Some(0), 0);
    let items = [to(To::Room)];
    while let Some(seat) = from {
        let (next, pushed) = audience.deliver(&items, seat, &mut Budget::new(500_000), &mut given);
        (from, sum) = (next, sum + pushed);
    }
    given.0.sort_unstable();
    assert_eq!(sum, given.0.len());
    assert!(given.0.into_iter().eq((0..MANY).filter(|key| key % 7 != 0)));
}

/// What each was given, in turn.
#[derive(Default)]
struct Turns(Vec<(u64, Vec<u32>)>);

impl Deliver<(), u32> for Turns {
    fn touch(&mut self, _sink: &()) {}

    fn push(&mut self, key: u64, _sink: &(), events: &[&u32]) {
        self.0.push((key, events.iter().map(|event| **event).collect()));
    }
}

#[test]
fn much_for_each_is_told_to_some_at_a_time() {
    let mut audience = Audience::new(1, Some(5), usize::MAX);
    for key in 0..150 {
        audience.attach(session(key), &[], ()).unwrap();
    }
    // The first goes to some alone, who are at the edges of parts, the second to all but these.
    let some = vec![0, 31, 32, 63, 64, 149];
    for (count, most) in [(5, 64), (100, 2), (300, 1)] {
        let all = (0..count).map(|event| Item { to: To::Room, ..Item::new(event) });
        let mut items: Vec<_> = all.collect();
        items[0].to = To::Users(some.clone().into());
        items[1].except = some.clone().into();

        let (mut turns, mut from) = (Turns::default(), Some(0));
        while let Some(seat) = from {
            let before = turns.0.len();
            from = audience.deliver(&items, seat, &mut Budget::new(1), &mut turns).0;
            assert!(turns.0.len() - before <= most);
        }
        turns.0.sort_unstable();
        let expected = (0..150).map(|key| {
            let other = if some.contains(&key) { 1 } else { 0 };
            (key, (0..count).filter(|event| *event != other).collect::<Vec<_>>())
        });
        assert!(turns.0.into_iter().eq(expected));
    }
}
