//! Working out who sees what, all seats at once: boolean algebra over the sets of roles.

use std::time::{Duration, Instant};

use permissions::mask::{ADMINISTRATOR, VIEW_CHANNEL};
use smallvec::SmallVec;

use crate::bits::{Bits, PIECE};
use crate::class::{Rule, Sight, Whom};
use crate::rights::{Place, Rights};
use crate::seats::Seats;

/// What may be done before others get a turn, in words read or written: some 4 GB/s at the worst.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    of: usize,
    /// How long it may take, and when it was begun: for what cannot be told by words.
    within: Duration,
    began: Option<Instant>,
}

impl Budget {
    /// At most some 0.3 ms.
    pub fn piece() -> Self {
        Self { within: Duration::from_micros(300), ..Self::new(300_000) }
    }

    /// So many words.
    pub fn new(words: usize) -> Self {
        Self { left: words, of: words, within: Duration::MAX, began: None }
    }

    /// Takes from what is left. A piece of work that was begun is finished.
    pub(crate) fn spend(&mut self, words: usize) {
        self.left = self.left.saturating_sub(words);
    }

    /// Looks at the clock, for the first time to begin, and leaves nothing when time is up.
    pub(crate) fn look(&mut self) {
        if self.began.get_or_insert_with(Instant::now).elapsed() > self.within {
            self.left = 0;
        }
    }

    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// How much is spent, of 100.
    pub fn percent(&self) -> usize {
        (self.of - self.left).saturating_mul(100) / self.of.max(1)
    }
}

/// One step of the algebra.
enum Step<'a> {
    With(&'a Bits),
    Without(&'a Bits),
}

impl Rights {
    /// Goes on with what a place needs to be seen right. Returns whether it is done.
    pub(crate) fn work<T>(&mut self, place: Place, seats: &Seats<T>, budget: &mut Budget) -> bool {
        self.work_above(seats, budget)
            && match place {
                Place::Class(index) => self.work_class(index, seats, budget),
                Place::Orphan => true,
            }
    }

    /// The owner and administrators.
    pub(crate) fn work_above<T>(&mut self, seats: &Seats<T>, budget: &mut Budget) -> bool {
        if self.above.ready == seats.words() {
            return true;
        }
        let mut above = std::mem::take(&mut self.above);
        let done = if self.everyone & ADMINISTRATOR != 0 {
            fill(&mut above, seats, Some(seats.taken()), &[], budget)
        } else {
            let steps: Vec<_> =
                self.granting(ADMINISTRATOR).map(|role| Step::With(&role.members)).collect();
            fill(&mut above, seats, None, &steps, budget)
        };
        if done && let Some(owner) = self.owner {
            seats.of_user(owner).for_each(|seat| above.set(seat, true));
        }
        self.above = above;
        done
    }

    /// Those whose roles let them look.
    fn work_view<T>(&mut self, seats: &Seats<T>, budget: &mut Budget) -> bool {
        if self.view.ready == seats.words() {
            return true;
        }
        let mut view = std::mem::take(&mut self.view);
        let done = if self.everyone & (VIEW_CHANNEL | ADMINISTRATOR) != 0 {
            fill(&mut view, seats, Some(seats.taken()), &[], budget)
        } else {
            let steps: Vec<_> =
                self.granting(VIEW_CHANNEL).map(|role| Step::With(&role.members)).collect();
            fill(&mut view, seats, Some(&self.above.bits), &steps, budget)
        };
        self.view = view;
        done
    }

    fn work_class<T>(&mut self, index: usize, seats: &Seats<T>, budget: &mut Budget) -> bool {
        let ready = self.classes.get(index).is_none_or(|class| class.sight.ready == seats.words());
        if ready {
            return true;
        }
        if !self.work_view(seats, budget) {
            return false;
        }
        let Some(class) = self.classes.get_mut(index) else { return true };
        let rules = std::mem::take(&mut class.rules);
        let mut sight = std::mem::take(&mut class.sight);

        let start = match rules.first() {
            Some(Rule { whom: Whom::Everyone, allow: true }) => Some(seats.taken()),
            Some(Rule { whom: Whom::Everyone, allow: false }) => None,
            _ => Some(&self.view.bits),
        };
        let mut steps: SmallVec<[Step<'_>; 8]> = SmallVec::new();
        steps.extend(self.members(&rules, false).map(Step::Without));
        steps.extend(self.members(&rules, true).map(Step::With));
        steps.push(Step::With(&self.above.bits));

        let done = fill(&mut sight, seats, start, &steps, budget);
        drop(steps);
        if done {
            self.see_alone(&mut sight, &rules, seats, budget);
        }
        if let Some(class) = self.classes.get_mut(index) {
            class.rules = rules;
            class.sight = sight;
        }
        done
    }

    /// The sets of the roles that are allowed, or denied, to look.
    fn members<'a>(&'a self, rules: &'a [Rule], allow: bool) -> impl Iterator<Item = &'a Bits> {
        rules.iter().filter(move |rule| rule.allow == allow).filter_map(|rule| match rule.whom {
            Whom::Role(id) => self
                .roles
                .get(id)
                .filter(|role| role.permissions.is_some())
                .map(|role| &role.members),
            _ => None,
        })
    }

    /// Rules for one member come last, and are few.
    fn see_alone<T>(
        &self,
        sight: &mut Sight,
        rules: &[Rule],
        seats: &Seats<T>,
        budget: &mut Budget,
    ) {
        for rule in rules {
            if let Whom::Member(id) = rule.whom {
                budget.spend(200);
                for seat in seats.of_user(id) {
                    sight.set(seat, rule.allow || self.above.bits.get(seat));
                }
            }
        }
    }
}

/// Works out some more words of a set: `start`, then the steps. Returns whether it is done.
fn fill<T>(
    sight: &mut Sight,
    seats: &Seats<T>,
    start: Option<&Bits>,
    steps: &[Step<'_>],
    budget: &mut Budget,
) -> bool {
    let words = seats.words();
    while sight.ready < words {
        if budget.is_spent() {
            return false;
        }
        let from = sight.ready;
        // A piece of each set stays in the nearest cache.
        let to = words.min((from / PIECE + 1) * PIECE);
        let tile = sight.bits.words_mut(from, to);
        let start = start.map_or(&[][..], |start| start.from(from));
        let (copied, empty) = tile.split_at_mut(start.len().min(tile.len()));
        copied.iter_mut().zip(start).for_each(|(word, start)| *word = *start);
        empty.fill(0);
        for step in steps {
            match step {
                Step::With(bits) => each(tile, bits.from(from), |word, other| *word |= other),
                Step::Without(bits) => each(tile, bits.from(from), |word, other| *word &= !other),
            }
        }
        sight.ready = to;
        budget.spend((to - from) * (2 + steps.len()));
    }
    true
}

#[inline]
fn each(tile: &mut [u64], other: &[u64], change: impl Fn(&mut u64, u64)) {
    tile.iter_mut().zip(other).for_each(|(word, other)| change(word, *other));
}
