//! Where a file is: the type of its file system, and its mount.
//!
//! User space gives numbers to types and mounts, and tells them by two maps. Types go by their names: an address can become
//! another type's when a module goes.

use aya_ebpf::{helpers::generated::bpf_probe_read_kernel_str, macros::map, maps::HashMap};
use exporter_common::filesystem::{
    TYPE_NAME, TypeName,
    place::{LEFT_OUT, OTHER_MOUNT, TYPE_BITS},
};
use exporter_ebpf::kernel::Pointer;

use crate::fields::field;

/// Name of a type → its number, [`LEFT_OUT`] if it is not to be counted.
#[map]
static TYPES: HashMap<TypeName, u32> = HashMap::with_max_entries(1, 0);

/// Device of a file system → the number of its mount.
#[map]
static MOUNTS: HashMap<u32, u32> = HashMap::with_max_entries(1, 0);

/// Whether an inode is a file or a directory: not a pipe, a socket, a terminal or another device, which wait for others.
#[inline(always)]
pub fn holds_data<P: Pointer>(inode: P) -> bool {
    /// `S_IFMT`, `S_IFREG`, `S_IFDIR` (include/uapi/linux/stat.h)
    const KIND: u16 = 0o170_000;
    const REGULAR: u16 = 0o100_000;
    const DIRECTORY: u16 = 0o040_000;
    let mode: u16 = inode.read(field!(inode_mode));
    mode & KIND == REGULAR || mode & KIND == DIRECTORY
}

/// Where an inode is; `None` when its type is left out.
#[inline(always)]
pub fn of<P: Pointer>(inode: P) -> Option<u32> {
    let file_system = inode.follow(field!(inode_super));
    let name: u64 = file_system.follow(field!(super_type)).read(field!(type_name));
    let number = match number_of_type(name) {
        LEFT_OUT => return None,
        number => number,
    };
    if field!(mounts) == 0 {
        return Some(number);
    }
    let device: u32 = file_system.read(field!(super_dev));
    let mount = match MOUNTS.get_ptr(device) {
        // SAFETY: values of a preallocated hash stay readable.
        Some(mount) => unsafe { *mount },
        None => OTHER_MOUNT,
    };
    Some(mount << TYPE_BITS | number)
}

/// The number of the type whose name is at this address.
#[inline(always)]
fn number_of_type(name: u64) -> u32 {
    let mut key = TypeName::default();
    // SAFETY: room for as many bytes; the helper copes with any address.
    unsafe { bpf_probe_read_kernel_str((&raw mut key).cast(), TYPE_NAME as u32, name as *const _) };
    match TYPES.get_ptr(key) {
        // SAFETY: as in `of`.
        Some(number) => unsafe { *number },
        None => field!(unknown_type),
    }
}
