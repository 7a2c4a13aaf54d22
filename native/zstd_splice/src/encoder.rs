//! A body cut into blocks, and how each of them is written.

use crate::block;
use crate::codes;
use crate::huffman::{self, Counts, Tree};
use crate::literals::{self, Coding};
use crate::matcher::Matcher;
use crate::own_tables::OwnTables;
use crate::position::Place;
use crate::primer::{Primer, Taught};
use crate::sequences::{self, Mode, Offset, Sequence};

/// Offsets into the primer are in the first bytes of a body only: what is patched per connection has a bound.
pub(crate) const PRIMED: usize = 16 * 1024;

/// The section of literals, and the sequences, of a block that has offsets into the primer.
pub(crate) type Relocatable = (Vec<u8>, Vec<Sequence>);

struct Encoder<'a> {
    taught: Option<&'a Taught>,
    body: &'a [u8],
    matcher: Matcher<'a>,
    /// The last tree that is described in the body, which decoders know instead of the primer's.
    tree: Option<Tree>,
    out: Vec<u8>,
}

/// The blocks of `body`: the first, if it has offsets into the primer, and the others as they are.
///
/// A decoder knows the same tree and tables after them as after the primer.
pub(crate) fn encode(primer: &Primer, body: &[u8]) -> (Option<Relocatable>, Vec<u8>) {
    let mut encoder = Encoder {
        taught: primer.taught(),
        body,
        matcher: Matcher::new(primer.index(), body),
        tree: None,
        out: Vec::new(),
    };
    let cut = if primer.taught().is_some() { body.len().min(PRIMED) } else { 0 };
    let first = if cut > 0 { encoder.block(0, cut) } else { None };
    for from in (cut..body.len()).step_by(block::MAX_BYTES) {
        encoder.block(from, body.len().min(from + block::MAX_BYTES));
    }
    (first, encoder.out)
}

impl Encoder<'_> {
    /// Writes the block of a part of the body, or returns it if it must be written per connection.
    fn block(&mut self, from: usize, to: usize) -> Option<Relocatable> {
        let (start, history) = (self.out.len(), self.matcher.history());
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        self.matcher.find(from..to, from == 0, &mut found, &mut rest);

        let counts = huffman::count(&rest);
        let tree = self.better_tree(&rest, &counts);
        // A tree that is not the primer's is followed by a reminder, which needs one literal.
        let last = to == self.body.len() && self.taught.is_some();
        let kept = usize::from(last && (tree.is_some() || self.tree.is_some()));
        let mut section = Vec::new();
        let coding = self.coding(tree.as_ref(), &rest, &counts);
        literals::write(&rest[..rest.len() - kept], coding, &mut section);

        let relocatable = self.write_block(&section, &found);
        let size = self.out.len() - start + if kept > 0 { self.reminder_size() } else { 0 };
        let worth_it = size < to - from + block::HEADER;
        if worth_it {
            self.tree = tree.or(self.tree.take());
        } else {
            self.matcher.restore(history);
        }
        if relocatable || !worth_it {
            self.out.truncate(start);
        }

        let kept = if worth_it { kept } else { usize::from(last && self.tree.is_some()) };
        if !worth_it {
            block::write_raw(&self.body[from..to - kept], &mut self.out);
        }
        if kept > 0
            && let Some(taught) = self.taught
        {
            taught.write_reminder(&self.body[to - kept..to], &mut self.out);
        }
        (relocatable && worth_it).then_some((section, found))
    }

    /// The tree that decoders know.
    fn known(&self) -> Option<&Tree> {
        self.tree.as_ref().or(self.taught.map(Taught::tree))
    }

    /// A tree for these literals, if it saves more than its description and the reminder cost.
    fn better_tree(&self, literals: &[u8], counts: &Counts) -> Option<Tree> {
        let known = self.known().and_then(|tree| tree.price(counts));
        // To make a tree takes longer than all the rest of a small body, and a tree for text seldom pays.
        let bits = known.unwrap_or(usize::MAX);
        if literals.len() < 32 || (literals.len() < MANY && bits <= 6 * literals.len()) {
            return None;
        }
        let tree = Tree::of_counts(counts)?;
        let reminder = if self.tree.is_none() { self.reminder_size() } else { 0 };
        let size = tree.price(counts)? / 8 + tree.description().len() + reminder;
        (size < literals.len().min(bits / 8)).then_some(tree)
    }

    fn coding<'t>(&'t self, own: Option<&'t Tree>, literals: &[u8], counts: &Counts) -> Coding<'t> {
        if let Some(own) = own {
            return Coding::Described(own);
        }
        if literals.len() > 2 && counts.contains(&(literals.len() as u32)) {
            return Coding::Same;
        }
        match self.known().and_then(|tree| Some((tree, tree.price(counts)?))) {
            Some((tree, bits))
                if literals::coded_size(literals.len(), bits)
                    < literals::raw_size(literals.len()) =>
            {
                Coding::Known(tree)
            }
            _ => Coding::Raw,
        }
    }

    fn reminder_size(&self) -> usize {
        self.taught.map_or(0, Taught::reminder_size)
    }

    /// Appends the block; returns whether it has offsets into the primer, which are those of the farthest
    /// connection then.
    fn write_block(&mut self, section: &[u8], found: &[Sequence]) -> bool {
        let own;
        let choice = if let Some(taught) = self.taught {
            taught.tables().in_mode(Mode::Repeat)
        } else {
            own = OwnTables::new(found);
            own.choice()
        };
        let relocatable = found.iter().any(|sequence| matches!(sequence.offset, Offset::Primer(_)));
        let mut patches = Vec::new();
        let mut place = if relocatable {
            Place::Class { bits: codes::OFFSET_SYMBOLS as u8 - 1, patches: &mut patches }
        } else {
            Place::At(0)
        };
        block::write_compressed(&mut self.out, |out| {
            out.extend_from_slice(section);
            sequences::write(found, choice, &mut place, out);
        });
        relocatable
    }
}

/// So many literals are worth a tree of their own, if only by a little.
const MANY: usize = 1024;
