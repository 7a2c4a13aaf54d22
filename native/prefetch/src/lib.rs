//! Asks the processor for memory that is read soon.
//!
//! A search in a node waits for the memory at each of its steps, some 100 ns if nobody has read the node
//! lately. Asked for all at once, its lines come in little more than the time of one.

/// Bytes that come at a time.
const LINE: usize = 64;

/// Bytes beyond which nothing is asked for: a processor fetches few lines at a time, and finds out by
/// itself where a long read goes.
const MOST: usize = 8_192;

/// Asks for a slice, or the beginning of a long one. That is no read: nothing waits, and nothing changes
/// but what the next reads cost.
#[inline]
pub fn slice<T>(of: &[T]) {
    let (start, bytes) = (of.as_ptr().cast::<u8>(), size_of_val(of).min(MOST));
    for offset in (0..bytes).step_by(LINE) {
        line(start.wrapping_add(offset));
    }
    // It need not begin where a line does.
    if let Some(last) = bytes.checked_sub(1) {
        line(start.wrapping_add(last));
    }
}

/// Asks for what lies around a slice: so many bytes before it and so many behind. They need not be anybody's.
#[inline]
pub fn around<T>(of: &[T], before: usize, behind: usize) {
    let ends = of.as_ptr_range();
    let (start, end) = (ends.start.cast::<u8>(), ends.end.cast::<u8>());
    for offset in (0..before.min(MOST)).step_by(LINE) {
        line(start.wrapping_sub(offset + 1));
    }
    for offset in (0..behind.min(MOST)).step_by(LINE) {
        line(end.wrapping_add(offset));
    }
}

/// Asks for the line of an address, which may be any.
#[inline]
#[allow(unsafe_code, reason = "an intrinsic of the processor")]
fn line(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction is a hint. It neither reads nor faults, whatever the address is, and
    // every x86_64 has it.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above: a hint, which changes no register, no flag and no memory.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    #[test]
    fn any_slice_may_be_asked_for() {
        super::slice::<u64>(&[]);
        super::slice(&[0_u8; 1]);
        super::slice(&[[0_u32; 3]; 1_000]);
        super::around::<u64>(&[], 10_000, 10_000);
        super::around(&[0_u8; 1], 1, 1_000_000_000);
        super::line(std::ptr::null());
        super::line(std::ptr::without_provenance(usize::MAX));
    }
}
