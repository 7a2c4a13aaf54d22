//! Every atom that the NIFs make. None is ever made from a client's data.

rustler::atoms! {
    full,

    // outbox
    acknowledged,
    beyond,
    empty,
    gone,
    invalid,
    overflow,
    overflowed,
    pending_bytes,
    pending_events,
    plain,
    queued,
    ring_bytes,
    ring_events,
    sequence,
    wake,
    zlib_stream,
    zstd_stream,
}
