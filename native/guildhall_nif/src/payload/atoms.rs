//! Atoms as text. A message has the same few dozen in each map, so their text is kept.

use std::sync::OnceLock;

use payload::write;

use super::beam::{Beam, Raw, word};

rustler::atoms! {
    nil,
    __struct__,
    json,
    raw = "Elixir.Guildhall.Payload.Raw",

    large,

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

/// A slot is a cache line; longer texts are made each time.
const TEXT: usize = 55;

/// The texts of atoms, each in the slot that the atom's word chooses. An atom is never collected,
/// so that its word names it for as long as the VM runs.
pub(super) struct AtomTexts(Box<[Slot]>);

#[derive(Clone, Copy)]
struct Slot {
    atom: Raw,
    len: u8,
    /// The name in quotes.
    text: [u8; TEXT],
}

impl AtomTexts {
    pub(super) fn new() -> Self {
        Self(vec![Slot { atom: Raw::default(), len: 0, text: [0; TEXT] }; SLOTS].into())
    }

    pub(super) fn size(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// Appends the atom as a string.
    #[inline(always)]
    pub(super) fn push(&mut self, out: &mut Vec<u8>, beam: Beam, atom: Raw) {
        // The low bits of an atom's word are a tag.
        match self.0.get_mut((word(atom) >> 6) % SLOTS) {
            Some(slot) if slot.atom == atom => {
                // All of it, which the compiler does in a few moves.
                let end = out.len() + usize::from(slot.len);
                out.extend_from_slice(&slot.text);
                out.truncate(end);
            }
            slot => Self::make(slot, out, beam, atom),
        }
    }

    #[cold]
    fn make(slot: Option<&mut Slot>, out: &mut Vec<u8>, beam: Beam, atom: Raw) {
        let start = out.len();
        // A name is UTF-8.
        let _ = write::string(out, name(&beam.write_external(atom)).as_bytes());
        let text = out.get(start..).unwrap_or_default();

        if let Some(slot) = slot
            && text.len() <= TEXT
        {
            let mut bytes = [0; TEXT];
            bytes.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
            *slot = Slot { atom, len: text.len() as u8, text: bytes };
        }
    }
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
