//! A run of byte strings, each with a payload, packed into one block.

use crate::record::Record;
use crate::run::{Footprint, Probe, Run};

/// Keys in the order of their bytes, each with a payload.
///
/// **Invariant:** `bytes` is what all keys begin with, `prefix` long; then the entries in order, each
/// up to its slot's end. An entry is the rest of its key; or, where its slot says that there is a
/// payload, the length of that rest, the rest, and the payload. Keys and payloads are far below 2^31
/// bytes, together with the few others of a page: the set sees to it.
#[derive(Debug, Default)]
pub struct Page {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    prefix: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    /// The first four bytes of the rest of the key: most comparisons look no further.
    head: u32,
    /// The end of the entry, and in the highest bit whether it has a payload.
    end: u32,
}

const HAS_PAYLOAD: u32 = 1 << 31;
const LENGTH: usize = size_of::<u32>();

impl Slot {
    fn end(self) -> usize {
        (self.end & !HAS_PAYLOAD) as usize
    }
}

/// A key that is sought.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a>(pub &'a [u8]);

impl Page {
    /// The longest prefix that is told apart. An entry that has less of it makes all others of its
    /// page longer, and that is bounded.
    const MAX_PREFIX: usize = 128;

    /// The smallest steps in which it grows.
    const STEPS: (usize, usize) = (64, 4);

    fn start(&self, at: usize) -> usize {
        at.checked_sub(1).map_or(self.prefix, |before| self.slots[before].end())
    }

    #[inline]
    fn record(&self, at: usize) -> Record<'_> {
        let prefix = &self.bytes[..self.prefix];
        let slot = self.slots[at];
        let entry = &self.bytes[self.start(at)..slot.end()];
        if slot.end & HAS_PAYLOAD == 0 {
            return Record::stored(prefix, entry, &[]);
        }
        let (rest, payload) = match entry.split_first_chunk() {
            Some((len, entry)) => entry.split_at(u32::from_le_bytes(*len) as usize),
            None => (entry, entry),
        };
        Record::stored(prefix, rest, payload)
    }

    /// The key at a place, behind the prefix.
    #[inline]
    fn rest(&self, at: usize) -> &[u8] {
        self.record(at).key_behind(self.prefix)[1]
    }

    fn records(&self, from: usize, to: usize) -> impl Iterator<Item = Record<'_>> {
        (from..to).map(|at| self.record(at))
    }

    /// Up to `count` records from a place on, which come from the memory all at once.
    pub(crate) fn from(&self, at: usize, count: usize) -> impl Iterator<Item = Record<'_>> {
        let to = self.slots.len().min(at.saturating_add(count));
        if at < to {
            prefetch::slice(&self.slots[at..to]);
            prefetch::slice(&self.bytes[self.start(at)..self.slots[to - 1].end()]);
        }
        self.records(at, to)
    }

    /// A page of entries in order, which all begin with the same `prefix` bytes.
    fn pack<'a>(prefix: usize, size: (usize, usize), of: impl Iterator<Item = Record<'a>>) -> Self {
        let mut page = Self { prefix, ..Self::default() };
        page.bytes.reserve_exact(size.0);
        page.slots.reserve_exact(size.1);
        for record in of {
            if page.slots.is_empty() {
                page.bytes.extend(record.key().take(prefix));
            }
            page.insert_entry(page.slots.len(), record);
        }
        page
    }

    /// The bytes of entries if each had its whole key.
    fn whole(&self, from: usize, to: usize) -> usize {
        self.slots[to - 1].end() - self.start(from) + (to - from) * self.prefix
    }

    /// The same entries with another prefix.
    fn packed(&self, from: usize, to: usize, prefix: usize) -> Self {
        let bytes = prefix + self.whole(from, to) - (to - from) * prefix;
        Self::pack(prefix, (bytes, to - from), self.records(from, to))
    }

    /// The entries of a part, packed as tightly as they can be.
    fn part(&self, from: usize, to: usize) -> Self {
        if from == to {
            return Self::default();
        }
        let prefix = common(self.record(from), self.record(to - 1));
        self.packed(from, to, prefix)
    }

    /// Puts an entry in, whose key begins with the prefix.
    fn insert_entry(&mut self, at: usize, record: Record<'_>) {
        let parts = record.key_behind(self.prefix);
        let len = parts[0].len() + parts[1].len();
        let (size, flag) = match record.payload.len() {
            0 => (len, 0),
            payload => (LENGTH + len + payload, HAS_PAYLOAD),
        };
        let start = self.start(at);
        let end = self.bytes.len();
        grow(&mut self.bytes, size, Self::STEPS.0);
        self.bytes.resize(end + size, 0);
        self.bytes.copy_within(start..end, start + size);

        let mut room = &mut self.bytes[start..start + size];
        let length = (len as u32).to_le_bytes();
        let length = if flag == 0 { &[][..] } else { &length[..] };
        for part in [length, parts[0], parts[1], record.payload] {
            let (to, rest) = room.split_at_mut(part.len());
            to.copy_from_slice(part);
            room = rest;
        }
        for slot in &mut self.slots[at..] {
            slot.end += size as u32;
        }
        grow(&mut self.slots, 1, Self::STEPS.1);
        self.slots.insert(at, Slot { head: 0, end: (start + size) as u32 | flag });
        self.slots[at].head = head(self.rest(at));
    }

    /// Gives back room that is not needed.
    fn fit(&mut self) {
        let (bytes, slots) = (self.bytes.len(), self.slots.len());
        if self.bytes.capacity() > bytes + bytes / 2 + Self::STEPS.0 {
            self.bytes.shrink_to(bytes + bytes / 8);
        }
        if self.slots.capacity() > slots + slots / 2 + Self::STEPS.1 {
            self.slots.shrink_to(slots + slots / 8);
        }
    }
}

/// The prefix of a page that reaches from the one record to the other.
fn common(first: Record<'_>, last: Record<'_>) -> usize {
    let same = first.key().zip(last.key()).take(Page::MAX_PREFIX);
    same.take_while(|(a, b)| a == b).count()
}

/// Makes room for `more`: in steps of a quarter, not of a half as a vector would by itself.
fn grow<T>(vec: &mut Vec<T>, more: usize, step: usize) {
    if vec.len() + more > vec.capacity() {
        vec.reserve_exact(more.max(vec.len() / 4).max(step));
    }
}

/// The first four bytes, as a number of the same order.
fn head(rest: &[u8]) -> u32 {
    match rest.first_chunk() {
        Some(head) => u32::from_be_bytes(*head),
        None => {
            rest.iter().fold((0, 24), |(n, shift), b| (n | u32::from(*b) << shift, shift - 8)).0
        }
    }
}

impl Footprint for Page {
    fn bytes(&self) -> usize {
        self.bytes.capacity() + self.slots.capacity() * size_of::<Slot>()
    }
}

impl Run for Page {
    type Entry<'a> = Record<'a>;
    type Removed = ();

    /// In bytes: some hundred short keys.
    const CAPACITY: usize = 4_096;
    const FANOUT: usize = 64;

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn load(&self) -> usize {
        self.bytes.len() + self.slots.len() * size_of::<Slot>()
    }

    fn get(&self, at: usize) -> Option<Record<'_>> {
        (at < self.slots.len()).then(|| self.record(at))
    }

    fn separator(&self, at: usize) -> Option<Record<'_>> {
        self.get(at).map(Record::separator)
    }

    /// The slots and the prefix: a search reads few of the entries.
    #[inline]
    fn prefetch(&self) {
        prefetch::slice(&self.slots);
        prefetch::slice(self.bytes.get(..self.prefix).unwrap_or_default());
    }

    fn insert(&mut self, at: usize, entry: Record<'_>) {
        let len = self.slots.len();
        if len == 0 {
            let size = (entry.key_len() + LENGTH + entry.payload.len(), 1);
            *self = Self::pack(common(entry, entry), size, std::iter::once(entry));
            return;
        }
        let common = common(self.record(0), entry).min(self.prefix);
        if common < self.prefix {
            *self = self.packed(0, len, common);
        }
        self.insert_entry(at, entry);
    }

    fn remove(&mut self, at: usize) {
        if self.slots.len() == 1 {
            *self = Self::default();
            return;
        }
        let (start, end) = (self.start(at), self.slots[at].end());
        self.bytes.drain(start..end);
        self.slots.remove(at);
        for slot in &mut self.slots[at..] {
            slot.end -= (end - start) as u32;
        }
        self.fit();
    }

    fn append(&mut self, right: Self) {
        let (left, last) = (self.slots.len(), right.slots.len());
        if left == 0 {
            *self = right;
        } else if last > 0 {
            let prefix = common(self.record(0), right.record(last - 1));
            let both = self.records(0, left).chain(right.records(0, last));
            let whole = self.whole(0, left) + right.whole(0, last);
            let bytes = prefix + whole - (left + last) * prefix;
            *self = Self::pack(prefix, (bytes, left + last), both);
        }
    }

    fn split_off(&mut self, at: usize) -> Self {
        let right = self.part(at, self.slots.len());
        *self = self.part(0, at);
        right
    }

    fn middle(&self) -> usize {
        let half = self.load() / 2;
        let before = |at: usize| self.slots[at].end() + (at + 1) * size_of::<Slot>();
        let at = (0..self.slots.len()).find(|at| before(*at) > half).unwrap_or(0);
        at.clamp(1, self.slots.len().saturating_sub(1).max(1))
    }
}

impl Probe<Page> for Key<'_> {
    fn search(&self, page: &Page) -> Result<usize, usize> {
        let prefix = &page.bytes[..page.prefix];
        let Some(rest) = self.0.strip_prefix(prefix) else {
            return Err(if self.0 < prefix { 0 } else { page.slots.len() });
        };
        let head = head(rest);
        let (mut low, mut high) = (0, page.slots.len());
        while low < high {
            let middle = low.midpoint(high);
            let order = page.slots[middle].head.cmp(&head);
            match order.then_with(|| page.rest(middle).cmp(rest)) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }
}
