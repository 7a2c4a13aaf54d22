//! As much as one call does: what goes in at a time, and what comes out.

use ordered_set::{Batch, Limit};
use rustler::{Atom, Binary, Env, NewBinary, NifResult, Term, schedule};

use super::read::Terms;
use super::write;
use crate::atoms;
use crate::beam::Beam;

/// Entries that go in with one lock: some 100 us in a large set.
const IN: usize = 100;
/// Entries that come out of one call: as long.
const OUT: usize = 500;
/// Bytes of them, but for the last.
const BYTES: usize = 1 << 15;

/// The entries at the head of a list, with their keys made.
pub(super) struct Piece<'a> {
    keys: Vec<u8>,
    /// Where each key ends, and its payload.
    ends: Vec<(usize, Option<Binary<'a>>)>,
    /// `:ok`, or why the entry at the head of the rest is refused.
    pub(super) result: Atom,
    pub(super) rest: Term<'a>,
}

impl<'a> Piece<'a> {
    pub(super) fn take(list: Term<'a>, with_payloads: bool) -> NifResult<Self> {
        let mut piece = Self { keys: vec![], ends: vec![], result: atoms::ok(), rest: list };
        let mut bytes = 0;
        while piece.ends.len() < IN && bytes < BYTES && !piece.rest.is_empty_list() {
            let (head, tail) = piece.rest.list_get_cell()?;
            let (key, payload) = write::entry(head, with_payloads)?;
            let start = piece.keys.len();
            if let Err(reason) = write::write(key, &mut piece.keys) {
                piece.keys.truncate(start);
                piece.result = reason;
                break;
            }
            piece.ends.push((piece.keys.len(), payload));
            // A payload that is too large is refused, not copied.
            bytes = piece.keys.len() + payload.map_or(0, |payload| payload.len());
            piece.rest = tail;
        }
        Ok(piece)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        starts.zip(&self.ends).filter_map(|(start, (end, payload))| {
            let payload = payload.as_ref().map_or(&[][..], Binary::as_slice);
            Some((self.keys.get(start..*end)?, payload))
        })
    }

    /// The entry at a place of `list` was refused: the rest begins with it.
    pub(super) fn stop(&mut self, list: Term<'a>, place: usize, reason: Atom) -> NifResult<()> {
        self.rest = list;
        for _ in 0..place {
            (_, self.rest) = self.rest.list_get_cell()?;
        }
        self.result = reason;
        Ok(())
    }

    pub(super) fn consume(&self, env: Env<'a>) {
        // Putting in takes longer than copying out.
        consume(env, self.ends.len() * 5);
    }
}

/// How much a call reads of what is asked for.
pub(super) fn limit(count: usize) -> Limit {
    Limit { count: count.min(OUT), bytes: BYTES }
}

/// The entries as a list of terms, and the key to go on at.
pub(super) fn terms<'a>(
    env: Env<'a>,
    batch: &Batch,
    with_payloads: bool,
) -> NifResult<(Term<'a>, Option<Binary<'a>>)> {
    let (beam, mut terms) = (Beam::new(env), Terms::new(env));
    let mut entries = Vec::with_capacity(batch.len());
    for (key, payload) in batch.entries() {
        let key = terms.read(key)?;
        entries.push(match with_payloads {
            true => beam.make_tuple(&[key, beam.make_binary(payload)]),
            false => key,
        });
    }
    consume(env, batch.len());
    Ok((Beam::term(env, beam.make_list(&entries)), batch.next().map(|next| binary(env, &next))))
}

/// Tells the VM that a call has read so many entries: 500 take some 100 us.
pub(super) fn consume(env: Env<'_>, entries: usize) {
    if entries >= OUT / 10 {
        let percent = i32::try_from(entries * 10 / OUT).unwrap_or(100);
        schedule::consume_timeslice(env, percent.clamp(1, 100));
    }
}

pub(super) fn binary<'a>(env: Env<'a>, bytes: &[u8]) -> Binary<'a> {
    let mut binary = NewBinary::new(env, bytes.len());
    binary.copy_from_slice(bytes);
    binary.into()
}
