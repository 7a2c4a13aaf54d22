//! Terms of what a reader finds. Strings are copies: a part of the text would keep all of it.

use payload::Build;

use super::atoms::Words;
use crate::beam::{Beam, Raw};

/// Makes the terms of one call.
pub(super) struct Terms {
    beam: Beam,
    nil: Raw,
    yes: Raw,
    no: Raw,
    /// One is enough for a document.
    empty_map: Option<Raw>,
}

impl Terms {
    pub(super) fn new(beam: Beam, words: &Words) -> Self {
        Self { beam, nil: words.nil, yes: words.yes, no: words.no, empty_map: None }
    }
}

impl Build for Terms {
    type Term = Raw;

    #[inline(always)]
    fn null(&mut self) -> Raw {
        self.nil
    }

    #[inline(always)]
    fn boolean(&mut self, boolean: bool) -> Raw {
        if boolean { self.yes } else { self.no }
    }

    #[inline(always)]
    fn signed(&mut self, number: i64) -> Raw {
        self.beam.make_signed(number)
    }

    fn unsigned(&mut self, number: u64) -> Raw {
        self.beam.make_unsigned(number)
    }

    fn big(&mut self, negative: bool, magnitude: &[u8]) -> Raw {
        // SMALL_BIG_EXT and LARGE_BIG_EXT. The interface has no other way to make one.
        let mut external = vec![131];
        match u8::try_from(magnitude.len()) {
            Ok(len) => external.extend_from_slice(&[110, len]),
            Err(_) => {
                external.push(111);
                external.extend_from_slice(&(magnitude.len() as u32).to_be_bytes());
            }
        }
        external.push(u8::from(negative));
        external.extend_from_slice(magnitude);
        self.beam.read_external(&external).unwrap_or(self.nil)
    }

    #[inline(always)]
    fn float(&mut self, number: f64) -> Raw {
        self.beam.make_float(number)
    }

    #[inline(always)]
    fn string(&mut self, text: &[u8]) -> Raw {
        self.beam.make_binary(text)
    }

    #[inline(always)]
    fn list(&mut self, values: &[Raw]) -> Raw {
        self.beam.make_list(values)
    }

    #[inline(always)]
    fn map(&mut self, keys: &[Raw], values: &[Raw]) -> Option<Raw> {
        if !keys.is_empty() {
            return self.beam.make_map(keys, values);
        }
        if self.empty_map.is_none() {
            self.empty_map = self.beam.make_map(keys, values);
        }
        self.empty_map
    }
}
