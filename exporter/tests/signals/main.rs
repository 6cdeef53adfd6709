//! Truth tests of the collectors with rows: every number against one that was counted another way.
//!
//! As in `tests/truth`, they run as root on this host and in VMs with other kernels, one after the other. What they find
//! is also said in lines that `scripts/accuracy.sh` collects into `docs/accuracy.md`.

mod accuracy;
mod filesystem;
#[expect(dead_code, unused_imports, reason = "truth tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
mod interrupts;
mod lifecycle;
mod memory;
mod network;
mod stalls;
mod syscalls;
mod tcp;
mod together;
