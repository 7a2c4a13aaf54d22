//! What a word of seats gets at once is what each of them gets alone, but for the seats that are named.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use permissions::mask::{ADMINISTRATOR, VIEW_CHANNEL};
use permissions::{Overwrite, Target};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::{Budget, Change, Topic, Users};

const TOPIC: &[u8] = b"t";

/// Intents, shard, whether passive, roles, and whether it follows the topic.
type Someone = (u32, u32, bool, Vec<u64>, bool);

fn someone() -> impl Strategy<Value = Someone> {
    let intents = prop_oneof![Just(0), Just(1), Just(512), Just(513), Just(513 | CONTENT)];
    (intents, 0..3_u32, prop::bool::weighted(0.3), vec(2..5_u64, 0..3), any::<bool>())
}

fn users() -> impl Strategy<Value = Users> {
    prop_oneof![2 => Just(Users::default()), 1 => vec(0..400_u64, 1..4).prop_map(Users::from)]
}

fn item() -> impl Strategy<Value = Item<u32>> {
    let to = prop_oneof![
        Just(To::Room),
        (10..13_u64).prop_map(To::Channel),
        users().prop_map(To::Users),
        Just(To::Topic(TOPIC.into())),
    ];
    let bodies =
        (prop::option::of(Just(1_u32)), prop::option::weighted(0.3, (0..400_u64, Just(2_u32))));
    let needs = (
        prop_oneof![Just(0), Just(1), Just(513), Just(1 << 20)],
        prop_oneof![2 => Just(0), 1 => Just(4), 1 => Just(VIEW_CHANNEL), 1 => Just(ADMINISTRATOR)],
        any::<bool>(),
        prop_oneof![2 => Just(None), 1 => (0..4_u32).prop_map(Some)],
    );
    (to, bodies, needs, users(), users(), users()).prop_map(
        |(to, (content, author), needs, always, except, content_for)| {
            let (intents, permissions, passive, shard) = needs;
            Item {
                content,
                author,
                to,
                intents,
                permissions,
                always,
                except,
                content_for,
                passive,
                shard,
                ..Item::new(0)
            }
        },
    )
}

fn audience(people: &[Someone]) -> Audience<()> {
    let mut audience = Audience::new(1, Some(3), usize::MAX);
    let overwrite = |id, allow, deny| Overwrite { id, target: Target::Role, allow, deny };
    for change in [
        Change::Role(1, VIEW_CHANNEL),
        Change::Role(2, 4),
        Change::Role(3, ADMINISTRATOR),
        Change::Channel(10, vec![]),
        Change::Channel(11, vec![overwrite(1, 0, VIEW_CHANNEL), overwrite(4, VIEW_CHANNEL, 0)]),
    ] {
        audience.change(&change).unwrap();
    }
    for (key, (intents, shard, passive, roles, follows)) in (0_u64..).zip(people) {
        let session =
            Session { key, user: key, intents: *intents, shard: *shard, passive: *passive };
        audience.attach(session, roles, ()).unwrap();
        let topics = if *follows { vec![Topic::from(TOPIC)] } else { vec![] };
        audience.follow(key, topics).unwrap();
    }
    audience
}

fn agree(audience: &mut Audience<()>, items: &[Item<u32>]) {
    while !audience.prepare(items, &mut Budget::piece()) {}
    for choice in Choice::all(audience, items) {
        same(audience, choice);
    }
}

fn same(audience: &Audience<()>, choice: Choice<'_, (), u32>) {
    let item = choice.item;
    let (named, words) = (choice.named(), audience.seats.words());
    let (mut body, mut content) = (vec![0; words], vec![0; words]);
    choice.fill(0, &mut body, &mut content);
    let columns = body.iter().zip(&content).map(|(body, content)| (*body, *content));
    assert!(columns.eq((0..words).map(|index| choice.word(index))));

    for seat in (0..(words * 64) as u32).filter(|seat| named.binary_search(seat).is_err()) {
        let has = |set: &[u64]| set.get(word_of(seat)).unwrap() & bit_of(seat) != 0;
        let together = match (has(&body), has(&content)) {
            (true, false) => Some(&item.body),
            (false, true) => item.content.as_ref(),
            (false, false) => None,
            (true, true) => unreachable!("seat {seat} gets it twice"),
        };
        assert_eq!(together, choice.alone(seat), "seat {seat} of {item:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Around 64 sessions sets begin to be kept, and around 64 followers a topic has one.
    #[test]
    fn together_is_as_alone(
        people in prop_oneof![vec(someone(), 0..70), vec(someone(), 100..400)],
        gone in vec(0..400_u64, 0..40),
        items in vec(item(), 1..6),
    ) {
        let mut audience = audience(&people);
        for key in gone {
            audience.detach(key);
        }
        agree(&mut audience, &items);
    }
}
