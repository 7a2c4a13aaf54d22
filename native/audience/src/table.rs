//! A small map, sorted by id in one piece of memory.

/// For roles and channels, of which there are hundreds at most.
#[derive(Debug)]
pub(crate) struct Table<V>(Vec<(u64, V)>);

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Table<V> {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, id: u64) -> Option<&V> {
        self.0.get(self.index(id).ok()?).map(|(_id, value)| value)
    }

    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut V> {
        let index = self.index(id).ok()?;
        self.0.get_mut(index).map(|(_id, value)| value)
    }

    /// Puts a value in. Returns the one that was there.
    pub(crate) fn insert(&mut self, id: u64, value: V) -> Option<V> {
        match self.index(id) {
            Ok(index) => self.0.get_mut(index).map(|(_id, old)| std::mem::replace(old, value)),
            Err(index) => {
                // A direct message has one of each: it should not pay for four.
                if self.0.len() < 2 {
                    self.0.reserve_exact(1);
                }
                self.0.insert(index, (id, value));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<V> {
        self.index(id).ok().map(|index| self.0.remove(index).1)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.0.retain(|(_id, value)| keep(value));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(u64, V)> {
        self.0.iter()
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_id, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_id, value)| value)
    }

    fn index(&self, id: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |(id, _value)| *id)
    }
}
