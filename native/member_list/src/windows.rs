//! Who looks at which windows. All who look at the same ones are told the same, once.

use std::collections::{BTreeMap, HashMap};

use ahash::RandomState;
use smallvec::SmallVec;

/// Indexes of a window, which begins at a multiple of it.
pub const WINDOW: usize = 100;
/// Windows that one subscriber may look at. Clients that read a whole list ask for twelve.
pub const MAX_WINDOWS: usize = 15;
/// As many as most look at.
const FEW: usize = 5;

/// Some windows, by number, in order and without repetition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Windows(SmallVec<[u32; FEW]>);

impl Windows {
    /// From numbers: the first window is 0. `None` if there are too many.
    pub fn new(numbers: impl IntoIterator<Item = u32>) -> Option<Self> {
        let mut windows = SmallVec::new();
        for number in numbers {
            if let Err(at) = windows.binary_search(&number) {
                if windows.len() == MAX_WINDOWS {
                    return None;
                }
                windows.insert(at, number);
            }
        }
        Some(Self(windows))
    }

    /// None at all.
    pub fn none() -> Self {
        Self(SmallVec::new())
    }

    /// The index at which each window begins.
    pub fn starts(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().map(|number| *number as usize * WINDOW)
    }

    pub(crate) fn has(&self, start: usize) -> bool {
        self.starts().any(|other| other == start)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Those who look at the same windows.
pub(crate) struct Audience {
    pub(crate) windows: Windows,
    pub(crate) subscribers: Vec<u64>,
    /// The number of the first edit that they were not told, or `None` if they are to be sent all.
    pub(crate) told: Option<u64>,
}

#[derive(Default)]
pub(crate) struct Audiences {
    /// Empty ones are used again.
    all: Vec<Audience>,
    free: Vec<u32>,
    by_windows: HashMap<Windows, u32, RandomState>,
    /// Which audience a subscriber is in, and where in it. No hash table, which would have to grow at
    /// once, however many they are.
    by_subscriber: BTreeMap<u64, (u32, u32)>,
}

impl Audiences {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_subscriber.is_empty()
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.by_subscriber.len()
    }

    /// How many positions `get_mut` knows.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut Audience> {
        self.all.get_mut(at).filter(|audience| !audience.subscribers.is_empty())
    }

    pub(crate) fn find(&self, windows: &Windows) -> Option<&Audience> {
        self.by_windows.get(windows).and_then(|at| self.all.get(*at as usize))
    }

    pub(crate) fn of(&self, subscriber: u64) -> Option<&Audience> {
        let (at, _position) = self.by_subscriber.get(&subscriber)?;
        self.all.get(*at as usize)
    }

    /// Puts a subscriber, who must be in none and was told all before `end`, into the audience of the
    /// windows. One that was not told so much is sent all.
    pub(crate) fn join(&mut self, subscriber: u64, windows: Windows, end: u64) {
        if windows.is_empty() {
            return;
        }
        let at = self.by_windows.get(&windows).copied().unwrap_or_else(|| {
            let audience =
                Audience { windows: windows.clone(), subscribers: Vec::new(), told: Some(end) };
            let at = self.free.pop().unwrap_or(self.all.len() as u32);
            match self.all.get_mut(at as usize) {
                Some(free) => *free = audience,
                None => self.all.push(audience),
            }
            self.by_windows.insert(windows, at);
            at
        });
        if let Some(audience) = self.all.get_mut(at as usize) {
            audience.told = audience.told.filter(|told| *told == end);
            self.by_subscriber.insert(subscriber, (at, audience.subscribers.len() as u32));
            audience.subscribers.push(subscriber);
        }
    }

    pub(crate) fn leave(&mut self, subscriber: u64) -> bool {
        let Some((at, position)) = self.by_subscriber.remove(&subscriber) else { return false };
        if let Some(audience) = self.all.get_mut(at as usize) {
            audience.subscribers.swap_remove(position as usize);
            if let Some(moved) = audience.subscribers.get(position as usize) {
                self.by_subscriber.insert(*moved, (at, position));
            }
            if audience.subscribers.is_empty() {
                self.by_windows.remove(&audience.windows);
                audience.subscribers = Vec::new();
                self.free.push(at);
            }
        }
        true
    }

    /// Bytes, of the maps at what they take at most.
    pub(crate) fn bytes(&self) -> usize {
        let subscriber = 2 * size_of::<(u64, (u32, u32))>() + 2 * size_of::<u64>();
        self.by_subscriber.len() * subscriber
            + self.all.capacity() * (size_of::<Audience>() + 2 * size_of::<(Windows, u32)>())
    }
}
