//! The disk that a request is for, and how many requests it has.

use exporter_common::{
    ABSENT,
    block_io::{BlockCpu, BlockDevice, DEVICE_CELLS, DEVICE_PLACES, DISK_NAME_LEN, device_key},
    cells::home,
};
use exporter_ebpf::{atomic, cells, kernel::Struct};

use crate::{fields::field, maps::DEVICES};

/// Bits of a device's minor number (include/linux/kdev_t.h).
const MINOR_BITS: u32 = 20;

/// A request's disk; a queue may have none (commands to a controller, a disk that is being probed).
#[derive(Clone, Copy)]
pub struct Disk(Struct);

impl Disk {
    /// The disk of a request.
    #[inline(always)]
    pub fn of(request: Struct) -> Self {
        Self(if field!(rq_disk) == ABSENT {
            request.follow(field!(queue)).follow(field!(queue_disk))
        } else {
            request.follow(field!(rq_disk))
        })
    }

    /// Its number for keys.
    #[inline(always)]
    pub fn number(self) -> u32 {
        if field!(keep_device) == 0 || self.0.is_null() {
            return 0;
        }
        let (major, minor): (u32, u32) =
            (self.0.read(field!(disk_major)), self.0.read(field!(disk_first_minor)));
        major << MINOR_BITS | minor
    }

    /// Its name; empty where keys have no number.
    #[inline(always)]
    pub fn name(self) -> [u8; DISK_NAME_LEN] {
        let mut words = [0u64; DISK_NAME_LEN / 8];
        if field!(keep_device) == 1 && !self.0.is_null() {
            for (word, offset) in words.iter_mut().zip((field!(disk_name)..).step_by(8)) {
                *word = self.0.read(offset);
            }
        }
        // SAFETY: as many bytes.
        unsafe { core::mem::transmute(words) }
    }

    /// Counts a request that is given to the disk, whose number is `number`.
    ///
    /// # Safety
    ///
    /// `cpu` is this CPU's record.
    #[inline(always)]
    pub unsafe fn start(self, number: u32, cpu: *mut BlockCpu) {
        // SAFETY: the caller's promise; cells are a map's values.
        unsafe {
            match counters(number).or_else(|| self.take_counters(number)) {
                Some(device) => atomic::add_u64(&raw mut (*device).started, 1),
                None => atomic::add_u64(&raw mut (*cpu).devices_full, 1),
            }
        }
    }

    /// Tells user space that there is this disk, whose number is `number`.
    ///
    /// # Safety
    ///
    /// As [`start`](Self::start).
    #[inline(always)]
    pub unsafe fn tell(self, number: u32, cpu: *mut BlockCpu) {
        if counters(number).is_none() && self.take_counters(number).is_none() {
            // SAFETY: the caller's promise.
            unsafe { atomic::add_u64(&raw mut (*cpu).devices_full, 1) };
        }
    }

    /// The first free cell among those in which the disk may be.
    #[inline(always)]
    fn take_counters(self, number: u32) -> Option<*mut BlockDevice> {
        let device = BlockDevice { started: 0, ended: 0, disk_name: self.name() };
        places(number).find_map(|place| cells::take(&DEVICES, place, device_key(number), device))
    }
}

/// Counts a request that the disk of that number gives back.
#[inline(always)]
pub fn end(number: u32) {
    if field!(durations) == 1
        && let Some(device) = counters(number)
    {
        // SAFETY: cells are a map's values.
        unsafe { atomic::add_u64(&raw mut (*device).ended, 1) };
    }
}

#[inline(always)]
fn counters(number: u32) -> Option<*mut BlockDevice> {
    places(number).find_map(|place| cells::find(&DEVICES, place, device_key(number)))
}

#[inline(always)]
fn places(number: u32) -> impl Iterator<Item = u32> {
    let first = home(number, DEVICE_CELLS);
    (0..DEVICE_PLACES).map(move |step| (first + step) & (DEVICE_CELLS - 1))
}
