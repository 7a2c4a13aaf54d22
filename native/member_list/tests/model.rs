//! The list against a sorted vector, and clients that apply what they are sent against the list.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by a panic; clippy sees the parts outside of test functions"
)]

use std::collections::HashMap;

use member_list::{Group, Item, Limits, List, Op, Rank, Refusal, WINDOW, Windows, collation};
use proptest::prelude::*;
use proptest::sample::subsequence;

const LIMITS: Limits = Limits { bytes: 1 << 30, subscribers: 100 };

#[derive(Clone, Debug)]
enum Command {
    Put(u64, String, Group),
    PutMany(Vec<(u64, String, Group)>),
    Delete(u64),
    Roles(Vec<u64>),
    Absent(u64),
    Subscribe(u64, Vec<u32>),
    Tell,
}

fn group() -> impl Strategy<Value = Group> {
    prop_oneof![
        2 => (1_u64..5).prop_map(Group::Role),
        2 => Just(Group::Online),
        2 => Just(Group::Offline),
    ]
}

fn member() -> impl Strategy<Value = (u64, String, Group)> {
    (0_u64..400, "[abAáz]{0,3}(wumpus[ab]{0,4})?", group())
}

fn roles() -> impl Strategy<Value = Vec<u64>> {
    subsequence(vec![1, 2, 3, 4], 0..=4).prop_shuffle()
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        8 => member().prop_map(|(id, name, group)| Command::Put(id, name, group)),
        1 => prop::collection::vec(member(), 0..90).prop_map(Command::PutMany),
        4 => (0_u64..400).prop_map(Command::Delete),
        1 => roles().prop_map(Command::Roles),
        1 => prop_oneof![Just(0), 500_u64..1_000].prop_map(Command::Absent),
        3 => (0_u64..4, prop_oneof![Just(vec![0]), Just(vec![0, 1]), prop::collection::vec(0_u32..5, 0..4)])
            .prop_map(|(id, windows)| Command::Subscribe(id, windows)),
        6 => Just(Command::Tell),
    ]
}

#[derive(Default)]
struct Model {
    members: HashMap<u64, (String, Group)>,
    roles: Vec<u64>,
    absent: u64,
}

impl Model {
    fn put(&mut self, id: u64, name: String, group: Group) -> bool {
        let known = !matches!(group, Group::Role(role) if !self.roles.contains(&role));
        if known {
            self.members.insert(id, (name, group));
        }
        known
    }

    fn groups(&self) -> Vec<(Group, Vec<u64>)> {
        let entries = self.members.len() + self.absent as usize + self.roles.len() + 2;
        let mut groups: Vec<_> = self.roles.iter().copied().map(Group::Role).collect();
        groups.push(Group::Online);
        if entries < 1_000 {
            groups.push(Group::Offline);
        }
        let members = |group| {
            let of = self.members.iter().filter(move |(_id, (_name, other))| *other == group);
            let mut of: Vec<_> = of.map(|(id, (name, _group))| (key(name), *id)).collect();
            of.sort();
            (group, of.into_iter().map(|(_key, id)| id).collect::<Vec<_>>())
        };
        groups.into_iter().map(members).filter(|(_group, members)| !members.is_empty()).collect()
    }

    fn items(&self) -> Vec<Item> {
        let items = self.groups().into_iter().flat_map(|(group, members)| {
            let header = Item::Header(group, members.len());
            std::iter::once(header).chain(members.into_iter().map(Item::Member))
        });
        items.collect()
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    collation::key(name, &mut key);
    key
}

/// A client: its windows, and a list with holes.
#[derive(Default)]
struct Client {
    windows: Vec<usize>,
    items: Vec<Option<Item>>,
}

impl Client {
    fn set(&mut self, at: usize, item: Option<Item>) {
        if self.items.len() <= at {
            self.items.resize(at + 1, None);
        }
        self.items[at] = item;
    }

    fn apply(&mut self, ops: &[Op]) {
        for op in ops {
            match op {
                Op::Sync(from, items) => {
                    (0..WINDOW).for_each(|n| self.set(from + n, items.get(n).copied()))
                }
                Op::Invalidate(from) => (0..WINDOW).for_each(|n| self.set(from + n, None)),
                Op::Update(at, item) => self.set(*at, Some(*item)),
                Op::Insert(at, item) => {
                    self.set((*at).max(self.items.len()), None);
                    self.items.insert(*at, Some(*item));
                }
                Op::Delete(at) if *at < self.items.len() => drop(self.items.remove(*at)),
                Op::Delete(_beyond) => {}
            }
        }
    }

    /// Every window is as in the list. How many a group has, clients are told beside the operations.
    fn check(&self, items: &[Item]) {
        let bare = |item: Item| match item {
            Item::Header(group, _count) => Item::Header(group, 0),
            member => member,
        };
        for from in &self.windows {
            for at in *from..(from + WINDOW).min(items.len()) {
                let has = self.items.get(at).copied().flatten();
                assert_eq!(has.map(bare), Some(bare(items[at])), "at {at} of {}", items.len());
            }
        }
    }
}

fn slice(list: &List, from: usize, count: usize) -> Vec<Item> {
    let mut items = Vec::new();
    list.slice(from, count, |item| items.push(item));
    items
}

fn tell(list: &mut List, clients: &mut HashMap<u64, Client>) {
    let mut from = Some(0);
    while let Some(at) = from {
        let (updates, next) = list.updates(at);
        for update in updates {
            for subscriber in list.subscribers(&update.windows) {
                clients.get_mut(subscriber).unwrap().apply(&update.ops);
            }
        }
        from = next;
    }
}

fn run(list: &mut List, model: &mut Model, clients: &mut HashMap<u64, Client>, command: Command) {
    match command {
        Command::Put(id, name, group) => {
            let expected =
                if model.put(id, name.clone(), group) { Ok(()) } else { Err(Refusal::UnknownRole) };
            assert_eq!(list.put(id, &name, group), expected);
        }
        Command::PutMany(members) => members.into_iter().for_each(|(id, name, group)| {
            run(list, model, clients, Command::Put(id, name, group));
        }),
        Command::Delete(id) => assert_eq!(list.delete(id), model.members.remove(&id).is_some()),
        Command::Roles(roles) => {
            while !list.set_roles(&roles).unwrap() {}
            for (_name, group) in model.members.values_mut() {
                if matches!(group, Group::Role(role) if !roles.contains(role)) {
                    *group = Group::Online;
                }
            }
            model.roles = roles;
        }
        Command::Absent(absent) => {
            list.set_absent(absent);
            model.absent = absent;
        }
        Command::Subscribe(id, numbers) => {
            let windows = Windows::new(numbers).unwrap();
            let client = clients.entry(id).or_default();
            client.windows = windows.starts().collect();
            client.apply(&list.subscribe(id, windows).unwrap());
        }
        Command::Tell => {
            tell(list, clients);
            let items = model.items();
            clients.values().for_each(|client| client.check(&items));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn clients_hold_what_the_list_says(
        first in prop::collection::vec(member(), 0..350),
        commands in prop::collection::vec(command(), 0..60),
    ) {
        let (mut list, mut model, mut clients) = (List::new(LIMITS), Model::default(), HashMap::new());
        let start = [Command::Roles(vec![3, 1, 2]), Command::PutMany(first)];
        for command in start.into_iter().chain(commands).chain([Command::Tell]) {
            run(&mut list, &mut model, &mut clients, command);

            let items = model.items();
            prop_assert_eq!(slice(&list, 0, usize::MAX), items.clone());
            prop_assert_eq!(list.indexes(), items.len());
            let offline = model.members.values().filter(|(_name, group)| *group == Group::Offline).count();
            prop_assert_eq!(list.online() as usize, model.members.len() - offline);
            prop_assert_eq!(list.members(), model.members.len() as u64 + model.absent);
        }

        let items = model.items();
        for at in [0, 1, 50, 99, 100, items.len()] {
            let expected: Vec<Item> = items.iter().copied().skip(at).take(100).collect();
            prop_assert_eq!(slice(&list, at, 100), expected);
        }
        for id in 0..400 {
            let at = items.iter().position(|item| *item == Item::Member(id)).map(Rank::Index);
            let hidden = model.members.contains_key(&id).then_some(Rank::Hidden);
            prop_assert_eq!(list.rank(id), at.or(hidden));
        }
        let groups = model.groups().into_iter().map(|(group, members)| (group, members.len()));
        prop_assert_eq!(list.groups().collect::<Vec<_>>(), groups.collect::<Vec<_>>());
    }
}
