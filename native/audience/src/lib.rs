//! Who of a room's sessions gets an event.
//!
//! Every session has a seat, a small number. Whatever decides what it gets is a set of seats, a bit each:
//! who has a role, who asked for an intent, who is passive. Who sees a channel is boolean algebra over these
//! sets, worked out when it is first asked and then kept up to date bit by bit: a member's new roles, a new
//! owner, or a session that comes or goes change one bit in each set. Channels whose overwrites come to the
//! same share one set. An event's recipients are a few sets and-ed, a word of 64 sessions at a time; the few
//! users whom it names are decided one by one.
//!
//! What takes long can be done in pieces: [`Audience::prepare`], [`Moves::work`] and
//! [`Audience::deliver`] stop at a budget and go on where they were.

mod audience;
mod bits;
mod choice;
mod class;
mod deliver;
mod few;
mod index;
mod intents;
mod item;
mod moves;
mod pieces;
mod recipients;
mod rights;
mod seats;
mod size;
mod table;
mod tile;
mod topics;
mod work;

pub use audience::{Audience, Change, Full, MEMORY};
pub use deliver::Deliver;
pub use item::{Item, Moved, To, Users};
pub use moves::Moves;
pub use seats::Session;
pub use topics::Topic;
pub use work::Budget;
