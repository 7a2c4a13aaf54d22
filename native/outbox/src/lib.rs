//! What one session is owed: its sequence counter, its replay ring, and the
//! bytes that leave on its socket.

/// The sequence number after `sequence`. The first event has number 1.
pub fn next_sequence(sequence: u64) -> u64 {
    sequence.saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_is_number_one() {
        assert_eq!(next_sequence(0), 1);
    }
}
