//! The primer of a process. Alone in its process, which has one.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use zstd_splice::{Primer, Unfit};

#[test]
fn the_first_primer_stays() {
    let events = |count| br#"{"t":"A","op":0,"d":{"id":"1"}},"#.repeat(count);
    assert_eq!(Primer::new(b"").err(), Some(Unfit::Noise));
    assert_eq!(Primer::new(b"no byte twice").err(), Some(Unfit::Noise));
    assert_eq!(Primer::new(&events(1_000)).err(), Some(Unfit::Size));

    assert!(Primer::new(&events(2)).unwrap().install());
    assert_eq!(Primer::json().bytes(), events(2));
    assert!(Primer::new(&events(2)).unwrap().install(), "it is the same");
    assert!(!Primer::new(&events(3)).unwrap().install());
    assert_eq!(Primer::json().bytes(), events(2));
}
