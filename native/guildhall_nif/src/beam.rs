//! The little of the NIF interface that JSON and the keys of ordered sets need, on raw terms. All the
//! unsafe code of it.
//!
//! **Invariant:** a [`Raw`] is only ever used with the [`Beam`] of the call that it came from, and
//! no longer than that call. Neither leaves the modules of `payload` and `ordered_set`, which see to it.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use rustler::sys;
use rustler::{Env, Term};

/// A term of the call's environment, as the VM writes it.
pub(crate) use sys::ErlNifTerm as Raw;

/// What a term is.
pub(crate) use sys::ErlNifTermType as Kind;

/// Larger maps are hash tables. Of those OTP 26 and 27 let equal keys pass, and make a table that is too
/// small to be one and equal to no other map.
const SMALL_MAP: usize = 32;

/// The environment of a call.
#[derive(Clone, Copy)]
pub(crate) struct Beam(*mut sys::ErlNifEnv);

/// The word that is the term.
#[inline(always)]
pub(crate) fn word(term: Raw) -> usize {
    // SAFETY: it is a transparent one.
    unsafe { std::mem::transmute(term) }
}

/// Whether the term is likely to be on a heap, and no list: a binary, a map or a large number. A
/// hint for what to try first, from the tag that all VMs so far have; a wrong one costs time alone.
#[inline(always)]
pub(crate) fn is_boxed(term: Raw) -> bool {
    word(term) & 3 == 2
}

/// An integer as the VM has it.
pub(crate) enum Integer {
    Signed(i64),
    Unsigned(u64),
    Big,
}

impl Beam {
    pub(crate) fn new(env: Env<'_>) -> Self {
        Self(env.as_c_arg())
    }

    /// The term as one for the outside.
    pub(crate) fn term<'a>(env: Env<'a>, term: Raw) -> Term<'a> {
        // SAFETY: by the invariant, the term belongs to `env`.
        unsafe { Term::new(env, term) }
    }

    #[inline(always)]
    pub(crate) fn kind(self, term: Raw) -> Kind {
        // SAFETY: by the invariant.
        unsafe { sys::enif_term_type(self.0, term) }
    }

    /// The bytes of a binary; none of a bitstring that ends within a byte.
    #[inline(always)]
    pub(crate) fn binary<'a>(self, term: Raw) -> Option<&'a [u8]> {
        let mut binary = MaybeUninit::<sys::ErlNifBinary>::uninit();
        // SAFETY: by the invariant; a binary that is inspected stays where it is until the call
        // ends. Of an empty one the pointer may be anything.
        unsafe {
            if sys::enif_inspect_binary(self.0, term, binary.as_mut_ptr()) == 0 {
                return None;
            }
            let binary = binary.assume_init();
            if binary.size == 0 {
                return Some(&[]);
            }
            Some(std::slice::from_raw_parts(binary.data, binary.size))
        }
    }

    /// A new binary that holds a copy of `bytes`.
    #[inline(always)]
    pub(crate) fn make_binary(self, bytes: &[u8]) -> Raw {
        let mut term = Raw::default();
        // SAFETY: the VM gives room for as many bytes as it is asked for, or aborts.
        unsafe {
            let to = sys::enif_make_new_binary(self.0, bytes.len(), &mut term);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        term
    }

    /// A part of a binary, which is not copied and keeps the whole alive.
    #[inline(always)]
    pub(crate) fn make_part(self, whole: Raw, from: usize, len: usize) -> Raw {
        // SAFETY: by the invariant, and the caller's: the part is within the binary.
        unsafe { sys::enif_make_sub_binary(self.0, whole, from, len) }
    }

    #[inline(always)]
    pub(crate) fn integer(self, term: Raw) -> Integer {
        let (mut signed, mut unsigned) = (0, 0);
        // SAFETY: by the invariant.
        unsafe {
            if sys::enif_get_int64(self.0, term, &mut signed) != 0 {
                Integer::Signed(signed)
            } else if sys::enif_get_uint64(self.0, term, &mut unsigned) != 0 {
                Integer::Unsigned(unsigned)
            } else {
                Integer::Big
            }
        }
    }

    #[inline(always)]
    pub(crate) fn make_signed(self, number: i64) -> Raw {
        // SAFETY: by the invariant.
        unsafe { sys::enif_make_int64(self.0, number) }
    }

    #[inline(always)]
    pub(crate) fn make_unsigned(self, number: u64) -> Raw {
        // SAFETY: by the invariant.
        unsafe { sys::enif_make_uint64(self.0, number) }
    }

    #[inline(always)]
    pub(crate) fn float(self, term: Raw) -> f64 {
        let mut number = 0.0;
        // SAFETY: by the invariant. Of another kind of term it stays 0.0.
        unsafe { sys::enif_get_double(self.0, term, &mut number) };
        number
    }

    #[inline(always)]
    pub(crate) fn make_float(self, number: f64) -> Raw {
        // SAFETY: by the invariant; JSON has only finite ones.
        unsafe { sys::enif_make_double(self.0, number) }
    }

    /// The head and the tail of a list that has them.
    #[inline(always)]
    pub(crate) fn cell(self, list: Raw) -> Option<(Raw, Raw)> {
        let (mut head, mut tail) = (Raw::default(), Raw::default());
        // SAFETY: by the invariant.
        let found = unsafe { sys::enif_get_list_cell(self.0, list, &mut head, &mut tail) };
        (found != 0).then_some((head, tail))
    }

    #[inline(always)]
    pub(crate) fn is_empty_list(self, term: Raw) -> bool {
        // SAFETY: by the invariant.
        unsafe { sys::enif_is_empty_list(self.0, term) != 0 }
    }

    #[inline(always)]
    pub(crate) fn make_list(self, values: &[Raw]) -> Raw {
        // SAFETY: by the invariant; the VM copies the slice.
        unsafe { sys::enif_make_list_from_array(self.0, values.as_ptr(), values.len() as u32) }
    }

    #[inline(always)]
    pub(crate) fn make_tuple(self, elements: &[Raw]) -> Raw {
        // SAFETY: by the invariant; the VM copies the slice.
        unsafe { sys::enif_make_tuple_from_array(self.0, elements.as_ptr(), elements.len() as u32) }
    }

    #[inline(always)]
    pub(crate) fn make_cell(self, head: Raw, tail: Raw) -> Raw {
        // SAFETY: by the invariant.
        unsafe { sys::enif_make_list_cell(self.0, head, tail) }
    }

    /// A map, unless two keys are the same.
    #[inline(always)]
    pub(crate) fn make_map(self, keys: &[Raw], values: &[Raw]) -> Option<Raw> {
        let mut map = Raw::default();
        let count = keys.len().min(values.len());
        // SAFETY: by the invariant; the VM copies the slices.
        let made = unsafe {
            sys::enif_make_map_from_arrays(self.0, keys.as_ptr(), values.as_ptr(), count, &mut map)
        };
        (made != 0 && (count <= SMALL_MAP || self.size(map) == count)).then_some(map)
    }

    fn size(self, map: Raw) -> usize {
        let mut size = 0;
        // SAFETY: by the invariant. Of what is no map it stays 0.
        unsafe { sys::enif_get_map_size(self.0, map, &mut size) };
        size
    }

    /// The value at `key`, which a map need not have.
    pub(crate) fn value(self, map: Raw, key: Raw) -> Option<Raw> {
        let mut value = Raw::default();
        // SAFETY: by the invariant.
        let found = unsafe { sys::enif_get_map_value(self.0, map, key, &mut value) };
        (found != 0).then_some(value)
    }

    /// The term in the external format, as the VM writes it.
    pub(crate) fn write_external(self, term: Raw) -> Vec<u8> {
        let mut binary = MaybeUninit::<sys::ErlNifBinary>::uninit();
        // SAFETY: by the invariant; the binary is this function's until it is released.
        unsafe {
            if sys::enif_term_to_binary(self.0, term, binary.as_mut_ptr()) == 0 {
                return vec![];
            }
            let mut binary = binary.assume_init();
            let bytes = std::slice::from_raw_parts(binary.data, binary.size).to_vec();
            sys::enif_release_binary(&mut binary);
            bytes
        }
    }

    /// The term that `bytes` hold in the external format, if they hold one.
    pub(crate) fn read_external(self, bytes: &[u8]) -> Option<Raw> {
        let mut term = Raw::default();
        // SAFETY: the VM checks what it reads.
        let read =
            unsafe { sys::enif_binary_to_term(self.0, bytes.as_ptr(), bytes.len(), &mut term, 0) };
        (read != 0).then_some(term)
    }

    /// Tells the VM how much of its time the process has used for a text of so many bytes. 64 KB
    /// are about a sixth of the millisecond that it runs at a time.
    #[inline(always)]
    pub(crate) fn consume_bytes(self, bytes: usize) {
        if bytes >= 4_096 {
            let percent = i32::try_from(bytes / 4_096).unwrap_or(100).clamp(1, 100);
            // SAFETY: by the invariant; the VM asks for 1 to 100.
            unsafe { sys::enif_consume_timeslice(self.0, percent) };
        }
    }
}

/// A walk over the pairs of a map, or none yet.
pub(crate) struct Pairs {
    /// Null until it has started.
    env: *mut sys::ErlNifEnv,
    iterator: MaybeUninit<sys::ErlNifMapIterator>,
}

impl Pairs {
    /// Room for a walk. It starts where it stays: it is large, and there is one for every map.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        Self { env: std::ptr::null_mut(), iterator: MaybeUninit::uninit() }
    }

    /// Starts at the first pair of `map`, which must be a map.
    #[inline(always)]
    pub(crate) fn start(&mut self, beam: Beam, map: Raw) {
        // SAFETY: by the invariant. A walk starts once.
        unsafe {
            sys::enif_map_iterator_create(
                beam.0,
                map,
                self.iterator.as_mut_ptr(),
                sys::ErlNifMapIteratorEntry::ERL_NIF_MAP_ITERATOR_HEAD,
            );
        }
        self.env = beam.0;
    }

    /// The pair at which the walk is, until its end.
    #[inline(always)]
    pub(crate) fn pair(&mut self) -> Option<(Raw, Raw)> {
        if self.env.is_null() {
            return None;
        }
        let (mut key, mut value) = (Raw::default(), Raw::default());
        let iterator = self.iterator.as_mut_ptr();
        // SAFETY: by the invariant; it has started.
        let found =
            unsafe { sys::enif_map_iterator_get_pair(self.env, iterator, &mut key, &mut value) };
        (found != 0).then_some((key, value))
    }

    /// Goes on to the next pair.
    #[inline(always)]
    pub(crate) fn advance(&mut self) {
        if !self.env.is_null() {
            // SAFETY: by the invariant; it has started.
            unsafe { sys::enif_map_iterator_next(self.env, self.iterator.as_mut_ptr()) };
        }
    }
}

impl Drop for Pairs {
    #[inline(always)]
    fn drop(&mut self) {
        if !self.env.is_null() {
            // SAFETY: by the invariant; it has started, and is destroyed once.
            unsafe { sys::enif_map_iterator_destroy(self.env, self.iterator.as_mut_ptr()) };
        }
    }
}
