//! The gauge. In a process of its own, for it counts those of the whole process.

use permissions::{Channel, Guild, Kind, MEMORY, Overwrite, Target};

#[test]
fn what_guilds_share_is_counted_once_and_all_of_it_goes() {
    let overwrite = Overwrite { id: 2, target: Target::Role, allow: 1, deny: 2 };
    let channels = (0..100).map(|id| Channel::new(1, id, Kind::Text, [overwrite]));
    let guild = Guild::new(1, None, usize::MAX).filled([(1, 1), (2, 2)], channels).unwrap();
    assert_eq!(MEMORY.read(), (1, guild.bytes() as u64));

    let changed = guild.filled([(3, 4)], []).unwrap();
    let (count, bytes) = MEMORY.read();
    assert_eq!(count, 2);
    assert!(bytes < (guild.bytes() + changed.bytes()) as u64);

    drop(guild);
    assert_eq!(MEMORY.read(), (1, changed.bytes() as u64));

    let full =
        Guild::new(1, None, 500).filled([], [Channel::new(1, 1, Kind::Text, [overwrite; 9])]);
    assert!(full.is_ok());
    drop(full);
    assert!(Guild::new(1, None, 10).filled([(1, 1)], []).is_err());

    drop(changed);
    assert_eq!(MEMORY.read(), (0, 0));
}
