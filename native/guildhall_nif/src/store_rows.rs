//! The rows of a scan as terms. Their bytes are copied from the database's pages into a binary of the
//! VM, and nowhere else.

use rustler::{Env, OwnedBinary, Term};
use store::{Buffer, Page};

use crate::beam::{Beam, Raw};

/// Up to so many bytes a binary is on the heap of its process: it is made faster than a part of another,
/// and does not keep the other alive.
const SHORT: usize = 64;

/// A binary that grows.
pub(crate) struct Growing {
    binary: OwnedBinary,
    used: usize,
}

impl Buffer for Growing {
    fn with_room(bytes: usize) -> Self {
        Self { binary: OwnedBinary::new(bytes), used: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        if end > self.binary.len() {
            self.binary.realloc_or_copy(end + end / 2);
        }
        if let Some(room) = self.binary.as_mut_slice().get_mut(self.used..end) {
            room.copy_from_slice(bytes);
        }
        self.used = end;
    }

    fn count(&self) -> usize {
        self.used
    }
}

/// A list of `{key, value}`.
pub(crate) fn rows<'a>(env: Env<'a>, page: Page<Growing>) -> Term<'a> {
    let (Growing { mut binary, used }, lengths) = page.into_parts();
    // What is kept of the rows keeps all of it: not much more than they are.
    if binary.len() > used + used / 4 {
        binary.realloc_or_copy(used);
    }
    let bytes = binary.release(env);
    let (beam, whole) = (Beam::new(env), bytes.to_term(env).as_c_arg());
    let part = |from: usize, len: usize| match bytes.get(from..from + len) {
        Some(short) if len <= SHORT => beam.make_binary(short),
        Some(_long) => beam.make_part(whole, from, len),
        None => beam.make_binary(&[]),
    };
    let mut offset = 0;
    let row = |(key, value): (usize, usize)| {
        let from = offset;
        offset += key + value;
        beam.make_tuple(&[part(from, key), part(from + key, value)])
    };
    let rows: Vec<Raw> = lengths.into_iter().map(row).collect();
    Beam::term(env, beam.make_list(&rows))
}
