//! What every connection is sent once, so that events can be told by what they have in common with it.

use std::sync::{Arc, LazyLock, OnceLock};

use crate::block;
use crate::huffman::Tree;
use crate::index::Index;
use crate::literals::{self, Coding};
use crate::matcher::Matcher;
use crate::position::Place;
use crate::sequences::{self, Mode, Tables};
use crate::statistics;

/// Typical content, and the codes that suit what is typical. A clone is another reference.
#[derive(Debug, Clone)]
pub struct Primer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    index: Index,
    taught: Option<Taught>,
}

/// What a decoder has learnt once it has read a primer.
#[derive(Debug)]
pub(crate) struct Taught {
    tree: Tree,
    tables: Tables,
    /// The primer as a block that teaches all this.
    block: Box<[u8]>,
}

/// Why bytes are no primer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// There are more than [`Primer::MAX_BYTES`].
    Size,
    /// They repeat nothing of themselves, so that they teach a decoder nothing.
    Noise,
}

static JSON: OnceLock<Primer> = OnceLock::new();
/// What `Guildhall.Gateway.Primer` makes where maps are in the order of their keys.
const EVENTS: &[u8] = include_bytes!("primer.json").trim_ascii();

impl Primer {
    /// The largest primer.
    pub const MAX_BYTES: usize = 16 * 1024;

    /// A primer of any bytes. What encodings and clients make of them is the caller's business.
    pub fn new(bytes: &[u8]) -> Result<Self, Unfit> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(Unfit::Size);
        }
        let taught = Taught::new(bytes).ok_or(Unfit::Noise)?;
        Ok(Self(Arc::new(Inner { index: Index::new(bytes), taught: Some(taught) })))
    }

    /// Gateway events as JSON, to be sent as a field that clients ignore: the installed ones, or a list of
    /// dispatches of a Guildhall node.
    pub fn json() -> &'static Self {
        JSON.get_or_init(|| Self::new(EVENTS).unwrap_or_else(|_| Self::none()))
    }

    /// Makes this the primer of [`Primer::json`]. False if another one is in use already.
    pub fn install(self) -> bool {
        let primer = JSON.get_or_init(|| self.clone());
        primer.bytes() == self.bytes()
    }

    /// No primer: events are matched against themselves alone.
    pub fn empty() -> &'static Self {
        static EMPTY: LazyLock<Primer> = LazyLock::new(Primer::none);
        &EMPTY
    }

    fn none() -> Self {
        Self(Arc::new(Inner { index: Index::new(&[]), taught: None }))
    }

    /// The content.
    pub fn bytes(&self) -> &[u8] {
        self.0.index.bytes()
    }

    /// Bytes that the primer holds.
    pub fn memory(&self) -> usize {
        let taught =
            self.0.taught.as_ref().map_or(0, |taught| {
                taught.block.len() + size_of::<Tree>() + taught.tables.memory()
            });
        size_of::<Inner>() + self.0.index.memory() + taught
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn index(&self) -> &Index {
        &self.0.index
    }

    pub(crate) fn taught(&self) -> Option<&Taught> {
        self.0.taught.as_ref()
    }
}

impl Taught {
    fn new(bytes: &[u8]) -> Option<Self> {
        let (tree, tables) = (statistics::tree()?, statistics::tables());

        let (mut found, mut rest) = (Vec::new(), Vec::new());
        let none = Index::new(&[]);
        Matcher::new(&none, bytes).find(0..bytes.len(), false, &mut found, &mut rest);
        if found.is_empty() {
            return None;
        }

        let mut block = Vec::new();
        block::write_compressed(&mut block, |out| {
            literals::write(&rest, Coding::Described(&tree), out);
            sequences::write(&found, tables.in_mode(Mode::Described), &mut Place::At(0), out);
        });
        Some(Self { tree, tables, block: block.into() })
    }

    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(crate) fn block(&self) -> &[u8] {
        &self.block
    }

    /// Appends the last literals of a body, and with them the tree, which other blocks may have replaced.
    pub(crate) fn write_reminder(&self, rest: &[u8], out: &mut Vec<u8>) {
        block::write_compressed(out, |out| {
            literals::write(rest, Coding::Described(&self.tree), out);
            sequences::write(&[], self.tables.in_mode(Mode::Repeat), &mut Place::At(0), out);
        });
    }

    /// Bytes of a reminder of one literal, at most.
    pub(crate) fn reminder_size(&self) -> usize {
        block::HEADER + literals::coded_size(1, 11) + self.tree.description().len() + 1
    }
}
