//! The lists and maps that are open while a document is written.
//!
//! They go from one call to the next as a term: a raw term means nothing after the call that it
//! came from.

use rustler::types::tuple::get_tuple;
use rustler::{Encoder, Env, Error, NifResult, Term};

use super::atoms::Words;
use crate::beam::{Beam, Pairs, Raw};
use crate::list::List;

/// A list or a map that is open.
pub(super) enum Frame {
    List {
        list: Raw,
        /// What comes after the element that is written.
        rest: Raw,
    },
    Map {
        map: Raw,
        /// At the pair that is written.
        pairs: Pairs,
        /// The index of that pair.
        index: usize,
        /// Where the map's text starts.
        start: usize,
    },
}

impl Frame {
    /// Starts the walk over a map, and returns its first pair.
    #[inline(always)]
    pub(super) fn start(&mut self, beam: Beam) -> Option<(Raw, Raw)> {
        match self {
            Self::Map { map, pairs, .. } => {
                pairs.start(beam, *map);
                pairs.pair()
            }
            Self::List { .. } => None,
        }
    }
}

/// A key or an index on the way to a term.
pub(super) enum Step {
    Key(Raw),
    Index(usize),
}

/// From the outside in.
#[derive(Default)]
pub(super) struct Frames(pub(super) Vec<Frame>);

impl Frames {
    /// Bytes of memory.
    pub(super) fn size(&self) -> usize {
        self.0.capacity() * size_of::<Frame>()
    }

    /// The same memory without a frame.
    pub(super) fn emptied(mut self) -> Self {
        self.0.clear();
        self
    }

    /// The innermost map, and where its text starts; it is not open any more.
    #[cold]
    pub(super) fn pop_map(&mut self) -> Option<(Raw, usize)> {
        match self.0.pop()? {
            Frame::Map { map, start, .. } => Some((map, start)),
            Frame::List { .. } => None,
        }
    }

    /// The way to `term`, which is refused. A struct around it is refused in its place, with the
    /// way to that: whether the walk met the struct's name or the term first is the VM's choice.
    #[cold]
    pub(super) fn path(&mut self, beam: Beam, term: Raw) -> Result<Vec<Step>, (Raw, Vec<Step>)> {
        let words = Words::get();
        let mut path = vec![];

        for frame in &mut self.0 {
            let (whole, step) = match frame {
                Frame::List { list, rest } => (*list, Step::Index(index(beam, *list, *rest))),
                Frame::Map { map, pairs, .. } => {
                    let module = beam.value(*map, words.module);
                    if module.is_some_and(|module| module != words.raw) {
                        return Err((*map, path));
                    }
                    let key = pairs.pair().map_or(*map, |(key, _value)| key);
                    (if key == term { key } else { *map }, Step::Key(key))
                }
            };
            // The list that is improper, the map or its key.
            if whole == term {
                break;
            }
            path.push(step);
        }
        Ok(path)
    }

    /// The frames as a term, with the term that is to be written next unless the next one is that
    /// after the last one.
    #[cold]
    pub(super) fn freeze<'a>(&self, env: Env<'a>, term: Option<Raw>) -> Term<'a> {
        let out = |raw| Beam::term(env, raw);
        let frames = self.0.iter().map(|frame| match frame {
            Frame::List { list, rest } => (out(*list), out(*rest)).encode(env),
            Frame::Map { map, index, start, .. } => (out(*map), *index, *start).encode(env),
        });
        let frames: Vec<Term<'a>> = frames.collect();
        let next: Vec<Term<'a>> = term.map(out).into_iter().collect();
        (frames, next).encode(env)
    }

    /// What [`Frames::freeze`] made a term of.
    pub(super) fn thaw(env: Env<'_>, frozen: Term<'_>) -> NifResult<(Self, Option<Raw>)> {
        let beam = Beam::new(env);
        let (List(frames), List(next)): (List<Term<'_>>, List<Term<'_>>) = frozen.decode()?;

        let thawed = frames.into_iter().map(|frame| match get_tuple(frame)?.as_slice() {
            [list, rest] => Ok(Frame::List { list: list.as_c_arg(), rest: rest.as_c_arg() }),
            [map, index, start] if map.is_map() => {
                let (index, start): (usize, usize) = (index.decode()?, start.decode()?);
                if index > map.map_size()? {
                    return Err(Error::BadArg);
                }
                let map = map.as_c_arg();
                let mut pairs = Pairs::new();
                pairs.start(beam, map);
                (0..index).for_each(|_| pairs.advance());
                Ok(Frame::Map { map, pairs, index, start })
            }
            _ => Err(Error::BadArg),
        });
        let thawed: NifResult<Vec<Frame>> = thawed.collect();
        Ok((Self(thawed?), next.first().map(Term::as_c_arg)))
    }
}

/// The index of the element before `rest`, which is one of the tails of `list`.
fn index(beam: Beam, list: Raw, rest: Raw) -> usize {
    let tails = std::iter::successors(beam.cell(list), |(_head, tail)| beam.cell(*tail));
    tails.take_while(|(_head, tail)| *tail != rest).count()
}
