//! What was delivered, in how long, and what was wrong with it.

use crate::histogram::Histogram;

/// The deliveries of one run of messages to all clients.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// The run that is counted; messages of others are late.
    pub(crate) run: u64,
    /// Messages that reached a client.
    pub(crate) deliveries: u64,
    /// Those whose content was read.
    pub(crate) read: u64,
    /// Events of every kind, also before and between the runs.
    pub(crate) events: u64,
    /// Bytes of all frames.
    pub(crate) bytes: u64,
    /// From the moment a message was due to its delivery.
    pub(crate) latency: Histogram,
    /// Numbers that a client did not see.
    pub(crate) gaps: u64,
    /// Numbers, and messages, that a client saw twice.
    pub(crate) duplicates: u64,
    /// Messages that came after younger ones.
    pub(crate) reordered: u64,
    /// To how many clients the first, the second, ... message of the run went.
    delivered: Vec<usize>,
    complete: usize,
}

impl Tally {
    /// Begins a run: what was counted for the last one is forgotten.
    pub(crate) fn begin(&mut self, run: u64) {
        *self = Self { run, events: self.events, ..Self::default() };
    }

    /// Notes a client's message of this run, the `ordinal`-th that it got.
    pub(crate) fn deliver(&mut self, ordinal: usize, clients: usize) {
        self.deliveries += 1;
        if ordinal >= self.delivered.len() {
            self.delivered.resize(ordinal + 1, 0);
        }
        if let Some(count) = self.delivered.get_mut(ordinal) {
            *count += 1;
        }
        while self.delivered.get(self.complete).is_some_and(|count| *count >= clients) {
            self.complete += 1;
        }
    }

    /// Notes the number of an event, and returns it as the last one.
    pub(crate) fn number(&mut self, last: u64, sequence: u64) -> u64 {
        if sequence > last {
            self.gaps += sequence - last - 1;
            sequence
        } else {
            self.duplicates += 1;
            last
        }
    }

    /// Notes the id of a message, and returns the highest one.
    pub(crate) fn identify(&mut self, last: u64, id: u64) -> u64 {
        if id == last {
            self.duplicates += 1;
        } else if id < last {
            self.reordered += 1;
        }
        last.max(id)
    }

    /// How many messages have reached every client.
    pub(crate) fn complete(&self) -> usize {
        self.complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_complete_when_every_client_has_it() {
        let mut tally = Tally::default();
        tally.begin(1);
        tally.deliver(0, 2);
        tally.deliver(1, 2);
        assert_eq!(tally.complete(), 0);
        tally.deliver(0, 2);
        assert_eq!(tally.complete(), 1);
        tally.deliver(1, 2);
        assert_eq!((tally.complete(), tally.deliveries), (2, 4));
    }

    #[test]
    fn numbers_are_counted_for_what_is_wrong_with_them() {
        let mut tally = Tally::default();
        let last = [1, 2, 5, 5, 4, 6].into_iter().fold(0, |last, next| tally.number(last, next));
        assert_eq!((last, tally.gaps, tally.duplicates), (6, 2, 2));
    }

    #[test]
    fn ids_must_rise() {
        let mut tally = Tally::default();
        let last = [10, 20, 15, 20, 30].into_iter().fold(0, |last, id| tally.identify(last, id));
        assert_eq!((last, tally.reordered, tally.duplicates), (30, 1, 1));
    }
}
