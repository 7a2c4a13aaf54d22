//! Events compressed once and written into thousands of zstd streams.
//!
//! A [`Connection`] is one zstd frame (RFC 8878) that never ends; every payload ends with a block, so that
//! a decoder has all of it. A [`Shared`] body is matched and coded once, as blocks that depend on no block
//! before them but those of the [`Primer`], which every connection is sent in one of its first payloads and
//! again before it leaves the window of 2^20.
//!
//! An offset into the primer depends on how far back it is on that connection. It is coded as its magnitude
//! (a symbol) and that many raw bits, so among all distances of one magnitude only raw bits differ, and they
//! are at known places: per connection a block is copied and some twenty words are patched.
//!
//! **Invariant:** on a connection that has its primer, every block leaves the decoder's tables as the primer
//! taught them. Blocks name them ("treeless" literals, tables in repeat mode), and a body that describes a
//! better tree of its own ends with a block that teaches the primer's again.
//!
//! ```
//! use zstd_splice::{Connection, Primer, Shared};
//!
//! let primer = Primer::json();
//! let body = Shared::new(primer, br#""t":"TYPING_START","op":0,"d":{"channel_id":"1"}}"#);
//!
//! let mut connection = Connection::new(primer);
//! let mut out = Vec::new();
//! connection.append_primer(br#"{"t":null,"s":null,"op":10,"d":{"_primer":"#, b"}}", &mut out);
//! connection.append(br#"{"s":1,"#, &body, &mut out)?;
//! # Ok::<(), zstd_splice::Refused>(())
//! ```
#![allow(
    clippy::indexing_slicing,
    reason = "tables are indexed by symbols that fit by construction; a bound that fails is a bug to be seen"
)]

mod bits;
mod block;
mod codes;
mod connection;
mod encoder;
mod fse;
mod huffman;
mod index;
mod literals;
mod matcher;
mod own_tables;
mod position;
mod primer;
mod sequences;
mod shared;
mod statistics;

pub use connection::{Connection, Refused};
pub use primer::{Primer, Unfit};
pub use shared::{SHARED, Shared};
