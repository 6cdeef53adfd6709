//! Truth tests: the real exporter under the real kernel, compared with what was measured another way.
//!
//! They run as root on this host and in VMs with other kernels (`scripts/test-in-vms.sh`), one after the
//! other. Most follow one pattern. A worker lives in a cgroup of its own and sleeps at a gate while the
//! exporter is read; then it works; then it sleeps again, and the exporter is read again. As nothing of the
//! worker moves during a read, what the exporter counted in between must be *equal* to what `/proc`, `wait4`
//! or the worker's own clock say, however busy the machine is and however slowly a VM runs. Where a test
//! allows a difference, it says why.

mod budget;
mod counters;
mod cpu;
mod disk;
mod exec;
#[expect(dead_code, unused_imports, reason = "other tests need more of it")]
#[path = "../harness/mod.rs"]
mod harness;
mod histogram;
mod idle;
mod law;
mod life;
mod migration;
mod reload;
mod restart;
mod shapes;
mod shared;
mod short_lived;
mod sleep;
mod switches;
mod threads;
mod together;
mod wait;
