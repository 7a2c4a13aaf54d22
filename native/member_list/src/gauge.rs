//! How much memory all lists of this process hold.

use gauge::Gauge;

pub(crate) static LISTS: Gauge = Gauge::new();

/// How many lists there are, and their bytes.
pub fn memory() -> (u64, u64) {
    LISTS.read()
}
