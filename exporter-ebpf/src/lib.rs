//! Building blocks that the BPF objects share. An object is one hook family: a folder with its maps, its
//! programs, and a file per collector that joins in.
//!
//! Everything here is inlined into the programs, and nothing here declares a map unless asked to ([`rows!`], [`per_task!`]), so that an
//! object holds only the maps it names.
#![no_std]
#![feature(asm_experimental_arch)]

pub mod atomic;
pub mod cells;
pub mod cgroup;
pub mod histogram;
pub mod kernel;
pub mod per_task;
pub mod program;
pub mod rows;
pub mod slots;
pub mod task_storage;

/// The licence that the kernel asks for: BPF programs that call its GPL-only functions must be compatible.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
