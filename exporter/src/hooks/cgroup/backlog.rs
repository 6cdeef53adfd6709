//! Events that wait for the next read: raw records, end to end, in one bounded piece of memory.

use exporter_common::cgroup::{CgroupEventHead, CgroupEventKind, MAX_PATH};

/// Room for the events between two reads: forty thousand with paths of 200 bytes.
const CAPACITY: usize = 8 << 20;

/// One event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event<'a> {
    /// What happened.
    pub kind: CgroupEventKind,
    /// Which cgroup it is.
    pub id: u64,
    /// Its path at that time, in bytes as they are; `None` when it is longer than the kernel tells.
    pub path: Option<&'a [u8]>,
}

/// Events that were drained together.
#[derive(Debug, Default)]
pub struct Events {
    records: Vec<u8>,
    /// How many events have been lost since the hook was attached. When this number grows, what is known
    /// after these events may be wrong.
    pub lost: u64,
}

impl Events {
    /// No events, but so many have been lost.
    #[cfg(test)]
    pub(crate) fn missing(lost: u64) -> Self {
        Self { records: Vec::new(), lost }
    }

    /// The events in the order in which they happened.
    pub fn iter(&self) -> impl Iterator<Item = Event<'_>> {
        let mut rest = &self.records[..];
        std::iter::from_fn(move || {
            let (event, behind) = split(rest)?;
            rest = behind;
            Some(event)
        })
    }
}

/// Only whole records of known kinds are kept, so the first `None` is the end.
fn split(bytes: &[u8]) -> Option<(Event<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(size_of::<CgroupEventHead>())?;
    let head = head_of(head)?;
    let (path, rest) = rest.split_at_checked(head.path_len as usize)?;
    // The kernel never says that it has cut a path off, but one that fills the room may be.
    let path = (!path.is_empty() && path.len() < MAX_PATH - 1).then_some(path);
    Some((Event { kind: CgroupEventKind::of(head.kind)?, id: head.id, path }, rest))
}

fn head_of(bytes: &[u8]) -> Option<CgroupEventHead> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (kind, rest) = rest.split_first_chunk()?;
    let path_len = rest.first_chunk()?;
    Some(CgroupEventHead {
        id: u64::from_ne_bytes(*id),
        kind: u32::from_ne_bytes(*kind),
        path_len: u32::from_ne_bytes(*path_len),
    })
}

/// Where events wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    records: Vec<u8>,
    refused: u64,
}

impl Backlog {
    /// Keeps a record, if there is room for it and it is what it should be.
    pub(super) fn push(&mut self, record: &[u8]) {
        let whole = split(record).is_some_and(|(_, rest)| rest.is_empty());
        if whole && self.records.len() + record.len() <= CAPACITY {
            self.records.extend_from_slice(record);
        } else {
            self.refused += 1;
        }
    }

    /// Hands over everything, and the memory with it. `dropped` were lost before they came here.
    pub(super) fn take(&mut self, dropped: u64) -> Events {
        Events { records: std::mem::take(&mut self.records), lost: dropped + self.refused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u32, id: u64, path: &[u8]) -> Vec<u8> {
        [&id.to_ne_bytes()[..], &kind.to_ne_bytes(), &(path.len() as u32).to_ne_bytes(), path].concat()
    }

    #[test]
    fn events_come_back_in_order_and_once() {
        let mut backlog = Backlog::default();
        backlog.push(&record(1, 70, b"/a"));
        backlog.push(&record(2, 70, b"/b\n\xff"));
        backlog.push(&record(3, 70, b""));
        let events = backlog.take(0);
        let expected = [
            Event { kind: CgroupEventKind::Born, id: 70, path: Some(b"/a") },
            Event { kind: CgroupEventKind::Renamed, id: 70, path: Some(b"/b\n\xff") },
            Event { kind: CgroupEventKind::Removed, id: 70, path: None },
        ];
        assert_eq!(events.iter().collect::<Vec<_>>(), expected);
        assert_eq!((events.lost, backlog.take(0).iter().count()), (0, 0));
    }

    #[test]
    fn a_path_that_may_be_cut_off_is_none() {
        let mut backlog = Backlog::default();
        backlog.push(&record(1, 70, &[b'x'; MAX_PATH - 2]));
        backlog.push(&record(1, 71, &[b'x'; MAX_PATH - 1]));
        let events = backlog.take(0);
        let known: Vec<bool> = events.iter().map(|event| event.path.is_some()).collect();
        assert_eq!(known, [true, false]);
    }

    #[test]
    fn what_is_no_event_is_lost() {
        let mut backlog = Backlog::default();
        let good = record(1, 70, b"/a");
        for bad in
            [&good[..good.len() - 1], &good[..7], &[], &record(4, 70, b"/a"), &[&good[..], b"x"].concat()]
        {
            backlog.push(bad);
        }
        backlog.push(&good);
        let events = backlog.take(10);
        assert_eq!((events.iter().count(), events.lost), (1, 15));
    }

    #[test]
    fn the_backlog_is_bounded_and_says_what_it_lost() {
        let mut backlog = Backlog::default();
        let event = record(1, 70, &[b'x'; 1000]);
        let fit = CAPACITY / event.len();
        for _ in 0..fit + 3 {
            backlog.push(&event);
        }
        let events = backlog.take(0);
        assert_eq!((events.iter().count(), events.lost), (fit, 3));
        backlog.push(&event);
        let events = backlog.take(1);
        assert_eq!((events.iter().count(), events.lost), (1, 4), "losses add up, room is back");
    }
}
