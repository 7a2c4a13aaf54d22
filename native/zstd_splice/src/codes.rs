//! How lengths and offsets become a symbol and raw bits (RFC 8878, 3.1.1.3.2.1).

/// A number as a symbol for an entropy coder and raw bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) symbol: u8,
    pub(crate) bits: u8,
    pub(crate) extra: u32,
}

/// The smallest number of each symbol, and its raw bits.
type Classes<const N: usize> = [(u32, u8); N];

pub(crate) const LITERAL_SYMBOLS: usize = 36;
pub(crate) const MATCH_SYMBOLS: usize = 53;
/// Symbols of offsets up to the window of 2^20.
pub(crate) const OFFSET_SYMBOLS: usize = 21;

const LITERALS: Classes<LITERAL_SYMBOLS> = classes(
    0,
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10,
        11, 12, 13, 14, 15, 16,
    ],
);

const MATCHES: Classes<MATCH_SYMBOLS> = classes(
    SHORTEST_MATCH,
    [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
    ],
);

pub(crate) const SHORTEST_MATCH: u32 = 3;

const fn classes<const N: usize>(first: u32, bits: [u8; N]) -> Classes<N> {
    let mut classes = [(0, 0); N];
    let (mut symbol, mut number) = (0, first);
    while symbol < N {
        classes[symbol] = (number, bits[symbol]);
        number += 1 << bits[symbol];
        symbol += 1;
    }
    classes
}

/// The symbols of the numbers below `M`, so that few need a search.
const fn small<const N: usize, const M: usize>(classes: &Classes<N>) -> [u8; M] {
    let mut symbols = [0; M];
    let (mut number, mut symbol) = (classes[0].0 as usize, 0);
    while number < M {
        while symbol + 1 < N && classes[symbol + 1].0 as usize <= number {
            symbol += 1;
        }
        symbols[number] = symbol as u8;
        number += 1;
    }
    symbols
}

#[inline]
fn code<const N: usize, const M: usize>(
    number: u32,
    classes: &Classes<N>,
    small: &[u8; M],
) -> Code {
    let symbol = match small.get(number as usize) {
        Some(symbol) => *symbol,
        None => (classes.partition_point(|(first, _bits)| *first <= number) - 1) as u8,
    };
    let (first, bits) = classes[usize::from(symbol)];
    Code { symbol, bits, extra: number - first }
}

#[inline]
pub(crate) fn literal_length(number: u32) -> Code {
    static SMALL: [u8; 64] = small(&LITERALS);
    code(number, &LITERALS, &SMALL)
}

#[inline]
pub(crate) fn match_length(number: u32) -> Code {
    static SMALL: [u8; 160] = small(&MATCHES);
    code(number, &MATCHES, &SMALL)
}

/// Of an offset's value: 1 to 3 for one used before, from 4 on a new one plus 3.
#[inline]
pub(crate) fn offset(value: u32) -> Code {
    let bits = value.ilog2();
    Code { symbol: bits as u8, bits: bits as u8, extra: value - (1 << bits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_those_of_the_format() {
        assert_eq!(literal_length(15), Code { symbol: 15, bits: 0, extra: 0 });
        assert_eq!(literal_length(17), Code { symbol: 16, bits: 1, extra: 1 });
        assert_eq!(literal_length(64), Code { symbol: 25, bits: 6, extra: 0 });
        assert_eq!(literal_length(65_536 + 7), Code { symbol: 35, bits: 16, extra: 7 });
        assert_eq!(match_length(3), Code { symbol: 0, bits: 0, extra: 0 });
        assert_eq!(match_length(36), Code { symbol: 32, bits: 1, extra: 1 });
        assert_eq!(match_length(131), Code { symbol: 43, bits: 7, extra: 0 });
        assert_eq!(match_length(131_072), Code { symbol: 52, bits: 16, extra: 65_533 });
        assert_eq!(offset(1).symbol, 0);
        assert_eq!(offset((1 << 20) + 3), Code { symbol: 20, bits: 20, extra: 3 });
    }
}
