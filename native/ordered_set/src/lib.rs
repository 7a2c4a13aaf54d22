//! An ordered set that knows the rank of each entry: an order-statistic B+tree.
//!
//! [`Tree`] is the tree; what its leaves hold is a [`Run`]. [`Fixed`] is a run of small values that
//! the caller orders, with a closure passed to each call; [`Page`] one of byte strings with payloads.
//! To insert, remove or find an entry, to
//! find the entry of a rank, and to begin to iterate from one are `O(log n)`; an insertion and a
//! removal tell the rank for free.
//!
//! ```
//! use ordered_set::{Fixed, Tree};
//!
//! let mut tree: Tree<Fixed<u64>> = Tree::new();
//! for id in [30, 10, 20] {
//!     assert!(tree.insert(&|e: &u64| e.cmp(&id), id).is_ok());
//! }
//! assert_eq!(tree.rank(&|e: &u64| e.cmp(&20)), Ok(1));
//! assert_eq!(tree.remove(&|e: &u64| e.cmp(&10)), Some((0, 10)));
//! assert_eq!(tree.iter(0).collect::<Vec<u64>>(), [20, 30]);
//! ```

#![allow(
    clippy::indexing_slicing,
    reason = "numbers and slots of nodes come from the tree itself; the model test checks them"
)]

mod arena;
mod batch;
mod check;
mod entries;
mod fixed;
mod inner;
mod iter;
mod page;
mod path;
mod record;
mod run;
mod shape;
pub mod snapshot;
pub mod term;
mod tree;

pub use batch::{Batch, Limit};
pub use entries::{Entries, MEMORY, Put, Refused, Start};
pub use fixed::Fixed;
pub use iter::Iter;
pub use page::{Key, Page};
pub use record::Record;
pub use run::{Footprint, Probe, Run};
pub use tree::Tree;
