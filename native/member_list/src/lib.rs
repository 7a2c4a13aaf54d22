//! The list of members beside a channel: hoisted roles with their online members, then who else is
//! online, then who is offline, each by name.

pub mod collation;
mod gauge;
mod group;
mod groups;
mod identity;
mod index;
mod journal;
mod list;
mod ops;
mod reading;
mod records;
mod roles;
mod updates;
mod windows;

pub use gauge::memory;
pub use group::{Group, Item};
pub use groups::MAX_ROLES;
pub use identity::{EVERYONE, Sight, list_id};
pub use list::{Limits, List, Refusal};
pub use ops::Op;
pub use reading::Rank;
pub use updates::Update;
pub use windows::{MAX_WINDOWS, WINDOW, Windows};
