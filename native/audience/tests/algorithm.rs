//! Whatever happened before, the sessions that get an event are those that the permission algorithm,
//! run for each of them, says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use audience::{Audience, Budget, Change, Deliver, Item, Moved, Moves, Session, To, Topic, Users};
use permissions::mask::{ADMINISTRATOR, VIEW_CHANNEL};
use permissions::{Overwrite, Target};
use proptest::collection::vec;
use proptest::prelude::*;
use support::{GUILD, Got, Model};

const CHANNELS: [u64; 5] = [10, 11, 12, 13, 14];

#[derive(Debug, Clone)]
enum Command {
    Attach(Session, Vec<u64>),
    /// So many sessions of one user each, so that sets have several words.
    Crowd(u64),
    Leave(u64),
    Detach(u64),
    Passive(u64, bool),
    Follow(u64, Vec<Topic>),
    /// The crowd follows a topic, so that it has many followers.
    Fashion(u64, Topic),
    Change(Change),
    Deliver(Vec<Item<u32>>, usize),
    Move(Vec<Change>),
}

fn user() -> impl Strategy<Value = u64> {
    90..96_u64
}

fn roles() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![1 => Just(GUILD), 6 => 2..6_u64], 0..4)
}

fn session() -> impl Strategy<Value = Session> {
    let intents = prop_oneof![Just(0), Just(1), Just(512), Just(513), Just(513 | 1 << 15)];
    (0..30_u64, intents, 0..2_u32, prop::bool::weighted(0.2)).prop_map(
        |(key, intents, shard, passive)| Session {
            key,
            user: 90 + key % 6,
            intents,
            shard,
            passive,
        },
    )
}

fn permissions() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(4), Just(VIEW_CHANNEL), Just(VIEW_CHANNEL | 4), Just(ADMINISTRATOR)]
}

fn overwrite() -> impl Strategy<Value = Overwrite> {
    let bits =
        || prop_oneof![Just(0), Just(VIEW_CHANNEL), Just(VIEW_CHANNEL | 2048), Just(ADMINISTRATOR)];
    let whom = prop_oneof![
        (1..6_u64).prop_map(|id| (id, Target::Role)),
        user().prop_map(|id| (id, Target::Member))
    ];
    (whom, bits(), bits()).prop_map(|((id, target), allow, deny)| Overwrite {
        id,
        target,
        allow,
        deny,
    })
}

fn change() -> impl Strategy<Value = Change> {
    let channel = 10..15_u64;
    prop_oneof![
        1 => prop::option::of(user()).prop_map(Change::Owner),
        3 => (1..6_u64, permissions()).prop_map(|(id, mask)| Change::Role(id, mask)),
        1 => (1..6_u64).prop_map(Change::RoleDeleted),
        4 => (channel.clone(), vec(overwrite(), 0..4)).prop_map(|(id, all)| Change::Channel(id, all)),
        1 => (channel.clone(), channel.clone()).prop_map(|(id, parent)| Change::Thread(id, parent)),
        1 => channel.prop_map(Change::ChannelDeleted),
        4 => (user(), roles()).prop_map(|(user, roles)| Change::Member(user, roles)),
    ]
}

fn topic() -> impl Strategy<Value = Topic> {
    (0..3_u8).prop_map(|byte| vec![byte].into_boxed_slice())
}

fn item() -> impl Strategy<Value = Item<u32>> {
    // Some of the crowd, too.
    let named = || prop_oneof![2 => user(), 1 => 1_000..1_200_u64];
    let users =
        || prop_oneof![3 => Just(Users::default()), 2 => vec(named(), 1..3).prop_map(Users::from)];
    let to = prop_oneof![
        2 => Just(To::Room),
        5 => (10..16_u64).prop_map(To::Channel),
        1 => users().prop_map(To::Users),
        2 => topic().prop_map(To::Topic),
    ];
    let bodies = (prop::option::of(Just(1_u32)), prop::option::of((user(), Just(2_u32))));
    let masks = (
        prop_oneof![Just(0), Just(1), Just(512), Just(513)],
        prop_oneof![3 => Just(0), 1 => permissions()],
    );
    let rest = (prop::bool::weighted(0.2), prop_oneof![4 => Just(None), 1 => Just(Some(1))]);
    (to, bodies, masks, users(), users(), users(), rest).prop_map(
        |(
            to,
            (content, author),
            (intents, permissions),
            always,
            except,
            content_for,
            (passive, shard),
        )| Item {
            body: 0,
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
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => (session(), roles()).prop_map(|(session, roles)| Command::Attach(session, roles)),
        1 => (1..200_u64).prop_map(Command::Crowd),
        1 => (0..200_u64).prop_map(Command::Leave),
        2 => (0..30_u64).prop_map(Command::Detach),
        1 => (0..30_u64, any::<bool>()).prop_map(|(key, passive)| Command::Passive(key, passive)),
        2 => (0..30_u64, vec(topic(), 0..4)).prop_map(|(key, all)| Command::Follow(key, all)),
        1 => (1..200_u64, topic()).prop_map(|(count, topic)| Command::Fashion(count, topic)),
        5 => change().prop_map(Command::Change),
        6 => (vec(item(), 1..5), 1..50_usize).prop_map(|(items, pushes)| Command::Deliver(items, pushes)),
        3 => vec(change(), 1..4).prop_map(Command::Move),
    ]
}

/// What each session got, by key.
#[derive(Default)]
struct Sinks(Got);

impl Deliver<u64, u32> for Sinks {
    fn touch(&mut self, _sink: &u64) {}

    fn push(&mut self, key: u64, sink: &u64, events: &[&u32]) {
        assert_eq!(key, *sink);
        let got = self.0.entry(key).or_default();
        assert!(got.is_empty(), "a session has two turns");
        got.extend(events.iter().copied());
    }
}

fn deliver(audience: &mut Audience<u64>, items: &[Item<u32>], pushes: usize) -> Got {
    let (mut sinks, mut from) = (Sinks::default(), Some(0));
    while let Some(seat) = from {
        while !audience.prepare(items, &mut Budget::piece()) {}
        assert!(audience.is_prepared(items));
        from = audience.deliver(items, seat, &mut Budget::new(64 * pushes), &mut sinks).0;
    }
    sinks.0
}

fn run(audience: &mut Audience<u64>, model: &mut Model, command: Command) {
    match command {
        Command::Attach(session, roles) => {
            audience.attach(session, &roles, session.key).unwrap();
            model.attach(session, roles);
        }
        Command::Crowd(count) => {
            for key in 1_000..1_000 + count {
                let session = Session {
                    key,
                    user: key,
                    intents: key as u32 % 1_024,
                    shard: key as u32 % 3,
                    passive: key % 5 == 0,
                };
                let roles = vec![2 + key % 4];
                audience.attach(session, &roles, key).unwrap();
                model.attach(session, roles);
            }
        }
        Command::Leave(count) => {
            for key in 1_000..1_000 + count {
                assert_eq!(audience.detach(key).is_some(), model.detach(key));
            }
        }
        Command::Detach(key) => {
            assert_eq!(audience.detach(key).is_some(), model.detach(key));
        }
        Command::Passive(key, passive) => {
            assert_eq!(audience.set_passive(key, passive), model.set_passive(key, passive));
        }
        Command::Follow(key, topics) => {
            let here = audience.follow(key, topics.clone()).unwrap();
            assert_eq!(here, model.follow(key, &topics));
        }
        Command::Fashion(count, topic) => {
            for key in 1_000..1_000 + count {
                let here = audience.follow(key, vec![topic.clone()]).unwrap();
                assert_eq!(here, model.follow(key, std::slice::from_ref(&topic)));
            }
        }
        Command::Change(change) => {
            audience.change(&change).unwrap();
            model.change(&change);
        }
        Command::Deliver(items, pushes) => {
            assert_eq!(
                deliver(audience, &items, pushes),
                model.deliver(&items, |item, session| { model.is_there(item, session) })
            );
            let item = &items[0];
            assert_eq!(
                keys(audience, item, pushes),
                model
                    .deliver(&items[..1], |item, session| { model.is_there(item, session) })
                    .into_keys()
                    .collect::<Vec<_>>()
            );
        }
        Command::Move(changes) => moves(audience, model, &changes),
    }

    for (key, (session, roles)) in &model.sessions {
        for channel in CHANNELS {
            assert_eq!(audience.sees(*key, channel), model.sees(session, roles, channel));
        }
    }
    assert_eq!(audience.sessions(), model.sessions.len());
}

fn keys(audience: &Audience<u64>, item: &Item<u32>, words: usize) -> Vec<u64> {
    let (mut keys, mut from, mut sum) = (Vec::new(), Some(0), 0);
    while let Some(word) = from {
        let (next, count) =
            audience.recipients(item, word, &mut Budget::new(words), Some(&mut keys));
        (from, sum) = (next, sum + count);
    }
    assert_eq!(sum, keys.len());
    assert_eq!(audience.recipients(item, 0, &mut Budget::new(usize::MAX), None), (None, sum));
    keys.sort_unstable();
    keys
}

/// What is gained, lost and kept is the difference between two runs of the algorithm.
fn moves(audience: &mut Audience<u64>, model: &mut Model, changes: &[Change]) {
    let mut moves = Moves::new(audience, CHANNELS.to_vec(), Some(changes));
    while !moves.work(audience, &mut Budget::piece()) {}
    assert!(moves.is_done());
    let before = model.clone();
    for change in changes {
        audience.change(change).unwrap();
        model.change(change);
    }

    let (mut moved, mut from) = (Vec::new(), Some(0));
    while let Some(index) = from {
        let (more, next) = moves.moved(audience, index, &mut Budget::new(1));
        moved.extend(more);
        from = next;
    }
    let moves = Arc::new(moves);
    let mut items = Vec::new();
    for channel in CHANNELS {
        for (body, moved) in [(1, Moved::Gained), (2, Moved::Lost), (3, Moved::Kept)] {
            let mut item = Item::new(10 * channel as u32 + body);
            item.to = To::Moved(moves.clone(), channel, moved);
            item.intents = 1;
            items.push(item);
        }
    }
    let expected = model.deliver(&items, |item, session| {
        let To::Moved(_, channel, moved) = &item.to else { return false };
        let roles = |model: &Model| model.sessions[&session.key].1.clone();
        let saw = before.sees(session, &roles(&before), *channel);
        let sees = model.sees(session, &roles(model), *channel);
        match moved {
            Moved::Gained => !saw && sees,
            Moved::Lost => saw && !sees,
            Moved::Kept => saw && sees,
        }
    });
    assert_eq!(deliver(audience, &items, 20), expected);

    // Whether somebody gained or lost a channel, apart from intents.
    let told = CHANNELS.map(|channel| {
        let mut told = (channel, false, false);
        for (session, roles) in model.sessions.values() {
            let saw = before.sees(session, &before.sessions[&session.key].1, channel);
            let sees = model.sees(session, roles, channel);
            told = (channel, told.1 || sees && !saw, told.2 || saw && !sees);
        }
        told
    });
    let told: Vec<_> =
        told.into_iter().filter(|(_channel, gained, lost)| *gained || *lost).collect();
    assert_eq!(moved, told);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn recipients_are_those_of_the_algorithm(commands in vec(command(), 1..40)) {
        let mut audience = Audience::new(GUILD, Some(90), usize::MAX);
        let mut model = Model::new();
        for command in commands {
            run(&mut audience, &mut model, command);
        }
    }
}

#[test]
fn nobody_gets_what_nobody_may_see() {
    let mut audience: Audience<u64> = Audience::new(GUILD, None, usize::MAX);
    let items = [Item { to: To::Channel(10), permissions: 4, ..Item::new(0) }];
    assert_eq!(deliver(&mut audience, &items, 1), BTreeMap::new());
}

#[test]
fn who_is_passive_gets_what_is_told_a_topic() {
    let mut audience: Audience<u64> = Audience::new(GUILD, None, usize::MAX);
    let session = Session { key: 8, user: 92, intents: 0, shard: 0, passive: true };
    audience.attach(session, &[], 8).unwrap();
    audience.follow(8, vec![Topic::from(&[2][..])]).unwrap();
    let items = [Item { to: To::Topic(Topic::from(&[2][..])), ..Item::new(0) }];
    assert_eq!(deliver(&mut audience, &items, 1), BTreeMap::from([(8, vec![0])]));
}
