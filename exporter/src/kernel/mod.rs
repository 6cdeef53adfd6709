//! The kernel's side as seen from user space: type information, loading, maps, and what this host has.

pub mod bpf;
pub mod btf;
pub mod build_config;
pub mod cells;
pub mod errno;
pub mod host;
pub mod mapped;
pub mod object;
pub mod slots;
pub mod syscalls;
