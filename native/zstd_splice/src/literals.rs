//! The literals of a block (RFC 8878, 3.1.1.3.1).

use crate::huffman::Tree;

/// From here on literals are cut in four streams: one stream's size has ten bits.
const FOUR_STREAMS: usize = 1024;

/// How literals are written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Coding<'a> {
    Raw,
    /// All are the first one.
    Same,
    /// By a tree that the decoder learns here.
    Described(&'a Tree),
    /// By the tree that the decoder learnt last.
    Known(&'a Tree),
}

/// Appends the section of `literals`.
pub(crate) fn write(literals: &[u8], coding: Coding<'_>, out: &mut Vec<u8>) {
    match coding {
        Coding::Raw => {
            write_plain_header(0, literals.len(), out);
            out.extend_from_slice(literals);
        }
        Coding::Same => {
            write_plain_header(1, literals.len(), out);
            out.extend(literals.first());
        }
        Coding::Described(tree) => write_coded(2, tree.description(), tree, literals, out),
        Coding::Known(tree) => write_coded(3, &[], tree, literals, out),
    }
}

/// Bytes of a section whose streams have `bits`, about.
pub(crate) fn coded_size(literals: usize, bits: usize) -> usize {
    if literals < FOUR_STREAMS { 3 + bits / 8 + 1 } else { 5 + 6 + bits / 8 + 4 }
}

/// Bytes of a section of raw literals.
pub(crate) fn raw_size(literals: usize) -> usize {
    literals + if literals < 32 { 1 } else { 3 }
}

fn write_plain_header(kind: u32, literals: usize, out: &mut Vec<u8>) {
    let size = literals as u32;
    match literals {
        0..32 => out.push((kind | size << 3) as u8),
        32..4096 => out.extend_from_slice(&(kind | 1 << 2 | size << 4).to_le_bytes()[..2]),
        _ => out.extend_from_slice(&(kind | 3 << 2 | size << 4).to_le_bytes()[..3]),
    }
}

fn write_coded(kind: u64, description: &[u8], tree: &Tree, literals: &[u8], out: &mut Vec<u8>) {
    // Sizes of 10, 14 or 18 bits; which ones must be known before the streams are.
    let (format, width) = match literals.len() {
        0..FOUR_STREAMS => (0, 10),
        FOUR_STREAMS..8192 => (2, 14),
        _ => (3, 18),
    };
    let header = out.len();
    let header_size = (4 + 2 * width as usize) / 8;
    out.resize(header + header_size, 0);
    let start = out.len();
    out.extend_from_slice(description);

    if format == 0 {
        tree.write(literals, out);
    } else {
        let jumps = out.len();
        out.resize(jumps + 6, 0);
        for (index, part) in literals.chunks(literals.len().div_ceil(4)).enumerate() {
            let from = out.len();
            tree.write(part, out);
            let size = (out.len() - from) as u16;
            if index < 3 {
                out[jumps + 2 * index..][..2].copy_from_slice(&size.to_le_bytes());
            }
        }
    }

    let coded = (out.len() - start) as u64;
    debug_assert!(coded < 1 << width);
    let sizes = kind | format << 2 | (literals.len() as u64) << 4 | coded << (4 + width);
    out[header..start].copy_from_slice(&sizes.to_le_bytes()[..header_size]);
}
