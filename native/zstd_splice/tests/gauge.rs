//! Every byte that is counted in is counted out. Alone in its process, because the gauge is shared.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use zstd_splice::{Connection, Primer, SHARED, Shared};

#[test]
fn what_is_dropped_is_no_longer_counted() {
    let primer = Primer::json();
    let body = &primer.bytes()[1..600];
    {
        let (event, empty) = (Shared::new(primer, body), Shared::new(primer, b""));
        let (before, idle) = (event.memory(), empty.memory());
        assert_eq!(SHARED.read(), (2, (before + idle) as u64));

        let mut connection = Connection::new(primer);
        let mut out = Vec::new();
        connection.append_primer(b"", b"", &mut out);
        connection.append_alone(&[b'1'; 10_000], &mut out);
        connection.append(b"", &event, &mut out).unwrap();
        assert!(event.memory() > before, "a variant is kept");
        assert_eq!(SHARED.read(), (2, (event.memory() + idle) as u64));
    }
    assert_eq!(SHARED.read(), (0, 0));
}
