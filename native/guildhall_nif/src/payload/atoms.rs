//! Atoms as text. A message has the same few dozen in each map, so their text is kept.

use std::sync::OnceLock;

use payload::write;

use crate::beam::{Beam, Raw, word};

rustler::atoms! {
    nil,
    __struct__,
    json,
    raw = "Elixir.Guildhall.Payload.Raw",

    more,

    unexpected_byte,
    unexpected_end,
    control_character,
    invalid_escape,
    lone_surrogate,
    invalid_utf8,
    number_out_of_range,
    number_too_long,
    too_deep,
    too_large,

    bitstring,
    function,
    improper_list,
    invalid_key,
    invalid_raw,
    pid,
    port,
    reference,
    tuple,
    unknown,
}

/// The atoms that the walk compares with, as words.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) nil: Raw,
    pub(super) yes: Raw,
    pub(super) no: Raw,
    pub(super) module: Raw,
    pub(super) json: Raw,
    pub(super) raw: Raw,
}

impl Words {
    pub(super) fn get() -> &'static Self {
        static WORDS: OnceLock<Words> = OnceLock::new();
        WORDS.get_or_init(|| Self {
            nil: nil().as_c_arg(),
            yes: rustler::types::atom::true_().as_c_arg(),
            no: rustler::types::atom::false_().as_c_arg(),
            module: __struct__().as_c_arg(),
            json: json().as_c_arg(),
            raw: raw().as_c_arg(),
        })
    }
}

/// A power of two.
const SLOTS: usize = 1_024;

/// Longer texts are made each time.
const TEXT: usize = 32;

/// The texts of atoms, each in the slot that the atom's word chooses. An atom is never collected,
/// so that its word names it for as long as the VM runs.
pub(super) struct AtomTexts {
    /// Apart from the texts, because every key is looked for here and most documents have strings.
    atoms: Box<[Raw]>,
    texts: Box<[Text]>,
}

/// The name in quotes, and what is around it if it is a key: a byte that begins the pair, and a
/// colon. The size is that of all.
#[derive(Clone, Copy)]
struct Text {
    bytes: [u8; TEXT],
    size: u8,
}

impl AtomTexts {
    pub(super) fn new() -> Self {
        let empty = Text { bytes: [0; TEXT], size: 0 };
        Self { atoms: vec![Raw::default(); SLOTS].into(), texts: vec![empty; SLOTS].into() }
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.atoms) + size_of_val(&*self.texts)
    }

    /// Appends `lead` and the atom as a key, if `term` is an atom that has a slot. The one that names
    /// a struct never has.
    #[inline(always)]
    pub(super) fn push_key(&self, out: &mut Vec<u8>, lead: u8, term: Raw) -> bool {
        let Some(mut text) = self.known(term) else { return false };
        text.bytes[0] = lead;
        // All of it, which the compiler does in a few moves.
        let end = out.len() + usize::from(text.size);
        out.extend_from_slice(&text.bytes);
        out.truncate(end);
        true
    }

    /// Appends the atom as a string.
    #[inline(always)]
    pub(super) fn push(&mut self, out: &mut Vec<u8>, beam: Beam, atom: Raw) {
        match self.known(atom) {
            Some(Text { bytes: [_lead, bytes @ ..], size }) => {
                let end = out.len() + usize::from(size) - 2;
                out.extend_from_slice(&bytes);
                out.truncate(end);
            }
            None => self.make(out, beam, atom),
        }
    }

    #[inline(always)]
    fn known(&self, term: Raw) -> Option<Text> {
        let slot = slot(term);
        match (self.atoms.get(slot), self.texts.get(slot)) {
            (Some(atom), Some(text)) if *atom == term => Some(*text),
            _ => None,
        }
    }

    #[cold]
    fn make(&mut self, out: &mut Vec<u8>, beam: Beam, atom: Raw) {
        let start = out.len();
        // A name is UTF-8.
        let _ = write::string(out, name(&beam.write_external(atom)).as_bytes());
        let text = out.get(start..).unwrap_or_default();
        let slot = slot(atom);

        if let (Some(known), Some(to)) = (self.atoms.get_mut(slot), self.texts.get_mut(slot))
            && text.len() + 2 <= TEXT
            && atom != Words::get().module
        {
            *known = atom;
            to.size = text.len() as u8 + 2;
            let text = text.iter().copied().chain([b':']);
            to.bytes.iter_mut().skip(1).zip(text).for_each(|(to, from)| *to = from);
        }
    }
}

/// Where an atom is. The low bits of its word are a tag.
#[inline(always)]
fn slot(atom: Raw) -> usize {
    (word(atom) >> 6) % SLOTS
}

/// The name of an atom in the external format. The interface itself knows names beyond Latin-1 only
/// from OTP 26 on.
fn name(external: &[u8]) -> String {
    match external {
        // ATOM_EXT and SMALL_ATOM_EXT: Latin-1.
        [131, 100, _, _, name @ ..] | [131, 115, _, name @ ..] => {
            name.iter().copied().map(char::from).collect()
        }
        // ATOM_UTF8_EXT and SMALL_ATOM_UTF8_EXT.
        [131, 118, _, _, name @ ..] | [131, 119, _, name @ ..] => {
            String::from_utf8_lossy(name).into_owned()
        }
        _ => String::new(),
    }
}
