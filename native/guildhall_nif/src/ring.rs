//! NIFs of `Guildhall.HashRing`.

use ring::{Invalid, Member, Node, Ring, Unfinished};
use rustler::{Atom, Binary, Error, NifResult, Resource, ResourceArc};

use crate::list::List;
use crate::{atoms, reaper};

/// So many points a normal scheduler passes in well under a millisecond.
const NORMAL_POINTS: usize = 8_192;

/// A ring of this size takes longer to free than a scheduler should be held.
const LARGE: usize = 1 << 22;

/// Immutable, so any process may read it at any time.
pub(crate) struct RingResource {
    /// An option only so that the destructor can hand it over.
    ring: Option<Ring>,
}

#[rustler::resource_impl]
impl Resource for RingResource {}

impl RingResource {
    fn new(ring: Ring) -> ResourceArc<Self> {
        ResourceArc::new(Self { ring: Some(ring) })
    }

    fn get(&self) -> NifResult<&Ring> {
        self.ring.as_ref().ok_or(Error::BadArg)
    }
}

impl Drop for RingResource {
    fn drop(&mut self) {
        if let Some(ring) = self.ring.take_if(|ring| ring.bytes() > LARGE) {
            reaper::bury(ring);
        }
    }
}

type Made = NifResult<Result<ResourceArc<RingResource>, Atom>>;

fn made(ring: Result<Ring, Invalid>) -> Made {
    Ok(ring.map(RingResource::new).map_err(|invalid| match invalid {
        Invalid::Duplicate => atoms::duplicate(),
        Invalid::MemoryLimit => atoms::memory_limit(),
    }))
}

fn member((name, points): (Binary<'_>, u32)) -> Member {
    Member { name: name.as_slice().to_vec(), points }
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_new<'a>(members: List<(Binary<'a>, u32)>, max_bytes: usize) -> Made {
    made(Ring::new(members.0.into_iter().map(member).collect(), max_bytes))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_with<'a>(ring: &RingResource, name: Binary<'a>, points: u32) -> Made {
    made(ring.get()?.with(member((name, points))))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_without<'a>(ring: &RingResource, name: Binary<'a>) -> NifResult<ResourceArc<RingResource>> {
    Ok(RingResource::new(ring.get()?.without(&name)))
}

#[rustler::nif]
fn ring_owner<'a>(ring: &RingResource, key: Binary<'a>) -> NifResult<Option<Node>> {
    Ok(ring.get()?.owner(&key))
}

/// The owner of a key that is its eight bytes, little-endian: no binary is made for it.
#[rustler::nif]
fn ring_owner_of_integer(ring: &RingResource, key: u64) -> NifResult<Option<Node>> {
    Ok(ring.get()?.owner(&key.to_le_bytes()))
}

/// `more` if a normal scheduler should not go as far as that.
#[rustler::nif]
fn ring_owners<'a>(
    ring: &RingResource,
    key: Binary<'a>,
    count: usize,
) -> NifResult<Result<Vec<Node>, Atom>> {
    Ok(ring.get()?.owners(&key, count, NORMAL_POINTS).map_err(more))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_owners_dirty<'a>(
    ring: &RingResource,
    key: Binary<'a>,
    count: usize,
) -> NifResult<Result<Vec<Node>, Atom>> {
    Ok(ring.get()?.owners(&key, count, usize::MAX).map_err(more))
}

/// `loads` is a little-endian u64 for each node, in the order of names.
#[rustler::nif]
fn ring_pick<'a>(
    ring: &RingResource,
    key: Binary<'a>,
    loads: Binary<'a>,
    factor: f64,
) -> NifResult<Result<Option<Node>, Atom>> {
    pick(ring, &key, &loads, factor, NORMAL_POINTS)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_pick_dirty<'a>(
    ring: &RingResource,
    key: Binary<'a>,
    loads: Binary<'a>,
    factor: f64,
) -> NifResult<Result<Option<Node>, Atom>> {
    pick(ring, &key, &loads, factor, usize::MAX)
}

fn pick(
    ring: &RingResource,
    key: &[u8],
    loads: &[u8],
    factor: f64,
    limit: usize,
) -> NifResult<Result<Option<Node>, Atom>> {
    let (loads, rest) = loads.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Error::BadArg);
    }
    let loads: Vec<u64> = loads.iter().map(|load| u64::from_le_bytes(*load)).collect();
    Ok(ring.get()?.pick(key, &loads, factor, limit).map_err(more))
}

fn more(Unfinished: Unfinished) -> Atom {
    atoms::more()
}

/// How many rings there are, and their bytes.
#[rustler::nif]
fn ring_memory() -> (u64, u64) {
    ring::MEMORY.read()
}
