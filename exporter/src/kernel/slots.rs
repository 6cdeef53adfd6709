//! Who has which slot; the user's side of the protocol in [`exporter_common::slots`].
//!
//! A tenancy ends in two reads. When a tenant is gone, its key leaves the index and the owner's record is
//! cleared, so that no program finds the slot any more; the read that follows gives the tenant its last
//! increments (*closing*). A program that was past its check may still have written a moment later: what
//! the next full read finds belongs to the fold (*resting*). Then the slot is free.

use std::{io, os::fd::BorrowedFd};

use exporter_common::{
    Plain,
    block_io::{BlockKey, BlockOwner},
    rows::RowKey,
    slots::{NO_OWNER, OVERFLOW_SLOT},
};

use super::{bpf, mapped::Mapped};

/// A record of who has a slot, as programs write it.
pub trait Owner: Plain {
    /// What the index is keyed by.
    type Key: Plain + PartialEq;
    /// Nobody.
    const NOBODY: Self;
    /// The tenant's key, or `None` when the slot is free or resting.
    fn key(&self) -> Option<Self::Key>;
}

impl Owner for u64 {
    type Key = u64;
    const NOBODY: Self = NO_OWNER;

    fn key(&self) -> Option<u64> {
        (*self != NO_OWNER).then_some(*self)
    }
}

impl Owner for BlockOwner {
    type Key = BlockKey;
    const NOBODY: Self = Self { taken: 0, cgroup: 0, device: 0, operation: 0, disk_name: [0; 32] };

    fn key(&self) -> Option<BlockKey> {
        let Self { cgroup, device, operation, .. } = *self;
        (self.taken != 0).then_some(BlockKey { cgroup, device, operation })
    }
}

impl Owner for RowKey {
    type Key = Self;
    const NOBODY: Self = Self { cgroup: 0, series: 0, attribute: 0 };

    fn key(&self) -> Option<Self> {
        (self.series != 0).then_some(*self)
    }
}

/// Whose increments a slot holds at this read.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Tenancy<O> {
    /// A tenant's that had it at the last read already.
    Goes(O),
    /// A tenant's that got it since the last read.
    Began(O),
    /// The increments of this read are the tenant's last ones.
    Ends(O),
    /// Nobody's: they belong to the fold.
    Fold,
}

#[derive(Clone, Copy)]
enum State<O> {
    Free,
    Taken(O),
    Closing(O),
    Resting,
}

/// All slots of one object.
pub struct SlotTable<O> {
    owners: Mapped<O>,
    states: Vec<State<O>>,
    /// How many of the first slots never have a tenant.
    reserved: usize,
}

impl<O: Owner> SlotTable<O> {
    /// Takes over a table that was just made, and queues all slots but the overflow slot.
    pub fn new(owners: Mapped<O>, free: BorrowedFd<'_>) -> io::Result<Self> {
        Self::with_reserved(owners, free, OVERFLOW_SLOT as usize + 1)
    }

    /// As [`new`](Self::new), where so many of the first slots never have a tenant: they are the fold's at every read.
    pub fn with_reserved(owners: Mapped<O>, free: BorrowedFd<'_>, reserved: usize) -> io::Result<Self> {
        let states = vec![State::Free; owners.len()];
        for slot in reserved..owners.len() {
            bpf::push(free, &(slot as u32))?;
        }
        Ok(Self { owners, states, reserved })
    }

    /// Number of slots, the overflow slot included.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there are no slots.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    /// Slots that are not free.
    pub fn used(&self) -> usize {
        self.states.iter().filter(|state| !matches!(state, State::Free)).count()
    }

    /// Ends the tenancy of all for whom `is_gone` holds, also of those that came since the last read.
    pub fn evict(&mut self, index: BorrowedFd<'_>, mut is_gone: impl FnMut(&O) -> bool) -> io::Result<()> {
        for slot in self.reserved..self.states.len() {
            let owner = match self.states[slot] {
                State::Taken(owner) => owner,
                State::Free => match self.newcomer(index, slot)? {
                    Some(owner) => owner,
                    None => continue,
                },
                State::Closing(_) | State::Resting => continue,
            };
            if is_gone(&owner)
                && let Some(key) = owner.key()
            {
                bpf::delete(index, &key)?;
                self.owners.set(slot, O::NOBODY);
                self.states[slot] = State::Closing(owner);
            }
        }
        Ok(())
    }

    /// All slots that may hold increments, ascending. The caller reads their values, and then calls
    /// [`settle`](Self::settle).
    pub fn scan(&mut self, index: BorrowedFd<'_>) -> io::Result<Vec<(usize, Tenancy<O>)>> {
        let mut slots: Vec<_> = (0..self.reserved).map(|slot| (slot, Tenancy::Fold)).collect();
        for slot in self.reserved..self.states.len() {
            let tenancy = match self.states[slot] {
                State::Free => match self.newcomer(index, slot)? {
                    Some(owner) => {
                        self.states[slot] = State::Taken(owner);
                        Tenancy::Began(owner)
                    }
                    None => continue,
                },
                State::Taken(owner) => Tenancy::Goes(owner),
                State::Closing(owner) => Tenancy::Ends(owner),
                State::Resting => Tenancy::Fold,
            };
            slots.push((slot, tenancy));
        }
        Ok(slots)
    }

    /// Moves every tenancy that ends one step on, after the values of all slots have been read.
    pub fn settle(&mut self, free: BorrowedFd<'_>) -> io::Result<()> {
        for (slot, state) in self.states.iter_mut().enumerate() {
            *state = match *state {
                State::Closing(_) => State::Resting,
                State::Resting => {
                    bpf::push(free, &(slot as u32))?;
                    State::Free
                }
                unchanged => unchanged,
            };
        }
        Ok(())
    }

    /// Who has taken a free slot. Two CPUs may claim a slot each for the same tenant; the one whose slot is
    /// not in the index is about to clear its record and give it back.
    fn newcomer(&self, index: BorrowedFd<'_>, slot: usize) -> io::Result<Option<O>> {
        let owner = self.owners.get(slot);
        let Some(key) = owner.key() else { return Ok(None) };
        let indexed = bpf::lookup::<_, u32>(index, &key)?;
        Ok((indexed == Some(slot as u32)).then_some(owner))
    }
}
