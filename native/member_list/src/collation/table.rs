//! Published weights, as `collation/generate.py` packed them.
//!
//! Four arrays of little-endian u16: which row of 256 a character is in, the rows, the weights of
//! characters that have several, and the contractions.

use std::sync::LazyLock;

static DATA: &[u8] = include_bytes!("table.bin");
/// Three characters in two halves each, how many weights, and six weights.
const CONTRACTION: usize = 13;
/// What the row says of a character whose weights are computed.
const COMPUTED: u16 = 0xffff;
/// What the row says of a character with several weights, beside where they are.
const SEVERAL: u16 = 0x8000;

pub(super) static TABLE: LazyLock<Table> = LazyLock::new(Table::read);

pub(super) struct Table {
    index: Vec<u16>,
    rows: Vec<u16>,
    several: Vec<u16>,
    contractions: Vec<([char; 3], Vec<u16>)>,
}

/// The weights of one character.
pub(super) enum Entry<'a> {
    /// 0 is none.
    One(u16),
    Several(&'a [u16]),
    Computed,
}

impl Table {
    fn read() -> Self {
        let mut halves = DATA.as_chunks::<2>().0.iter().map(|bytes| u16::from_le_bytes(*bytes));
        let mut half = || halves.next().unwrap_or_default();
        let lengths = [(); 4].map(|()| usize::from(half()) | usize::from(half()) << 16);
        let [index, rows, several, packed] =
            lengths.map(|length| (0..length).map(|_| half()).collect::<Vec<_>>());
        let contractions = packed.as_chunks::<CONTRACTION>().0.iter().map(contraction).collect();
        Self { index, rows, several, contractions }
    }

    #[inline]
    pub(super) fn entry(&self, char: char) -> Entry<'_> {
        let (page, low) = (char as usize >> 8, char as usize & 0xff);
        // The pages that are left out at the end are as the last one.
        let row = self.index.get(page).or(self.index.last());
        let at = usize::from(row.copied().unwrap_or_default()) << 8 | low;
        match self.rows.get(at).copied().unwrap_or(COMPUTED) {
            COMPUTED => Entry::Computed,
            weight if weight < SEVERAL => Entry::One(weight),
            place => {
                let rest = self.several.get(usize::from(place & !SEVERAL)..).unwrap_or_default();
                Entry::Several(match rest.split_first() {
                    Some((&count, rest)) => rest.get(..usize::from(count)).unwrap_or_default(),
                    None => &[],
                })
            }
        }
    }

    /// The weights of characters that together are not what they are alone.
    pub(super) fn contraction(&self, chars: &[char]) -> Option<&[u16]> {
        let mut wanted = ['\0'; 3];
        wanted.get_mut(..chars.len())?.copy_from_slice(chars);
        let at = self.contractions.binary_search_by(|(chars, _weights)| chars.cmp(&wanted)).ok()?;
        self.contractions.get(at).map(|(_chars, weights)| weights.as_slice())
    }

    /// Whether any contraction begins with the character.
    pub(super) fn begins_contraction(&self, char: char) -> bool {
        let at = self.contractions.partition_point(|(chars, _weights)| chars < &[char, '\0', '\0']);
        self.contractions.get(at).is_some_and(|(chars, _weights)| chars.first() == Some(&char))
    }
}

fn contraction(packed: &[u16; CONTRACTION]) -> ([char; 3], Vec<u16>) {
    let (chars, weights) = packed.split_at(6);
    let mut chars = chars.as_chunks::<2>().0.iter().map(|[high, low]| {
        char::from_u32(u32::from(*high) << 16 | u32::from(*low)).unwrap_or_default()
    });
    let chars = [(); 3].map(|()| chars.next().unwrap_or_default());
    let count = weights.first().copied().unwrap_or_default();
    (chars, weights.iter().skip(1).take(count.into()).copied().collect())
}
