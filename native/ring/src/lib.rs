//! Consistent hashing with weights and bounded load: which node owns a key, the
//! same answer on every machine and in every version.
//!
//! **Invariant:** `points` is strictly ordered by hash, then node, and `start` has
//! for each prefix of a hash the first point at or after it. Nodes are ordered by
//! name, so a ring depends on its members alone, not on how it came about.

use xxhash_rust::xxh64::xxh64;

/// The seed of a key's hash; the points of a node take the seeds from 0 on.
const KEY_SEED: u64 = 0x6775_696c_6468_616c;

/// A node's place in the order of names.
pub type Node = u32;

/// A member of the ring: a name, and how many points it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Distinguishes the node from every other.
    pub name: Vec<u8>,
    /// How many points it has on the ring; its share of the keys is in proportion.
    pub points: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    hash: u64,
    node: Node,
}

/// Who owns which part of the hashes: never changed, only made anew.
#[derive(Debug)]
pub struct Ring {
    members: Vec<Member>,
    points: Vec<Point>,
    start: Vec<u32>,
    shift: u32,
}

/// Two members have the same name, or their points together exceed the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// A name stands twice.
    Duplicate,
    /// More points than [`Ring::MAX_POINTS`].
    TooLarge,
}

impl Ring {
    /// Points of all members together: 64 MB of memory.
    pub const MAX_POINTS: usize = 4_000_000;

    /// A ring of these members, in any order. `O(p log p)` in its points.
    pub fn new(mut members: Vec<Member>) -> Result<Self, Invalid> {
        members.sort_by(|a, b| a.name.cmp(&b.name));
        Self::check(&members)?;
        let mut points = Vec::with_capacity(total(&members));
        for (node, member) in (0..).zip(&members) {
            points.extend(points_of(member, node));
        }
        points.sort_unstable();
        Ok(Self::indexed(members, points))
    }

    /// A ring with this member added, or given another number of points.
    /// `O(p)`: the others' points are copied, not hashed and sorted again.
    pub fn with(&self, member: Member) -> Result<Self, Invalid> {
        let mut members = self.members.clone();
        let at = match members.binary_search_by(|known| known.name.cmp(&member.name)) {
            Ok(at) => {
                members.remove(at);
                at
            }
            Err(at) => at,
        };
        let mut added: Vec<Point> = points_of(&member, at as Node).collect();
        added.sort_unstable();
        members.insert(at, member);
        Self::check(&members)?;

        let replaced = members.len() == self.members.len();
        let kept = self.points.iter().filter_map(|&Point { hash, node }| {
            match (node as usize >= at, replaced) {
                (true, true) if node as usize == at => None,
                (true, false) => Some(Point { hash, node: node + 1 }),
                _ => Some(Point { hash, node }),
            }
        });
        let points = merge(kept, added, total(&members));
        Ok(Self::indexed(members, points))
    }

    /// A ring without the member of this name. `O(p)`.
    pub fn without(&self, name: &[u8]) -> Self {
        let mut members = self.members.clone();
        let Ok(at) = members.binary_search_by(|known| known.name.as_slice().cmp(name)) else {
            return Self::indexed(members, self.points.clone());
        };
        members.remove(at);
        let points = self
            .points
            .iter()
            .filter(|point| point.node as usize != at)
            .map(|&Point { hash, node }| Point { hash, node: node - u32::from(node as usize > at) })
            .collect();
        Self::indexed(members, points)
    }

    /// The members in the order of their names: a [`Node`] is an index into them.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The node that owns `key`; none in an empty ring. `O(1)` expected.
    #[inline]
    pub fn owner(&self, key: &[u8]) -> Option<Node> {
        self.points.get(self.first(key)).map(|point| point.node)
    }

    /// The first `count` distinct nodes from the owner of `key` on.
    pub fn owners(&self, key: &[u8], count: usize) -> Vec<Node> {
        let count = count.min(self.members.len());
        let mut owners = Vec::with_capacity(count);
        for node in self.walk(key) {
            if owners.len() == count {
                break;
            }
            if !owners.contains(&node) {
                owners.push(node);
            }
        }
        owners
    }

    /// The first node from the owner of `key` on whose load lets it take one more.
    ///
    /// A node may hold `factor` times its share of all loads and the one to come, by its
    /// points. A load that is missing is 0. With a factor above 1 some node always has room.
    pub fn pick(&self, key: &[u8], loads: &[u64], factor: f64) -> Option<Node> {
        let load = |node: Node| loads.get(node as usize).copied().unwrap_or(0);
        let all: u64 = (0..self.members.len() as Node).map(load).sum();
        let share = factor * (all as f64 + 1.0) / total(&self.members).max(1) as f64;
        // Beyond one round, nobody had room: the factor was below 1.
        self.walk(key)
            .find(|&node| {
                let points = self.members.get(node as usize).map_or(0, |member| member.points);
                load(node) < (share * f64::from(points)).ceil() as u64
            })
            .or_else(|| self.owner(key))
    }

    /// Heap bytes.
    pub fn bytes(&self) -> usize {
        let names: usize = self.members.iter().map(|member| member.name.capacity()).sum();
        names
            + self.members.capacity() * size_of::<Member>()
            + self.points.capacity() * size_of::<Point>()
            + self.start.capacity() * size_of::<u32>()
    }

    fn check(members: &[Member]) -> Result<(), Invalid> {
        if members.windows(2).any(|pair| matches!(pair, [a, b] if a.name == b.name)) {
            return Err(Invalid::Duplicate);
        }
        if total(members) > Self::MAX_POINTS {
            return Err(Invalid::TooLarge);
        }
        Ok(())
    }

    /// As many prefixes as points, so that one look-up and a step or two find a point.
    fn indexed(members: Vec<Member>, points: Vec<Point>) -> Self {
        let bits = points.len().max(2).next_power_of_two().trailing_zeros();
        let shift = 64 - bits;
        let mut start = Vec::with_capacity(1 << bits);
        let mut at = 0;
        for prefix in 0..1_u64 << bits {
            while points.get(at).is_some_and(|point| point.hash < prefix << shift) {
                at += 1;
            }
            start.push(at as u32);
        }
        Self { members, points, start, shift }
    }

    /// The index of the first point at or after the hash of `key`, round the end.
    #[inline]
    fn first(&self, key: &[u8]) -> usize {
        let hash = xxh64(key, KEY_SEED);
        let mut at = self.start.get((hash >> self.shift) as usize).copied().unwrap_or(0) as usize;
        while self.points.get(at).is_some_and(|point| point.hash < hash) {
            at += 1;
        }
        if at == self.points.len() { 0 } else { at }
    }

    /// The nodes of all points, once round the ring.
    fn walk(&self, key: &[u8]) -> impl Iterator<Item = Node> {
        let (before, after) = self.points.split_at(self.first(key));
        after.iter().chain(before).map(|point| point.node)
    }
}

fn total(members: &[Member]) -> usize {
    members.iter().map(|member| member.points as usize).sum()
}

fn points_of(member: &Member, node: Node) -> impl Iterator<Item = Point> {
    (0..u64::from(member.points)).map(move |seed| Point { hash: xxh64(&member.name, seed), node })
}

fn merge(kept: impl Iterator<Item = Point>, added: Vec<Point>, capacity: usize) -> Vec<Point> {
    let mut points = Vec::with_capacity(capacity);
    let mut added = added.into_iter().peekable();
    for point in kept {
        while let Some(next) = added.next_if(|next| *next < point) {
            points.push(next);
        }
        points.push(point);
    }
    points.extend(added);
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn member(name: u16, points: u32) -> Member {
        Member { name: name.to_string().into_bytes(), points }
    }

    fn ring(names: &[u16]) -> Ring {
        Ring::new(names.iter().map(|&name| member(name, 64)).collect()).unwrap()
    }

    #[test]
    fn an_owner_never_changes() {
        let ring = ring(&[1, 2, 3, 4, 5]);
        let owners: Vec<_> = (0_u64..8).map(|key| ring.owner(&key.to_le_bytes())).collect();
        assert_eq!(owners, [4, 1, 4, 4, 1, 4, 2, 3].map(Some));
    }

    #[test]
    fn an_empty_ring_owns_nothing() {
        let ring = Ring::new(vec![]).unwrap();
        assert_eq!(ring.owner(b"key"), None);
        assert_eq!(ring.owners(b"key", 3), []);
        assert_eq!(ring.pick(b"key", &[], 1.25), None);
    }

    #[test]
    fn a_name_stands_once() {
        let twice = vec![member(1, 8), member(1, 8)];
        assert_eq!(Ring::new(twice).unwrap_err(), Invalid::Duplicate);
        let large = vec![member(1, 4_000_000), member(2, 1)];
        assert_eq!(Ring::new(large).unwrap_err(), Invalid::TooLarge);
    }

    #[test]
    fn a_weight_is_a_share_of_the_keys() {
        let ring = Ring::new(vec![member(1, 512), member(2, 1536)]).unwrap();
        let keys = 100_000_u64;
        let heavy = (0..keys).filter(|key| ring.owner(&key.to_le_bytes()) == Some(1)).count();
        assert!((70_000..80_000).contains(&heavy), "{heavy} of {keys}");
    }

    #[test]
    fn a_bounded_load_is_kept() {
        let ring = ring(&[1, 2, 3, 4, 5, 6, 7]);
        let mut loads = [0_u64; 7];
        for key in 0_u64..7_000 {
            let node = ring.pick(&key.to_le_bytes(), &loads, 1.25).unwrap();
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
            let mut ring = Ring::new(vec![]).unwrap();
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
            let fresh = Ring::new(fresh).unwrap();
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
}
