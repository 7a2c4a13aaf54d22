//! Terms to text: what is kept from one document to the next, and how one ends.

use rustler::{Atom, Env, NifResult, Term};

use super::atoms::{self, AtomTexts, Words};
use super::frames::{Frames, Step};
use super::keys::KeyPlaces;
use super::stop::Stop;
use super::walk::Walk;
use crate::beam::{Beam, Raw};

/// What a normal scheduler writes at a time, in bytes of text.
const NORMAL_BYTES: usize = 64 * 1024;

/// How a document ends that is no text yet.
pub(super) enum Unfinished<'a> {
    /// It is more than a normal scheduler should do at a time: what is left to do.
    More(Term<'a>),
    /// It has something that JSON has not.
    Refused {
        reason: Atom,
        /// The offset in a string.
        position: Option<usize>,
        term: Raw,
        /// Where the term is: keys and indexes, from the outside in.
        path: Vec<Step>,
    },
}

/// Encodes documents, one after the other, and keeps its memory in between.
pub(super) struct Encoder {
    pub(super) out: Vec<u8>,
    frames: Frames,
    texts: AtomTexts,
    keys: KeyPlaces,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            out: vec![],
            frames: Frames::default(),
            texts: AtomTexts::new(),
            keys: KeyPlaces::new(),
        }
    }

    /// Bytes of memory that are kept for the next document.
    pub(super) fn retained(&self) -> usize {
        self.out.capacity() + self.frames.size() + self.texts.size() + self.keys.size()
    }

    /// Gives memory back, so that at most about `limit` bytes are kept.
    pub(super) fn shrink(&mut self, limit: usize) {
        self.out.clear();
        self.out.shrink_to(limit);
    }

    /// Writes the text of `term`, of at most `max` bytes, to `out`, or as much of it as a normal
    /// scheduler should.
    pub(super) fn start<'a>(
        &mut self,
        env: Env<'a>,
        term: Term<'a>,
        max: usize,
    ) -> Result<(), Unfinished<'a>> {
        self.out.clear();
        let frames = std::mem::take(&mut self.frames);
        self.walk(env, frames, Some(term.as_c_arg()), max, true)
    }

    /// Goes on after `text` with what was left to do then, up to `max` bytes in all.
    pub(super) fn finish<'a>(
        &mut self,
        env: Env<'a>,
        text: &[u8],
        rest: Term<'a>,
        max: usize,
    ) -> NifResult<Result<(), Unfinished<'a>>> {
        let (frames, term) = Frames::thaw(env, rest)?;
        self.out.clear();
        self.out.extend_from_slice(text);
        Ok(self.walk(env, frames, term, max, false))
    }

    fn walk<'a>(
        &mut self,
        env: Env<'a>,
        frames: Frames,
        term: Option<Raw>,
        max: usize,
        normal: bool,
    ) -> Result<(), Unfinished<'a>> {
        let beam = Beam::new(env);
        let limit = if normal { max.min(NORMAL_BYTES) } else { max };
        let (out, texts, keys) = (&mut self.out, &mut self.texts, &mut self.keys);
        let mut walk = Walk::new(beam, out, texts, keys, frames, (limit, normal));

        let result = walk.run(term).map_err(|stop| match stop {
            Stop::Large(term) if normal => Unfinished::More(walk.frames.freeze(env, term)),
            Stop::Large(_term) => too_large(),
            Stop::Refused { reason, position, term } => match walk.frames.path(beam, term) {
                Ok(path) => Unfinished::Refused { reason, position, term, path },
                Err((term, path)) => {
                    let (reason, position) = (atoms::__struct__(), None);
                    Unfinished::Refused { reason, position, term, path }
                }
            },
        });
        self.frames = walk.frames.emptied();
        // What closes lists and maps may be what is too much.
        if result.is_ok() && self.out.len() > max { Err(too_large()) } else { result }
    }
}

#[cold]
fn too_large<'a>() -> Unfinished<'a> {
    let (reason, term) = (atoms::too_large(), Words::get().nil);
    Unfinished::Refused { reason, position: None, term, path: vec![] }
}
