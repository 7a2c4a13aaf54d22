//! A body, compressed once for every connection.

use std::sync::OnceLock;

use crate::encoder;
use crate::position::{self, Patch, Place};
use crate::sequences::{self, Mode, Sequence};
use crate::{Primer, block};
use gauge::Gauge;

/// Bodies that are shared, with their variants.
pub static SHARED: Gauge = Gauge::new();

/// A body as blocks that fit into any connection that was sent the same primer.
#[derive(Debug)]
pub struct Shared {
    primer: Primer,
    /// Bytes of the body.
    size: usize,
    /// The first block, if it has offsets into the primer.
    first: Option<Relocatable>,
    /// The other blocks, which are the same everywhere.
    rest: Box<[u8]>,
    memory: usize,
}

/// A block with offsets that differ from connection to connection.
#[derive(Debug)]
pub(crate) struct Relocatable {
    pub(crate) literals: Box<[u8]>,
    pub(crate) sequences: Box<[Sequence]>,
    /// The least and the greatest difference between an offset and the connection's distance.
    pub(crate) low: i32,
    pub(crate) high: i32,
    variants: [OnceLock<Box<Variant>>; CLASSES],
}

/// The block for all distances of a class, and what differs among them.
#[derive(Debug)]
struct Variant {
    /// With room behind it for the last patch.
    bytes: Box<[u8]>,
    patches: Box<[Patch]>,
}

/// A variant is kept for distances of this class and more. Below it nobody stays for long.
const LOWEST: usize = 10;
const CLASSES: usize = 11;

impl Shared {
    /// Compresses `body`. Up to some 64 KB it is searched at every byte, beyond that where it pays.
    pub fn new(primer: &Primer, body: &[u8]) -> Self {
        let (first, rest) = encoder::encode(primer, body);
        let first = first.map(|(literals, sequences)| Relocatable::new(literals, sequences));

        let kept =
            first.as_ref().map_or(0, |first| first.literals.len() + size_of_val(&*first.sequences));
        let memory = size_of::<Self>() + kept + rest.len();
        SHARED.add(memory);
        Self { primer: primer.clone(), size: body.len(), first, rest: rest.into(), memory }
    }

    /// Bytes of the body.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Bytes that this holds.
    pub fn memory(&self) -> usize {
        self.memory + self.variants().map(|variant| variant.memory()).sum::<usize>()
    }

    fn variants(&self) -> impl Iterator<Item = &Variant> {
        let variants = self.first.iter().flat_map(|first| &first.variants);
        variants.filter_map(|variant| variant.get().map(Box::as_ref))
    }

    pub(crate) fn primer(&self) -> &Primer {
        &self.primer
    }

    /// Appends the blocks for a connection on which the primer began `distance` bytes before the body.
    #[inline]
    pub(crate) fn write(&self, distance: u32, out: &mut Vec<u8>) {
        if let Some(first) = &self.first {
            match position::class(distance, first.low, first.high) {
                Some(class) if usize::from(class) >= LOWEST => {
                    self.variant(first, class).write(distance, out);
                }
                _ => self.write_alone(distance, out),
            }
        }
        out.extend_from_slice(&self.rest);
    }

    /// The same, with nothing kept for the next connection.
    pub(crate) fn write_once(&self, distance: u32, out: &mut Vec<u8>) {
        if self.first.is_some() {
            self.write_alone(distance, out);
        }
        out.extend_from_slice(&self.rest);
    }

    #[cold]
    fn write_alone(&self, distance: u32, out: &mut Vec<u8>) {
        if let (Some(first), Some(taught)) = (&self.first, self.primer.taught()) {
            first.write(taught.tables().in_mode(Mode::Repeat), &mut Place::At(distance), out);
        }
    }

    #[inline]
    fn variant<'a>(&self, first: &'a Relocatable, class: u8) -> &'a Variant {
        let slot = &first.variants[usize::from(class) - LOWEST];
        slot.get().map_or_else(|| self.make_variant(first, slot, class), Box::as_ref)
    }

    #[cold]
    fn make_variant<'a>(
        &self,
        first: &Relocatable,
        slot: &'a OnceLock<Box<Variant>>,
        class: u8,
    ) -> &'a Variant {
        slot.get_or_init(|| {
            let (mut bytes, mut patches) = (Vec::new(), Vec::new());
            if let Some(taught) = self.primer.taught() {
                let mut place = Place::Class { bits: class, patches: &mut patches };
                first.write(taught.tables().in_mode(Mode::Repeat), &mut place, &mut bytes);
            }
            bytes.extend_from_slice(&[0; Patch::SLACK]);
            let before = block::HEADER + first.literals.len();
            let patches = patches.into_iter().map(|patch| patch.moved(before)).collect();
            let variant = Variant { bytes: bytes.into(), patches };
            SHARED.resize(0, variant.memory());
            Box::new(variant)
        })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        SHARED.remove(self.memory());
    }
}

impl Relocatable {
    fn new(literals: Vec<u8>, sequences: Vec<Sequence>) -> Self {
        let deltas = || {
            sequences.iter().filter_map(|sequence| match sequence.offset {
                sequences::Offset::Primer(delta) => Some(delta),
                _ => None,
            })
        };
        let (low, high) = (deltas().min().unwrap_or(0), deltas().max().unwrap_or(0));
        let variants = std::array::from_fn(|_class| OnceLock::new());
        Self { literals: literals.into(), sequences: sequences.into(), low, high, variants }
    }

    fn write(&self, choice: sequences::Choice<'_>, place: &mut Place<'_>, out: &mut Vec<u8>) {
        block::write_compressed(out, |out| {
            out.extend_from_slice(&self.literals);
            sequences::write(&self.sequences, choice, place, out);
        });
    }
}

impl Variant {
    #[inline]
    fn write(&self, distance: u32, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let block = &mut out[start..];
        for patch in &self.patches {
            patch.apply(distance, block);
        }
        out.truncate(out.len() - Patch::SLACK);
    }

    fn memory(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + size_of_val(&*self.patches)
    }
}
