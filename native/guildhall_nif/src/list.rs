//! A list that may be improper, which rustler's own iterator answers with a panic.

use rustler::{Decoder, NifResult, Term};

/// What a proper list holds; any other term is a bad argument.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<'a, T: Decoder<'a>> Decoder<'a> for List<T> {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let mut items = Vec::new();
        let mut rest = term;
        while !rest.is_empty_list() {
            let (head, tail) = rest.list_get_cell()?;
            items.push(head.decode()?);
            rest = tail;
        }
        Ok(Self(items))
    }
}
