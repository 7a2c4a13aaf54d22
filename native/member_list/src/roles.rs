//! The hoisted roles of a list.

use crate::groups::ONLINE;
use crate::list::{List, Refusal};

/// Members that one call moves.
const PIECE: usize = 256;

impl List {
    /// Makes `roles` the hoisted ones, in the order in which they are shown. There are at most
    /// [`crate::MAX_ROLES`], each once.
    ///
    /// Members of roles that are not among them become online members without one, a piece at a call:
    /// until it answers true, the list has the roles it had.
    pub fn set_roles(&mut self, roles: &[u64]) -> Result<bool, Refusal> {
        let mut left = PIECE;
        for slot in self.groups.leaving(roles) {
            while let Some(place) = self.groups.first(slot) {
                if left == 0 {
                    self.count();
                    return Ok(false);
                }
                self.reserve(0)?;
                self.regroup(place, ONLINE);
                left -= 1;
            }
        }
        self.arrange(roles)
    }

    fn arrange(&mut self, roles: &[u64]) -> Result<bool, Refusal> {
        if self.groups.arrange(roles) {
            self.journal.break_off();
        }
        self.size_changed();
        self.count();
        Ok(true)
    }
}
