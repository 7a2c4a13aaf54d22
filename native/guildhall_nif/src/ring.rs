//! NIFs of `Guildhall.HashRing`.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ring::{Invalid, Member, Node, Ring};
use rustler::{Atom, Binary, Error, NifResult, Resource, ResourceArc};

use crate::{atoms, reaper};

/// Bytes of all rings.
static MEMORY: AtomicUsize = AtomicUsize::new(0);

/// A ring of this size takes longer to free than a scheduler should be held.
const LARGE: usize = 1 << 22;

/// Immutable, so any process may read it at any time.
pub(crate) struct RingResource {
    /// An option only so that the destructor can hand it over.
    ring: Option<Ring>,
    bytes: usize,
}

#[rustler::resource_impl]
impl Resource for RingResource {}

impl RingResource {
    fn new(ring: Ring) -> ResourceArc<Self> {
        let bytes = ring.bytes();
        MEMORY.fetch_add(bytes, Relaxed);
        ResourceArc::new(Self { ring: Some(ring), bytes })
    }

    fn get(&self) -> NifResult<&Ring> {
        self.ring.as_ref().ok_or(Error::BadArg)
    }
}

impl Drop for RingResource {
    fn drop(&mut self) {
        MEMORY.fetch_sub(self.bytes, Relaxed);
        if self.bytes > LARGE
            && let Some(ring) = self.ring.take()
        {
            reaper::bury(ring);
        }
    }
}

type Made = NifResult<Result<ResourceArc<RingResource>, Atom>>;

fn made(ring: Result<Ring, Invalid>) -> Made {
    Ok(ring.map(RingResource::new).map_err(|invalid| match invalid {
        Invalid::Duplicate => atoms::duplicate(),
        Invalid::TooLarge => atoms::too_large(),
    }))
}

fn member((name, points): (Binary<'_>, u32)) -> Member {
    Member { name: name.as_slice().to_vec(), points }
}

#[rustler::nif(schedule = "DirtyCpu")]
fn ring_new<'a>(members: Vec<(Binary<'a>, u32)>) -> Made {
    made(Ring::new(members.into_iter().map(member).collect()))
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

#[rustler::nif]
fn ring_owners<'a>(ring: &RingResource, key: Binary<'a>, count: usize) -> NifResult<Vec<Node>> {
    Ok(ring.get()?.owners(&key, count))
}

/// `loads` is a little-endian u64 for each node, in the order of names.
#[rustler::nif]
fn ring_pick<'a>(
    ring: &RingResource,
    key: Binary<'a>,
    loads: Binary<'a>,
    factor: f64,
) -> NifResult<Option<Node>> {
    let (loads, rest) = loads.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Error::BadArg);
    }
    let loads: Vec<u64> = loads.iter().map(|load| u64::from_le_bytes(*load)).collect();
    Ok(ring.get()?.pick(&key, &loads, factor))
}

#[rustler::nif]
fn ring_memory() -> usize {
    MEMORY.load(Relaxed)
}
