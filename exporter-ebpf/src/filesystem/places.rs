//! Which file system a file is on: a small number for each that was met.

use aya_ebpf::{
    bindings::BPF_F_MMAPABLE,
    helpers::generated::bpf_probe_read_kernel_str,
    macros::map,
    maps::{Array, HashMap, Queue},
};
use exporter_common::filesystem::{NAME_LEN, Place, PlaceKey, note, place};
use exporter_ebpf::{frozen, kernel::Struct, rows::Cpu, slots};

use crate::FIELDS;

#[map]
static PLACE_OF: HashMap<PlaceKey, u32> = HashMap::with_max_entries(1, 0);
#[map]
static FREE_PLACES: Queue<u32> = Queue::with_max_entries(1, 0);
#[map]
static PLACES: Array<Place> = Array::with_max_entries(1, BPF_F_MMAPABLE);

// Bits of `inode.i_mode` (include/uapi/linux/stat.h).
const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;

/// `super_block.s_flags` of what nobody can mount, such as that of pipes and of sockets (include/linux/fs.h).
const SB_NOUSER: u32 = 1 << 31;

/// `file_system_type.fs_flags` of what is on a device (include/linux/fs.h).
const FS_REQUIRES_DEV: u32 = 1;

/// The file system of a regular file or a folder. What else can be opened is no file system's: who reads from a pipe or a
/// terminal waits for others.
#[inline(always)]
pub fn of_file(cpu: Cpu, file: Struct) -> Option<u32> {
    let inode = file.follow(frozen!(FIELDS.file_inode));
    let kind = u32::from(inode.read::<u16>(frozen!(FIELDS.inode_mode))) & S_IFMT;
    if kind != S_IFREG && kind != S_IFDIR {
        return None;
    }
    of_super_block(cpu, inode.follow(frozen!(FIELDS.inode_sb)))
}

/// The file system of a name.
#[inline(always)]
pub fn of_dentry(cpu: Cpu, dentry: Struct) -> Option<u32> {
    of_super_block(cpu, dentry.follow(frozen!(FIELDS.dentry_sb)))
}

#[inline(always)]
fn of_super_block(cpu: Cpu, block: Struct) -> Option<u32> {
    if block.read::<u64>(frozen!(FIELDS.sb_flags)) as u32 & SB_NOUSER != 0 {
        return None;
    }
    let kind = block.follow(frozen!(FIELDS.sb_type));
    let mut key = PlaceKey { kind: kind.number(), device: 0 };
    if frozen!(FIELDS.mounts) == 1 && kind.read::<u32>(frozen!(FIELDS.type_flags)) & FS_REQUIRES_DEV != 0 {
        key.device = block.read::<u32>(frozen!(FIELDS.sb_dev)).into();
    }
    let own = |number, taken: bool| {
        if let Some(place) = PLACES.get_ptr_mut(number) {
            let name: u64 = kind.read(frozen!(FIELDS.type_name));
            // SAFETY: a map's value; the helper copes with any address.
            unsafe {
                (*place).device = if taken { key.device } else { 0 };
                let to = (&raw mut (*place).name).cast();
                bpf_probe_read_kernel_str(to, NAME_LEN as u32, name as *const _);
            }
        }
    };
    // SAFETY: this CPU's record.
    let number = unsafe {
        slots::find_or_take(&PLACE_OF, &FREE_PLACES, cpu.counter_failures(), &key, || true, own)
    };
    if number == place::OTHER {
        cpu.note(note::FILE_SYSTEM_UNNAMED);
    }
    Some(number)
}
