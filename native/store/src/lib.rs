//! Wide rows, `(table, partition, key) -> value`, on an embedded engine.

/// The version byte that opens every stored value.
pub const FORMAT: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_no_format_so_that_a_zeroed_page_is_noticed() {
        assert_ne!(FORMAT, 0);
    }
}
