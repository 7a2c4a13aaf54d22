//! Consistent hashing with weights and bounded load: which node owns a key, the
//! same answer on every machine and in every version.
//!
//! **Invariant:** `points` is strictly ordered by hash, then node, and `start` has
//! for each prefix of a hash the first point at or after it. Nodes are ordered by
//! name, so a ring depends on its members alone, not on how it came about.

mod lookup;
mod points;
#[cfg(test)]
mod tests;

use gauge::Gauge;

pub use lookup::Unfinished;
use points::{Point, points_of, prefixes};

/// All rings.
pub static MEMORY: Gauge = Gauge::new();

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

/// Who owns which part of the hashes: never changed, only made anew.
#[derive(Debug)]
pub struct Ring {
    members: Vec<Member>,
    points: Vec<Point>,
    start: Vec<u32>,
    shift: u32,
    max_bytes: usize,
}

/// Why there is no ring of these members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// A name stands twice.
    Duplicate,
    /// It would take more bytes than it may, or have more points than 32 bits can number.
    MemoryLimit,
}

impl Ring {
    /// A ring of these members, in any order; it, and each that is made of it, may take so many
    /// bytes. `O(p log p)` in its points.
    pub fn new(mut members: Vec<Member>, max_bytes: usize) -> Result<Self, Invalid> {
        members.sort_by(|a, b| a.name.cmp(&b.name));
        check(&members, max_bytes)?;
        let mut points = Vec::with_capacity(total(&members));
        for (node, member) in (0..).zip(&members) {
            points.extend(points_of(member, node));
        }
        points.sort_unstable();
        Ok(Self::indexed(members, points, max_bytes))
    }

    /// A ring with this member added, or given another number of points.
    /// `O(p)`: the others' points are copied, not hashed and sorted again.
    pub fn with(&self, member: Member) -> Result<Self, Invalid> {
        let mut members = self.members.clone();
        let place = self.place(&member.name);
        match place {
            Ok(at) => members.splice(at..at + 1, [member.clone()]).for_each(drop),
            Err(at) => members.insert(at, member.clone()),
        }
        check(&members, self.max_bytes)?;

        let points = match place {
            Ok(at) => points::with(&points::without(&self.points, at as Node), &member, at as Node),
            Err(at) => points::with(&self.points, &member, at as Node),
        };
        Ok(Self::indexed(members, points, self.max_bytes))
    }

    /// A ring without the member of this name. `O(p)`.
    pub fn without(&self, name: &[u8]) -> Self {
        let mut members = self.members.clone();
        let points = match self.place(name) {
            Ok(at) => {
                members.remove(at);
                points::without(&self.points, at as Node)
            }
            Err(_) => self.points.clone(),
        };
        Self::indexed(members, points, self.max_bytes)
    }

    /// Where a member of this name is, or would be.
    fn place(&self, name: &[u8]) -> Result<usize, usize> {
        self.members.binary_search_by(|known| known.name.as_slice().cmp(name))
    }

    /// The members in the order of their names: a [`Node`] is an index into them.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Heap bytes.
    pub fn bytes(&self) -> usize {
        bytes(&self.members, self.points.len())
    }

    fn indexed(mut members: Vec<Member>, mut points: Vec<Point>, max_bytes: usize) -> Self {
        members.shrink_to_fit();
        points.shrink_to_fit();
        let (start, shift) = points::index(&points);
        let ring = Self { members, points, start, shift, max_bytes };
        MEMORY.add(ring.bytes());
        ring
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        MEMORY.remove(self.bytes());
    }
}

fn check(members: &[Member], max_bytes: usize) -> Result<(), Invalid> {
    if members.windows(2).any(|pair| matches!(pair, [a, b] if a.name == b.name)) {
        return Err(Invalid::Duplicate);
    }
    let points = total(members);
    if points > u32::MAX as usize || bytes(members, points) > max_bytes {
        return Err(Invalid::MemoryLimit);
    }
    Ok(())
}

/// What a ring of these members takes.
fn bytes(members: &[Member], points: usize) -> usize {
    let names: usize = members.iter().map(|member| member.name.len()).sum();
    names + size_of_val(members) + points * size_of::<Point>() + prefixes(points) * size_of::<u32>()
}

fn total(members: &[Member]) -> usize {
    members.iter().map(|member| member.points as usize).sum()
}
