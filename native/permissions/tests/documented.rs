//! A guild against the documented algorithm, written over maps and one bit at a time.

use std::collections::BTreeMap;

use permissions::mask::{self, ALL};
use permissions::{
    Change, Channel, Full, Guild, Kind, Mask, Member, Members, Overwrite, Target, Torn,
};
use proptest::prelude::*;

const GUILD: u64 = 100;
const OWNER: u64 = 500;

#[derive(Debug, Clone, Default)]
struct Model {
    roles: BTreeMap<u64, Mask>,
    channels: BTreeMap<u64, (Kind, Vec<Overwrite>)>,
}

#[derive(Debug, Clone)]
struct Asker {
    id: u64,
    roles: Vec<u64>,
    timed_out: bool,
}

fn has(mask: Mask, bit: u32) -> bool {
    mask >> bit & 1 == 1
}

impl Model {
    fn base(&self, asker: &Asker) -> Mask {
        if asker.id == OWNER {
            return ALL;
        }
        let ids = asker.roles.iter().chain([&GUILD]);
        let mask = ids.filter_map(|id| self.roles.get(id)).fold(0, |mask, role| mask | role);
        if has(mask, 3) { ALL } else { mask }
    }

    fn in_channel(&self, asker: &Asker, id: u64) -> Mask {
        let Some((kind, own)) = self.channels.get(&id) else { return 0 };
        let base = self.base(asker);
        if has(base, 3) {
            return base;
        }
        let overwrites = match kind {
            Kind::Thread(parent) => match self.channels.get(parent) {
                None => return 0,
                Some((_kind, overwrites)) => overwrites,
            },
            _ => own,
        };

        let mut granted = 0;
        for bit in 0..64 {
            if self.granted(asker, overwrites, has(base, bit), bit) {
                granted |= 1 << bit;
            }
        }
        if matches!(kind, Kind::Thread(_)) {
            granted = granted & !(1 << 11) | (granted >> 38 & 1) << 11;
        }
        if !has(granted, 10) {
            granted = 0;
        } else if *kind == Kind::Voice && !has(granted, 20) {
            granted = 1 << 10;
        } else if !has(granted, 11) {
            for bit in [12, 14, 15, 17] {
                granted &= !(1 << bit);
            }
        }
        if asker.timed_out { granted & (1 << 10 | 1 << 16) } else { granted }
    }

    fn granted(&self, asker: &Asker, overwrites: &[Overwrite], base: bool, bit: u32) -> bool {
        let last = |id: u64, target: Target| {
            overwrites.iter().rev().find(|ow| ow.id == id && ow.target == target)
        };
        let mut granted = base;
        if let Some(everyone) = last(GUILD, Target::Role) {
            granted = has(everyone.allow, bit) || granted && !has(everyone.deny, bit);
        }
        let mine: Vec<_> = asker
            .roles
            .iter()
            .filter(|id| **id != GUILD && self.roles.contains_key(id))
            .filter_map(|id| last(*id, Target::Role))
            .collect();
        let allow = mine.iter().any(|ow| has(ow.allow, bit));
        let deny = mine.iter().any(|ow| has(ow.deny, bit));
        granted = allow || granted && !deny;
        if let Some(own) = last(asker.id, Target::Member) {
            granted = has(own.allow, bit) || granted && !has(own.deny, bit);
        }
        granted
    }

    fn guild(&self) -> Guild {
        let channels = self.channels.iter().map(|(id, (kind, overwrites))| {
            Channel::new(GUILD, *id, *kind, overwrites.iter().copied())
        });
        let roles = self.roles.iter().map(|(id, mask)| (*id, *mask));
        let empty = Guild::new(GUILD, Some(OWNER), usize::MAX);
        empty.filled(roles, channels).unwrap_or(empty)
    }
}

fn masks() -> impl Strategy<Value = Mask> {
    let few =
        prop::collection::vec(prop::sample::select(vec![3, 10, 11, 12, 16, 17, 20, 38]), 0..4);
    (few, any::<Mask>(), 0..8).prop_map(|(few, any, dice)| {
        let few = few.iter().fold(0, |mask, bit| mask | 1 << bit);
        // ADMINISTRATOR is rare, or nothing else would be seen.
        if dice == 0 { few | any } else { (few | any & ALL) & !(1 << 3) }
    })
}

fn roles() -> impl Strategy<Value = u64> {
    GUILD..GUILD + 8
}

fn overwrites() -> impl Strategy<Value = Vec<Overwrite>> {
    let target = prop_oneof![
        roles().prop_map(|id| (id, Target::Role)),
        (499..503_u64).prop_map(|id| (id, Target::Member)),
    ];
    let overwrite = (target, masks(), masks());
    prop::collection::vec(
        overwrite.prop_map(|((id, target), allow, deny)| Overwrite { id, target, allow, deny }),
        0..6,
    )
}

fn channel() -> impl Strategy<Value = (Kind, Vec<Overwrite>)> {
    let kind = prop_oneof![
        3 => Just(Kind::Text),
        2 => Just(Kind::Voice),
        2 => (0..6_u64).prop_map(Kind::Thread),
    ];
    (kind, overwrites())
}

fn models() -> impl Strategy<Value = Model> {
    (
        prop::collection::btree_map(roles(), masks(), 0..8),
        prop::collection::btree_map(0..5_u64, channel(), 0..5),
    )
        .prop_map(|(roles, channels)| Model { roles, channels })
}

fn askers() -> impl Strategy<Value = Asker> {
    (499..503_u64, prop::collection::vec(GUILD..GUILD + 10, 0..6), any::<bool>())
        .prop_map(|(id, roles, timed_out)| Asker { id, roles, timed_out })
}

fn agree(guild: &Guild, model: &Model, asker: &Asker) -> Result<(), TestCaseError> {
    let member = Member { id: asker.id, timed_out: asker.timed_out };
    let standing = guild.standing(member, asker.roles.iter().copied());
    prop_assert_eq!(standing.base(), model.base(asker));

    let mut visible = Vec::new();
    for id in 0..6 {
        let mask = guild.in_channel(&standing, id);
        prop_assert_eq!(mask, model.in_channel(asker, id), "channel {}", id);
        if mask & mask::VIEW_CHANNEL != 0 {
            visible.push(id);
        }
        let packed = packed(std::slice::from_ref(asker));
        let masks = Members::new(&packed).and_then(|members| members.in_channel(guild, id));
        prop_assert_eq!(masks, Ok(vec![mask]));
    }
    prop_assert_eq!(guild.visible(&standing), visible);
    Ok(())
}

fn packed(askers: &[Asker]) -> Vec<u8> {
    let words = askers.iter().flat_map(|asker| {
        let head = [asker.id, asker.timed_out.into(), asker.roles.len() as u64];
        head.into_iter().chain(asker.roles.iter().copied())
    });
    words.flat_map(u64::to_le_bytes).collect()
}

proptest! {
    #[test]
    fn a_guild_says_what_is_documented(model in models(), asker in askers()) {
        agree(&model.guild(), &model, &asker)?;
    }

    #[test]
    fn a_changed_guild_is_a_new_one(
        before in models(),
        roles in prop::collection::vec((roles(), prop::option::of(masks())), 0..4),
        channels in prop::collection::vec((0..5_u64, prop::option::of(channel())), 0..4),
        split in 0..10_usize,
        asker in askers(),
    ) {
        let mut model = before.clone();
        let original = before.guild();
        let mut changes = vec![Change::Owner(None), Change::Owner(Some(OWNER))];

        for (id, permissions) in roles {
            match permissions {
                Some(mask) => {
                    changes.push(Change::Role(id, mask));
                    model.roles.insert(id, mask);
                }
                None => {
                    changes.push(Change::RoleDeleted(id));
                    model.roles.remove(&id);
                }
            }
        }
        for (id, channel) in channels {
            match channel {
                Some((kind, overwrites)) => {
                    let channel = Channel::new(GUILD, id, kind, overwrites.iter().copied());
                    changes.push(Change::Channel(channel));
                    model.channels.insert(id, (kind, overwrites));
                }
                None => {
                    changes.push(Change::ChannelDeleted(id));
                    model.channels.remove(&id);
                }
            }
        }

        // In one go up to some point, and then one by one.
        let later = changes.split_off(split.min(changes.len()));
        let mut guild = original.changed(changes).unwrap();
        for change in later {
            guild = guild.changed([change]).unwrap();
        }

        agree(&guild, &model, &asker)?;
        agree(&original, &before, &asker)?;
        prop_assert_eq!(guild.bytes(), model.guild().bytes());
    }

    #[test]
    fn any_bytes_are_members_or_torn(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let guild = Model::default().guild();
        if let Ok(members) = Members::new(&bytes) {
            let _ = members.in_channel(&guild, 1);
        }
    }
}

#[test]
fn a_member_is_whole_or_torn() {
    let guild = Model::default().guild();
    let asker = Asker { id: 1, roles: vec![1, 2], timed_out: false };
    let bytes = packed(&[asker.clone(), asker]);

    assert_eq!(Members::new(&bytes).unwrap().in_channel(&guild, 1), Ok(vec![0, 0]));
    for end in 1..bytes.len() {
        let torn = Members::new(&bytes[..end]).and_then(|members| members.in_channel(&guild, 1));
        assert_eq!(torn.is_err(), end != bytes.len() / 2, "the first {end} bytes");
    }
    let huge = [1_u64, 0, u64::MAX].map(u64::to_le_bytes).concat();
    assert_eq!(Members::new(&huge).unwrap().in_channel(&guild, 1), Err(Torn));
}

#[test]
fn a_guild_has_a_limit_of_bytes() {
    let empty = Guild::new(GUILD, None, 0).bytes();
    let guild = Guild::new(GUILD, None, empty + 32).filled([(1, 0), (2, 0)], []).unwrap();
    assert_eq!(guild.filled([(3, 0)], []).err(), Some(Full));
    let channel = Channel::new(GUILD, 1, Kind::Text, []);
    assert_eq!(guild.changed([Change::Channel(channel)]).err(), Some(Full));
    assert!(guild.changed([Change::Role(2, 1)]).is_ok());
    assert!(guild.changed([Change::RoleDeleted(1), Change::Role(3, 0)]).is_ok());
}
