//! What a member of a guild may do in it and in its channels.
//!
//! A [`Guild`] holds roles and channels, sorted so that a look-up is a few steps, and is never
//! changed: what changes it returns another one, which shares the channels with it. A [`Standing`]
//! is a member's base permissions and those of the member's roles that the guild has; with it a
//! channel is asked, or all of them.
//!
//! The stages are functions of masks in [`mask`], for those who keep members in another way.

mod channel;
mod guild;
pub mod mask;
mod packed;
mod standing;

use gauge::Gauge;

pub use channel::{Channel, Kind, Overwrite, Target};
pub use guild::{Change, Full, Guild};
pub use mask::Mask;
pub use packed::{Members, Torn};
pub use standing::{Member, Standing};

/// Guilds of this process and their bytes. A channel that several guilds share is counted once.
pub static MEMORY: Gauge = Gauge::new();
