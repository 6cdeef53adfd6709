//! `doctor` and least privilege: the real binary with few privileges and on kernels that lack something, on this
//! host and in VMs with other kernels (`scripts/test-in-vms.sh`). What a test takes away, it takes from the
//! process that it starts: capabilities, system calls, and mounts of a mount namespace of its own.

mod faults;
mod golden;
#[expect(dead_code, unused_imports, reason = "other tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
mod lockdown;
mod missing;
mod privileges;
mod report;
mod sandbox;
mod seccomp;
