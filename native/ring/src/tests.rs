use super::*;
use proptest::prelude::*;

const BYTES: usize = 1 << 26;

fn member(name: u16, points: u32) -> Member {
    Member { name: name.to_string().into_bytes(), points }
}

fn ring(names: &[u16]) -> Ring {
    Ring::new(names.iter().map(|&name| member(name, 64)).collect(), BYTES).unwrap()
}

#[test]
fn an_owner_never_changes() {
    let ring = ring(&[1, 2, 3, 4, 5]);
    let owners: Vec<_> = (0_u64..8).map(|key| ring.owner(&key.to_le_bytes())).collect();
    assert_eq!(owners, [4, 1, 4, 4, 1, 4, 2, 3].map(Some));
}

#[test]
fn an_empty_ring_owns_nothing() {
    let ring = Ring::new(vec![], BYTES).unwrap();
    assert_eq!(ring.owner(b"key"), None);
    assert_eq!(ring.owners(b"key", 3, 8), Ok(vec![]));
    assert_eq!(ring.pick(b"key", &[], 1.25, 8), Ok(None));
}

#[test]
fn a_name_stands_once() {
    let twice = vec![member(1, 8), member(1, 8)];
    assert_eq!(Ring::new(twice, BYTES).unwrap_err(), Invalid::Duplicate);
}

#[test]
fn a_ring_beyond_its_bytes_is_not_even_begun() {
    let huge = vec![member(1, u32::MAX), member(2, u32::MAX)];
    assert_eq!(Ring::new(huge, usize::MAX).unwrap_err(), Invalid::MemoryLimit);

    let bytes = ring(&[1, 2]).bytes();
    let members = vec![member(1, 64), member(2, 64)];
    assert_eq!(Ring::new(members.clone(), bytes - 1).unwrap_err(), Invalid::MemoryLimit);
    let ring = Ring::new(members, bytes).unwrap();
    assert_eq!(ring.bytes(), bytes);
    assert_eq!(ring.with(member(3, u32::MAX)).unwrap_err(), Invalid::MemoryLimit);
    assert_eq!(ring.with(member(1, 64)).unwrap().bytes(), bytes);
}

#[test]
fn a_walk_is_as_long_as_it_may_be() {
    let ring = Ring::new(vec![member(1, 10_000), member(2, 1)], BYTES).unwrap();
    assert_eq!(ring.owners(b"key", 2, 10), Err(Unfinished));
    assert_eq!(ring.owners(b"key", 2, 10_001), Ok(vec![0, 1]));
    assert_eq!(ring.pick(b"key", &[u64::MAX, 0], 0.5, 10), Err(Unfinished));
    // Beyond one round nobody has room.
    assert_eq!(ring.pick(b"key", &[u64::MAX, u64::MAX], 0.5, usize::MAX), Ok(Some(0)));
}

#[test]
fn a_weight_is_a_share_of_the_keys() {
    let ring = Ring::new(vec![member(1, 512), member(2, 1536)], BYTES).unwrap();
    let keys = 100_000_u64;
    let heavy = (0..keys).filter(|key| ring.owner(&key.to_le_bytes()) == Some(1)).count();
    assert!((70_000..80_000).contains(&heavy), "{heavy} of {keys}");
}

#[test]
fn a_bounded_load_is_kept() {
    let ring = ring(&[1, 2, 3, 4, 5, 6, 7]);
    let mut loads = [0_u64; 7];
    for key in 0_u64..7_000 {
        let node = ring.pick(&key.to_le_bytes(), &loads, 1.25, usize::MAX).unwrap().unwrap();
        loads[node as usize] += 1;
    }
    assert!(loads.iter().all(|&load| load <= 1_250), "{loads:?}");
    assert_eq!(loads.iter().sum::<u64>(), 7_000);
}

proptest! {
    #[test]
    fn a_ring_depends_on_its_members_alone(
        changes in prop::collection::vec((0_u16..12, 0_u32..40), 1..40),
    ) {
        let mut members: std::collections::BTreeMap<u16, u32> = Default::default();
        let mut ring = Ring::new(vec![], BYTES).unwrap();
        for (name, points) in changes {
            if points == 0 {
                members.remove(&name);
                ring = ring.without(name.to_string().as_bytes());
            } else {
                members.insert(name, points);
                ring = ring.with(member(name, points)).unwrap();
            }
        }
        let fresh: Vec<_> = members.iter().map(|(&name, &points)| member(name, points)).collect();
        let fresh = Ring::new(fresh, BYTES).unwrap();
        prop_assert_eq!(&ring.members, &fresh.members);
        prop_assert_eq!(&ring.points, &fresh.points);
        prop_assert_eq!(&ring.start, &fresh.start);
        prop_assert!(ring.points.is_sorted());
    }

    #[test]
    fn a_departure_moves_only_the_keys_of_the_departed(
        gone in 0_u16..8, keys in prop::collection::vec(any::<u64>(), 1..200),
    ) {
        let before = ring(&[0, 1, 2, 3, 4, 5, 6, 7]);
        let after = before.without(gone.to_string().as_bytes());
        for key in keys {
            let key = key.to_le_bytes();
            let old = &before.members[before.owner(&key).unwrap() as usize];
            let new = &after.members[after.owner(&key).unwrap() as usize];
            prop_assert!(old == new || old.name == gone.to_string().into_bytes());
        }
    }
}
