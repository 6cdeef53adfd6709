//! The disk that a request is for, and how many requests it has.

use aya_ebpf::bindings::BPF_NOEXIST;
use exporter_common::{
    ABSENT,
    block_io::{BlockCpu, BlockDevice, DISK_NAME_LEN},
};
use exporter_ebpf::{atomic, kernel::Struct};

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

    /// Counts a request that is given to the disk.
    ///
    /// # Safety
    ///
    /// `cpu` is this CPU's record.
    #[inline(always)]
    pub unsafe fn start(self, cpu: *mut BlockCpu) {
        let number = self.number();
        let device = match DEVICES.get_ptr_mut(number) {
            Some(device) => Some(device),
            None => {
                let device = BlockDevice { started: 0, ended: 0, disk_name: self.name() };
                let _ = DEVICES.insert(number, device, BPF_NOEXIST.into()); // or another CPU was faster
                DEVICES.get_ptr_mut(number)
            }
        };
        // SAFETY: the caller's promise; what the map returns is its value.
        unsafe {
            match device {
                Some(device) => atomic::add_u64(&raw mut (*device).started, 1),
                None => atomic::add_u64(&raw mut (*cpu).devices_full, 1),
            }
        }
    }

    /// Counts a request that the disk gives back.
    #[inline(always)]
    pub fn end(self) {
        if let Some(device) = DEVICES.get_ptr_mut(self.number()) {
            // SAFETY: what the map returns is its value.
            unsafe { atomic::add_u64(&raw mut (*device).ended, 1) };
        }
    }
}
