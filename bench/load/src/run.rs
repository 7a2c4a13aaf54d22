//! When the next message is due: an open loop posts by the clock, a closed one as answers come.

/// How messages follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// One each so many microseconds, whatever the server does.
    Open { interval: f64 },
    /// So many that are not yet with every client.
    Closed { in_flight: usize },
}

/// One run of messages.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pace: Pace,
    begun: u64,
    until: u64,
    posted: usize,
}

impl Run {
    pub(crate) fn new(id: u64, pace: Pace, begun: u64, until: u64) -> Self {
        Self { id, pace, begun, until, posted: 0 }
    }

    /// Messages so far.
    pub(crate) fn posted(&self) -> usize {
        self.posted
    }

    /// Takes the next message if it is due, and returns when it was: late or not, its latency counts
    /// from then.
    pub(crate) fn take(&mut self, now: u64, complete: usize) -> Option<u64> {
        let due = match self.pace {
            Pace::Open { .. } => self.next(),
            Pace::Closed { in_flight } if self.posted < complete + in_flight => now,
            Pace::Closed { .. } => return None,
        };
        if due > now || due >= self.until {
            return None;
        }
        self.posted += 1;
        Some(due)
    }

    /// When the clock wants a message, or the end of the run if only an answer can.
    pub(crate) fn next(&self) -> u64 {
        match self.pace {
            Pace::Open { interval } => {
                let due = self.begun + (self.posted as f64 * interval) as u64;
                due.min(self.until)
            }
            Pace::Closed { .. } => self.until,
        }
    }

    /// Whether no message will be due any more.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_goes_by_the_clock() {
        let mut run = Run::new(1, Pace::Open { interval: 10.0 }, 100, 130);
        assert_eq!(run.take(100, 0), Some(100));
        assert_eq!(run.take(105, 0), None);
        assert_eq!(run.next(), 110);
        assert_eq!(run.take(125, 0), Some(110), "late, and counted from when it was due");
        assert_eq!(run.take(125, 0), Some(120));
        assert_eq!(run.take(500, 0), None, "the run is over");
        assert!(run.is_over(500) && run.posted() == 3);
    }

    #[test]
    fn a_closed_loop_goes_by_the_answers() {
        let mut run = Run::new(1, Pace::Closed { in_flight: 2 }, 100, 200);
        assert_eq!(
            (run.take(100, 0), run.take(101, 0), run.take(102, 0)),
            (Some(100), Some(101), None)
        );
        assert_eq!((run.take(103, 1), run.take(104, 1)), (Some(103), None));
        assert_eq!(run.take(200, 3), None);
    }
}
