//! One event to the sessions of a small room: what a list of them would cost.

use crate::Audience;
use crate::bits::{SEATS, seats};
use crate::choice::Choice;
use crate::deliver::Deliver;
use crate::item::Item;

impl<T> Audience<T> {
    /// Delivers an item in a room of one word, without memory of its own. Returns how many got it.
    pub(crate) fn deliver_few<E>(&self, item: &Item<E>, deliver: &mut impl Deliver<T, E>) -> usize {
        let choice = Choice::new(self, item, None);
        let (body, content) = choice.word(0);
        let named = choice.named_word();

        let (sessions, sinks) = self.seats.of_word(0);
        let of_seat = |seat: u32| {
            let index = seat as usize % SEATS;
            Some((sessions.get(index)?, sinks.get(index)?.as_ref()?))
        };
        for (_session, sink) in seats(0, body | content | named).filter_map(of_seat) {
            deliver.touch(sink);
        }

        let mut pushed = 0;
        let mut give = |seat, event| {
            if let Some((session, sink)) = of_seat(seat) {
                pushed += 1;
                deliver.push(session.key, sink, &[event]);
            }
        };
        seats(0, body & !named).for_each(|seat| give(seat, &item.body));
        if let Some(event) = &item.content {
            seats(0, content & !named).for_each(|seat| give(seat, event));
        }
        for seat in seats(0, named) {
            if let Some(event) = choice.alone(seat) {
                give(seat, event);
            }
        }
        pushed
    }
}
