//! Tables of a block that can count on nothing before it: the format's own, or better ones that it describes.

use std::sync::LazyLock;

use crate::codes::{self, LITERAL_SYMBOLS, MATCH_SYMBOLS, OFFSET_SYMBOLS};
use crate::fse::Table;
use crate::position::Place;
use crate::sequences::{Choice, Mode, Sequence, Tables};
use crate::statistics;

static PREDEFINED: LazyLock<Tables> = LazyLock::new(statistics::predefined);

/// The tables that are better than the format's own.
#[derive(Debug, Default)]
pub(crate) struct OwnTables {
    literals: Option<Table>,
    offsets: Option<Table>,
    matches: Option<Table>,
}

impl OwnTables {
    /// Fewer sequences never make up for a description.
    const FEWEST: usize = 32;

    pub(crate) fn new(sequences: &[Sequence]) -> Self {
        if sequences.len() < Self::FEWEST {
            return Self::default();
        }
        let mut literals = [0; LITERAL_SYMBOLS];
        let mut offsets = [0; OFFSET_SYMBOLS];
        let mut matches = [0; MATCH_SYMBOLS];
        for sequence in sequences {
            literals[usize::from(codes::literal_length(sequence.literals).symbol)] += 1;
            offsets[usize::from(Place::At(0).code(sequence.offset).symbol)] += 1;
            matches[usize::from(codes::match_length(sequence.length).symbol)] += 1;
        }
        Self {
            literals: better(&literals, &PREDEFINED.literals, 9),
            offsets: better(&offsets, &PREDEFINED.offsets, 8),
            matches: better(&matches, &PREDEFINED.matches, 9),
        }
    }

    pub(crate) fn choice(&self) -> Choice<'_> {
        fn one<'a>(own: Option<&'a Table>, predefined: &'a Table) -> (Mode, &'a Table) {
            own.map_or((Mode::Predefined, predefined), |own| (Mode::Described, own))
        }
        Choice {
            literals: one(self.literals.as_ref(), &PREDEFINED.literals),
            offsets: one(self.offsets.as_ref(), &PREDEFINED.offsets),
            matches: one(self.matches.as_ref(), &PREDEFINED.matches),
        }
    }
}

/// A table for symbols that come so often, if it saves more than its description costs.
fn better(counts: &[u32], predefined: &Table, longest: u32) -> Option<Table> {
    if counts.iter().filter(|count| **count > 0).count() < 2 {
        return None;
    }
    let total: u32 = counts.iter().sum();
    let own = Table::of_counts(total.ilog2().clamp(6, longest), counts);
    let mut description = Vec::new();
    own.describe(&mut description);
    let known = price(predefined, counts).unwrap_or(u32::MAX);
    (price(&own, counts)? + description.len() as u32 * 8 * 16 < known).then_some(own)
}

fn price(table: &Table, counts: &[u32]) -> Option<u32> {
    let came = counts.iter().enumerate().filter(|(_symbol, count)| **count > 0);
    came.map(|(symbol, count)| table.price(symbol, *count)).sum()
}
