//! Every atom that the NIFs make. None is ever made from a client's data.

rustler::atoms! {
    full,
}
