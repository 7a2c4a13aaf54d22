//! JSON text at the speed of memory: everything of `Guildhall.Payload` that knows no BEAM.
//!
//! [`Reader`] turns text into the terms of a [`Build`], [`write`](mod@write) turns
//! strings and numbers into text. Neither recurses, and neither makes anything but what its caller
//! gave it to write into, so that no input can overflow a stack or fill a memory that is not its own.

mod decimal;
mod error;
mod keys;
mod number;
mod reader;
mod text;
pub mod write;

pub use error::{Error, Reason};
pub use reader::{Build, Reader};

/// How deep arrays and objects may nest, in both directions.
pub const MAX_DEPTH: usize = 512;

/// How many digits an integer may have. Its conversion is quadratic in them.
pub const MAX_DIGITS: usize = 1_024;

/// How long a text may be, in bytes, in both directions.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
