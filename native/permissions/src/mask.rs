//! Masks of permission bits, and the stages that need nothing else.

/// A set of permissions.
pub type Mask = u64;

/// Every permission there is: bits 0 to 52 without 47.
pub const ALL: Mask = (1 << 53) - 1 - (1 << 47);
/// Stands for all, whatever a channel says.
pub const ADMINISTRATOR: Mask = 1 << 3;
/// Without it there is nothing else in a channel.
pub const VIEW_CHANNEL: Mask = 1 << 10;
/// Without it nothing goes with a message.
pub const SEND_MESSAGES: Mask = 1 << 11;
/// In a thread it stands in the place of [`SEND_MESSAGES`].
pub const SEND_MESSAGES_IN_THREADS: Mask = 1 << 38;
/// Without it there is only looking at a voice channel.
pub const CONNECT: Mask = 1 << 20;
/// With [`VIEW_CHANNEL`] what a timeout leaves.
pub const READ_MESSAGE_HISTORY: Mask = 1 << 16;

/// SEND_TTS_MESSAGES, EMBED_LINKS, ATTACH_FILES, MENTION_EVERYONE.
const WITH_A_MESSAGE: Mask = 1 << 12 | 1 << 14 | 1 << 15 | 1 << 17;

/// The roles' permissions together, or all of them for an administrator.
#[inline]
pub fn base(together: Mask) -> Mask {
    if together & ADMINISTRATOR != 0 { ALL } else { together }
}

/// One overwrite, or several of a kind together.
#[inline]
pub fn overwritten(mask: Mask, allow: Mask, deny: Mask) -> Mask {
    mask & !deny | allow
}

/// A thread's permissions, from those in its parent.
#[inline]
pub fn in_thread(mask: Mask) -> Mask {
    if mask & SEND_MESSAGES_IN_THREADS != 0 { mask | SEND_MESSAGES } else { mask & !SEND_MESSAGES }
}

/// What is left when that which a missing permission takes along is gone.
#[inline]
pub fn implied(mask: Mask, voice: bool) -> Mask {
    if mask & VIEW_CHANNEL == 0 {
        0
    } else if voice && mask & CONNECT == 0 {
        VIEW_CHANNEL
    } else if mask & SEND_MESSAGES == 0 {
        mask & !WITH_A_MESSAGE
    } else {
        mask
    }
}

/// What a timeout leaves: looking.
#[inline]
pub fn in_timeout(mask: Mask) -> Mask {
    mask & (VIEW_CHANNEL | READ_MESSAGE_HISTORY)
}
