//! Which node of a cluster has which names. A Redis by itself is one node, which has them all.

use redis::{Value, from_redis_value_ref};

/// How many slots the names of a cluster fall into.
const SLOTS: u16 = 16_384;

/// The slot of all names that have `group` between their braces (CRC-16/XMODEM, as the specification of
/// Redis Cluster has it).
pub(super) fn slot_of(group: &str) -> u16 {
    let crc = group.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    });
    crc % SLOTS
}

/// A host and a port.
pub(super) type Address = (String, u16);

/// Who has which slots: the last slot of each range, and the number of its node, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slots(Vec<(u16, usize)>);

impl Slots {
    /// One node has all.
    pub(super) fn of_one() -> Self {
        Self(vec![(SLOTS - 1, 0)])
    }

    /// The masters of a cluster and what they have, as `asked`, one of its nodes, answers CLUSTER SLOTS.
    /// `None`: not all slots are served, or it is no such answer.
    pub(super) fn read(answer: &[Value], asked: &str) -> Option<(Vec<Address>, Self)> {
        let mut ranges =
            answer.iter().map(|range| read_range(range, asked)).collect::<Option<Vec<_>>>()?;
        ranges.sort();
        let (mut masters, mut slots, mut next) = (Vec::new(), Vec::new(), 0);
        for (first, last, master) in ranges {
            if first != next || last < first || last >= SLOTS {
                return None;
            }
            next = last + 1;
            let node = masters.iter().position(|known| *known == master).unwrap_or_else(|| {
                masters.push(master);
                masters.len() - 1
            });
            slots.push((last, node));
        }
        (next == SLOTS).then_some((masters, Self(slots)))
    }

    /// The number of the node that has a slot.
    pub(super) fn node(&self, slot: u16) -> usize {
        let range = self.0.partition_point(|&(last, _)| last < slot);
        self.0.get(range).map_or(0, |&(_, node)| node)
    }
}

/// First slot, last slot, and their master: what stands behind it are replicas.
fn read_range(range: &Value, asked: &str) -> Option<(u16, u16, Address)> {
    let Value::Array(range) = range else { return None };
    let Value::Array(master) = range.get(2)? else { return None };
    let host = from_redis_value_ref::<Option<String>>(master.first()?).ok()?.unwrap_or_default();
    let host = match &*host {
        // It knows no name of its own: the one by which it was asked is good.
        "" => asked.to_owned(),
        "?" => return None,
        _ => host,
    };
    Some((number(&range[0])?, number(&range[1])?, (host, number(master.get(1)?)?)))
}

/// Read as what it is: the library would cut it to size.
fn number(value: &Value) -> Option<u16> {
    match value {
        Value::Int(number) => u16::try_from(*number).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = |host, port| Value::Array(vec![host, Value::Int(port), text("id")]);
        let replica = node(text("replica"), 1);
        Value::Array(vec![Value::Int(first), Value::Int(last), node(host, port), replica])
    }

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    /// The first is the example of the specification, the others are what Redis 7 answers to CLUSTER KEYSLOT.
    #[test]
    fn a_name_falls_into_the_slot_that_redis_says() {
        assert_eq!(slot_of("123456789"), 0x31C3);
        assert_eq!(["foo", "bar", "hello"].map(slot_of), [12_182, 5_061, 866]);
    }

    #[test]
    fn each_slot_has_its_master() {
        let answer = [
            range(10_923, 16_383, text("a"), 1),
            range(0, 5_460, text("a"), 1),
            range(5_461, 10_922, Value::Nil, 2),
        ];
        let (masters, slots) = Slots::read(&answer, "asked").unwrap();
        assert_eq!(masters, [("a".to_owned(), 1), ("asked".to_owned(), 2)]);
        let nodes = [0, 5_460, 5_461, 10_922, 10_923, 16_383].map(|slot| slots.node(slot));
        assert_eq!(nodes, [0, 0, 1, 1, 0, 0]);
        assert!((0..SLOTS).all(|slot| Slots::of_one().node(slot) == 0));
    }

    /// Nobody is asked who may not be the right one. Seen to fail with gaps let pass.
    #[test]
    fn a_cluster_that_does_not_serve_every_slot_is_none() {
        let whole = || range(0, 16_383, text("a"), 1);
        assert!(Slots::read(&[whole()], "asked").is_some());
        for answer in [
            vec![],
            vec![Value::Nil],
            vec![range(0, 16_382, text("a"), 1)],
            vec![range(1, 16_383, text("a"), 1)],
            vec![range(0, 5, text("a"), 1), range(7, 16_383, text("b"), 1)],
            vec![whole(), whole()],
            vec![range(0, 16_384, text("a"), 1)],
            vec![range(0, -1, text("a"), 1)],
            vec![range(0, 16_383, text("?"), 1)],
            vec![range(0, 16_383, text("a"), 70_000)],
            vec![Value::Array(vec![Value::Int(0), Value::Int(16_383)])],
        ] {
            assert_eq!(Slots::read(&answer, "asked"), None, "{answer:?}");
        }
    }
}
