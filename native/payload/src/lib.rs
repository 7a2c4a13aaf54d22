//! JSON text, fast: what the walk over BEAM terms needs and that knows no BEAM.

/// How deep arrays and objects may nest. Deeper input is refused, because a
/// stack overflow is no panic: it would kill the VM.
pub const MAX_DEPTH: usize = 512;

/// Appends the decimal digits of `number`.
pub fn push_integer(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn an_integer_reads_back(number: i64) {
            let mut out = Vec::new();
            push_integer(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap().parse(), Ok(number));
        }
    }
}
