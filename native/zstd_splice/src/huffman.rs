//! Huffman codes for literals (RFC 8878, 4.2).

use crate::bits::Bits;
use crate::fse;

/// How often each byte comes.
pub(crate) type Counts = [u32; 256];

/// No code is longer.
const LONGEST: u8 = 11;

/// A code for each byte that may come, and its description for a decoder.
#[derive(Debug)]
pub(crate) struct Tree {
    /// Bits of each byte's code; 0 for a byte that has none.
    lengths: [u8; 256],
    codes: [u16; 256],
    description: Vec<u8>,
}

impl Tree {
    /// The best tree for bytes that come so often; `None` if fewer than two do, or no description is short
    /// enough.
    pub(crate) fn of_counts(counts: &Counts) -> Option<Self> {
        Self::new(lengths(counts)?)
    }

    fn new(lengths: [u8; 256]) -> Option<Self> {
        let longest = lengths.iter().copied().max()?;
        Some(Self {
            codes: codes(&lengths, longest),
            description: describe(&lengths, longest)?,
            lengths,
        })
    }

    pub(crate) fn description(&self) -> &[u8] {
        &self.description
    }

    /// Bits of the literals that are counted, or `None` if one of them has no code.
    pub(crate) fn price(&self, counts: &Counts) -> Option<usize> {
        let mut bits = 0;
        for (count, length) in counts.iter().zip(&self.lengths) {
            if *count > 0 && *length == 0 {
                return None;
            }
            bits += *count as usize * usize::from(*length);
        }
        Some(bits)
    }

    /// Appends one stream of `literals`, of which each has a code.
    pub(crate) fn write(&self, literals: &[u8], out: &mut Vec<u8>) {
        let mut bits = Bits::new(out);
        for literal in literals.iter().rev() {
            let literal = usize::from(*literal);
            bits.put(u32::from(self.codes[literal]), u32::from(self.lengths[literal]));
        }
        bits.finish();
    }
}

pub(crate) fn count(literals: &[u8]) -> Counts {
    let mut counts = [0; 256];
    for literal in literals {
        counts[usize::from(*literal)] += 1;
    }
    counts
}

/// The lengths of an optimal code, made shorter where they pass [`LONGEST`].
fn lengths(counts: &Counts) -> Option<[u8; 256]> {
    let mut leaves: Vec<(u32, u8)> =
        (0..=255).map(|byte| (counts[usize::from(byte)], byte)).filter(|leaf| leaf.0 > 0).collect();
    if leaves.len() < 2 {
        return None;
    }
    leaves.sort_unstable();

    let mut lengths = [0; 256];
    let depths = depths(&leaves);
    for ((_count, byte), depth) in leaves.iter().zip(&depths) {
        lengths[usize::from(*byte)] = (*depth).min(LONGEST);
    }
    if depths.iter().any(|depth| *depth > LONGEST) {
        fit(&leaves, &mut lengths);
    }
    Some(lengths)
}

/// How deep each of the leaves, in ascending order, hangs in a Huffman tree.
fn depths(leaves: &[(u32, u8)]) -> Vec<u8> {
    let inner = leaves.len() - 1;
    let mut weights: Vec<u32> = leaves.iter().map(|leaf| leaf.0).collect();
    let mut parents = vec![0; leaves.len() + inner];

    // Leaves and inner nodes each come in ascending order: the lightest is at the front of one of them.
    let (mut leaf, mut node) = (0, leaves.len());
    for new in leaves.len()..leaves.len() + inner {
        let mut weight = 0;
        for _child in 0..2 {
            let take_leaf = leaf < leaves.len() && (node >= new || weights[leaf] <= weights[node]);
            let child = if take_leaf { &mut leaf } else { &mut node };
            weight += weights[*child];
            parents[*child] = new;
            *child += 1;
        }
        weights.push(weight);
    }

    let mut depths = vec![0_u8; parents.len()];
    for child in (0..parents.len() - 1).rev() {
        depths[child] = depths[parents[child]].saturating_add(1);
    }
    depths.truncate(leaves.len());
    depths
}

/// Makes lengths that were cut to [`LONGEST`] a complete code again.
fn fit(leaves: &[(u32, u8)], lengths: &mut [u8; 256]) {
    let room = |length: u8| 1_i32 << (LONGEST - length);
    let mut free = 1_i32 << LONGEST;
    free -= leaves.iter().map(|leaf| room(lengths[usize::from(leaf.1)])).sum::<i32>();

    // The rarest give way first, the most frequent take what is left.
    while free < 0 {
        for (_count, byte) in leaves {
            let length = &mut lengths[usize::from(*byte)];
            if free < 0 && *length < LONGEST {
                *length += 1;
                free += room(*length);
            }
        }
    }
    while free > 0 {
        for (_count, byte) in leaves.iter().rev() {
            let length = &mut lengths[usize::from(*byte)];
            if *length > 1 && room(*length) <= free {
                free -= room(*length);
                *length -= 1;
            }
        }
    }
}

/// Codes in the order of the format: the longest first, and within a length by byte.
fn codes(lengths: &[u8; 256], longest: u8) -> [u16; 256] {
    let mut codes = [0; 256];
    let mut next = 0;
    for length in (1..=longest).rev() {
        for (byte, code) in codes.iter_mut().enumerate() {
            if lengths[byte] == length {
                *code = next;
                next += 1;
            }
        }
        next >>= 1;
    }
    codes
}

/// Weights of all bytes but the last one, which follows from them.
fn describe(lengths: &[u8; 256], longest: u8) -> Option<Vec<u8>> {
    let last = lengths.iter().rposition(|length| *length > 0)?;
    let weights: Vec<u8> = lengths[..last]
        .iter()
        .map(|length| if *length == 0 { 0 } else { longest + 1 - length })
        .collect();

    let mut best = compressed(&weights);
    let direct = weights.len().div_ceil(2);
    if weights.len() <= 128 && best.as_ref().is_none_or(|best| best.len() > direct + 1) {
        let mut bytes = vec![127 + weights.len() as u8];
        bytes.extend(weights.chunks(2).map(|pair| pair[0] << 4 | pair.get(1).unwrap_or(&0)));
        best = Some(bytes);
    }
    best
}

/// Weights as two interleaved states write them, after their length.
fn compressed(weights: &[u8]) -> Option<Vec<u8>> {
    let mut counts = [0; LONGEST as usize + 1];
    for weight in weights {
        counts[usize::from(*weight)] += 1;
    }
    if weights.len() < 3 || counts.iter().filter(|count| **count > 0).count() < 2 {
        return None;
    }
    let table = fse::Table::of_counts(if weights.len() > 64 { 6 } else { 5 }, &counts);

    let mut bytes = vec![0];
    table.describe(&mut bytes);
    let mut bits = Bits::new(&mut bytes);
    // Even places are the first state's, odd ones the second's.
    let mut states: [Option<fse::State>; 2] = [None, None];
    for (place, weight) in weights.iter().enumerate().rev() {
        match &mut states[place % 2] {
            Some(state) => table.write(state, *weight, &mut bits),
            none => *none = Some(table.start(*weight)),
        }
    }
    for state in states.iter().rev().flatten() {
        table.end(state, &mut bits);
    }
    bits.finish();

    bytes[0] = u8::try_from(bytes.len() - 1).ok().filter(|length| *length < 128)?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_codes_are_cut_to_a_complete_code() {
        let mut counts = [0; 256];
        let (mut a, mut b) = (1_u32, 1_u32);
        for count in counts.iter_mut().take(40) {
            *count = a;
            (a, b) = (b, a.saturating_add(b));
        }
        let lengths = lengths(&counts).unwrap();
        assert!(lengths.iter().all(|length| *length <= LONGEST));
        let space: u32 = lengths.iter().filter(|l| **l > 0).map(|l| 1 << (LONGEST - l)).sum();
        assert_eq!(space, 1 << LONGEST);
    }

    #[test]
    fn one_byte_makes_no_tree() {
        assert!(Tree::of_counts(&count(b"aaaa")).is_none());
        assert_eq!(Tree::of_counts(&count(&[0, 1])).unwrap().description(), [128, 0x10]);
    }
}
