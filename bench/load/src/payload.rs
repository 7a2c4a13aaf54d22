//! What the gateway says, as far as a load generator listens.

use crate::json::{Members, field, number, string};

/// One payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Payload<'a> {
    /// An event: its number, its type and its data.
    Dispatch { sequence: u64, name: &'a [u8], data: &'a [u8] },
    /// The greeting, and how often the server wants a heartbeat, in ms.
    Hello { interval: u64 },
    /// The answer to a heartbeat.
    Acknowledged,
    /// The server wants a heartbeat now.
    Beat,
    /// The client shall come back on another connection.
    Reconnect,
    /// There is no session for this client.
    Invalid,
}

impl<'a> Payload<'a> {
    /// Reads a payload, or None if it is not one of the gateway's.
    pub(crate) fn read(text: &'a [u8]) -> Option<Self> {
        let mut members = Members::new(text);
        let (mut sequence, mut name, mut op, mut data) = (0, &[][..], None, &[][..]);
        let mut seen = 0;
        while let Some((key, start)) = members.key() {
            seen += 1;
            // The data is the long part. As the last of the four keys it ends where the text does.
            let value = if seen == 4 { start..text.len() - 1 } else { members.value()? };
            match key {
                b"s" => sequence = number(text, start).unwrap_or(0),
                b"op" => op = number(text, start),
                b"t" => name = string(text, start).and_then(|inner| text.get(inner)).unwrap_or(b""),
                b"d" => data = text.get(value)?,
                _ => {}
            }
        }
        match op? {
            0 => Some(Self::Dispatch { sequence, name, data }),
            1 => Some(Self::Beat),
            7 => Some(Self::Reconnect),
            9 => Some(Self::Invalid),
            10 => {
                let value = field(data, b"heartbeat_interval")?;
                Some(Self::Hello { interval: number(data, value.start)? })
            }
            11 => Some(Self::Acknowledged),
            _ => None,
        }
    }
}

/// How many guilds a READY announces.
pub(crate) fn guilds(ready: &[u8]) -> usize {
    let guilds = field(ready, b"guilds").and_then(|value| ready.get(value)).unwrap_or(b"[]");
    memchr::memmem::find_iter(guilds, br#""id":"#).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_any_order() {
        let expected = Payload::Dispatch { sequence: 7, name: b"READY", data: br#"{"v":10}"# };
        for text in [
            br#"{"s":7,"t":"READY","op":0,"d":{"v":10}}"#,
            br#"{"t":"READY","d":{"v":10},"s":7,"op":0}"#,
        ] {
            assert_eq!(Payload::read(text), Some(expected));
        }
    }

    #[test]
    fn what_is_no_event_is_told_by_its_opcode() {
        let hello =
            br#"{"d":{"_trace":["x"],"heartbeat_interval":41250},"op":10,"s":null,"t":null}"#;
        assert_eq!(Payload::read(hello), Some(Payload::Hello { interval: 41_250 }));
        assert_eq!(Payload::read(br#"{"op":11}"#), Some(Payload::Acknowledged));
        assert_eq!(Payload::read(br#"{"op":9,"d":false}"#), Some(Payload::Invalid));
        assert_eq!(Payload::read(br#"{"op":99}"#), None);
        assert_eq!(Payload::read(b"{}"), None);
        assert_eq!(Payload::read(b""), None);
    }

    #[test]
    fn guilds_of_ready_are_counted() {
        let ready = br#"{"guilds":[{"id":"1","unavailable":true},{"id":"2"}],"user":{"id":"3"}}"#;
        assert_eq!(guilds(ready), 2);
        assert_eq!(guilds(b"{}"), 0);
    }
}
