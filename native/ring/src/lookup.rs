//! Who owns a key.

use crate::{KEY_SEED, Node, Ring, total};
use xxhash_rust::xxh64::xxh64;

/// A walk round the ring has not come to its end within the points that it may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished;

impl Ring {
    /// The node that owns `key`; none in an empty ring. `O(1)` expected.
    #[inline]
    pub fn owner(&self, key: &[u8]) -> Option<Node> {
        self.points.get(self.first(key)).map(|point| point.node)
    }

    /// The first `count` distinct nodes from the owner of `key` on, among `limit` points.
    pub fn owners(&self, key: &[u8], count: usize, limit: usize) -> Result<Vec<Node>, Unfinished> {
        let count = count.min(self.members.len());
        let mut owners = Vec::with_capacity(count);
        for node in self.walk(key).take(limit) {
            if owners.len() == count {
                break;
            }
            if !owners.contains(&node) {
                owners.push(node);
            }
        }
        if owners.len() == count { Ok(owners) } else { Err(Unfinished) }
    }

    /// The first node from the owner of `key` on whose load lets it take one more, among `limit`
    /// points.
    ///
    /// A node may hold `factor` times its share of all loads and the one to come, by its points. A
    /// load that is missing is 0. With a factor above 1 some node always has room.
    pub fn pick(
        &self,
        key: &[u8],
        loads: &[u64],
        factor: f64,
        limit: usize,
    ) -> Result<Option<Node>, Unfinished> {
        let load = |node: Node| loads.get(node as usize).copied().unwrap_or(0);
        let all: u128 = (0..self.members.len() as Node).map(|node| u128::from(load(node))).sum();
        let total = total(&self.members) as f64;
        let most = factor * (all as f64 + 1.0);
        // The product before the quotient: what is a whole number then stays one.
        let has_room = |&node: &Node| {
            let points = self.members.get(node as usize).map_or(0, |member| member.points);
            (load(node) as f64) < (most * f64::from(points) / total).ceil()
        };

        match self.walk(key).take(limit).find(has_room) {
            None if limit < self.points.len() => Err(Unfinished),
            // Nobody had room: the factor was below 1.
            None => Ok(self.owner(key)),
            found => Ok(found),
        }
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
