//! Subscriptions, and what subscribers are sent.

use crate::list::{List, Refusal};
use crate::ops::{self, Op};
use crate::windows::{Audience, WINDOW, Windows};

/// Operations and items after which a call of `updates` ends.
const PIECE: usize = 2_000;

/// What all are sent who look at the same windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The windows.
    pub windows: Windows,
    /// What happened in them.
    pub ops: Vec<Op>,
}

impl List {
    /// Makes a subscriber look at these windows alone; none ends the subscription. Answers what the
    /// subscriber alone must be sent: windows that are new as they are, others to be forgotten.
    ///
    /// What others are to be told must have been asked for before, or those who now look at the same
    /// windows are sent them anew.
    pub fn subscribe(&mut self, subscriber: u64, windows: Windows) -> Result<Vec<Op>, Refusal> {
        let end = self.journal.end();
        let known = self.audiences.of(subscriber);
        if known.is_none() && !windows.is_empty() {
            self.reserve(size_of::<Audience>())?;
            if self.audiences.subscribers() >= self.limits.subscribers {
                return Err(Refusal::TooManySubscribers);
            }
        }
        let before = known.map_or_else(Windows::none, |audience| audience.windows.clone());
        let current = known.is_some_and(|audience| audience.told == Some(end));

        let mut sent: Vec<Op> =
            before.starts().filter(|start| !windows.has(*start)).map(Op::Invalidate).collect();
        let new = windows.starts().filter(|start| !(current && before.has(*start)));
        sent.extend(new.map(|start| Op::Sync(start, ops::View::slice(self, start, WINDOW))));

        self.audiences.leave(subscriber);
        self.audiences.join(subscriber, windows, end);
        self.count();
        Ok(sent)
    }

    /// What is to be told since it was asked last, one update for each set of windows in which
    /// something happened, and where to go on if that is not all. Begins at 0.
    pub fn updates(&mut self, from: usize) -> (Vec<Update>, Option<usize>) {
        let (end, mut work, mut updates) = (self.journal.end(), 0, Vec::new());
        for at in from..self.audiences.len() {
            if work > PIECE {
                return (updates, Some(at));
            }
            work += 1;
            let Some(audience) = self.audiences.get_mut(at) else { continue };
            let told = audience.told.replace(end);
            if told == Some(end) {
                continue;
            }
            let windows = audience.windows.clone();
            let edits = told.and_then(|told| self.journal.since(told));
            work += edits.as_ref().map_or(0, ExactSizeIterator::len);
            let ops = match edits {
                Some(edits) => ops::after(edits, &windows, self),
                None => ops::sync(&windows, self),
            };
            work += ops.iter().map(Op::size).sum::<usize>();
            if !ops.is_empty() {
                updates.push(Update { windows, ops });
            }
        }
        (updates, None)
    }

    /// Who looks at exactly these windows.
    pub fn subscribers(&self, windows: &Windows) -> &[u64] {
        self.audiences.find(windows).map_or(&[], |audience| &audience.subscribers)
    }
}
