//! The points of a ring, in order, and the index over their hashes.
//!
//! The loops are without branches that depend on the hashes, which no processor can foresee.

use xxhash_rust::xxh64::xxh64;

use crate::{Member, Node};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    pub(crate) hash: u64,
    pub(crate) node: Node,
}

/// The points of a member, in no order.
pub(crate) fn points_of(member: &Member, node: Node) -> impl Iterator<Item = Point> {
    (0..u64::from(member.points)).map(move |seed| Point { hash: xxh64(&member.name, seed), node })
}

/// The points with those of a new member, whom the place `at` is made for among the nodes.
pub(crate) fn with(points: &[Point], member: &Member, at: Node) -> Vec<Point> {
    let mut added: Vec<Point> = points_of(member, at).collect();
    added.sort_unstable();

    let moved = |point: &Point| Point { node: point.node + u32::from(point.node >= at), ..*point };
    let mut all = Vec::with_capacity(points.len() + added.len());
    let mut rest = points;
    for new in added {
        let run = rest.iter().position(|point| moved(point) > new).unwrap_or(rest.len());
        let (before, after) = rest.split_at(run);
        all.extend(before.iter().map(moved));
        all.push(new);
        rest = after;
    }
    all.extend(rest.iter().map(moved));
    all
}

/// The points without those of a member, whose place `at` among the nodes is closed.
pub(crate) fn without(points: &[Point], at: Node) -> Vec<Point> {
    let mut kept = Vec::with_capacity(points.len());
    let mut rest = points;
    while !rest.is_empty() {
        let run = rest.iter().position(|point| point.node == at).unwrap_or(rest.len());
        let (before, after) = rest.split_at(run);
        kept.extend(
            before
                .iter()
                .map(|point| Point { node: point.node - u32::from(point.node > at), ..*point }),
        );
        rest = after.get(1..).unwrap_or_default();
    }
    kept
}

/// How many prefixes of hashes there is an index for: as many as points, so that one look-up and a
/// step or two find a point.
pub(crate) fn prefixes(points: usize) -> usize {
    points.max(2).next_power_of_two()
}

/// The first point of each prefix or after it, and how far a hash is shifted to be its prefix.
pub(crate) fn index(points: &[Point]) -> (Vec<u32>, u32) {
    let prefixes = prefixes(points.len());
    let shift = 64 - prefixes.trailing_zeros();
    let mut start = vec![0_u32; prefixes];

    for point in points {
        if let Some(count) = start.get_mut((point.hash >> shift) as usize) {
            *count += 1;
        }
    }
    let mut before = 0;
    for count in &mut start {
        before += std::mem::replace(count, before);
    }
    (start, shift)
}
